//! How does a journal become a state? As it is read: nobody holds it whole.

use super::{ConductorError, Observer, Unobserved};
use crate::{
    port::{JournalError, Records},
    state::{Fold, IllegalTransition, RunState},
};

/// Why a journal does not come to a state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfolded {
    /// It could not be read, or not be believed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// It was read, and is not the history of a run that this version knows.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
}

impl From<Unfolded> for ConductorError {
    fn from(error: Unfolded) -> ConductorError {
        match error {
            Unfolded::Journal(error) => ConductorError::Journal(error),
            Unfolded::Illegal(error) => ConductorError::Illegal(error),
        }
    }
}

/// Folds a journal as it is read.
pub async fn folded(records: Box<dyn Records>) -> Result<RunState, Unfolded> {
    told(records, &mut Unobserved).await
}

/// Folds a journal as it is read, and tells of each portion.
pub(super) async fn told(
    mut records: Box<dyn Records>,
    observer: &mut dyn Observer,
) -> Result<RunState, Unfolded> {
    let mut fold = Fold::default();
    while let Some(portion) = records.next().await? {
        for record in &portion {
            fold.take(record)?;
        }
        if let Some(state) = fold.state() {
            observer.recorded(state, &portion);
        }
    }
    Ok(fold.end()?)
}
