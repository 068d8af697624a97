//! What does a kubeconfig say of its server, and of what opens it? Nothing in it is ever run, and nothing of it is
//! ever shown: complaints name keys, not values.

use base64::{Engine, engine::general_purpose::STANDARD};
use leeward_runbook::yaml;
use secrecy::SecretString;
use serde_json::Value;
use url::Url;

use crate::seams::ClusterAccess;

/// The application that every AKS cluster takes tokens for. Inference: it is a constant of Azure's, in every cloud.
const AKS_SERVER: &str = "6dae42f8-4368-4678-94ff-3960e28e3630";

/// A kubeconfig's context, resolved.
#[derive(Debug)]
pub(super) struct Opened {
    /// The server and what opens it.
    pub(super) access: ClusterAccess,
    /// Whether it wants the Azure sign-in of AKS, which its file does not hold.
    pub(super) signs_in: bool,
}

/// The scope of a token for any AKS cluster.
pub(super) fn aks_scope() -> String {
    format!("{AKS_SERVER}/.default")
}

/// Reads a kubeconfig. Without a name its current context is taken.
pub(super) fn read(text: &str, context: Option<&str>) -> Result<Opened, String> {
    let (node, troubles) = yaml::read(text.as_bytes());
    let config = match node.filter(|_| troubles.is_empty()) {
        Some(node) => node.to_json(),
        None => return Err("the kubeconfig is not YAML that can be read".to_owned()),
    };
    let current = match context {
        Some(name) => name,
        None => config["current-context"]
            .as_str()
            .filter(|name| !name.is_empty())
            .ok_or("the kubeconfig has no current context: name one with `context`")?,
    };
    let chosen = named(&config, "contexts", "context", current)?;
    let cluster = named(
        &config,
        "clusters",
        "cluster",
        chosen["cluster"].as_str().unwrap_or_default(),
    )?;
    let user = named(
        &config,
        "users",
        "user",
        chosen["user"].as_str().unwrap_or_default(),
    )?;
    let mut access = server(cluster)?;
    let signs_in = key(user, &mut access)?;
    Ok(Opened { access, signs_in })
}

fn named<'a>(config: &'a Value, list: &str, part: &str, name: &str) -> Result<&'a Value, String> {
    let entries = config[list].as_array().map_or(&[][..], Vec::as_slice);
    entries
        .iter()
        .find(|entry| entry["name"] == name && entry[part].is_object())
        .map(|entry| &entry[part])
        .ok_or_else(|| format!("the kubeconfig has no {part} of the name that is asked for"))
}

fn server(cluster: &Value) -> Result<ClusterAccess, String> {
    for (key, why) in [
        (
            "certificate-authority",
            "names a file; put it in as `certificate-authority-data`",
        ),
        (
            "proxy-url",
            "names a proxy of its own; the proxy is that of the environment",
        ),
        (
            "tls-server-name",
            "has its server prove another name than its own",
        ),
    ] {
        if !cluster[key].is_null() {
            return Err(format!("the kubeconfig's `{key}` {why}"));
        }
    }
    if cluster["insecure-skip-tls-verify"] == true {
        return Err("the kubeconfig's `insecure-skip-tls-verify` would have us talk to anybody".to_owned());
    }
    let server: Url = cluster["server"]
        .as_str()
        .and_then(|server| server.parse().ok())
        .ok_or("the kubeconfig's `server` is no URL")?;
    let plain = server.username().is_empty() && server.password().is_none();
    if server.scheme() != "https" || server.host().is_none() || !plain || server.query().is_some() {
        return Err("the kubeconfig's `server` is not `https://HOST:PORT`".to_owned());
    }
    let authority = match &cluster["certificate-authority-data"] {
        Value::Null => None,
        data => Some(decoded(data, "certificate-authority-data")?),
    };
    Ok(ClusterAccess {
        server,
        authority,
        token: None,
        identity: None,
    })
}

/// Fills in what opens the server; true where that is a sign-in at Azure.
fn key(user: &Value, access: &mut ClusterAccess) -> Result<bool, String> {
    for key in ["tokenFile", "client-certificate", "client-key"] {
        if !user[key].is_null() {
            return Err(format!(
                "the kubeconfig's `{key}` names a file; put its content in"
            ));
        }
    }
    for key in [
        "username",
        "password",
        "auth-provider",
        "as",
        "as-groups",
        "as-uid",
    ] {
        if !user[key].is_null() {
            return Err(format!(
                "the kubeconfig's `{key}` is not heeded: use a token or a certificate"
            ));
        }
    }
    let exec = &user["exec"];
    if !exec.is_null() {
        return match is_aks_sign_in(exec) {
            true => Ok(true),
            false => Err(
                "the kubeconfig's `exec` names a program, and no program is run to get at a cluster: use a token or a certificate"
                    .to_owned(),
            ),
        };
    }
    if let Some(token) = user["token"].as_str().filter(|token| !token.is_empty()) {
        access.token = Some(SecretString::from(token));
    }
    let (certificate, own_key) = (&user["client-certificate-data"], &user["client-key-data"]);
    if !certificate.is_null() || !own_key.is_null() {
        let both = format!(
            "{}\n{}",
            decoded(certificate, "client-certificate-data")?,
            decoded(own_key, "client-key-data")?
        );
        access.identity = Some(SecretString::from(both));
    }
    match access.token.is_some() || access.identity.is_some() {
        true => Ok(false),
        false => Err("the kubeconfig's user has neither token nor certificate".to_owned()),
    }
}

