//! What is wrong with a runbook that could be read: every finding, in both directions.

mod journeys;
mod loss;
mod order;
mod proofs;
mod reads;
mod recovery;
mod settings;
mod shape;
mod special;
mod target;

pub(crate) use journeys::network;
pub(crate) use shape::{describe, fill, fits_json, to_json};

use std::collections::HashMap;

use crate::{
    decode::by_name,
    finding::{Finding, Findings},
    graph::Order,
    journey::{Journey, Side},
    kind::Kind,
    kinds,
    model::{CleanUp, Runbook, Step},
};

/// Returns everything that is wrong with a runbook, what [`crate::read`] found included.
pub fn check(runbook: &Runbook) -> Vec<Finding> {
    let view = View::of(runbook);
    let mut findings = Findings::new(runbook.source.clone());
    settings::look(&view, &mut findings);
    order::look(&view, &mut findings);
    reads::look(&view, &mut findings);
    loss::look(&view, &mut findings);
    journeys::look(&view, &mut findings);
    recovery::look(&view, &mut findings);
    special::look(&view, &mut findings);
    proofs::look(&view, &mut findings);
    target::look(&view, &mut findings);
    let mut all = findings;
    for found in &runbook.found {
        all.add_bare(found.clone());
    }
    all.finish()
}

/// A runbook with what every check asks of it.
pub(crate) struct View<'a> {
    pub(crate) runbook: &'a Runbook,
    pub(crate) names: HashMap<&'a str, usize>,
    pub(crate) kinds: Vec<Option<&'static Kind>>,
    pub(crate) order: Order,
    pub(crate) cleaners: Vec<bool>,
}

impl<'a> View<'a> {
    pub(crate) fn of(runbook: &'a Runbook) -> View<'a> {
        let names = by_name(runbook.steps.iter().map(|step| &*step.name.value));
        let kind = |step: &Step| step.kind.as_ref().and_then(|kind| kinds::find(&kind.value));
        let mut cleaners = vec![false; runbook.steps.len()];
        for step in &runbook.steps {
            if let Some(clean_up) = &step.clean_up
                && let CleanUp::Step(name) = &clean_up.value
                && let Some(index) = names.get(&**name)
            {
                cleaners[*index] = true;
            }
        }
        View {
            kinds: runbook.steps.iter().map(kind).collect(),
            order: Order::of(runbook),
            runbook,
            names,
            cleaners,
        }
    }

    /// Returns the steps whose kind is known, with their position.
    pub(crate) fn known(&self) -> impl Iterator<Item = (usize, &'a Step, &'static Kind)> + '_ {
        let steps = self.runbook.steps.iter().enumerate();
        steps.filter_map(|(index, step)| Some((index, step, self.kinds[index]?)))
    }

    /// Returns the journeys that a step takes part in, as far as `in` says.
    pub(crate) fn journeys_of(&self, index: usize) -> Vec<Journey> {
        let step = &self.runbook.steps[index];
        match (&step.journeys, self.kinds[index]) {
            (Some(said), _) => said.iter().map(|journey| journey.value).collect(),
            (None, _) if self.cleaners[index] => vec![Journey::Drill],
            (None, Some(kind)) => kind.default_journeys.to_vec(),
            (None, None) => Journey::ALL.to_vec(),
        }
    }
}

/// Returns the side that serves before a journey and the side that takes over.
///
/// Replication is turned round away from the side that serves: the paired one after a failover, the
/// primary one after a failback. Only whoever asks for the journey knows which; the paired one where
/// nobody says.
pub fn direction(journey: Journey, serving: Option<Side>) -> (Side, Side) {
    let serves = match journey {
        Journey::Failover | Journey::Drill => Side::Primary,
        Journey::Failback => Side::Paired,
        Journey::Reprotect => serving.unwrap_or(Side::Paired),
    };
    (serves, serves.other())
}

/// Returns every direction that a journey may have, each as in [`direction`].
pub(crate) fn directions(journey: Journey) -> Vec<(Side, Side)> {
    let mut all: Vec<(Side, Side)> = [Side::Paired, Side::Primary]
        .map(|serving| direction(journey, Some(serving)))
        .to_vec();
    all.dedup();
    all
}
