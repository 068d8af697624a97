//! What do the views of an operation's machines say together? One machine decides for itself; the machines of a
//! recovery plan may have moved in part.

use leeward_engine::work::{Observation, Outputs, Progress, Ticket};
use serde_json::{Value, json};

use super::{
    item::Item,
    judge::{Seen, judge},
    operations::Payload,
    plan::Plan,
    verb::Verb,
};

/// Puts the views of an operation's machines into one observation. `plan` is what the vault says about the plan that
/// moves them, where only a part of them has moved. `strangers` says of each machine, in their order, what somebody
/// else's test failover stands about.
pub(super) fn observe(
    payload: &Payload,
    items: &[Option<Item>],
    plan: Option<&Plan>,
    strangers: &[Option<String>],
) -> Observation {
    let mut lines = Vec::new();
    let mut seen = Vec::new();
    let mut outputs = Outputs::new();
    let others = strangers.iter().any(Option::is_some);
    let strangers = strangers
        .iter()
        .map(Option::as_ref)
        .chain(std::iter::repeat(None));
    for ((member, item), stranger) in payload.members.iter().zip(items).zip(strangers) {
        if let Some(words) = stranger {
            lines.push(words.clone());
            // It is in the way of our own, and nothing that we clean up.
            seen.push(match payload.verb {
                Verb::CleanUp => Seen::Holds,
                _ => Seen::Barred(words.clone()),
            });
            continue;
        }
        let Some(item) = item else {
            lines.push(format!("the vault does not protect {}", member.machine));
            // Between two directions the item may be under neither path.
            seen.push(match payload.verb {
                Verb::Switch => Seen::Unclear,
                _ => Seen::Barred(String::new()),
            });
            continue;
        };
        let one = judge(
            payload.verb,
            item,
            &payload.from,
            &payload.to,
            payload.point_id.as_deref(),
        );
        let mut line = item.to_string();
        match &one {
            Seen::Barred(reason) => line.clone_from(reason),
            Seen::Unclear => line.push_str(&format!(", allowed: {}", item.allowed.join(", "))),
            _ => {}
        }
        lines.push(line);
        if let Some(region) = item.runs_in() {
            outputs.insert(item.machine.clone(), json!(region));
        }
        seen.push(one);
    }
    let evidence = lines.join("; ");
    if payload.verb == Verb::Commit
        && let Some(enough) = payload.at_least
    {
        // Those that stayed behind have nothing to commit.
        let barred = |one: &Seen| matches!(one, Seen::Barred(_));
        if seen.iter().filter(|one| !barred(one)).count() >= enough {
            seen.retain(|one| !barred(one));
        }
    }
    let any = |wanted: fn(&Seen) -> bool| seen.iter().any(wanted);
    let moving: Vec<Option<&String>> = seen
        .iter()
        .filter_map(|one| match one {
            Seen::InMotion { job } => Some(job.as_ref()),
            _ => None,
        })
        .collect();
    if let Some(first) = moving.first() {
        // One job moves the machines of a plan; of two jobs neither is taken.
        let job = first.filter(|_| moving.iter().all(|other| other == first));
        return Observation::InMotion {
            evidence,
            ticket: job.map(|job| ticket(job)),
        };
    }
    if any(|one| *one == Seen::Unclear) || seen.is_empty() {
        return Observation::CannotTell { reason: evidence };
    }
    if any(|one| *one == Seen::Busy) {
        return Observation::Busy { evidence };
    }
    if any(|one| matches!(one, Seen::Barred(_))) {
        return Observation::Barred { evidence };
    }
    match (any(|one| *one == Seen::Holds), any(|one| *one == Seen::NotBegun)) {
        (true, false) => Observation::Holds {
            evidence,
            // The vault does not tell who asked.
            ours: false,
            outputs,
        },
        // The clean-up of a plan takes all of its machines, somebody else's test failover included.
        (true, true) if payload.verb == Verb::CleanUp && others => Observation::Barred { evidence },
        (true, true) if payload.verb == Verb::Failover => partly(payload, &seen, evidence, outputs, plan),
        _ => Observation::NotBegun { evidence },
    }
}

pub(super) fn ticket(job: &str) -> Ticket {
    Ticket {
        status_url: None,
        location: None,
        job: Some(job.to_owned()),
        detail: Value::Null,
        look_after: None,
    }
}

/// Returns whether a part of a plan's machines has moved and a part has not.
pub(super) fn is_in_parts(payload: &Payload, items: &[Option<Item>]) -> bool {
    let moved = |item: &&Option<Item>| {
        item.as_ref()
            .is_some_and(|item| item.runs_in() == Some(payload.to.as_str()))
    };
    let count = items.iter().filter(moved).count();
    payload.verb == Verb::Failover && count > 0 && count < items.len()
}

/// A plan moved a part of its machines: what a second failover would do is not known, so nothing is sent. Whether the
/// rest will follow is told by the plan's own scenario.
fn partly(
    payload: &Payload,
    seen: &[Seen],
    evidence: String,
    outputs: Outputs,
    plan: Option<&Plan>,
) -> Observation {
    let moved = seen.iter().filter(|one| **one == Seen::Holds).count();
    let evidence = format!("{moved} of {} have moved: {evidence}", seen.len());
    match plan.and_then(|plan| plan.scenario.as_ref()) {
        Some(scenario) if scenario.is_over && payload.at_least.is_some_and(|enough| moved >= enough) => {
            Observation::Holds {
                evidence,
                ours: false,
                outputs,
            }
        }
        Some(scenario) if scenario.is_over => Observation::Barred { evidence },
        Some(scenario) if scenario.is_failover => Observation::InMotion {
            evidence,
            ticket: scenario.job.as_deref().map(ticket),
        },
        _ => Observation::CannotTell { reason: evidence },
    }
}

/// Returns the failure that a success in part is, where too many machines stay behind; nothing where enough of them
/// are as they should be.
pub(super) fn whole(payload: &Payload, items: &[Option<Item>], said: &[String]) -> Option<Progress> {
    let holds = |item: &Item| {
        let (from, to) = (&payload.from, &payload.to);
        judge(payload.verb, item, from, to, payload.point_id.as_deref()) == Seen::Holds
    };
    let behind: Vec<&str> = payload
        .members
        .iter()
        .zip(items)
        .filter(|(_, item)| !item.as_ref().is_some_and(holds))
        .map(|(member, _)| member.machine.as_str())
        .collect();
    let done = payload.members.len() - behind.len();
    if behind.is_empty() || payload.at_least.is_some_and(|enough| done >= enough) {
        return None;
    }
    Some(Progress::Failed {
        code: "PartiallySucceeded".to_owned(),
        message: format!(
            "{done} of {} machines are done, and {} are not: {}",
            payload.members.len(),
            behind.join(", "),
            said.join("; ")
        ),
        retryable: false,
    })
}
