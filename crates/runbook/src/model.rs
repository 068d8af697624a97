//! What a runbook says, as it was written: every part with its place, nothing resolved.

use std::{sync::Arc, time::Duration};

use crate::{
    expr::Reference,
    finding::{Finding, Source},
    journey::{Journey, Side},
    plan::{OnFailure, Retry},
    yaml::{Node, Span},
};

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Joins a value with its place.
    pub fn new(value: T, span: Span) -> Spanned<T> {
        Spanned { value, span }
    }
}

/// A whole runbook.
#[derive(Clone, Debug)]
pub struct Runbook {
    /// The file.
    pub source: Source,
    /// What was wrong with the text; with an error among them there is no plan.
    pub found: Vec<Finding>,
    /// Its name.
    pub name: Spanned<String>,
    /// One line for people.
    pub summary: Option<Spanned<String>>,
    /// The two regions.
    pub regions: Regions,
    /// What the platform promises.
    pub objectives: Objectives,
    /// The parameters, in order.
    pub parameters: Vec<Parameter>,
    /// What holds for every step that does not say otherwise.
    pub defaults: Defaults,
    /// The steps, in order.
    pub steps: Vec<Step>,
}

/// The two regions of a platform.
#[derive(Clone, Debug, Default)]
pub struct Regions {
    /// Where it lives on a good day.
    pub primary: Option<Spanned<String>>,
    /// Where it takes shelter.
    pub paired: Option<Spanned<String>>,
}

impl Regions {
    /// Returns the region of a side.
    pub fn of(&self, side: Side) -> Option<&Spanned<String>> {
        match side {
            Side::Primary => self.primary.as_ref(),
            Side::Paired => self.paired.as_ref(),
        }
    }
}

/// The objectives, as written.
#[derive(Clone, Debug, Default)]
pub struct Objectives {
    /// Recovery time objective.
    pub rto: Option<Spanned<Duration>>,
    /// Recovery point objective.
    pub rpo: Option<Spanned<Duration>>,
}

/// One parameter.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: Spanned<Arc<str>>,
    /// What it may hold.
    pub shape: ParameterType,
    /// The words, for a choice.
    pub choices: Vec<String>,
    /// The value when none is given; may hold `${{ env.… }}`.
    pub default: Option<Node>,
    /// One line for people.
    pub summary: Option<String>,
    /// Whether a plan without a value is refused even where there is none by default.
    pub required: bool,
    /// What its default reads.
    pub reads: Vec<Read>,
}

/// What a parameter may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ParameterType {
    /// Any text.
    String,
    /// A whole number.
    Number,
    /// `true` or `false`.
    Flag,
    /// A duration with its unit.
    Duration,
    /// The id of a subscription.
    SubscriptionId,
    /// A whole resource id.
    ResourceId,
    /// A name that Azure accepts in a path.
    Name,
    /// An http or https URL.
    Url,
    /// A reference to a secret.
    Secret,
    /// One of the words under `choices`.
    Choice,
}

impl ParameterType {
    /// Every type with its word.
    pub const ALL: [(ParameterType, &'static str); 10] = [
        (ParameterType::String, "string"),
        (ParameterType::Number, "number"),
        (ParameterType::Flag, "flag"),
        (ParameterType::Duration, "duration"),
        (ParameterType::SubscriptionId, "subscription-id"),
        (ParameterType::ResourceId, "resource-id"),
        (ParameterType::Name, "name"),
        (ParameterType::Url, "url"),
        (ParameterType::Secret, "secret"),
        (ParameterType::Choice, "choice"),
    ];

    /// Returns the word that the language uses.
    pub fn word(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(known, _)| *known == self)
            .map_or("string", |(_, word)| word)
    }
}

/// What holds for every step that does not say otherwise.
#[derive(Clone, Debug, Default)]
pub struct Defaults {
    /// How long a step is waited for.
    pub timeout: Option<Duration>,
    /// How clean refusals are tried again.
    pub retry: Option<Retry>,
}

