//! Who gets a token of the pretend authority, and what is it good for?

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::Request;
use leeward_simulator::{Settings, Simulator, World, world::Directory};
use serde_json::{Value, json};
use support::*;

const ARM: &str = "https://management.azure.com/.default";

fn azure(settings: Settings) -> (Simulator, Directory) {
    let mut world = World::derive(&blueprint()).unwrap();
    let directory = world.directory.get_or_insert_default().clone();
    (Simulator::new(world, settings), directory)
}

async fn ask(azure: &Simulator, path: &str, form: &[(&str, &str)]) -> Told {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    let request = Request::post(format!("https://management.azure.com{path}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from(body))
        .unwrap();
    send(azure, request).await.unwrap()
}

async fn with_secret(azure: &Simulator, directory: &Directory, secret: &str, scope: &str) -> Told {
    let path = format!("/{}/oauth2/v2.0/token", directory.tenant);
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &directory.clients[0].id),
        ("client_secret", secret),
        ("scope", scope),
    ];
    ask(azure, &path, &form).await
}

async fn with_assertion(azure: &Simulator, directory: &Directory, assertion: &str) -> Told {
    let path = format!("/{}/oauth2/v2.0/token", directory.tenant);
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &directory.clients[0].id),
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
        ("client_assertion", assertion),
        ("scope", ARM),
    ];
    ask(azure, &path, &form).await
}

fn assertion(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.c2lnbmF0dXJl", part(header), part(claims))
}

async fn read(azure: &Simulator, token: &str) -> Told {
    let request = Request::get(format!(
        "https://management.azure.com{}?api-version={SQL}",
        instance_group("weu")
    ))
    .header("authorization", format!("Bearer {token}"))
    .body(Bytes::new())
    .unwrap();
    send(azure, request).await.unwrap()
}

