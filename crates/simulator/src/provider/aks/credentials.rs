//! What opens a cluster's own API server? A kubeconfig, with a token that is good for that very cluster.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{cluster_id, power, unwrapped};
use crate::{
    arm::{Answer, ArmRequest},
    provider::Context,
    world::Resource,
};

/// How tokens of local accounts begin.
pub(crate) const LOCAL: &str = "pretend-";
/// The application that every AKS cluster takes tokens for.
const SERVER_APPLICATION: &str = "6dae42f8-4368-4678-94ff-3960e28e3630";

/// Returns the name of a cluster's API server. It is another one for each cluster that is made.
pub(crate) fn server(cluster: &Resource) -> String {
    let name = cluster.body["properties"]["fqdn"].as_str().unwrap_or_default();
    name.to_lowercase()
}

/// Returns whether the API server answers: the cluster has come up once, and is not switched off.
pub(crate) fn answers(cluster: &Resource) -> bool {
    super::stands(cluster) && !power::is_stopped(cluster)
}

/// Returns whether people and applications sign in at Azure.
pub(crate) fn signs_in(cluster: &Resource) -> bool {
    cluster.body["properties"]["aadProfile"].is_object()
}

fn is_closed(cluster: &Resource) -> bool {
    cluster.body["properties"]["disableLocalAccounts"] == true
}

fn token(cluster: &Resource, name: &str) -> String {
    let uid = cluster.body["properties"]["resourceUID"]
        .as_str()
        .unwrap_or_default();
    format!("{LOCAL}{name}-{uid}")
}

/// Returns the tokens of a cluster's local accounts.
pub(crate) fn tokens(cluster: &Resource) -> Vec<String> {
    match (is_closed(cluster), signs_in(cluster)) {
        (true, _) => Vec::new(),
        (false, true) => vec![token(cluster, "clusterAdmin")],
        (false, false) => vec![token(cluster, "clusterAdmin"), token(cluster, "clusterUser")],
    }
}

/// Answers with a kubeconfig whose server is the cluster's host name. There is no certificate in it: a pretend
/// cluster is reached as to a forward proxy, and proves nothing.
pub(super) fn answer(context: &Context<'_>, request: &ArmRequest, name: &str) -> Answer {
    let Some(cluster) = context.seen(&cluster_id(request)) else {
        return Answer::not_found(&request.path);
    };
    if name == "clusterAdmin" && is_closed(cluster) {
        // That it fails is documented, the words are not.
        return unwrapped(
            400,
            "BadRequest",
            "Getting static credential is not allowed because this cluster is set to disable local accounts.",
            "",
            "",
        );
    }
    let own = cluster.name();
    let user = match name == "clusterUser" && signs_in(cluster) {
        true => sign_in(cluster, request.query("format").as_deref()),
        false => json!({"token": token(cluster, name)}),
    };
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": own, "cluster": {"server": format!("https://{}:443", server(cluster))}}],
        "contexts": [{"name": own, "context": {"cluster": own, "user": name}}],
        "current-context": own,
        "users": [{"name": name, "user": user}],
        "preferences": {},
    });
    // Every JSON is YAML.
    Answer::json(
        200,
        json!({"kubeconfigs": [{"name": name, "value": STANDARD.encode(config.to_string())}]}),
    )
}

/// Returns how a kubeconfig says that one signs in at Azure: by a program, or as clients of long ago did it. The
/// program's arguments are an inference.
fn sign_in(cluster: &Resource, format: Option<&str>) -> Value {
    let tenant = &cluster.body["properties"]["aadProfile"]["tenantID"];
    match format {
        Some("exec") => json!({"exec": {
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "command": "kubelogin",
            "args": [
                "get-token",
                "--environment", "AzurePublicCloud",
                "--server-id", SERVER_APPLICATION,
                "--client-id", "80faf920-1908-4b52-b5ef-a8e7bedfc67a",
                "--tenant-id", tenant.as_str().unwrap_or_default(),
                "--login", "devicecode",
            ],
            "env": null,
            "provideClusterInfo": false,
        }}),
        _ => json!({"auth-provider": {"name": "azure", "config": {
            "apiserver-id": SERVER_APPLICATION,
            "client-id": "80faf920-1908-4b52-b5ef-a8e7bedfc67a",
            "environment": "AzurePublicCloud",
            "tenant-id": tenant,
        }}}),
    }
}
