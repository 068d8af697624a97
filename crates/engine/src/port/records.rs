//! How does a journal's history come out of its store? In portions, verified as they pass, never all at once.

use async_trait::async_trait;

use super::JournalError;
use crate::record::Record;

/// Records on their way out of a journal, oldest first.
///
/// **The store guarantees** that every record handed out was compared with its hash and follows the
/// one before it, that the last portion ends where some append ended, and that an error names the
/// first record that cannot be believed: what was handed out before it is sound, and nothing comes
/// after it. So whoever folds until the error has all that a damaged journal can still prove.
#[async_trait]
pub trait Records: Send {
    /// Returns the next portion, small enough to hold and never empty; `None` at the end.
    async fn next(&mut self) -> Result<Option<Vec<Record>>, JournalError>;
}

/// Reads to the end and returns everything. For short stretches, tests and exports; a fold takes portions.
pub async fn all(mut records: Box<dyn Records>) -> Result<Vec<Record>, JournalError> {
    let mut all = Vec::new();
    while let Some(portion) = records.next().await? {
        all.extend(portion);
    }
    Ok(all)
}

/// Hands out what is in memory already.
pub fn of(records: Vec<Record>) -> Box<dyn Records> {
    Box::new(AtOnce(records))
}

struct AtOnce(Vec<Record>);

#[async_trait]
impl Records for AtOnce {
    async fn next(&mut self) -> Result<Option<Vec<Record>>, JournalError> {
        let all = std::mem::take(&mut self.0);
        Ok((!all.is_empty()).then_some(all))
    }
}