/// Whether a program is the usual one, and what it would do is ask for a token for AKS.
fn is_aks_sign_in(exec: &Value) -> bool {
    let command = exec["command"].as_str().unwrap_or_default();
    let arguments: Vec<&str> = exec["args"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let asks_for_aks = arguments
        .windows(2)
        .any(|pair| pair[0] == "--server-id" && pair[1] == AKS_SERVER);
    command == "kubelogin" && arguments.contains(&"get-token") && asks_for_aks
}

fn decoded(data: &Value, key: &str) -> Result<String, String> {
    data.as_str()
        .and_then(|data| STANDARD.decode(data.trim()).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| format!("the kubeconfig's `{key}` is not base64 of PEM"))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use serde_json::json;

    use super::*;

    fn config(cluster: Value, user: Value) -> String {
        json!({
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
            "clusters": [{"name": "k", "cluster": cluster}],
            "users": [{"name": "u", "user": user}],
        })
        .to_string()
    }

    fn good() -> Value {
        json!({"server": "https://aks-shop.hcp.northeurope.azmk8s.io:443"})
    }

    #[test]
    fn a_token_and_a_certificate_are_read_and_shown_nowhere() {
        let user = json!({
            "token": "t0ken",
            "client-certificate-data": STANDARD.encode("CERT"),
            "client-key-data": STANDARD.encode("hunter2"),
        });
        let mut cluster = good();
        cluster["certificate-authority-data"] = json!(STANDARD.encode("CA"));
        let opened = read(&config(cluster, user), None).unwrap();
        assert_eq!(opened.access.authority.as_deref(), Some("CA"));
        let identity = opened.access.identity.clone().unwrap();
        assert_eq!(identity.expose_secret(), "CERT\nhunter2");
        let shown = format!("{opened:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("t0ken"), "{shown}");
    }

    #[test]
    fn nothing_in_a_kubeconfig_is_ever_run_followed_to_a_file_or_believed_without_proof() {
        let token = || json!({"token": "t0ken"});
        let with = |key: &str, value: Value| {
            let mut cluster = good();
            cluster[key] = value;
            read(&config(cluster, token()), None).unwrap_err()
        };
        for (key, value) in [
            ("insecure-skip-tls-verify", json!(true)),
            ("certificate-authority", json!("/etc/ca.pem")),
            ("proxy-url", json!("http://proxy.test")),
            ("tls-server-name", json!("other")),
            ("certificate-authority-data", json!("***")),
        ] {
            assert!(with(key, value).contains(key), "{key}");
        }
        for server in ["http://k.test", "ftp://k.test", "https://u:p@k.test", "k.test"] {
            assert!(with("server", json!(server)).contains("server"), "{server}");
        }
        for user in [
            json!({"exec": {"command": "/bin/sh", "args": ["-c", "id"]}}),
            json!({"exec": {"command": "kubelogin", "args": ["get-token", "--server-id", "https://management.azure.com"]}}),
            json!({"auth-provider": {"name": "azure"}}),
            json!({"username": "u", "password": "hunter2"}),
            json!({"tokenFile": "/run/token"}),
            json!({"client-certificate": "a", "client-key": "b"}),
            json!({"token": "t0ken", "as": "system:admin"}),
            json!({}),
        ] {
            let refused = read(&config(good(), user.clone()), None).unwrap_err();
            assert!(!refused.contains("hunter2"), "{refused}");
        }
        assert!(read(&config(good(), token()), Some("other")).is_err());
        assert!(read("current-context: [", None).is_err());
    }

    #[test]
    fn the_azure_sign_in_of_a_cluster_is_understood_without_its_program() {
        let user = json!({"exec": {"command": "kubelogin", "args": [
            "get-token", "--environment", "AzurePublicCloud", "--server-id", AKS_SERVER, "--login", "devicecode",
        ]}});
        assert!(read(&config(good(), user), None).unwrap().signs_in);
    }
}
