//! What does Site Recovery do with a vault's machines?
//!
//! A protected item is a state machine whose word for what may be done next is `allowedOperations`. Verbs begin
//! operations whose GUID is the name of a job; their effects come about when the operation ends.

mod effect;
mod furnish;
mod item;
mod job;
pub(crate) mod machine;
mod plan;
mod points;
mod vault;
mod verb;
mod view;

use http::Method;
use serde_json::{Value, json};

pub(crate) use self::furnish::{follow, furnish};
use self::{item::Item, verb::Verb};
use super::{Context, Failure, Provider, Served};
use crate::{
    arm::{Answer, ArmRequest},
    world::{Operation, Progress, Resource},
};

/// Versions seen in recordings and specifications, the one that the vendor's crate sends, and the newest.
const VERSIONS: &[&str] = &[
    "2021-11-01",
    "2022-05-01",
    "2022-08-01",
    "2022-10-01",
    "2023-01-01",
    "2023-02-01",
    "2023-04-01",
    "2023-06-01",
    "2023-08-01",
    "2024-01-01",
    "2024-02-01",
    "2024-04-01",
    "2024-10-01",
    "2025-01-01",
    "2025-02-01",
    "2025-08-01",
    "2026-11-01",
];

/// The type whose provider runs all operations of vaults.
pub(crate) const PROVIDER: &str = VAULTS;
const VAULTS: &str = "microsoft.recoveryservices/vaults";
const FABRICS: &str = "microsoft.recoveryservices/vaults/replicationfabrics";
const CONTAINERS: &str =
    "microsoft.recoveryservices/vaults/replicationfabrics/replicationprotectioncontainers";
const MAPPINGS: &str = "microsoft.recoveryservices/vaults/replicationfabrics/replicationprotectioncontainers/replicationprotectioncontainermappings";
const POLICIES: &str = "microsoft.recoveryservices/vaults/replicationpolicies";
const HEALTH: &str = "microsoft.recoveryservices/vaults/replicationvaulthealth";
const POINTS: &str = "microsoft.recoveryservices/vaults/replicationfabrics/replicationprotectioncontainers/replicationprotecteditems/recoverypoints";
/// Collections of a whole vault, and what they list.
const OF_VAULT: &[(&str, &str)] = &[
    (
        "microsoft.recoveryservices/vaults/replicationprotecteditems",
        item::ITEM,
    ),
    (
        "microsoft.recoveryservices/vaults/replicationprotectioncontainers",
        CONTAINERS,
    ),
    (
        "microsoft.recoveryservices/vaults/replicationprotectioncontainermappings",
        MAPPINGS,
    ),
];

/// Returns the providers of this folder.
pub(crate) fn providers() -> Vec<Box<dyn Provider>> {
    vec![Box::new(SiteRecovery), Box::new(machine::Machines)]
}

/// The provider.
pub(crate) struct SiteRecovery;

const fn served(kind: &'static str) -> Served {
    Served {
        kind,
        versions: VERSIONS,
    }
}

