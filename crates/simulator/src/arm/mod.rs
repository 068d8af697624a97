//! How does the pretend ARM speak? Requests and answers as values, its front door, its own resources.

pub mod answer;
pub(crate) mod front;
pub(crate) mod groups;
pub(crate) mod headers;
pub(crate) mod lists;
pub(crate) mod path;
pub(crate) mod poll;
pub(crate) mod registration;
pub(crate) mod request;
pub(crate) mod version;

pub use self::{answer::Answer, path::ArmPath, request::ArmRequest};
