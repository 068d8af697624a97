//! Which names an expression may read, and what they stand for.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{ExprError, template};
use crate::{
    journey::{Journey, Region},
    plan::{Plan, PlannedStep, StepId},
};

/// The outputs of one step.
pub type StepOutputs = BTreeMap<String, Value>;

/// Looks up a variable of the environment.
pub type Environment<'a> = dyn Fn(&str) -> Option<String> + Sync + 'a;

/// Finds the outputs of a step that is done.
pub trait OutputsOf: Sync {
    /// Returns them, or nothing where the step made none (yet).
    fn outputs_of(&self, step: &str) -> Option<&StepOutputs>;
}

impl OutputsOf for BTreeMap<StepId, StepOutputs> {
    fn outputs_of(&self, step: &str) -> Option<&StepOutputs> {
        self.get(&StepId::new(step))
    }
}

impl OutputsOf for BTreeMap<String, StepOutputs> {
    fn outputs_of(&self, step: &str) -> Option<&StepOutputs> {
        self.get(step)
    }
}

/// The names that one expression may read. Cheap to make: outputs are borrowed.
#[derive(Clone, Default)]
pub struct Scope<'a> {
    /// `steps.NAME.outputs.KEY`; without it every such reference is without a value.
    pub(super) outputs: Option<&'a dyn OutputsOf>,
    /// `params.NAME` and `parameters.NAME`.
    pub(super) parameters: Option<&'a BTreeMap<String, Value>>,
    /// `env.NAME`.
    pub(super) environment: Option<&'a Environment<'a>>,
    /// `source`, `target`, `journey`, `region_down`, `body`, `status`, …
    pub(super) variables: BTreeMap<String, Value>,
}

impl<'a> Scope<'a> {
    /// Makes a scope without any name.
    pub fn new() -> Scope<'a> {
        Scope::default()
    }

    /// Gathers everything that a planned step may read at run time.
    pub fn of_step(
        plan: &'a Plan,
        step: &PlannedStep,
        outputs: &'a dyn OutputsOf,
    ) -> Result<Scope<'a>, ExprError> {
        let base = Scope::new()
            .with_parameters(&plan.parameters)
            .with_outputs(outputs)
            .with_journey(plan.journey)
            .with_region_down(plan.region_down)
            .with_sides(&plan.source, &Value::Null, &plan.target, &Value::Null);
        let source = template::resolve(&step.source, &base)?;
        let target = template::resolve(&step.target, &base)?;
        Ok(base.with_sides(&plan.source, &source, &plan.target, &target))
    }

    /// Adds the parameters.
    pub fn with_parameters(mut self, parameters: &'a BTreeMap<String, Value>) -> Scope<'a> {
        self.parameters = Some(parameters);
        self
    }

    /// Adds the outputs of steps.
    pub fn with_outputs(mut self, outputs: &'a dyn OutputsOf) -> Scope<'a> {
        self.outputs = Some(outputs);
        self
    }

    /// Adds the environment, for defaults of parameters.
    pub fn with_environment(mut self, environment: &'a Environment<'a>) -> Scope<'a> {
        self.environment = Some(environment);
        self
    }

    /// Adds `journey`.
    pub fn with_journey(self, journey: Journey) -> Scope<'a> {
        self.with_variable("journey", Value::from(journey.word()))
    }

    /// Adds `region-down`.
    pub fn with_region_down(self, down: bool) -> Scope<'a> {
        self.with_variable("region_down", Value::from(down))
    }

    /// Adds `source` and `target`: region and side, and the step's own `at` keys.
    pub fn with_sides(self, source: &Region, at: &Value, target: &Region, target_at: &Value) -> Scope<'a> {
        self.with_variable("source", side(source, at))
            .with_variable("target", side(target, target_at))
    }

    /// Adds a name of one's own: `body` and `status` for the condition of a goal.
    pub fn with_variable(mut self, name: &str, value: Value) -> Scope<'a> {
        self.variables.insert(name.to_owned(), value);
        self
    }

    /// Returns the value at a plain path such as `["target", "address"]`.
    pub(super) fn look_up(&self, path: &[String]) -> Result<Value, ExprError> {
        let missing = || ExprError::Missing {
            path: path.join(".").replace("region_down", "region-down"),
        };
        let (root, rest) = path.split_first().ok_or_else(missing)?;
        let (start, rest) = match root.as_str() {
            "steps" => {
                let [step, outputs, key, rest @ ..] = rest else {
                    return Err(missing());
                };
                let found = self.outputs.and_then(|of| of.outputs_of(step));
                let value = found
                    .filter(|_| outputs == "outputs")
                    .and_then(|all| all.get(key));
                (value.ok_or_else(missing)?, rest)
            }
            "params" | "parameters" => {
                let [name, rest @ ..] = rest else {
                    return Err(missing());
                };
                let value = self.parameters.and_then(|all| all.get(name));
                (value.ok_or_else(missing)?, rest)
            }
            "env" => {
                let [name] = rest else {
                    return Err(missing());
                };
                let value = self.environment.and_then(|of| of(name));
                return value.map(Value::String).ok_or_else(missing);
            }
            _ => match self.variables.get(root) {
                Some(value) => (value, rest),
                None => return Err(ExprError::UnknownName { name: root.clone() }),
            },
        };
        rest.iter()
            .try_fold(start, |value, key| value.get(key))
            .cloned()
            .ok_or_else(missing)
    }
}

fn side(region: &Region, at: &Value) -> Value {
    let mut map = at.as_object().cloned().unwrap_or_else(Map::new);
    map.insert("region".to_owned(), Value::from(region.region.as_str()));
    map.insert("side".to_owned(), Value::from(region.side.word()));
    Value::Object(map)
}