impl Provider for SiteRecovery {
    fn serves(&self) -> &'static [Served] {
        const SERVED: &[Served] = &[
            served(VAULTS),
            served(FABRICS),
            served(CONTAINERS),
            served(MAPPINGS),
            served(POLICIES),
            served(HEALTH),
            served(POINTS),
            served(item::ITEM),
            served(plan::PLANS),
            served(job::JOBS),
            served(OF_VAULT[0].0),
            served(OF_VAULT[1].0),
            served(OF_VAULT[2].0),
        ];
        SERVED
    }

    fn answer(&self, context: &mut Context<'_>, request: &ArmRequest) -> Answer {
        let kind = request.path.kind();
        let action = request.path.action();
        let verb = action.as_deref().and_then(Verb::of);
        match (&request.method, kind.as_str(), action.as_deref()) {
            (&Method::GET, ..) => self.get(context, request),
            (&Method::POST, CONTAINERS, Some("switchprotection")) => {
                verb.map_or_else(|| no_such(request), |verb| verb::switch(context, request, verb))
            }
            (&Method::POST, item::ITEM, Some(_)) => {
                verb.map_or_else(|| no_such(request), |verb| verb::on_item(context, request, verb))
            }
            (&Method::POST, plan::PLANS, Some(_)) => {
                verb.map_or_else(|| no_such(request), |verb| verb::on_plan(context, request, verb))
            }
            (&Method::POST, job::JOBS, Some(action @ ("cancel" | "restart" | "resume"))) => {
                job::act(context, request, action)
            }
            (&Method::POST, HEALTH, Some("refresh")) => refresh(context, request),
            (&Method::PUT | &Method::DELETE, plan::PLANS, None) => plan::begin(context, request),
            (&Method::DELETE, item::ITEM, None) => Verb::of("remove")
                .map_or_else(|| no_such(request), |verb| verb::on_item(context, request, verb)),
            _ => no_such(request),
        }
    }

    fn show(&self, context: &Context<'_>, seen: &Resource) -> Value {
        match seen.kind.to_lowercase().as_str() {
            VAULTS => vault::vault(context, seen),
            FABRICS => vault::fabric(context, seen),
            CONTAINERS => vault::container(context, seen),
            MAPPINGS => vault::mapping(seen),
            POLICIES => vault::policy(seen),
            plan::PLANS => plan::shown(context, seen),
            job::JOBS => job::shown(context, seen),
            _ => match Item::of(seen) {
                Some(item) => view::shown(context, seen, &item),
                None => seen.body.clone(),
            },
        }
    }

    fn finish(&self, context: &mut Context<'_>, operation: &Operation) -> Result<(), Failure> {
        match operation.state["does"].as_str() {
            Some("make" | "drop") => plan::finish(context, operation),
            Some(_) => {}
            None => return effect::finish(context, operation),
        }
        Ok(())
    }

    fn abandon(&self, context: &mut Context<'_>, operation: &Operation) {
        effect::release(context, operation);
    }

    fn turn_round(&self, context: &mut Context<'_>) {
        let moved: Vec<(String, Item)> = item::items_below(context, "/subscriptions")
            .into_iter()
            .filter(|(_, item)| item.moved() && item.busy.is_none())
            .collect();
        let now = context.now;
        for (id, item) in moved {
            effect::turn(context, &id, item, now, now);
        }
        // What was turned round the long way is there at once, too.
        for (id, mut item) in item::items_below(context, "/subscriptions") {
            if let item::Phase::Replicating { protected, .. } = item.phase
                && protected > now
            {
                item.phase = item::Phase::Replicating {
                    copied: now,
                    protected: now,
                };
                item.keep(context.world, &id);
            }
        }
    }

    fn status(&self, context: &Context<'_>, operation: &Operation) -> Answer {
        job::status(context, operation)
    }

    fn result(&self, context: &Context<'_>, operation: &Operation) -> Answer {
        match &operation.progress {
            Progress::Running => context.links(Answer::empty(202), operation),
            Progress::Failed { code, message } => verb::refused(code, message.as_str()),
            _ => match context.seen(&operation.subject) {
                Some(resource) => Answer::json(200, self.show(context, resource)),
                None => Answer::empty(204),
            },
        }
    }
}

