//! What a kind declares: its settings, journeys, ladder, operations and outputs. Pure data,
//! read by the checker, the planner, the documentation and the drivers alike.

use std::time::Duration;

use crate::journey::Journey;

/// The declaration of one kind of step.
#[derive(Clone, Debug)]
pub struct Kind {
    /// `family.thing` or `family.service.thing`.
    pub name: &'static str,
    /// One line for `leeward kinds`.
    pub summary: &'static str,
    /// Every key that `with:` and `at:` may hold.
    pub settings: &'static [Setting],
    /// Journeys it can take part in.
    pub journeys: &'static [Journey],
    /// Journeys it takes part in when `in:` is left out.
    pub default_journeys: &'static [Journey],
    /// Names of its ladder's rungs from gentlest to harshest; empty where it cannot lose data.
    pub ladder: &'static [&'static str],
    /// Whether it knows its own end state. Where not, a step needs `goal:` or `repeat:`.
    pub has_goal: bool,
    /// The values that later steps may read as `steps.NAME.outputs.…`.
    pub outputs: &'static [Output],
    /// Whose control plane its changes need.
    pub control_plane: ControlPlane,
    /// Azure permissions it needs, for `leeward kinds` and readiness.
    pub permissions: &'static [&'static str],
    /// What it changes, operation by operation.
    pub operations: &'static [OperationDeclaration],
    /// How long its change usually takes; the source of the figure stands in its documentation.
    pub forecast: Duration,
    /// Whether it runs other people's code or requests: in a drill such a step needs `clean-up`.
    pub foreign: bool,
    /// Whether `at` may hold any names, for expressions to read.
    pub free_at: bool,
}

impl Kind {
    /// Returns the declaration of a setting.
    pub fn setting(&self, name: &str) -> Option<&'static Setting> {
        self.settings.iter().find(|setting| setting.name == name)
    }

    /// Says whether it can lose data in a journey.
    pub fn can_lose(&self, journey: Journey) -> bool {
        !self.ladder.is_empty() && matches!(journey, Journey::Failover | Journey::Failback)
    }

    /// Says whether it is one of the checks, which prove and change nothing.
    pub fn is_check(&self) -> bool {
        self.name.starts_with("check.")
    }

    /// Says whether a rung needs the region that served: it loses nothing because both sides take part.
    pub fn rung_needs_source(&self, rung: &str) -> bool {
        rung == "planned" || self.control_plane == ControlPlane::Source
    }
}

/// One key of a kind's settings.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The key.
    pub name: &'static str,
    /// What it may hold.
    pub shape: Shape,
    /// Where it may stand.
    pub stands: Stands,
    /// Whether a step without it is a finding.
    pub required: bool,
    /// The value when left out, as JSON text.
    pub default: Option<&'static str>,
    /// One line of documentation.
    pub summary: &'static str,
}

/// Where a setting may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// Only under `with:`.
    With,
    /// Only under `at:`, once a side.
    At,
    /// Under either.
    Either,
}

/// What a setting may hold. An expression `${{ … }}` may stand for any scalar.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// Any text.
    Text,
    /// A name that Azure accepts in a path: letters, digits, `-`, `_`, `.`, `(`, `)`.
    Name,
    /// A whole resource id.
    ResourceId,
    /// `true` or `false`.
    Flag,
    /// A whole number from the first to the second.
    Number(i64, i64),
    /// A duration with its unit.
    Duration,
    /// A percentage with its sign.
    Percent,
    /// An absolute http or https URL.
    Url,
    /// A secret's reference: `env:` or `file:`; `key-vault:` is known and not resolved yet.
    Secret,
    /// A file or folder in the runbook's folder; its content is pinned by the plan.
    File,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of these.
    List(&'static Shape),
    /// A map with exactly these keys.
    Map(&'static [Setting]),
    /// A map with free keys and values of this shape.
    Table(&'static Shape),
    /// One of several shapes.
    Either(&'static [Shape]),
    /// Any JSON at all.
    Any,
}

/// A value that a step leaves for others.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// Its name under `outputs`.
    pub name: &'static str,
    /// One line of documentation.
    pub summary: &'static str,
}

/// Whose control plane a kind's changes need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlPlane {
    /// The region that takes over.
    Target,
    /// The region that served: such a step may not stand before `ends: recovery`.
    Source,
    /// A global service.
    Global,
    /// No cloud at all.
    None,
    /// It depends on the step's settings.
    BySettings,
}

/// What `leeward kinds` and the drivers know about one operation.
#[derive(Clone, Copy, Debug)]
pub struct OperationDeclaration {
    /// Its name within the kind, such as `failover`.
    pub name: &'static str,
    /// The rung of the ladder that it is, where it is one.
    pub rung: Option<&'static str>,
    /// What is sent, for people: `POST …/failover`.
    pub sends: &'static str,
    /// Its end state, absolute.
    pub goal: &'static str,
    /// What a second send would mean.
    pub repeat: RepeatClass,
    /// How long an accepted change may stay invisible to reads.
    pub settling: Duration,
    /// Who can tell whether the first arrived.
    pub witnesses: &'static str,
    /// The section of the facts behind it, or `inference`.
    pub source: &'static str,
}

/// What a second send of the same operation would mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RepeatClass {
    /// The same thing again.
    Repeatable,
    /// Azure refuses it.
    SelfGuarded,
    /// Something else: it must never be sent twice.
    OneShot,
}
