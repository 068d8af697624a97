//! Who is asking? The step and the purpose behind whatever this task sends.

use leeward_engine::id::{AttemptKey, OperationId, RunId, StepId};

use super::rank::{Purpose, Rank};

/// On whose behalf a task asks Azure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Here {
    /// How urgent it is.
    pub(crate) rank: Rank,
    /// Whether a change is to follow what is read.
    pub(crate) before_send: bool,
}

tokio::task_local! {
    static HERE: Here;
}

impl Here {
    /// Runs something on behalf of a step.
    pub(crate) async fn during<T>(self, work: impl Future<Output = T>) -> T {
        HERE.scope(self, work).await
    }
}

/// Returns on whose behalf this task asks; a look of no step where nobody said.
pub(crate) fn here() -> Here {
    HERE.try_with(|here| *here).unwrap_or(Here {
        rank: Rank::plain(Purpose::Look),
        before_send: false,
    })
}

/// Names the turn of an operation.
pub(crate) fn name(run: &RunId, step: &StepId, operation: &OperationId) -> String {
    format!("{run}/{step}/{operation}")
}

/// Names the turn that a change uses.
pub(crate) fn name_of(key: &AttemptKey) -> String {
    name(&key.run, &key.step, &key.operation)
}
