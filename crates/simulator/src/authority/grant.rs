//! To whom is a token given, and what is said to the others?

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::token::{issue, part};
use crate::{
    arm::{Answer, ArmRequest},
    provider::Context,
    world::{Directory, directory::Client},
};

/// The only kind of assertion there is.
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Why there is no token: Entra's number, the word of OAuth, the status, and what it says.
struct No(u32, &'static str, u16, String);

/// Answers a request for a token.
pub(super) fn token(context: &Context<'_>, directory: &Directory, request: &ArmRequest) -> Answer {
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(&request.body).into_owned().collect();
    match granted(directory, request, &form) {
        Ok((client, audience)) => Answer::json(
            200,
            json!({
                "token_type": "Bearer",
                "expires_in": directory.token_lifetime,
                "ext_expires_in": directory.token_lifetime,
                "access_token": issue(context, directory, &client.id, &audience),
            }),
        ),
        Err(no) => refused(context, no),
    }
}

/// Says that there is no such tenant.
pub(super) fn no_tenant(context: &Context<'_>, tenant: &str) -> Answer {
    refused(
        context,
        No(
            90_002,
            "invalid_tenant",
            400,
            format!("Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID."),
        ),
    )
}

/// Answers a machine that asks for its managed identity's token, as App Service hands them out.
pub(super) fn managed(context: &Context<'_>, directory: &Directory, request: &ArmRequest) -> Answer {
    let client = match request.query("client_id") {
        Some(id) => directory.client(&id).filter(|client| client.managed),
        None => directory.clients.iter().find(|client| client.managed),
    };
    let (Some(client), Some(audience)) = (client, request.query("resource")) else {
        return Answer::json(
            400,
            json!({"statusCode": 400, "message": "No managed identity was found for the given parameters."}),
        );
    };
    if request.header("x-identity-header").is_none() {
        return Answer::json(
            401,
            json!({"statusCode": 401, "message": "The X-IDENTITY-HEADER header is missing."}),
        );
    }
    // Clients take this moment for one of their own clock; only tests on a world that begins now may use it.
    let expires = context
        .now
        .as_second()
        .saturating_add(i64::from(directory.token_lifetime));
    Answer::json(
        200,
        json!({
            "access_token": issue(context, directory, &client.id, &audience),
            "expires_on": expires.to_string(),
            "resource": audience,
            "token_type": "Bearer",
            "client_id": client.id,
        }),
    )
}

fn granted<'a>(
    directory: &'a Directory,
    request: &ArmRequest,
    form: &BTreeMap<String, String>,
) -> Result<(&'a Client, String), No> {
    let said = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    if said("grant_type") != "client_credentials" {
        return Err(No(
            70_003,
            "unsupported_grant_type",
            400,
            format!(
                "The app requested an unsupported grant type '{}'.",
                said("grant_type")
            ),
        ));
    }
    let id = said("client_id");
    let client = directory.client(id).ok_or_else(|| {
        No(
            700_016,
            "unauthorized_client",
            400,
            format!(
                "Application with identifier '{id}' was not found in the directory '{}'.",
                directory.tenant
            ),
        )
    })?;
    match (form.get("client_secret"), form.get("client_assertion")) {
        (Some(secret), _) if client.secret.as_ref() == Some(secret) => {}
        (Some(_), _) => {
            return Err(No(
                7_000_215,
                "invalid_client",
                401,
                format!(
                    "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{id}'."
                ),
            ));
        }
        (None, Some(assertion)) => {
            if said("client_assertion_type") != ASSERTION {
                return Err(No(
                    50_027,
                    "invalid_request",
                    400,
                    "JWT token is invalid or malformed.".to_owned(),
                ));
            }
            vouched(directory, request, client, assertion)?;
        }
        (None, None) => {
            return Err(No(
                7_000_218,
                "invalid_client",
                401,
                "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.".to_owned(),
            ));
        }
    }
    Ok((client, audience(said("scope"))?))
}

/// Returns whom a scope is for: an application asks for everything it has, or for nothing.
fn audience(scope: &str) -> Result<String, No> {
    let mut wanted = scope
        .split(' ')
        // What the vendor's library adds by itself.
        .filter(|scope| !matches!(*scope, "" | "openid" | "profile" | "offline_access"));
    match (wanted.next(), wanted.next()) {
        (Some(scope), None) => match scope.strip_suffix("/.default") {
            Some(audience) if !audience.is_empty() => Ok(audience.to_owned()),
            _ => Err(No(
                1_002_012,
                "invalid_scope",
                400,
                format!("The provided value for scope {scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."),
            )),
        },
        (None, _) => Err(No(
            900_144,
            "invalid_request",
            400,
            "The request body must contain the following parameter: 'scope'.".to_owned(),
        )),
        _ => Err(No(
            28_000,
            "invalid_scope",
            400,
            "Provided value for the input parameter scope is not valid because it contains more than one resource.".to_owned(),
        )),
    }
}

/// Checks an assertion: signed by the application's own certificate, or somebody else's token.
fn vouched(directory: &Directory, request: &ArmRequest, client: &Client, assertion: &str) -> Result<(), No> {
    let malformed = || {
        No(
            50_027,
            "invalid_request",
            400,
            "JWT token is invalid or malformed.".to_owned(),
        )
    };
    let (header, claims) = (
        part(assertion, 0).ok_or_else(malformed)?,
        part(assertion, 1).ok_or_else(malformed)?,
    );
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (issuer, subject, audience) = (text(&claims["iss"]), text(&claims["sub"]), text(&claims["aud"]));
    if issuer.eq_ignore_ascii_case(&client.id) && subject.eq_ignore_ascii_case(&client.id) {
        let here = format!("{}/{}/", request.base, directory.tenant).to_lowercase();
        if !audience.to_lowercase().starts_with(&here) {
            return Err(No(
                700_024,
                "invalid_client",
                401,
                format!(
                    "Client assertion audience claim does not match Realm issuer. Its audience is '{audience}'."
                ),
            ));
        }
        let shown: Vec<String> = ["x5t", "x5t#S256"]
            .into_iter()
            .filter_map(|name| header[name].as_str())
            .filter_map(|print| URL_SAFE_NO_PAD.decode(print.trim_end_matches('=')).ok())
            .map(|print| print.iter().map(|byte| format!("{byte:02x}")).collect())
            .collect();
        let known = client
            .certificates
            .iter()
            .any(|known| known == "*" || shown.iter().any(|shown| shown.eq_ignore_ascii_case(known)));
        return match known && !shown.is_empty() {
            true => Ok(()),
            false => Err(No(
                700_027,
                "invalid_client",
                401,
                "The certificate with identifier used to sign the client assertion is not registered on application.".to_owned(),
            )),
        };
    }
    match client
        .subjects
        .iter()
        .any(|known| known == "*" || *known == subject)
    {
        true => Ok(()),
        false => Err(No(
            700_213,
            "invalid_client",
            401,
            format!(
                "No matching federated identity record found for presented assertion subject '{subject}'."
            ),
        )),
    }
}

fn refused(context: &Context<'_>, No(number, word, status, why): No) -> Answer {
    let (trace, correlation) = (context.guid("trace"), context.guid("correlation"));
    let time = context.now.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    Answer::json(
        status,
        json!({
            "error": word,
            "error_description": format!(
                "AADSTS{number}: {why} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {time}"
            ),
            "error_codes": [number],
            "timestamp": time,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("{}/error?code={number}", context.base),
        }),
    )
}
