//! How much work is an expression at most? Loops within loops multiply, however short the text is.

use cel::{
    IdedExpr,
    common::ast::{EntryExpr, Expr, operators},
};
use serde_json::Value;

use super::{ExprError, MOST_WORK, Scope};

/// What a loop goes through where nothing says: more than an expression can write out.
const UNKNOWN: u64 = super::MOST_TOKENS as u64;

/// Refuses an expression whose loops could take more steps than anyone should have to wait for. Nothing is
/// computed for it: a loop over values of the scope counts as long as their longest list.
pub(super) fn bound<'a>(
    expression: &IdedExpr,
    scope: &Scope<'_>,
    steps: impl Iterator<Item = &'a str>,
) -> Result<(), ExprError> {
    if !loops(expression) {
        return Ok(());
    }
    let variables = scope.variables.values().map(longest).max();
    let outputs = steps
        .filter_map(|step| scope.outputs?.outputs_of(step))
        .flat_map(|outputs| outputs.values().map(longest))
        .max();
    let most = UNKNOWN.max(variables.unwrap_or(0)).max(outputs.unwrap_or(0));
    match steps_of(expression, most) > MOST_WORK {
        true => Err(ExprError::TooMuchWork { most: MOST_WORK }),
        false => Ok(()),
    }
}

/// Returns the length of the longest list or map in a value.
fn longest(value: &Value) -> u64 {
    let (own, below) = match value {
        Value::Array(items) => (items.len(), items.iter().map(longest).max()),
        Value::Object(map) => (map.len(), map.values().map(longest).max()),
        _ => (0, None),
    };
    below.unwrap_or(0).max(u64::try_from(own).unwrap_or(u64::MAX))
}

fn loops(expression: &IdedExpr) -> bool {
    matches!(expression.expr, Expr::Comprehension(_)) || children(expression).into_iter().any(loops)
}

/// Returns everything right below an expression.
fn children(expression: &IdedExpr) -> Vec<&IdedExpr> {
    fn of(entry: &EntryExpr) -> Vec<&IdedExpr> {
        match entry {
            EntryExpr::StructField(field) => vec![&field.value],
            EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
        }
    }
    match &expression.expr {
        Expr::Call(call) => call
            .target
            .iter()
            .map(|target| &**target)
            .chain(&call.args)
            .collect(),
        Expr::Comprehension(over) => vec![
            &over.iter_range,
            &over.accu_init,
            &over.loop_cond,
            &over.loop_step,
            &over.result,
        ],
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => map.entries.iter().flat_map(|entry| of(&entry.expr)).collect(),
        Expr::Struct(map) => map.entries.iter().flat_map(|entry| of(&entry.expr)).collect(),
        Expr::Select(select) => vec![&select.operand],
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => Vec::new(),
    }
}

/// Returns how many steps it takes at most. `most` is the length of what nothing is known about.
fn steps_of(expression: &IdedExpr, most: u64) -> u64 {
    if let Expr::Comprehension(over) = &expression.expr {
        let once = [&over.loop_cond, &over.loop_step].map(|part| steps_of(part, most));
        let round = once.into_iter().fold(1, u64::saturating_add);
        let around = [&over.iter_range, &over.accu_init, &over.result].map(|part| steps_of(part, most));
        let rounds = length_of(&over.iter_range, most).saturating_mul(round);
        return around.into_iter().fold(rounds, u64::saturating_add);
    }
    let below = children(expression)
        .into_iter()
        .map(|child| steps_of(child, most));
    below.fold(1, u64::saturating_add)
}

/// Returns how long the list is at most that an expression gives.
fn length_of(expression: &IdedExpr, most: u64) -> u64 {
    let long = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    match &expression.expr {
        Expr::List(list) => long(list.elements.len()),
        Expr::Map(map) => long(map.entries.len()),
        // `map` and `filter` give no more than they go through.
        Expr::Comprehension(over) => length_of(&over.iter_range, most),
        Expr::Call(call) if call.func_name == operators::ADD => call
            .args
            .iter()
            .map(|part| length_of(part, most))
            .fold(0, u64::saturating_add),
        Expr::Call(call) if call.func_name == operators::CONDITIONAL => call
            .args
            .iter()
            .skip(1)
            .map(|part| length_of(part, most))
            .max()
            .unwrap_or(most),
        _ => most,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::expr::evaluate;

    #[test]
    fn loops_within_loops_are_refused_before_they_run() {
        let list = "[1, 2, 3]";
        let nested = (0..12).fold("true".to_owned(), |inner, _| format!("{list}.all(x, {inner})"));
        let refused = evaluate(&nested, &Scope::new());
        assert_eq!(refused, Err(ExprError::TooMuchWork { most: MOST_WORK }));
        let few = format!("{list}.all(x, {list}.exists(y, y == x))");
        assert_eq!(evaluate(&few, &Scope::new()), Ok(json!(true)));
    }

    #[test]
    fn ten_thousand_machines_are_gone_through_once_and_not_each_with_each() {
        let machines: Vec<Value> = (0..10_000).map(|number| json!(format!("vm-{number}"))).collect();
        let outputs = BTreeMap::from([(
            "farm".to_owned(),
            BTreeMap::from([("machines".to_owned(), Value::Array(machines))]),
        )]);
        let scope = Scope::new().with_outputs(&outputs);
        let all = "steps.farm.outputs.machines";
        let once = format!("{all}.all(x, x.startsWith('vm-'))");
        assert_eq!(evaluate(&once, &scope), Ok(json!(true)));
        let each = format!("{all}.all(x, {all}.exists(y, y == x))");
        assert!(matches!(
            evaluate(&each, &scope),
            Err(ExprError::TooMuchWork { .. })
        ));
    }
}
