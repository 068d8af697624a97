//! The world of a rehearsal: derived from the plan, overlaid by `world.yaml`, struck by an outage.

use std::{
    fs,
    path::{Path, PathBuf},
};

use leeward_engine::port::Files;
use leeward_runbook::plan::Plan;
use leeward_simulator::{
    Rule, World, rules,
    world::{Health, Outage as RegionOutage, When},
};

use super::{blueprint, public};
use crate::{code::Code, failure::Failure};

/// What has happened to the region that serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// Nothing.
    BothUp,
    /// It does not serve; its providers still answer.
    ServingDown,
    /// It is gone.
    RegionGone,
}

/// What stands in `world.yaml`.
#[derive(Clone, Debug, Default)]
pub struct Setting {
    /// Where it stands, where there is one.
    pub path: Option<PathBuf>,
    /// What it says.
    pub world: World,
}

/// The subscription of a rehearsal that names none.
const NO_SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000001";

impl Setting {
    /// Returns the values of parameters that the world gives, as the command line would, and what stands in for
    /// the variables of the environment that a rehearsal must not need.
    pub fn parameters(&self) -> Vec<(String, String)> {
        let nowhere = ("env.AZURE_SUBSCRIPTION_ID".to_owned(), NO_SUBSCRIPTION.to_owned());
        let map = self.world.parameters.as_object();
        let text = |value: &serde_json::Value| match value.as_str() {
            Some(text) => text.to_owned(),
            None => value.to_string(),
        };
        map.into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), text(value)))
            .chain([nowhere])
            .collect()
    }
}

/// Reads the `world.yaml` beside a runbook; a world without surprises where there is none.
pub fn setting_beside(runbook: &Path) -> Result<Setting, Failure> {
    let folder = runbook.parent().unwrap_or(Path::new("."));
    let path = folder.join("world.yaml");
    if !path.is_file() {
        return Ok(Setting::default());
    }
    let text = fs::read_to_string(&path).map_err(|error| Failure::file(&path, &error))?;
    setting_of(&path, &text)
}

/// Reads the text of a world.
pub fn setting_of(path: &Path, text: &str) -> Result<Setting, Failure> {
    let world = World::from_yaml(text).map_err(|error| unreadable(path, &error))?;
    Ok(Setting {
        path: Some(path.to_owned()),
        world,
    })
}

/// Makes the world in which a plan is rehearsed.
pub fn world(plan: &Plan, files: &dyn Files, setting: &Setting, outage: Outage) -> Result<World, Failure> {
    // What the steps were planned with, whatever the parameter is called.
    let subscription = plan
        .steps
        .iter()
        .find_map(|step| step.settings.get("subscription")?.as_str())
        .unwrap_or(NO_SUBSCRIPTION);
    let described = blueprint(plan, subscription, files);
    // The setting goes first: a group that it names keeps the place that it gives.
    let mut world = setting.world.clone();
    world.furnish(&described).map_err(|error| {
        Failure::new(Code::World, "no world can be derived from this runbook")
            .because(error.to_string())
            .hint("name what is missing in the `world.yaml` beside the runbook")
    })?;
    public::furnish(&mut world, plan, subscription);
    let is = match outage {
        Outage::BothUp => return Ok(world),
        Outage::ServingDown => Health::NotServing,
        Outage::RegionGone => Health::Gone,
    };
    world.outage(
        &plan.source.region,
        RegionOutage {
            is,
            from: When::default(),
            until: None,
        },
    );
    Ok(world)
}

/// Reads the rules of fault files, in order.
pub fn faults(paths: &[PathBuf]) -> Result<Vec<Rule>, Failure> {
    let mut all = Vec::new();
    for path in paths {
        let text = fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
        all.extend(rules(&text).map_err(|error| unreadable(path, &error))?);
    }
    Ok(all)
}

fn unreadable(path: &Path, error: &impl std::fmt::Display) -> Failure {
    Failure::new(Code::World, "the simulator cannot read this file")
        .at(path.display().to_string())
        .because(error.to_string())
}