impl SiteRecovery {
    fn get(&self, context: &Context<'_>, request: &ArmRequest) -> Answer {
        let path = &request.path;
        let Some(kind) = path.collection() else {
            if path.kind() == POINTS {
                return point(context, request);
            }
            return match context.seen(&path.raw) {
                Some(resource) => Answer::json(200, self.show(context, resource)),
                None if path.kind() == VAULTS => Answer::not_found(path),
                None => verb::missing(path.name()),
            };
        };
        let parent = match path.types.is_empty() {
            true => path.scope.clone(),
            false => path.id(),
        };
        if !path.types.is_empty() && context.seen(&parent).is_none() {
            return match path.kind() == VAULTS {
                true => Answer::not_found(path),
                false => verb::missing(path.name()),
            };
        }
        if kind == HEALTH {
            return context.seen(&parent).map_or_else(
                || Answer::not_found(path),
                |vault| Answer::json(200, vault::health(context, vault)),
            );
        }
        let value: Vec<Value> = match kind == POINTS {
            true => context
                .seen(&parent)
                .and_then(|resource| Some(points::shown(context, &resource.id, &Item::of(resource)?)))
                .unwrap_or_default(),
            false => {
                let listed = OF_VAULT
                    .iter()
                    .find(|(collection, _)| *collection == kind)
                    .map_or(kind.as_str(), |(_, listed)| listed);
                context
                    .world
                    .seen_all(listed, &parent, context.now)
                    .into_iter()
                    .map(|resource| self.show(context, resource))
                    .collect()
            }
        };
        if kind == VAULTS {
            return Answer::json(200, json!({"value": value}));
        }
        page(context, request, value)
    }
}

/// Returns one page of a list. All stand on one, with `nextLink` null as recorded, unless the world's vault says how
/// many do: how many Azure puts on one is not known.
fn page(context: &Context<'_>, request: &ArmRequest, mut value: Vec<Value>) -> Answer {
    let vault = context.world.resource(&item::vault_of(&request.path.raw));
    let size = vault
        .and_then(|vault| vault.body["page-size"].as_u64())
        .and_then(|size| usize::try_from(size).ok())
        .unwrap_or(usize::MAX);
    let from = request
        .query("skipToken")
        .and_then(|token| token.parse::<usize>().ok())
        .unwrap_or_default()
        .min(value.len());
    let mut rest = value.split_off(from);
    let more = rest.len() > size;
    rest.truncate(size);
    let next = more.then(|| {
        format!(
            "{}{}?api-version={}&skipToken={}",
            context.base,
            request.path.raw,
            request.api_version(),
            from.saturating_add(size)
        )
    });
    Answer::json(200, json!({"value": rest, "nextLink": next}))
}

fn point(context: &Context<'_>, request: &ArmRequest) -> Answer {
    let raw = &request.path.raw;
    let parent = raw.rmatch_indices('/').nth(1).map_or("", |(cut, _)| &raw[..cut]);
    let found = context.seen(parent).and_then(|resource| {
        points::shown(context, &resource.id, &Item::of(resource)?)
            .into_iter()
            .find(|point| {
                point["name"]
                    .as_str()
                    .is_some_and(|name| name.eq_ignore_ascii_case(request.path.name()))
            })
    });
    found.map_or_else(
        || verb::missing(request.path.name()),
        |point| Answer::json(200, point),
    )
}

fn refresh(context: &mut Context<'_>, request: &ArmRequest) -> Answer {
    const REFRESH: Verb = Verb {
        action: "refresh",
        needs: "",
        scenario: "RefreshVaultHealth",
        words: "Refresh vault health",
        lasts: super::durations::VAULT_HEALTH,
    };
    let vault = item::vault_of(&request.path.raw);
    let Some(resource) = context.world.resource(&vault) else {
        return Answer::not_found(&request.path);
    };
    let subject = resource.id.clone();
    verb::begin(
        context,
        request,
        verb::Asked {
            verb: &REFRESH,
            subject,
            items: Vec::new(),
            state: json!({"does": "refresh"}),
            longer: std::time::Duration::ZERO,
            of: "Vault",
            target: String::new(),
        },
    )
}

fn no_such(request: &ArmRequest) -> Answer {
    Answer::gateway(
        405,
        "HttpMethodNotAllowed",
        format!(
            "The pretend Azure does not support '{}' on '{}'.",
            request.method, request.path.raw
        ),
    )
}
