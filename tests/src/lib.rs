//! What the acceptance tests share.

pub mod processes;
pub mod stage;
