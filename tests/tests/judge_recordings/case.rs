//! A part of a recording, played to a driver.

use std::{path::Path, sync::Arc};

use leeward_acceptance::{
    judges::{
        material,
        replay::{Replayer, Supplement},
    },
    stage::{Book, Played, Stage, rehearse},
};
use leeward_cli::rehearsal::Outage;
use leeward_engine::view::StepWord;
use leeward_runbook::journey::Journey;
use leeward_simulator::World;
use serde_json::Value;

pub(crate) const SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000000";

/// One run of a driver against a part of a recording.
pub(crate) struct Case<'a> {
    pub(crate) recording: &'a str,
    /// Which exchanges play, in their order.
    pub(crate) part: Vec<usize>,
    /// Which of them are before the run begins: what a read finds already.
    pub(crate) before: usize,
    pub(crate) supplements: Vec<Supplement>,
    pub(crate) runbook: &'a str,
    pub(crate) journey: Journey,
    pub(crate) start: &'a str,
}

impl Case<'_> {
    /// Plays it; nothing where there are no recordings.
    pub(crate) fn play(self, test: &str) -> Option<(Arc<Replayer>, Played)> {
        let folder = material::folder_for(test)?;
        let all = material::recording(&folder, self.recording);
        let part: Vec<Value> = self.part.iter().map(|place| all[*place].clone()).collect();
        let end = part.len();
        let replayer = Arc::new(Replayer::new(part, self.before, end, self.supplements));
        let files = tempfile::tempdir().expect("a folder");
        let file = files.path().join("runbook.yaml");
        std::fs::write(&file, self.runbook).expect("written");
        let played = rehearsed(&file, self.journey, self.start, replayer.clone());
        Some((replayer, played))
    }

    /// Insists that the recorded changes were sent, in their order, and no others, and that the run came to its end.
    pub(crate) fn goes_as_recorded(self, test: &str, reads: Reads) {
        let Some((replayer, played)) = self.play(test) else {
            return;
        };
        sent_as_recorded(&replayer, &played);
        for step in &played.view.steps {
            assert_eq!(step.state, StepWord::Done, "{}: {}", step.id, played.tale());
        }
        if reads == Reads::Recorded {
            let unknown = replayer.unknown();
            let of_the_driver = unknown.iter().filter(|read| !is_governance(read));
            assert_eq!(of_the_driver.collect::<Vec<_>>(), [""; 0]);
        }
    }
}

/// What a driver may read while a recording is played to it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reads {
    /// Nothing but what was recorded or is supplied.
    Recorded,
    /// More than that, which is answered as missing.
    More,
}

/// Whether a read asks what stands around a resource, which every kind does and nobody recorded.
fn is_governance(read: &str) -> bool {
    let of_a_group = read.contains("/resourcegroups/") && !read.contains("/providers/");
    read.starts_with("GET ") && (read.ends_with("/providers/microsoft.authorization/locks") || of_a_group)
}

fn rehearsed(file: &Path, journey: Journey, start: &str, replayer: Arc<Replayer>) -> Played {
    rehearse(async {
        let book = Book::at("recorded", file);
        let planned = book.plan(journey, Outage::BothUp);
        let mut world = World::default();
        world.start = start.parse().expect("a moment");
        let mut stage = Stage::answered_by(world, 1, Some(replayer));
        stage.play(&planned).await
    })
}

/// Insists that the recorded changes were sent, in their order, and no others.
pub(crate) fn sent_as_recorded(replayer: &Replayer, played: &Played) {
    let told = format!(
        "{}\nread and not recorded: {:#?}",
        played.tale(),
        replayer.unknown()
    );
    assert_eq!(replayer.surplus(), [], "changes that nobody recorded: {told}");
    assert_eq!(replayer.sent(), replayer.recorded(), "{told}");
    assert!(
        !replayer.recorded().is_empty(),
        "a recording without a change shows nothing"
    );
}

/// What the driver reads beside the group, which nobody recorded: the members themselves, and their links.
pub(crate) fn beside(path: &str, body: Value) -> Supplement {
    Supplement {
        from: 0,
        to: usize::MAX,
        path: path.to_owned(),
        status: 200,
        body,
    }
}
