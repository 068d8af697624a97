//! Who acts, and how well that is known.

use leeward_engine::{
    event::{Known, Person},
    port::Holder,
};

use crate::settings::Settings;

/// Returns the person at this terminal: the name of the settings, else of the local account.
/// Either is stated; only a token could prove it.
pub fn person(settings: &Settings) -> Person {
    let name = settings
        .text("user")
        .map(str::to_owned)
        .unwrap_or_else(|| leeward_store::holder::this_process().user);
    Person {
        name,
        known: Known::Stated,
    }
}

/// Returns the stand-in who approves every gate of a rehearsal.
pub fn stand_in() -> Person {
    Person {
        name: "rehearsal".to_owned(),
        known: Known::Rehearsed,
    }
}

/// Returns this process as a holder of leases, under the name of the settings.
pub fn holder(settings: &Settings) -> Holder {
    let mut holder = leeward_store::holder::this_process();
    holder.user = person(settings).name;
    holder
}
