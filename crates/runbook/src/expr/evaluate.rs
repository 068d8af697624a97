//! What an expression gives, in one scope.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, OnceLock},
};

use cel::{
    Context, Env, ExecutionError, Value as Cel,
    objects::{Key, Map},
};
use serde_json::Value;

use super::{ExprError, Scope, convert, reference, scan, work};

/// Computes one bare expression.
pub fn evaluate(source: &str, scope: &Scope<'_>) -> Result<Value, ExprError> {
    let scanned = scan::scan(source)?;
    if let Some(path) = &scanned.path {
        match path[0].as_str() {
            "true" | "false" | "null" => {}
            // By far the most frequent expression is one path: no need to ask CEL.
            _ => return scope.look_up(path),
        }
    }
    let parsed = reference::parse(&scanned.text)?;
    let read = reference::references(source)?;
    let mut context = Context::with_env(environment());
    for (name, value) in &scope.variables {
        context.add_variable_from_value(name.as_str(), convert::to_cel(value));
    }
    if read
        .iter()
        .any(|found| matches!(found.path[0].as_str(), "params" | "parameters"))
    {
        let parameters = Cel::Map(convert::to_map(scope.parameters.into_iter().flatten()));
        context.add_variable_from_value("params", parameters.clone());
        context.add_variable_from_value("parameters", parameters);
    }
    let names = |root: &str| -> Vec<&String> {
        let of_root = read.iter().filter(|found| found.path[0] == root);
        of_root.filter_map(|found| found.path.get(1)).collect()
    };
    work::bound(&parsed, scope, names("steps").into_iter().map(String::as_str))?;
    // Only the steps that are named: a run has thousands, an expression reads one or two.
    let steps: HashMap<Key, Cel> = names("steps")
        .into_iter()
        .map(|step| (Key::from(step.as_str()), outputs(scope, step)))
        .collect();
    context.add_variable_from_value("steps", Cel::Map(Map::from(steps)));
    if let Some(of) = scope.environment {
        let found: BTreeMap<String, Value> = names("env")
            .into_iter()
            .filter_map(|name| Some((name.clone(), Value::String(of(name)?))))
            .collect();
        context.add_variable_from_value("env", Cel::Map(convert::to_map(found.iter())));
    }
    let value = Cel::resolve(&parsed, &context).map_err(|error| explain(error, &read))?;
    convert::to_json(&value)
}

/// Decides one bare condition, such as `when:` holds.
pub fn holds(source: &str, scope: &Scope<'_>) -> Result<bool, ExprError> {
    match evaluate(source, scope)? {
        Value::Bool(answer) => Ok(answer),
        other => Err(ExprError::NotACondition {
            found: convert::describe(&other),
        }),
    }
}

fn outputs(scope: &Scope<'_>, step: &str) -> Cel {
    let found = scope.outputs.and_then(|of| of.outputs_of(step));
    let outputs = Cel::Map(convert::to_map(found.into_iter().flatten()));
    Cel::Map(Map::from(HashMap::from([(Key::from("outputs"), outputs)])))
}

fn environment() -> Arc<Env> {
    static ENVIRONMENT: OnceLock<Arc<Env>> = OnceLock::new();
    Arc::clone(ENVIRONMENT.get_or_init(|| Arc::new(Env::stdlib())))
}

fn explain(error: ExecutionError, read: &[reference::Reference]) -> ExprError {
    match error {
        ExecutionError::NoSuchKey(key) => {
            let whole = read.iter().find(|found| found.path.contains(&key));
            ExprError::Missing {
                path: whole.map_or_else(|| key.to_string(), |found| found.path.join(".")),
            }
        }
        ExecutionError::UndeclaredReference(name) => ExprError::UnknownName {
            name: name.to_string(),
        },
        other => ExprError::Failed {
            message: other.to_string().chars().take(200).collect(),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_condition_reads_parameters_outputs_and_the_region_state() {
        let parameters = BTreeMap::from([("least".to_owned(), json!(2))]);
        let outputs = BTreeMap::from([(
            "message-broker".to_owned(),
            BTreeMap::from([("moved".to_owned(), json!(3))]),
        )]);
        let scope = Scope::new()
            .with_parameters(&parameters)
            .with_outputs(&outputs)
            .with_region_down(true);
        let yes = |source: &str| assert_eq!(holds(source, &scope), Ok(true), "{source}");
        yes("steps.message-broker.outputs.moved >= params.least");
        yes("region-down");
        yes("!has(steps.other.outputs.x)");
        yes("steps.other.outputs.?x.orValue('none') == 'none'");
        yes("true");
        assert_eq!(
            holds("steps.other.outputs.x == 1", &scope),
            Err(ExprError::Missing {
                path: "steps.other.outputs.x".to_owned()
            })
        );
        assert!(matches!(
            holds("params.least", &scope),
            Err(ExprError::NotACondition { .. })
        ));
        assert!(matches!(
            holds("nonsense", &scope),
            Err(ExprError::UnknownName { .. })
        ));
    }

    #[test]
    fn a_goal_reads_the_answer_of_a_get() {
        let scope = Scope::new()
            .with_variable("status", json!(200))
            .with_variable("body", json!({"properties": {"provisioningState": "Succeeded"}}));
        let goal = "status == 200 && body.properties.provisioningState == 'Succeeded'";
        assert_eq!(holds(goal, &scope), Ok(true));
    }

    #[test]
    fn the_largest_expressions_that_pass_the_bounds_are_computed_on_a_small_stack() {
        let work = || {
            let sum = |terms: usize| evaluate(&vec!["1"; terms].join("+"), &Scope::new());
            assert_eq!(sum(33), Ok(json!(33)));
            assert!(matches!(sum(34), Err(ExprError::TooDeep { .. })));
            assert!(matches!(sum(128), Err(ExprError::TooDeep { .. })));
            let deep = format!("{}1{}", "(".repeat(24), ")".repeat(24));
            assert_eq!(evaluate(&deep, &Scope::new()), Ok(json!(1)), "{deep}");
            let list = format!("{}{}", "[".repeat(24), "]".repeat(24));
            assert!(evaluate(&list, &Scope::new()).is_ok());
            let choice = "true ? 1 : ".repeat(60) + "1";
            let _ = evaluate(&choice, &Scope::new());
            let not = "!".repeat(200) + "true";
            let _ = evaluate(&not, &Scope::new());
            let path = format!("{}a", "a.".repeat(120)) + " + 1";
            let _ = evaluate(&path, &Scope::new());
        };
        let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(work);
        thread.expect("a thread").join().expect("no overflow");
    }
}