/// One step, as written.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its name.
    pub name: Spanned<Arc<str>>,
    /// Its kind; missing where nothing readable was written.
    pub kind: Option<Spanned<Arc<str>>>,
    /// One line for people.
    pub summary: Option<String>,
    /// Its settings for both sides; a map.
    pub with: Option<Node>,
    /// Its settings at the primary side; a map.
    pub primary: Option<Node>,
    /// Its settings at the paired side; a map.
    pub paired: Option<Node>,
    /// The names it waits for.
    pub after: Vec<Spanned<Arc<str>>>,
    /// The journeys it takes part in, where they are said.
    pub journeys: Option<Vec<Spanned<Journey>>>,
    /// A bare condition.
    pub when: Option<Spanned<Arc<str>>>,
    /// What may be lost.
    pub data_loss: Option<DataLoss>,
    /// How long it is waited for.
    pub timeout: Option<Duration>,
    /// How clean refusals are tried again.
    pub retry: Option<Retry>,
    /// What tells that it is done.
    pub goal: Option<Goal>,
    /// `repeat: safe`.
    pub repeat: Option<Spanned<()>>,
    /// What its failure means for the rest.
    pub on_failure: Option<Spanned<OnFailure>>,
    /// The checks after the change.
    pub verify: Vec<Check>,
    /// `ends: recovery`.
    pub ends: Option<Spanned<()>>,
    /// What a drill does to undo it.
    pub clean_up: Option<Spanned<CleanUp>>,
    /// Everything that its expressions read.
    pub reads: Vec<Read>,
}

impl Step {
    /// Returns what stands under `at:` for a side.
    pub fn at(&self, side: Side) -> Option<&Node> {
        match side {
            Side::Primary => self.primary.as_ref(),
            Side::Paired => self.paired.as_ref(),
        }
    }
}

impl Step {
    /// Returns the checks of a `gate.manual`: a person's word alone does not make it done.
    pub fn proofs_of_gate(&self) -> Vec<Check> {
        let is_gate = self
            .kind
            .as_ref()
            .is_some_and(|kind| &*kind.value == "gate.manual");
        let written = self.with.as_ref().filter(|_| is_gate);
        let checks = written.and_then(|with| with.get("check")?.as_map());
        checks
            .unwrap_or_default()
            .iter()
            .map(|entry| Check {
                kind: Spanned::new(format!("check.{}", entry.key).into(), entry.span),
                settings: entry.value.clone(),
            })
            .collect()
    }
}

/// `data-loss`, as written.
#[derive(Clone, Debug)]
pub struct DataLoss {
    /// Where it stands.
    pub span: Span,
    /// What may be lost without asking.
    pub budget: Option<Spanned<Duration>>,
    /// The rungs, from gentlest to harshest; empty where not written.
    pub ladder: Vec<(Spanned<Arc<str>>, Option<Duration>)>,
}

/// What tells that a step without a goal of its own is done.
#[derive(Clone, Debug)]
pub enum Goal {
    /// A check.
    Check(Check),
    /// A bare condition over `body` and `status`.
    Condition(Spanned<Arc<str>>),
}

/// A check under `verify:` or `goal:`.
#[derive(Clone, Debug)]
pub struct Check {
    /// `check.tcp`, `check.http`, …
    pub kind: Spanned<Arc<str>>,
    /// Its settings; a map.
    pub settings: Node,
}

/// What a drill does to undo a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CleanUp {
    /// Nothing is needed.
    NotNeeded,
    /// That step.
    Step(Arc<str>),
}

/// Where an expression stands; it decides which names it may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    /// The default of a parameter.
    Parameter,
    /// `with`.
    Settings,
    /// `verify` and the check of a `goal`, which may read the step's own outputs.
    Proof,
    /// Under `at`.
    At,
    /// `when`.
    When,
    /// The condition of a goal.
    Condition,
}

/// One thing that an expression reads.
#[derive(Clone, Debug)]
pub struct Read {
    /// What.
    pub reference: Reference,
    /// Where.
    pub span: Span,
    /// In which sort of place.
    pub stand: Stand,
}

impl Read {
    /// Returns the step whose output it reads.
    pub fn step(&self) -> Option<&str> {
        match self.reference.path.as_slice() {
            [root, step, ..] if root == "steps" => Some(step),
            _ => None,
        }
    }
}
