//! What the acceptance tests share.

pub mod judges;
pub mod processes;
pub mod stage;
