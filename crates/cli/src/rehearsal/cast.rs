//! Who conducts a rehearsal, and who agrees to everything in it? The same stand-ins wherever one is played.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use leeward_engine::{
    conductor::{Conductor, Manners, NewRun},
    event::{Approval, RunOptions},
    id::RunId,
    port::{Clock, Drivers, Holder, JournalStore},
};
use leeward_runbook::plan::{PinnedFiles, Plan};
use tokio::sync::watch;

use crate::ports::identity;

/// Makes the conductor of a rehearsal. Nobody else writes to its journal, so nobody knocks at its inbox.
pub fn conductor(
    store: Arc<dyn JournalStore>,
    drivers: Arc<dyn Drivers>,
    clock: Arc<dyn Clock>,
    stop: watch::Receiver<bool>,
) -> Conductor {
    Conductor {
        store,
        drivers,
        clock,
        holder: holder(),
        manners: Manners {
            wait_for_people: false,
            inbox_every: None,
            ..Manners::default()
        },
        stop,
    }
}

/// Makes the opening of a rehearsed run: a stand-in begins it and has agreed to everything.
pub fn opening(plan: Plan, files: PinnedFiles, run: u32, now: Timestamp, parallel: Option<usize>) -> NewRun {
    let by = identity::stand_in();
    let approval = Approval {
        step: None,
        plan_digest: plan.digest(),
        ceilings: BTreeMap::new(),
        everything: true,
        both_eyes: true,
        break_glass: None,
        reason: Some("rehearsal".to_owned()),
    };
    NewRun {
        run: RunId::new(now, run),
        plan,
        options: RunOptions {
            declared_at: now,
            parallel,
            rehearsal: true,
        },
        by: by.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        approvals: vec![(by, approval)],
        files: files.into_iter().collect(),
    }
}

/// The holder of a rehearsal's lease: nothing of this machine enters its journal.
fn holder() -> Holder {
    Holder {
        user: "rehearsal".to_owned(),
        host: "rehearsal".to_owned(),
        process: 0,
        process_start: "rehearsal".to_owned(),
        boot: "rehearsal".to_owned(),
    }
}
