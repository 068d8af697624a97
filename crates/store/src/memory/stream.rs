//! How do records leave the memory? In portions, like everywhere, each in one look.

use async_trait::async_trait;
use leeward_engine::{
    id::RunId,
    port::{JournalError, Records},
    record::Record,
};

use super::MemoryStore;
use crate::verify::Verifier;

/// The most records of a portion.
const MOST: usize = 1024;

/// Records of one run, from a number on.
pub(super) struct Stream {
    store: MemoryStore,
    run: RunId,
    from: u64,
    /// The process that reads, where it holds a lease: one that is dead reads nothing more.
    reader: Option<u64>,
    verifier: Option<Verifier>,
    is_over: bool,
}

impl Stream {
    pub(super) fn new(store: MemoryStore, run: RunId, from: u64, reader: Option<u64>) -> Stream {
        Stream {
            store,
            run,
            from,
            reader,
            verifier: None,
            is_over: false,
        }
    }

    fn portion(&mut self) -> Result<Vec<Record>, JournalError> {
        let state = self.store.state();
        let end = state.end(&self.run)?;
        let (run, from) = (&self.run, self.from);
        let verifier = self
            .verifier
            .get_or_insert_with(|| Verifier::from(run, from.min(end + 1)));
        let (portion, last) = state.portion(run, verifier.next(), MOST)?;
        self.is_over = last;
        let believed = portion.into_iter().map(|record| verifier.follow(record));
        believed.filter_map(Result::transpose).collect()
    }
}

#[async_trait]
impl Records for Stream {
    async fn next(&mut self) -> Result<Option<Vec<Record>>, JournalError> {
        while !self.is_over {
            let generation = self.store.state().generation;
            if self.reader.is_some_and(|reader| reader != generation) {
                return std::future::pending().await;
            }
            // A journal in memory cannot be damaged, so nothing believed is held back by an error.
            self.is_over = true;
            let portion = self.portion()?;
            if !portion.is_empty() {
                return Ok(Some(portion));
            }
        }
        Ok(None)
    }
}
