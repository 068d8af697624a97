//! What is told of a region, and how late?

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    clock::later,
    provider::Context,
    world::{Health, geography},
};

/// All is well.
pub(super) const AVAILABLE: &str = "Available";
/// Nothing is known.
pub(super) const UNKNOWN: &str = "Unknown";

/// How late a change is told. Documented is that it may lag; the figures are inferences.
const LATE: (Duration, Duration) = (Duration::from_secs(4 * 60), Duration::from_secs(12 * 60));
/// For how long nothing is known of a region that stopped to answer, before it is called unavailable. Inference.
const SILENT: Duration = Duration::from_secs(5 * 60);

/// What is told, and since when it is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) word: &'static str,
    pub(super) since: Timestamp,
}

impl Told {
    /// Says it in a sentence.
    pub(super) fn summary(self) -> &'static str {
        match self.word {
            "Unavailable" => "The platform reports that this resource is unavailable.",
            "Degraded" => "The platform reports that this resource does not serve as it should.",
            UNKNOWN => "The platform has had no news of this resource for some time.",
            _ => "The platform knows of no problem that affects this resource.",
        }
    }

    /// Says whose doing it is.
    pub(super) fn reason(self) -> &'static str {
        match self.word {
            "Unavailable" | "Degraded" => "Unplanned",
            _ => "",
        }
    }
}

/// Returns how late it is told that a region changed at a moment.
pub(super) fn late(context: &Context<'_>, region: &str, changed: Timestamp) -> Duration {
    let name = format!("health/{}/{changed}", geography::fold(region));
    context.seed.stretch(&name, LATE.0, LATE.1)
}

/// Returns what is told of a region's resources.
pub(super) fn of(context: &Context<'_>, region: &str) -> Told {
    let world = &context.world;
    let well = |since: Timestamp| Told {
        word: AVAILABLE,
        since,
    };
    if let Some(down) = world.down_since(region, context.now) {
        let told = later(down, late(context, region, down));
        if context.now < told {
            return well(world.start);
        }
        let word = match context.health(region) {
            Health::Gone if context.now < later(told, SILENT) => UNKNOWN,
            Health::Gone => "Unavailable",
            _ => "Degraded",
        };
        return Told { word, since: down };
    }
    let Some(back) = world.back_since(region, context.now) else {
        return well(world.start);
    };
    if context.now >= later(back, late(context, region, back)) {
        return well(back);
    }
    // Back already, but not yet told so.
    let before = later(back, Duration::ZERO) - jiff::SignedDuration::from_millis(1);
    match world.health(region, before) {
        Health::Up => well(back),
        was => Told {
            word: if was == Health::Gone {
                "Unavailable"
            } else {
                "Degraded"
            },
            since: world.down_since(region, before).unwrap_or(world.start),
        },
    }
}
