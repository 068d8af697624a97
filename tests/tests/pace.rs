//! Azure's limits are kept to, not run into.

#![allow(missing_docs)]

use std::time::Duration;

use leeward_acceptance::{
    fleet::{self, Failovers},
    stage::{Stage, rehearse},
};
use leeward_engine::event::{Event, OperationEvent};

/// Enough to be over the write bucket's two hundred and the hundred and fifty reads an hour of a vault.
const MACHINES: usize = 320;

#[test]
fn hundreds_of_machines_fail_over_and_azure_never_has_to_say_too_many() {
    rehearse(async {
        let planned = fleet::plan(MACHINES);
        let mut stage = Stage::new(fleet::world(&planned), 5);
        let played = stage.play(&planned).await;
        assert_eq!(played.exit(), 0, "{}", played.tale());
        let failovers = Failovers::of(&stage.simulator);
        assert_eq!(failovers.spans.len(), MACHINES);
        assert_eq!(
            failovers.refused_after(Duration::ZERO),
            0,
            "refused at {:?}",
            failovers.refused
        );
        let reads = |end: &str| {
            let of = failovers
                .requests
                .iter()
                .filter(|entry| entry.method == "GET" && entry.path.to_lowercase().ends_with(end));
            of.count()
        };
        // What waits for its turn is not looked at again and again, and one list answers for many.
        let (items, jobs) = (reads("/replicationprotecteditems"), reads("/replicationjobs"));
        assert!(items < 60, "{items} lists of items");
        assert!(jobs < 40, "{jobs} lists of jobs");
        let singly = failovers.requests.iter().filter(|entry| {
            let path = entry.path.to_lowercase();
            entry.method == "GET" && (path.contains("/replicationjobs/") || path.contains("operationstatus/"))
        });
        assert!(singly.count() < 40, "jobs were asked about singly");
    });
}

#[test]
fn a_machine_that_waits_for_its_turn_says_so_and_for_how_long() {
    rehearse(async {
        let planned = fleet::plan(MACHINES);
        let mut stage = Stage::new(fleet::world(&planned), 6);
        let played = stage.play(&planned).await;
        let waits: Vec<Duration> = played
            .records
            .iter()
            .filter_map(|record| match &record.body.event {
                Event::Operation {
                    change: OperationEvent::Queued { about },
                    ..
                } => Some(*about),
                _ => None,
            })
            .collect();
        assert!(!waits.is_empty());
        let longest = waits.iter().max().copied().unwrap_or_default();
        // 320 machines, 190 at once, ten a second.
        assert!(
            (Duration::from_secs(11)..Duration::from_secs(16)).contains(&longest),
            "{longest:?}"
        );
    });
}
