//! The rehearsal's stage: a world derived from a plan, and the wires that lead into it.

mod blueprint;
mod cast;
mod play;
mod public;
mod wires;
mod world;

pub use blueprint::blueprint;
pub use cast::{conductor, opening};
pub use play::{Rehearsal, drivers, drivers_over};
pub use wires::{Answers, SimulatedCommands, SimulatedHttp, SimulatedPublic};
pub use world::{Outage, Setting, faults, setting_beside, setting_of, world};
