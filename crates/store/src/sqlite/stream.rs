//! How do records leave the file? A portion a look; the next is read while this one is folded.

use std::sync::Arc;

use async_trait::async_trait;
use leeward_engine::{
    id::RunId,
    port::{JournalError, Records},
    record::Record,
};
use tokio::task::JoinHandle;

use super::{
    Inner,
    work::{self, Place, Portion, Then},
};

/// Records of one run, from a number on.
///
/// Each look sees one state of the file and lets go of it, so that a slow reader holds up no
/// checkpoint. Records are only ever added, so what two looks saw fits together, and the last one
/// ends where an append ended.
pub(super) struct Stream {
    inner: Arc<Inner>,
    run: RunId,
    stage: Stage,
}

enum Stage {
    /// Nobody has asked for anything yet.
    Fresh(Place),
    /// The next portion is being read.
    Reading(JoinHandle<Result<Portion, JournalError>>),
    /// The next record cannot be believed.
    Failed(JournalError),
    /// Nothing follows.
    Over,
}

impl Stream {
    pub(super) fn new(inner: Arc<Inner>, run: RunId, from: u64) -> Stream {
        Stream {
            inner,
            run,
            stage: Stage::Fresh(Place::From(from)),
        }
    }

    fn look(&self, place: Place) -> JoinHandle<Result<Portion, JournalError>> {
        let (inner, run) = (Arc::clone(&self.inner), self.run.clone());
        tokio::task::spawn_blocking(move || inner.readers.read(|db| work::portion(db, &run, place)))
    }
}

#[async_trait]
impl Records for Stream {
    async fn next(&mut self) -> Result<Option<Vec<Record>>, JournalError> {
        loop {
            // Whatever fails below, nothing comes after it.
            let reading = match std::mem::replace(&mut self.stage, Stage::Over) {
                Stage::Over => return Ok(None),
                Stage::Failed(error) => return Err(error),
                Stage::Reading(reading) => reading,
                Stage::Fresh(place) => self.look(place),
            };
            let Portion { records, then } = reading.await.unwrap_or_else(|error| {
                let reason = format!("the thread that reads it ended in the middle: {error}");
                Err(JournalError::Unavailable { reason })
            })?;
            self.stage = match then {
                Then::More(verifier) => Stage::Reading(self.look(Place::Behind(verifier))),
                Then::Damaged(error) => Stage::Failed(error),
                Then::End => Stage::Over,
            };
            if !records.is_empty() {
                return Ok(Some(records));
            }
        }
    }
}
