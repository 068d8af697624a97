//! What do storage accounts do: geo-redundant ones, and pairs with object replication?

mod account;
mod blobs;
mod failover;
mod furnish;
mod policies;
mod view;

use http::Method;
use serde_json::{Value, json};

pub(crate) use self::{
    blobs::{answer as blob_answer, region as blob_region},
    furnish::{furnish_geo, furnish_replicated},
};
use super::{Context, Failure, Provider, Served, plain, read};
use crate::{
    arm::{Answer, ArmRequest},
    world::{Operation, Progress, Resource, World},
};

/// Versions seen in recordings and specifications, the one that the vendor's command line sends, and the newest.
const VERSIONS: &[&str] = &[
    "2021-04-01",
    "2022-09-01",
    "2023-01-01",
    "2023-05-01",
    "2024-01-01",
    "2025-06-01",
    "2025-08-01",
    "2026-09-01",
];

pub(super) const ACCOUNTS: &str = "microsoft.storage/storageaccounts";
const POLICIES: &str = "microsoft.storage/storageaccounts/objectreplicationpolicies";
const SERVICES: &str = "microsoft.storage/storageaccounts/blobservices";
const CONTAINERS: &str = "microsoft.storage/storageaccounts/blobservices/containers";

/// The provider. It stays in the region where an account was made, wherever the account's data moves.
pub(crate) struct Storage;

/// Returns the providers of this folder.
pub(crate) fn providers() -> Vec<Box<dyn Provider>> {
    vec![Box::new(Storage)]
}

impl Provider for Storage {
    fn serves(&self) -> &'static [Served] {
        const SERVED: &[Served] = &[
            Served {
                kind: ACCOUNTS,
                versions: VERSIONS,
            },
            Served {
                kind: POLICIES,
                versions: VERSIONS,
            },
            Served {
                kind: SERVICES,
                versions: VERSIONS,
            },
            Served {
                kind: CONTAINERS,
                versions: VERSIONS,
            },
        ];
        SERVED
    }

    fn answer(&self, context: &mut Context<'_>, request: &ArmRequest) -> Answer {
        let kind = request.path.kind();
        match (&request.method, kind.as_str(), request.path.action().as_deref()) {
            (&Method::GET, ACCOUNTS, None) => account::get(context, request),
            (&Method::GET, ..) => read(self, context, request),
            (&Method::PATCH | &Method::PUT, ACCOUNTS, None) => account::update(context, request),
            (&Method::DELETE, ACCOUNTS, None) => account::delete(context, request),
            (&Method::POST, ACCOUNTS, Some("listkeys")) => account::keys(context, request),
            (&Method::POST, ACCOUNTS, Some("failover")) => failover::begin(context, request),
            (&Method::PUT, POLICIES, None) => policies::put(context, request),
            (&Method::DELETE, POLICIES, None) => policies::delete(context, request),
            (&Method::PUT | &Method::DELETE, SERVICES | CONTAINERS, None) => {
                match account::of(context.world, &request.path.id()).is_some() {
                    true => plain::Plain.answer(context, request),
                    false => account::missing(request),
                }
            }
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

    fn show(&self, context: &Context<'_>, seen: &Resource) -> Value {
        match seen.kind.eq_ignore_ascii_case(ACCOUNTS) {
            true => view::show(context, seen, false),
            false => seen.body.clone(),
        }
    }

    fn finish(&self, context: &mut Context<'_>, operation: &Operation) -> Result<(), Failure> {
        if operation.verb == account::CREATE {
            account::created(context, operation);
            return Ok(());
        }
        failover::finish(context, operation)
    }

    fn abandon(&self, context: &mut Context<'_>, operation: &Operation) {
        failover::release(context, &operation.subject);
    }

    fn turn_round(&self, context: &mut Context<'_>) {
        failover::turn_round(context);
        policies::turn_round(context);
    }

    /// Recorded: an empty 202 with a fresh `Location` while it runs. What the end of a failover looks like was
    /// never recorded; that it is a 200 without a body is an inference.
    fn result(&self, context: &Context<'_>, operation: &Operation) -> Answer {
        match &operation.progress {
            Progress::Running => context.links(Answer::empty(202), operation),
            Progress::Failed { code, message } => Answer::error(409, code, message.as_str()),
            _ if operation.verb == account::CREATE => match context.seen(&operation.subject) {
                Some(made) => Answer::json(200, view::show(context, made, false)),
                None => Answer::not_found(&crate::arm::ArmPath::parse(&operation.subject)),
            },
            _ => Answer::empty(200),
        }
    }
}

/// Returns the region where an account is written; nothing for other resources.
pub(crate) fn written_in(resource: &Resource) -> Option<String> {
    if !resource.kind.eq_ignore_ascii_case(ACCOUNTS) {
        return None;
    }
    account::Account::of(resource).map(|account| account.primary)
}

/// Returns whether an account takes writes: it does not change sides, and is no destination of replication.
/// Other resources are none of its business.
pub(crate) fn takes_writes(world: &World, resource: &Resource) -> bool {
    if !resource.kind.eq_ignore_ascii_case(ACCOUNTS) {
        return true;
    }
    account::Account::of(resource).is_none_or(|account| !account.moving)
        && !policies::policies(world, &resource.id).any(|policy| {
            super::same(
                policy["destinationAccount"].as_str().unwrap_or_default(),
                &resource.id,
            )
        })
}

/// Makes a resource of storage.
fn made(id: &str, kind: &str, region: &str, body: Value) -> Resource {
    let mut shown = json!({"id": id, "name": id.rsplit('/').next(), "type": kind});
    plain::merge(&mut shown, &body);
    Resource {
        id: id.to_owned(),
        kind: kind.to_owned(),
        region: region.to_owned(),
        body: shown,
        state: Value::Null,
    }
}
