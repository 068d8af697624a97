//! Whether what people agreed to covers a gate or a loss.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use leeward_runbook::{kinds, units};

use super::Machine;
use crate::{
    policy,
    state::{ConsentAsk, Granted},
    work::Figure,
};

/// The name under which a goal that holds though we did not bring it about asks for consent.
pub(super) const ADOPTED: &str = "adopted";

/// What a gate wants of people.
pub(super) struct Asked {
    pub(super) four_eyes: bool,
    pub(super) expires: Option<Duration>,
}

/// Who opens a gate.
pub(super) struct Opening {
    /// In words.
    pub(super) by: String,
    /// The approvals that it takes, by the numbers of their records.
    pub(super) used: Vec<u64>,
}

impl Machine {
    /// Reads what a gate wants of people from its settings.
    pub(super) fn asked_by(&self, step: usize) -> Asked {
        let settings = &self.state.planned[step].settings;
        Asked {
            four_eyes: settings
                .get("four-eyes")
                .and_then(|value| value.as_bool())
                .unwrap_or(false),
            expires: settings
                .get("expires")
                .and_then(|value| value.as_str())
                .and_then(|text| units::parse_duration(text).ok())
                .or_else(|| usual_expiry(&self.state.planned[step].kind)),
        }
    }

    /// Returns who opens a gate, and by which approvals, where those so far do.
    pub(super) fn gate_opened_by(&self, step: usize, now: Timestamp) -> Option<Opening> {
        let asked = self.asked_by(step);
        let mut granted: Vec<&Granted> = self
            .state
            .approvals
            .iter()
            .filter(|granted| self.speaks_of(granted, step))
            .filter(|granted| !lapsed(granted, asked.expires, now))
            .collect();
        // What would be used up is left for another gate where the rest is enough.
        granted.sort_by_key(|granted| (granted.approval.serves_one_gate(), granted.seq));
        if let Some(both) = granted.iter().find(|granted| granted.approval.both_eyes) {
            let name = &both.by.name;
            return Some(Opening {
                by: match &both.approval.break_glass {
                    Some(_) => format!("{name} (break-glass)"),
                    None => name.clone(),
                },
                used: vec![both.seq],
            });
        }
        let needed = if asked.four_eyes { 2 } else { 1 };
        let mut people: BTreeMap<&str, u64> = BTreeMap::new();
        for granted in granted {
            if people.len() < needed {
                people.entry(&granted.by.name).or_insert(granted.seq);
            }
        }
        (people.len() >= needed).then(|| Opening {
            by: people.keys().copied().collect::<Vec<_>>().join(" and "),
            used: people.into_values().collect(),
        })
    }

    fn speaks_of(&self, granted: &Granted, step: usize) -> bool {
        let named = granted.approval.step.as_ref();
        let free = granted.used_by.is_none_or(|gate| gate == step);
        free && named.is_none_or(|id| id == &self.state.planned[step].id)
    }

    /// Returns what must be asked before a rung may be used, or nothing where it is covered.
    pub(super) fn consent_missing(&self, step: usize, rung: &str) -> Option<ConsentAsk> {
        if self.state.steps[step].consented.contains(rung) {
            return None;
        }
        let losses = self.losses_of(step, rung);
        if self.covered_by(step, &losses).is_some() {
            return None;
        }
        let named: Vec<String> = losses
            .iter()
            .map(|(store, figure)| format!("{store}: {figure}"))
            .collect();
        let asks = match rung {
            ADOPTED => format!(
                "the goal was found to hold though this run did not bring it about; what was lost is unknown ({})",
                named.join(", ")
            ),
            _ => format!("`{rung}` may lose {}", named.join(", ")),
        };
        Some(ConsentAsk {
            rung: rung.to_owned(),
            losses,
            asks,
        })
    }

    /// Returns whether a rung needs no question; found out once until something is agreed to or measured.
    ///
    /// Ten thousand machines behind a step ask this each, and each answer looks through the rows of all.
    pub(super) fn is_covered(&self, step: usize, rung: &str) -> bool {
        let known = self
            .covered
            .borrow()
            .get(&step)
            .and_then(|of| of.get(rung).copied());
        known.unwrap_or_else(|| {
            let covered = self.consent_missing(step, rung).is_none();
            let mut known = self.covered.borrow_mut();
            known.entry(step).or_default().insert(rung.to_owned(), covered);
            covered
        })
    }

    /// Returns who or what covers these losses, in words.
    pub(super) fn covered_by(&self, step: usize, losses: &BTreeMap<String, Figure>) -> Option<String> {
        let budget = self.state.planned[step]
            .data_loss
            .as_ref()
            .map_or(Duration::ZERO, |loss| loss.budget);
        let beyond: Vec<(&String, &Figure)> = losses
            .iter()
            .filter(|(_, figure)| **figure > Figure::UpTo(budget))
            .collect();
        if beyond.is_empty() {
            return Some("within its budget".to_owned());
        }
        self.state
            .approvals
            .iter()
            .rev()
            .find(|granted| {
                let approval = &granted.approval;
                // Glass that is broken for one step, be it a gate, is broken for no other.
                let this = |id| self.state.place(id) == Some(step);
                let broken = approval.break_glass.is_some() && approval.step.as_ref().is_none_or(this);
                let unlimited = approval.everything || broken;
                let covers = |(store, figure): &(&String, &Figure)| {
                    approval
                        .ceilings
                        .get(*store)
                        .is_some_and(|ceiling| ceiling >= *figure)
                };
                self.speaks_of_loss(granted, step) && (unlimited || beyond.iter().all(covers))
            })
            .map(|granted| granted.by.name.clone())
    }

    /// An approval of a gate carries ceilings for every store; one of a step speaks of that step.
    fn speaks_of_loss(&self, granted: &Granted, step: usize) -> bool {
        match granted.approval.step.as_ref().and_then(|id| self.state.place(id)) {
            None => true,
            Some(place) => place == step || self.state.planned[place].kind == "gate.approval",
        }
    }

    /// Returns what a rung could lose, store by store. A step without a figure loses the unknown.
    pub(super) fn losses_of(&self, step: usize, rung: &str) -> BTreeMap<String, Figure> {
        let rows = self.state.losses(step);
        if rows.is_empty() {
            return BTreeMap::from([(self.state.planned[step].id.to_string(), Figure::Unknown)]);
        }
        rows.iter()
            .map(|loss| {
                let figure = match rung {
                    ADOPTED => Figure::Unknown,
                    _ => loss.by_rung.get(rung).copied().unwrap_or(Figure::Nothing),
                };
                (loss.store.clone(), figure)
            })
            .collect()
    }
}

/// Returns how long a grant may wait at a gate that does not say so.
fn usual_expiry(kind: &str) -> Option<Duration> {
    let text = kinds::find(kind)?.setting("expires")?.default?;
    units::parse_duration(text.trim_matches('"')).ok()
}

/// A grant lapses when it waits unused for too long.
fn lapsed(granted: &Granted, expires: Option<Duration>, now: Timestamp) -> bool {
    let in_advance = granted.approval.everything || granted.approval.break_glass.is_some();
    match expires {
        Some(expires) if !in_advance => policy::later(granted.at, expires) < now,
        _ => false,
    }
}
