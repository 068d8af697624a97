//! What the acceptance tests share.

pub mod judges;
pub mod processes;
pub mod roles;
pub mod stage;
pub mod sweep;
pub mod toy;
