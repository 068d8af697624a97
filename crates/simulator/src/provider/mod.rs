//! What must a provider be able to do, and which are there?
//!
//! A provider is pure state: it is given the world and a request, changes the one and answers the other, at
//! once. Time, faults, tokens, headers, the log and the wire are the core's.

pub(crate) mod aks;
pub(crate) mod authorization;
pub(crate) mod compute;
pub(crate) mod context;
pub(crate) mod dns;
pub(crate) mod durations;
pub(crate) mod front_door;
pub(crate) mod key_vault;
#[cfg(test)]
mod misshapen;
pub mod plain;
pub(crate) mod resource_health;
pub(crate) mod run_command;
pub(crate) mod site_recovery;
pub(crate) mod sql;
pub(crate) mod storage;
pub(crate) mod tags;
pub(crate) mod traffic_manager;
mod web;

use serde_json::{Value, json};

pub use self::context::{Begin, Context};
use crate::{
    arm::{Answer, ArmRequest, lists},
    world::{Happening, Operation, Progress, Resource, World, fold_id},
};

/// A resource type and the api-versions that its provider knows.
#[derive(Clone, Copy, Debug)]
pub struct Served {
    /// The type, folded: `microsoft.sql/managedinstances`.
    pub kind: &'static str,
    /// The api-versions.
    pub versions: &'static [&'static str],
}

/// Why an operation failed, in the provider's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The code.
    pub code: String,
    /// The message.
    pub message: String,
}

/// One provider.
pub trait Provider: Send + Sync {
    /// Returns the types it serves.
    fn serves(&self) -> &'static [Served];

    /// Answers a request whose type it serves. Changes take effect before it returns; what takes time is begun.
    fn answer(&self, context: &mut Context<'_>, request: &ArmRequest) -> Answer;

    /// Returns the region that must be alive for a request; none where the resource is of no region.
    fn region(&self, world: &World, request: &ArmRequest) -> Option<String> {
        region_of(world, request)
    }

    /// Returns what a GET shows of a resource. `seen` may be older than the truth.
    fn show(&self, context: &Context<'_>, seen: &Resource) -> Value {
        let _ = context;
        seen.body.clone()
    }

    /// Brings about what a finished operation was for. A failure here makes it end badly instead.
    fn finish(&self, context: &mut Context<'_>, operation: &Operation) -> Result<(), Failure> {
        let _ = (context, operation);
        Ok(())
    }

    /// Clears up after an operation that ended badly.
    fn abandon(&self, context: &mut Context<'_>, operation: &Operation) {
        let _ = (context, operation);
    }

    /// Brings about something that was scheduled.
    fn happen(&self, context: &mut Context<'_>, happening: &Happening) {
        let _ = (context, happening);
    }

    /// Turns replication round at once for whatever was switched over, so that the way back can be rehearsed.
    /// Azure has no such thing; it is for the control side only.
    fn turn_round(&self, context: &mut Context<'_>) {
        let _ = context;
    }

    /// Answers a GET of an operation's `Azure-AsyncOperation` URL.
    fn status(&self, context: &Context<'_>, operation: &Operation) -> Answer {
        Answer::json(200, status_body(context, operation))
    }

    /// Answers a GET of an operation's `Location` URL.
    fn result(&self, context: &Context<'_>, operation: &Operation) -> Answer {
        match &operation.progress {
            Progress::Running => context.links(Answer::empty(202), operation),
            Progress::Failed { code, message } => Answer::error(409, code, message.as_str()),
            _ => match context.seen(&operation.subject) {
                Some(resource) => Answer::json(200, self.show(context, resource)),
                None => Answer::empty(204),
            },
        }
    }
}

/// The body that most providers answer a status GET with: name, status, start, and an error at a bad end.
pub fn status_body(context: &Context<'_>, operation: &Operation) -> Value {
    let mut body = json!({
        "name": operation.id,
        "status": operation.word(context.now),
        "startTime": context.time(operation.started),
    });
    if let Progress::Failed { code, message } = &operation.progress {
        body["error"] = json!({"code": code, "message": message});
    }
    body
}

/// Returns the region of the resource that a path names, of its closest ancestor, or of a `locations` segment.
pub fn region_of(world: &World, request: &ArmRequest) -> Option<String> {
    let mut id = request.path.id();
    loop {
        if let Some(resource) = world.resource(&id) {
            return Some(resource.region.clone());
        }
        match id.rfind('/') {
            Some(cut) if cut > 0 => id.truncate(cut),
            _ => break,
        }
    }
    request
        .path
        .named("locations")
        .map(str::to_owned)
        .or_else(|| request.json()["location"].as_str().map(str::to_owned))
        .map(|location| crate::world::geography::fold(&location))
}

/// Answers the reads that are alike everywhere: one resource, or the collection below a scope.
pub fn read(provider: &dyn Provider, context: &Context<'_>, request: &ArmRequest) -> Answer {
    match request.path.collection() {
        None => match context.seen(&request.path.raw) {
            Some(resource) => Answer::json(200, provider.show(context, resource)),
            None => Answer::not_found(&request.path),
        },
        Some(kind) => {
            let prefix = match request.path.types.is_empty() {
                true => request.path.scope.clone(),
                false => request.path.id(),
            };
            let value: Vec<Value> = context
                .world
                .seen_all(&kind, &prefix, context.now)
                .into_iter()
                .map(|resource| provider.show(context, resource))
                .collect();
            match lists::filtered(request, value) {
                Ok(value) => Answer::json(200, json!({"value": value})),
                Err(refused) => refused,
            }
        }
    }
}

/// All providers. A new one is added here and nowhere else.
pub(crate) fn all() -> Vec<Box<dyn Provider>> {
    let mut providers: Vec<Box<dyn Provider>> =
        vec![Box::new(sql::Sql), Box::new(traffic_manager::TrafficManager)];
    providers.extend(site_recovery::providers());
    providers.extend(storage::providers());
    providers.extend(aks::providers());
    providers.push(Box::new(compute::Compute));
    providers.push(Box::new(run_command::RunCommands));
    providers.push(Box::new(web::Web));
    providers.push(Box::new(front_door::FrontDoor));
    providers.push(Box::new(dns::Dns { private: false }));
    providers.push(Box::new(dns::Dns { private: true }));
    providers.push(Box::new(authorization::Authorization));
    providers.push(Box::new(tags::Tags));
    providers.push(Box::new(resource_health::ResourceHealth));
    // The last resort: whatever the world holds and nobody else serves.
    providers.push(Box::new(plain::Plain));
    providers
}

/// Finds who serves a type. `plain` serves what the world holds of types that nobody else knows.
pub(crate) fn find<'a>(
    providers: &'a [Box<dyn Provider>],
    world: &World,
    kind: &str,
) -> Option<(&'a dyn Provider, &'static [&'static str])> {
    for provider in providers {
        if let Some(served) = provider.serves().iter().find(|served| served.kind == kind) {
            return Some((provider.as_ref(), served.versions));
        }
    }
    let held = world
        .resources
        .values()
        .any(|resource| resource.kind.eq_ignore_ascii_case(kind))
        || world.types.iter().any(|known| known.eq_ignore_ascii_case(kind));
    held.then(|| providers.last())
        .flatten()
        .map(|provider| (provider.as_ref(), plain::ANY_VERSION))
}

/// Returns whether two ids name the same resource.
pub fn same(one: &str, other: &str) -> bool {
    fold_id(one) == fold_id(other)
}
