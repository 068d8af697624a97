//! How does a person give back the targets of a run that cannot give them back itself?

use jiff::Timestamp;

use super::{Unfolded, read};
use crate::{
    event::{Event, Person},
    id::RunId,
    port::{Holder, Journal, JournalError, JournalStore, LeasePolicy, OpenError},
};

/// What a person says who gives a run's targets back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Who.
    pub by: Person,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// Gives all targets of a run back on a person's word, and records it where its journal can be gone on with.
///
/// The lease is taken first, so whoever still conducted the run is fenced before its targets are free.
/// Returns why nothing was recorded, where that is so: a journal that cannot be believed, or that is of
/// a newer version, is left as it is.
pub async fn unlock(
    store: &dyn JournalStore,
    run: &RunId,
    holder: &Holder,
    policy: LeasePolicy,
    word: Word,
) -> Result<Option<Unfolded>, OpenError> {
    let mut opened = store.open(run, holder, policy).await?;
    let from = opened.previous.take().map(|lease| lease.holder);
    let lease = Event::LeaseTaken {
        epoch: opened.journal.epoch(),
        holder: holder.clone(),
        from,
    };
    let unrecorded = match noted(opened.journal.as_mut(), lease, word).await {
        Ok(()) => None,
        Err(Unfolded::Journal(
            error @ (JournalError::Fenced { .. }
            | JournalError::Unavailable { .. }
            | JournalError::Ambiguous { .. }
            | JournalError::NoSuchRun { .. }),
        )) => return Err(error.into()),
        Err(unreadable) => Some(unreadable),
    };
    store.release(run).await?;
    if let Err(error) = opened.journal.close().await {
        tracing::warn!(%run, %error, "the lease of an unlocked run was not given back");
    }
    Ok(unrecorded)
}

async fn noted(journal: &mut dyn Journal, lease: Event, word: Word) -> Result<(), Unfolded> {
    let mut chain = read::folded(journal.records(1)).await?.chain;
    let Word { by, reason, at } = word;
    let mut records = Vec::new();
    for event in [lease, Event::ClaimsReleased { by, reason }] {
        let record = chain.next(journal.epoch(), at, event);
        records.push(record.map_err(crate::state::IllegalTransition::from)?);
    }
    journal.append(&records).await?;
    Ok(())
}
