//! The Azure Resource Manager as requests and answers in values, and the client that carries them.

pub mod client;
pub mod reply;
pub mod request;

pub use client::{Arm, ReadError};
pub use reply::{ArmError, Reply};
pub use request::{Method, Request};
