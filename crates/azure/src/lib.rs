//! How a step reaches Azure: requests and answers as values, one small ARM client that sends a
//! change once, a poller whose tickets survive a restart, and a driver for every kind.

pub mod arm;
pub mod bridge;
pub mod cloud;
pub mod credential;
mod data_plane;
pub mod governance;
pub mod kinds;
pub mod names;
pub mod pace;
pub mod registry;
pub mod seams;
#[cfg(test)]
mod testing;
mod tsql;
