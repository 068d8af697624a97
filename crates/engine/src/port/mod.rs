//! The three ports: a driver changes the world, a journal remembers, a clock tells the time.

mod clock;
mod driver;
mod journal;
pub mod records;

pub use clock::{Clock, Moment};
pub use driver::{Context, Driver, DriverError, Drivers, Files, SourceRegion};
pub use journal::{
    Claim, ClaimOutcome, Command, CommandId, Envelope, Holder, Journal, JournalError, JournalStore,
    LeaseInfo, LeasePolicy, OpenError, Opened, RunHeader, RunSummary, Verdict,
};
pub use records::Records;
