//! What does Microsoft.Sql do: instances, servers, databases, and failover groups of both kinds?

mod database;
mod flavour;
mod furnish;
mod group;
mod instance;
mod link;
mod precondition;
mod query;
mod session;
mod switch;
mod tds;
mod view;

use http::Method;
use serde_json::Value;

use self::flavour::Flavour;
pub use self::session::SqlSession;
pub(crate) use self::{furnish::furnish, query::region, session::listens};
use super::{Context, Failure, Provider, Served, read};
use crate::{
    arm::{Answer, ArmRequest, answer::Body},
    world::{Operation, Progress, Resource, World},
};

/// Versions seen in recordings and specifications, those that the vendor's crate and command line send, and the newest.
const VERSIONS: &[&str] = &[
    "2021-11-01",
    "2022-05-01-preview",
    "2023-05-01-preview",
    "2023-08-01-preview",
    "2023-08-01",
    "2024-05-01-preview",
    "2024-11-01-preview",
    "2025-01-01",
];

/// The provider.
pub(crate) struct Sql;

impl Provider for Sql {
    fn serves(&self) -> &'static [Served] {
        const SERVED: &[Served] = &[
            Served {
                kind: flavour::INSTANCES.kind,
                versions: VERSIONS,
            },
            Served {
                kind: flavour::SERVERS.kind,
                versions: VERSIONS,
            },
            Served {
                kind: instance::KIND,
                versions: VERSIONS,
            },
            Served {
                kind: "microsoft.sql/servers",
                versions: VERSIONS,
            },
            Served {
                kind: database::KIND,
                versions: VERSIONS,
            },
            Served {
                kind: link::KIND,
                versions: VERSIONS,
            },
            Served {
                kind: link::OF_SERVER,
                versions: VERSIONS,
            },
        ];
        SERVED
    }

    fn answer(&self, context: &mut Context<'_>, request: &ArmRequest) -> Answer {
        let mut answer = self.newest(context, request);
        if let Body::Json(body) = &mut answer.body
            && request.api_version().as_str() < "2022"
        {
            forget(body);
        }
        answer
    }

    fn region(&self, world: &World, request: &ArmRequest) -> Option<String> {
        super::region_of(world, request)
    }

    fn show(&self, context: &Context<'_>, seen: &Resource) -> Value {
        view::show(context, seen)
    }

    fn finish(&self, context: &mut Context<'_>, operation: &Operation) -> Result<(), Failure> {
        let done = match operation.state["does"].as_str() {
            Some("switch") => switch::finish(context, operation),
            Some("switch-link" | "drop-link") => link::finish(context, operation),
            Some("make-database" | "drop-database") => {
                database::finish(context, operation);
                Ok(())
            }
            Some("fail-over-instance") => Ok(()),
            _ => {
                group::finish(context, operation);
                Ok(())
            }
        };
        if done.is_ok() {
            group::release(context, &operation.subject);
        }
        done
    }

    fn abandon(&self, context: &mut Context<'_>, operation: &Operation) {
        link::release(context, operation);
        group::release(context, &operation.subject);
    }

    /// A switch leaves both sides replicating the other way already; only the pause after a forced one is ended.
    fn turn_round(&self, context: &mut Context<'_>) {
        let keys: Vec<String> = context.world.resources.keys().cloned().collect();
        for key in keys {
            let side = context.world.resource(&key).and_then(view::Side::of);
            if let Some(mut side) = side.filter(|side| side.suspended_until.is_some())
                && let Some(resource) = context.world.change(&key)
            {
                side.suspended_until = None;
                side.keep(resource);
            }
        }
    }

    fn result(&self, context: &Context<'_>, operation: &Operation) -> Answer {
        match &operation.progress {
            Progress::Running => context.links(Answer::empty(202), operation),
            Progress::Failed { code, message } => {
                Answer::error(flavour::status_of(code), code, message.as_str())
            }
            _ if operation.provider == link::KIND => link::result(context, operation),
            _ => match context.seen(&operation.subject) {
                Some(resource) => Answer::json(200, self.show(context, resource)),
                None => Answer::empty(204),
            },
        }
    }
}

/// Takes away what the versions before 2022 do not know: the specification of 2021-11-01 has none of these.
fn forget(body: &mut Value) {
    match body {
        Value::Object(map) => {
            for name in ["partnerDatabaseId", "secondaryType", "targetServer"] {
                map.remove(name);
            }
            map.values_mut().for_each(forget);
        }
        Value::Array(items) => items.iter_mut().for_each(forget),
        _ => {}
    }
}

impl Sql {
    /// Answers as the newest version does.
    fn newest(&self, context: &mut Context<'_>, request: &ArmRequest) -> Answer {
        let kind = request.path.collection().unwrap_or_else(|| request.path.kind());
        if kind == link::OF_SERVER || kind == link::KIND || request.path.kind() == link::KIND {
            return link::answer(context, request);
        }
        let flavour = match request.method {
            Method::GET => return read(self, context, request),
            _ if request.path.kind() == database::KIND => return database::answer(context, request),
            Method::POST if request.path.kind() == instance::KIND => return instance::act(context, request),
            _ => Flavour::of(&request.path.kind()),
        };
        match (flavour, request.method.clone(), request.path.action()) {
            (Some(flavour), Method::POST, Some(action)) => switch::begin(context, request, flavour, &action),
            (Some(flavour), Method::PUT, None) => group::put(context, request, flavour),
            (Some(flavour), Method::PATCH, None) if flavour.patches => {
                group::patch(context, request, flavour)
            }
            (Some(flavour), Method::DELETE, None) => group::delete(context, request, flavour),
            _ => Answer::gateway(
                405,
                "HttpMethodNotAllowed",
                format!(
                    "The pretend Azure does not support '{}' on '{}'.",
                    request.method,
                    request.path.kind()
                ),
            ),
        }
    }
}
