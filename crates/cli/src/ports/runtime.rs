//! Which async runtime a verb gets; none is built before it is needed.

use std::future::Future;

use crate::failure::Failure;

/// Runs something short on this thread.
pub fn light<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    built(tokio::runtime::Builder::new_current_thread().enable_all())?.block_on(work)
}

/// Runs a real run on every core.
pub fn wide<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    built(tokio::runtime::Builder::new_multi_thread().enable_all())?.block_on(work)
}

/// Runs a rehearsal: one thread, and a clock that jumps to the next timer when nothing else moves.
pub fn rehearsal<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    built(
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true),
    )?
    .block_on(work)
}

fn built(builder: &mut tokio::runtime::Builder) -> Result<tokio::runtime::Runtime, Failure> {
    builder
        .build()
        .map_err(|error| Failure::defect(format!("the runtime cannot be built: {error}")))
}
