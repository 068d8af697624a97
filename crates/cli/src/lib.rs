//! The `leeward` command: its arguments, settings, screens and reports, and the joining of the
//! other crates into verbs. Decisions are made elsewhere; this crate asks, shows and ends.

pub mod arguments;
pub mod code;
pub mod commands;
pub mod exit;
pub mod failure;
mod logging;
pub mod ports;
pub mod rehearsal;
pub mod report;
mod run;
#[cfg(test)]
mod sample;
pub mod screen;
pub mod settings;
pub mod terminal;

pub use run::run;
