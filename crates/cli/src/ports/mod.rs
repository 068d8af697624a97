//! What the real world looks like to the engine: clocks, journals, drivers, files, people.

pub mod azure;
pub mod clock;
pub mod folder;
pub mod identity;
pub mod runtime;
pub mod store;
