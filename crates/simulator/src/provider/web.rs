//! What of apps does a move touch? Their settings, which are listed by a POST and replaced as a whole.
//!
//! No specification and no recording of this provider was at hand: its answers are inferences.

use http::Method;
use serde_json::{Value, json};

use super::{Context, Provider, Served, plain, read};
use crate::{
    arm::{Answer, ArmRequest},
    world::fold_id,
};

const SITES: &str = "microsoft.web/sites";
const CONFIG: &str = "microsoft.web/sites/config";
const VERSIONS: &[&str] = &[
    "2022-03-01",
    "2022-09-01",
    "2023-01-01",
    "2023-12-01",
    "2024-04-01",
];

/// The provider.
pub(crate) struct Web;

impl Provider for Web {
    fn serves(&self) -> &'static [Served] {
        const SERVED: &[Served] = &[
            Served {
                kind: SITES,
                versions: VERSIONS,
            },
            Served {
                kind: CONFIG,
                versions: VERSIONS,
            },
        ];
        SERVED
    }

    fn answer(&self, context: &mut Context<'_>, request: &ArmRequest) -> Answer {
        let kind = request.path.kind();
        match (&request.method, kind.as_str(), request.path.action().as_deref()) {
            (&Method::POST, CONFIG, Some("list")) => settings(context, request),
            (&Method::PUT, CONFIG, None) => replace(context, request),
            (&Method::GET, SITES, _) => read(self, context, request),
            (&Method::PUT | &Method::PATCH | &Method::DELETE, SITES, None) => {
                plain::Plain.answer(context, request)
            }
            // Settings are secrets: a GET does not show them.
            _ => Answer::gateway(
                405,
                "HttpMethodNotAllowed",
                format!(
                    "The pretend Azure does not support '{}' on '{kind}'.",
                    request.method
                ),
            ),
        }
    }
}

/// Returns whether the app of a setting is there.
fn app_is_there(context: &Context<'_>, request: &ArmRequest) -> bool {
    let id = fold_id(&request.path.id());
    let app = id.split("/config/").next().unwrap_or_default();
    context.world.resource(app).is_some()
}

fn is_settings(request: &ArmRequest) -> bool {
    request.path.name().eq_ignore_ascii_case("appsettings")
}

fn settings(context: &Context<'_>, request: &ArmRequest) -> Answer {
    if !is_settings(request) || !app_is_there(context, request) {
        return Answer::not_found(&request.path);
    }
    let id = request.path.id();
    let held = context.seen(&id).map(|held| held.body["properties"].clone());
    Answer::json(200, shown(&id, &held.unwrap_or_else(|| json!({}))))
}

/// Replaces every setting: what a body does not name is gone.
fn replace(context: &mut Context<'_>, request: &ArmRequest) -> Answer {
    if !is_settings(request) || !app_is_there(context, request) {
        return Answer::not_found(&request.path);
    }
    let body = request.json();
    let Some(all) = body["properties"]
        .as_object()
        .filter(|all| all.values().all(Value::is_string))
    else {
        return Answer::gateway(
            400,
            "BadRequest",
            "The parameter properties has an invalid value.",
        );
    };
    let id = request.path.id();
    let region = super::region_of(context.world, request).unwrap_or_else(|| "global".to_owned());
    let mut made = plain::resource(&request.path, &region, json!({}));
    made.body["properties"] = json!(all);
    context.world.put(made);
    Answer::json(200, shown(&id, &json!(all)))
}

fn shown(id: &str, all: &Value) -> Value {
    json!({"id": id, "name": "appsettings", "type": "Microsoft.Web/sites/config", "properties": all})
}
