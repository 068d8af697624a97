//! Which providers does a subscription know, and which types has each?

use http::Method;
use serde_json::{Value, json};

use super::{Answer, ArmRequest};
use crate::{provider::Provider, world::World};

/// Namespaces that are known though nothing of them is modelled: their lists are empty.
const EMPTY: [&str; 9] = [
    "Microsoft.Authorization",
    "Microsoft.Cdn",
    "Microsoft.Compute",
    "Microsoft.Insights",
    "Microsoft.KeyVault",
    "Microsoft.ManagedIdentity",
    "Microsoft.Network",
    "Microsoft.Resources",
    "Microsoft.Web",
];

/// Returns the namespaces that there are, as they are written, in order.
fn namespaces(providers: &[Box<dyn Provider>], world: &World) -> Vec<String> {
    let before = |kind: &str| kind.split('/').next().unwrap_or_default().to_owned();
    let served = providers.iter().flat_map(|provider| provider.serves());
    let mut all: Vec<String> = EMPTY.map(str::to_owned).to_vec();
    all.extend(world.resources.values().map(|resource| before(&resource.kind)));
    all.extend(world.types.iter().map(|kind| before(kind)));
    all.extend(served.map(|served| before(served.kind)));
    all.sort_by_key(|name| name.to_lowercase());
    all.dedup_by_key(|name| name.to_lowercase());
    all
}

/// Returns whether a namespace is one that is known here.
pub(crate) fn known(providers: &[Box<dyn Provider>], world: &World, namespace: &str) -> bool {
    namespaces(providers, world)
        .iter()
        .any(|name| name.eq_ignore_ascii_case(namespace))
}

/// Lists the providers of a subscription.
pub(crate) fn list(providers: &[Box<dyn Provider>], world: &World, subscription: &str) -> Answer {
    let value: Vec<Value> = namespaces(providers, world)
        .iter()
        .map(|name| shown(providers, subscription, name))
        .collect();
    Answer::json(200, json!({"value": value}))
}

/// Answers for one provider: it is registered, and stays so.
pub(crate) fn answer(providers: &[Box<dyn Provider>], world: &World, request: &ArmRequest) -> Answer {
    let namespace = request.path.namespace.clone().unwrap_or_default();
    let names = namespaces(providers, world);
    let Some(name) = names.iter().find(|name| name.eq_ignore_ascii_case(&namespace)) else {
        return Answer::gateway(
            404,
            "InvalidResourceNamespace",
            format!("The resource namespace '{namespace}' is invalid."),
        );
    };
    match request.method {
        Method::GET | Method::HEAD | Method::POST => {
            let subscription = request.path.subscription.clone().unwrap_or_default();
            Answer::json(200, shown(providers, &subscription, name)).accepted(false)
        }
        _ => Answer::gateway(405, "HttpMethodNotAllowed", "The verb is not supported."),
    }
}

fn shown(providers: &[Box<dyn Provider>], subscription: &str, name: &str) -> Value {
    let served = providers.iter().flat_map(|provider| provider.serves());
    let types: Vec<Value> = served
        .filter_map(|served| {
            let (namespace, short) = served.kind.split_once('/')?;
            namespace
                .eq_ignore_ascii_case(name)
                .then(|| json!({"resourceType": short, "locations": [], "apiVersions": served.versions}))
        })
        .collect();
    json!({
        "id": format!("/subscriptions/{subscription}/providers/{name}"),
        "namespace": name,
        "registrationPolicy": "RegistrationRequired",
        "registrationState": "Registered",
        "resourceTypes": types,
    })
}
