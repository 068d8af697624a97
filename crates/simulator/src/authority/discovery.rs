//! Where is everything, as a client that knows only one address finds out?

use serde_json::json;

use crate::{
    arm::{Answer, ArmRequest},
    world::Directory,
};

/// The audience of tokens for ARM that the vendor's command line asks for.
pub(super) const AUDIENCE: &str = "https://management.core.windows.net/";

/// Describes the cloud. Before 2022 several clouds came in a list, since then one.
pub(super) fn metadata(directory: &Directory, base: &str, version: &str) -> Answer {
    if version.is_empty() {
        return Answer::gateway(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        );
    }
    let login = json!({
        "loginEndpoint": base,
        "audiences": [AUDIENCE, "https://management.azure.com/"],
        "tenant": directory.tenant,
        "identityProvider": "AAD",
    });
    let cloud = json!({
        "name": "Pretend",
        "portal": base,
        "authentication": login,
        "graphAudience": "https://graph.windows.net/",
        "graph": "https://graph.windows.net/",
        "microsoftGraphResourceId": "https://graph.microsoft.com/",
        "resourceManager": base,
        "batch": "https://batch.core.windows.net/",
        "gallery": base,
        "media": "https://rest.media.azure.net",
        "sqlManagement": base,
        "activeDirectoryDataLake": "https://datalake.azure.net/",
        "logAnalyticsResourceId": "https://api.loganalytics.io",
        "vmImageAliasDoc": base,
        "suffixes": {
            "storage": "core.windows.net",
            "sqlServerHostname": "database.windows.net",
            "keyVaultDns": "vault.azure.net",
            "acrLoginServer": "azurecr.io",
        },
    });
    match version {
        "2015-01-01" => Answer::json(
            200,
            json!({
                "galleryEndpoint": base,
                "graphEndpoint": "https://graph.windows.net/",
                "portalEndpoint": base,
                "authentication": {"loginEndpoint": base, "audiences": [AUDIENCE]},
            }),
        ),
        early if early < "2022" => Answer::json(200, json!([cloud])),
        _ => Answer::json(200, cloud),
    }
}

/// Says that this authority is as good as any.
pub(super) fn instance(directory: &Directory, request: &ArmRequest) -> Answer {
    let host = request.base.split("//").nth(1).unwrap_or_default();
    Answer::json(
        200,
        json!({
            "tenant_discovery_endpoint": format!(
                "{}/{}/v2.0/.well-known/openid-configuration",
                request.base, directory.tenant,
            ),
            "api-version": "1.1",
            "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
        }),
    )
}

/// Says where tokens are given out.
pub(super) fn openid(directory: &Directory, base: &str) -> Answer {
    let tenant = &directory.tenant;
    Answer::json(
        200,
        json!({
            "issuer": format!("{base}/{tenant}/v2.0"),
            "authorization_endpoint": format!("{base}/{tenant}/oauth2/v2.0/authorize"),
            "token_endpoint": format!("{base}/{tenant}/oauth2/v2.0/token"),
            "device_authorization_endpoint": format!("{base}/{tenant}/oauth2/v2.0/devicecode"),
            "jwks_uri": format!("{base}/{tenant}/discovery/v2.0/keys"),
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "token_endpoint_auth_methods_supported": [
                "client_secret_post", "private_key_jwt", "client_secret_basic",
            ],
            "tenant_region_scope": null,
            "cloud_instance_name": base,
            "cloud_graph_host_name": "graph.windows.net",
            "msgraph_host": "graph.microsoft.com",
        }),
    )
}
