//! What happens next, and the record of it: a pure machine that decides, a conductor that
//! records and then acts, and the three ports through which it meets the world.

pub mod conductor;
mod context;

pub mod event;
pub mod id;
pub mod machine;
pub mod policy;
pub mod port;
pub mod record;
pub mod state;
pub mod view;
pub mod work;