fn number(told: &Told) -> u64 {
    told.body["error_codes"][0].as_u64().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn a_token_for_the_right_secret_opens_arm_until_it_expires() {
    let (azure, directory) = azure(Settings::seeded(1));
    let told = with_secret(&azure, &directory, "pretend-secret", ARM).await;
    assert_eq!(told.status, 200, "{}", told.body);
    let token = told.body["access_token"].as_str().unwrap().to_owned();
    assert_eq!(read(&azure, &token).await.status, 200);
    azure.advance(Duration::from_secs(3_600));
    let late = read(&azure, &token).await;
    assert_eq!((late.status, late.code()), (401, "ExpiredAuthenticationToken"));
    assert!(late.header("www-authenticate").is_some());
    let again = with_secret(&azure, &directory, "pretend-secret", ARM).await;
    assert_eq!(
        read(&azure, again.body["access_token"].as_str().unwrap())
            .await
            .status,
        200
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_lasts_as_long_for_its_holder_in_a_hurried_world() {
    let (azure, directory) = azure(Settings {
        speed: 600,
        ..Settings::seeded(1)
    });
    let told = with_secret(&azure, &directory, "pretend-secret", ARM).await;
    assert_eq!(told.body["expires_in"], 3_599);
    let token = told.body["access_token"].as_str().unwrap();
    tokio::time::sleep(Duration::from_secs(3_500)).await;
    assert_eq!(read(&azure, token).await.status, 200);
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(read(&azure, token).await.status, 401);
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_prove_himself_gets_no_token() {
    let (azure, directory) = azure(Settings::seeded(1));
    let told = with_secret(&azure, &directory, "guessed", ARM).await;
    assert_eq!((told.status, number(&told)), (401, 7_000_215));
    assert!(
        told.body["error_description"]
            .as_str()
            .unwrap()
            .starts_with("AADSTS7000215: ")
    );
    let path = format!("/{}/oauth2/v2.0/token", directory.tenant);
    let id = directory.clients[0].id.as_str();
    let of = |client: &'static str| {
        [
            ("grant_type", "client_credentials"),
            ("client_id", client),
            ("scope", ARM),
        ]
    };
    let told = ask(&azure, &path, &of("somebody")).await;
    assert_eq!((told.status, number(&told)), (400, 700_016));
    let told = ask(
        &azure,
        &path,
        &[
            ("grant_type", "client_credentials"),
            ("client_id", id),
            ("scope", ARM),
        ],
    )
    .await;
    assert_eq!((told.status, number(&told)), (401, 7_000_218));
    let told = ask(&azure, &path, &[("grant_type", "password"), ("client_id", id)]).await;
    assert_eq!(
        (told.status, told.body["error"].as_str()),
        (400, Some("unsupported_grant_type"))
    );
    let told = ask(&azure, "/somewhere/oauth2/v2.0/token", &of("somebody")).await;
    assert_eq!((told.status, number(&told)), (400, 90_002));
    for (scope, code) in [
        ("https://management.azure.com/user_impersonation", 1_002_012),
        ("", 900_144),
    ] {
        let told = with_secret(&azure, &directory, "pretend-secret", scope).await;
        assert_eq!((told.status, number(&told)), (400, code), "{scope}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_assertion_is_as_good_as_a_secret_if_it_is_the_applications_own() {
    let (azure, directory) = azure(Settings::seeded(1));
    let id = &directory.clients[0].id;
    let own = |audience: &str| json!({"iss": id, "sub": id, "aud": audience, "exp": 1, "jti": "x"});
    let here = format!(
        "https://management.azure.com/{}/oauth2/v2.0/token",
        directory.tenant
    );
    let print = json!({"alg": "PS256", "x5t#S256": "AQIDBA"});
    let told = with_assertion(&azure, &directory, &assertion(&print, &own(&here))).await;
    assert_eq!(told.status, 200, "{}", told.body);
    assert_eq!(
        read(&azure, told.body["access_token"].as_str().unwrap())
            .await
            .status,
        200
    );
    let elsewhere = assertion(&print, &own("https://elsewhere.example.test/x/oauth2/v2.0/token"));
    assert_eq!(
        number(&with_assertion(&azure, &directory, &elsewhere).await),
        700_024
    );
    let unsigned = assertion(&json!({"alg": "PS256"}), &own(&here));
    assert_eq!(
        number(&with_assertion(&azure, &directory, &unsigned).await),
        700_027
    );
    assert_eq!(
        number(&with_assertion(&azure, &directory, "no.jwt").await),
        50_027
    );
    let pod = json!({"iss": "https://issuer.example.test", "sub": "system:serviceaccount:leeward:runner"});
    let told = with_assertion(&azure, &directory, &assertion(&json!({"alg": "RS256"}), &pod)).await;
    assert_eq!(told.status, 200, "{}", told.body);
}

#[tokio::test(start_paused = true)]
async fn a_world_can_name_which_certificates_and_pods_may_sign_in() {
    let directory: Directory = serde_json::from_value(json!({"clients": [
        {"id": "one", "certificates": ["01020304"], "subjects": ["system:serviceaccount:leeward:runner"]},
    ]}))
    .unwrap();
    let mut world = World::derive(&blueprint()).unwrap();
    world.directory = Some(directory.clone());
    let azure = Simulator::new(world, Settings::seeded(1));
    let here = format!(
        "https://management.azure.com/{}/oauth2/v2.0/token",
        directory.tenant
    );
    let own = json!({"iss": "one", "sub": "one", "aud": here});
    for (header, status) in [(json!({"x5t": "AQIDBA"}), 200), (json!({"x5t": "BAMCAQ"}), 401)] {
        let told = with_assertion(&azure, &directory, &assertion(&header, &own)).await;
        assert_eq!(told.status, status, "{header}: {}", told.body);
    }
    for (subject, status) in [
        ("system:serviceaccount:leeward:runner", 200),
        ("system:serviceaccount:x:y", 401),
    ] {
        let claims = json!({"iss": "https://issuer.example.test", "sub": subject});
        let told = with_assertion(&azure, &directory, &assertion(&json!({}), &claims)).await;
        assert_eq!(told.status, status, "{subject}: {}", told.body);
    }
}

#[tokio::test(start_paused = true)]
async fn arm_takes_no_token_that_is_made_up_or_for_somebody_else() {
    let (azure, directory) = azure(Settings::seeded(1));
    let told = read(&azure, "made-up").await;
    assert_eq!((told.status, told.code()), (401, "InvalidAuthenticationToken"));
    let told = with_secret(&azure, &directory, "pretend-secret", ARM).await;
    let token = told.body["access_token"].as_str().unwrap();
    let (claims, signature) = token.rsplit_once('.').unwrap();
    let forged = format!("{claims}x.{signature}");
    assert_eq!(read(&azure, &forged).await.code(), "InvalidAuthenticationToken");
    let told = with_secret(
        &azure,
        &directory,
        "pretend-secret",
        "https://storage.azure.com/.default",
    )
    .await;
    let told = read(&azure, told.body["access_token"].as_str().unwrap()).await;
    assert_eq!(
        (told.status, told.code()),
        (401, "InvalidAuthenticationTokenAudience")
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_that_knows_one_address_finds_everything_else() {
    let (azure, directory) = azure(Settings::seeded(1));
    let open = |path: String| {
        Request::get(format!("https://management.azure.com{path}"))
            .body(Bytes::new())
            .unwrap()
    };
    let cloud = send(
        &azure,
        open("/metadata/endpoints?api-version=2022-09-01".to_owned()),
    )
    .await
    .unwrap();
    assert_eq!(
        cloud.body["authentication"]["loginEndpoint"],
        "https://management.azure.com"
    );
    let clouds = send(
        &azure,
        open("/metadata/endpoints?api-version=2019-05-01".to_owned()),
    )
    .await
    .unwrap();
    assert!(clouds.body.is_array());
    let found = send(
        &azure,
        open("/common/discovery/instance?api-version=1.1&authorization_endpoint=x".to_owned()),
    )
    .await
    .unwrap();
    let found = found.body["tenant_discovery_endpoint"]
        .as_str()
        .unwrap()
        .to_owned();
    let open_id = send(
        &azure,
        open(
            found
                .trim_start_matches("https://management.azure.com")
                .to_owned(),
        ),
    )
    .await
    .unwrap();
    let endpoint = format!(
        "https://management.azure.com/{}/oauth2/v2.0/token",
        directory.tenant
    );
    assert_eq!(open_id.body["token_endpoint"], endpoint);
    let missing = send(
        &azure,
        open("/nowhere/v2.0/.well-known/openid-configuration".to_owned()),
    )
    .await
    .unwrap();
    assert_eq!(missing.status, 400);
}

#[tokio::test(start_paused = true)]
async fn a_machine_signs_in_as_its_managed_identity() {
    let (azure, _) = azure(Settings::seeded(1));
    let url =
        "https://management.azure.com/msi/token?api-version=2019-08-01&resource=https://management.azure.com";
    let told = send(&azure, Request::get(url).body(Bytes::new()).unwrap())
        .await
        .unwrap();
    assert_eq!(told.status, 401);
    let request = Request::get(url)
        .header("x-identity-header", "pretend")
        .body(Bytes::new())
        .unwrap();
    let told = send(&azure, request).await.unwrap();
    assert_eq!(
        read(&azure, told.body["access_token"].as_str().unwrap())
            .await
            .status,
        200
    );
}

#[tokio::test(start_paused = true)]
async fn faults_befall_the_authority_too_and_its_log_holds_no_secret() {
    let (azure, directory) = azure(Settings::seeded(1));
    let rule = "{ match: { path: '**/oauth2/v2.0/token' }, times: 1, verdict: { status: { status: 503 } } }";
    azure.add_faults(leeward_simulator::rules(rule).unwrap());
    assert_eq!(
        with_secret(&azure, &directory, "pretend-secret", ARM)
            .await
            .status,
        503
    );
    assert_eq!(
        with_secret(&azure, &directory, "pretend-secret", ARM)
            .await
            .status,
        200
    );
    let log = serde_json::to_string(&azure.requests()).unwrap();
    assert!(!log.contains("pretend-secret"), "{log}");
    assert!(azure.requests().iter().all(|request| !request.changing));
}
