//! The immutable, resolved runbook for one journey: what will be done, in which order,
//! known by its digest.

mod files;
mod make;
mod parameters;
mod request;
mod route;
mod settle;

pub use make::{PinnedFiles, plan, plan_with_files, plan_with_warnings};
pub use request::{Folder, NoFiles, PlanRequest};

use std::{collections::BTreeMap, fmt, io::Write, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    journey::{Journey, Region},
    units,
};

/// The version of the plan's own format; a reader refuses a newer one.
pub const PLAN_FORMAT: u32 = 1;

/// The name of a step, unique in its runbook.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub Arc<str>);

impl StepId {
    /// Makes an id of text that the checker has seen already.
    pub fn new(text: impl AsRef<str>) -> StepId {
        StepId(text.as_ref().into())
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A whole move, resolved: no parameter, side or file is looked up again after this.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`PLAN_FORMAT`] of the writer.
    pub format: u32,
    /// The runbook's name.
    pub runbook: String,
    /// The runbook's summary.
    pub summary: String,
    /// What the plan is for.
    pub journey: Journey,
    /// The region that serves before the move.
    pub source: Region,
    /// The region that takes over.
    pub target: Region,
    /// Whether the outage was declared: nothing may go to `source` before recovery.
    pub region_down: bool,
    /// What the platform promises.
    pub objectives: Objectives,
    /// The values of the parameters; secrets stay references.
    pub parameters: BTreeMap<String, Value>,
    /// Every step that takes part, dependencies first, longest remaining path first; shared with
    /// whoever works on one.
    pub steps: Vec<Arc<PlannedStep>>,
    /// The files that the run will read: path in the runbook's folder to BLAKE3 in hex.
    pub files: BTreeMap<String, String>,
    /// The steps of the longest path by forecast to the end of recovery, first to last; to the
    /// end of the plan where nothing ends recovery.
    pub critical_path: Vec<StepId>,
    /// How long that path takes by forecast.
    #[serde(with = "units::duration")]
    pub forecast: Duration,
}

impl Plan {
    /// Returns the digest by which people and approvals know this plan: BLAKE3 of its JSON, in hex.
    pub fn digest(&self) -> String {
        // Maps of a plan are ordered, and a value has one JSON form, so equal plans digest equally.
        // Hashed as it is written: a plan of ten thousand steps is not held as text once more.
        let mut hasher = std::io::BufWriter::with_capacity(1 << 16, blake3::Hasher::new());
        let written = serde_json::to_writer(&mut hasher, self).map_err(std::io::Error::from);
        match written.and_then(|()| hasher.flush()) {
            Ok(()) => hasher.get_ref().finalize().to_hex().to_string(),
            Err(_) => blake3::hash(b"").to_hex().to_string(),
        }
    }

    /// Returns the step of that name.
    pub fn step(&self, id: &StepId) -> Option<&PlannedStep> {
        self.steps.iter().map(|step| &**step).find(|step| &step.id == id)
    }
}

/// What the platform promises its customers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objectives {
    /// Recovery time objective.
    #[serde(with = "units::optional_duration", default)]
    pub rto: Option<Duration>,
    /// Recovery point objective.
    #[serde(with = "units::optional_duration", default)]
    pub rpo: Option<Duration>,
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// Its name.
    pub id: StepId,
    /// Its kind, such as `azure.aks.cluster`.
    pub kind: String,
    /// One line for people.
    #[serde(default)]
    pub summary: Option<String>,
    /// Every step that must be satisfied first: `after:` and references alike. Only steps of
    /// this plan: order that passed through a step without a part is already here.
    pub after: Vec<StepId>,
    /// A condition (CEL) that needs outputs; anything the plan could decide is decided.
    #[serde(default)]
    pub when: Option<String>,
    /// `with` and the `at` of the side that takes over, merged, defaults filled in, parameters
    /// resolved. A text may still hold `${{ steps.… }}`: the engine resolves it when the step is ready.
    pub settings: Value,
    /// The `at` of the side that serves before the move, resolved likewise; null where not written.
    pub source: Value,
    /// The `at` of the side that takes over; null where not written.
    pub target: Value,
    /// What may be lost and how to go about it, for kinds that can lose data in this journey.
    #[serde(default)]
    pub data_loss: Option<DataLoss>,
    /// How long we wait for the step.
    #[serde(with = "units::duration")]
    pub timeout: Duration,
    /// How clean refusals are tried again.
    pub retry: Retry,
    /// What proves that it is done, for kinds with no goal of their own.
    #[serde(default)]
    pub goal: Option<Goal>,
    /// Whether the author says that doing it twice is harmless (`repeat: safe`).
    #[serde(default)]
    pub repeat_safe: bool,
    /// What a failure means for the rest.
    pub on_failure: OnFailure,
    /// Checks after the change, in order. A `check.*` step has itself as its only one.
    #[serde(default)]
    pub verify: Vec<Check>,
    /// Whether its success ends the RTO clock.
    #[serde(default)]
    pub ends_recovery: bool,
    /// Whether some step that ends recovery depends on it, or it ends recovery itself.
    #[serde(default)]
    pub before_recovery: bool,
    /// Whether it lies on the critical path.
    #[serde(default)]
    pub critical: bool,
    /// How long the kind usually takes.
    #[serde(with = "units::duration")]
    pub forecast: Duration,
    /// The longest forecast path from this step's start to the end of the plan; larger goes first.
    #[serde(with = "units::duration")]
    pub remaining: Duration,
}

/// The `data-loss` of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataLoss {
    /// What may be lost without asking; zero when not written.
    #[serde(with = "units::duration")]
    pub budget: Duration,
    /// From gentlest to harshest; never empty (the kind's default ladder when not written).
    pub ladder: Vec<LadderRung>,
}

/// One way to do a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LadderRung {
    /// `planned`, `forced`, `unplanned`, …: a word of the kind.
    pub name: String,
    /// How long we wait before the next rung is offered.
    #[serde(with = "units::optional_duration", default)]
    pub within: Option<Duration>,
}

/// How often, and how far apart, a clean refusal is tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// The first try included.
    pub attempts: u32,
    /// The first pause.
    #[serde(with = "units::duration")]
    pub backoff_from: Duration,
    /// The longest pause.
    #[serde(with = "units::duration")]
    pub backoff_to: Duration,
}

/// What a step's failure means for the rest of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// Its dependents wait; other branches go on.
    Block,
    /// The run goes on; an accepted degradation is recorded.
    Continue,
    /// Nothing more is started.
    Halt,
}

/// Something to prove: a check kind with its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// `check.http`, `check.tcp`, …
    pub kind: String,
    /// Its settings; may hold `${{ steps.… }}`.
    pub settings: Value,
    /// How long it may take to come true.
    #[serde(with = "units::duration")]
    pub within: Duration,
    /// How long it must then stay true without a break.
    #[serde(with = "units::duration")]
    pub hold: Duration,
    /// The pause between two probes.
    #[serde(with = "units::duration")]
    pub every: Duration,
}

/// What tells whether a step without a goal of its own is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Goal {
    /// A check that passes.
    Check(Check),
    /// A condition (CEL over `body` and `status`) on a GET of the step's own resource.
    Condition(String),
}
