//! What the acceptance tests share.

pub mod fleet;
pub mod judges;
pub mod processes;
pub mod roles;
pub mod stage;
pub mod sweep;
pub mod toy;
