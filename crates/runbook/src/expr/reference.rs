//! What an expression reads, told before it runs.

use cel::{
    IdedExpr,
    common::ast::{EntryExpr, Expr, LiteralValue, operators},
    parser::PrattParser,
};

use super::{ExprError, MOST_DEPTH, MOST_NESTING, scan};

/// Identifiers that are CEL's own types.
const TYPES: [&str; 12] = [
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "bool",
    "list",
    "map",
    "null_type",
    "type",
    "dyn",
    "optional",
];

/// One path that an expression reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// From the root on: `["steps", "platform-sql", "outputs", "listener"]`.
    pub path: Vec<String>,
    /// Whether the expression has an answer also where the path has no value: `has(…)`, `.?`.
    pub guarded: bool,
    /// Whether the path goes on with something that is only known at run time (`steps[x]`).
    pub computed: bool,
}

/// Lists what an expression reads, each path once.
pub fn references(source: &str) -> Result<Vec<Reference>, ExprError> {
    let scanned = scan::scan(source)?;
    if let Some(path) = scanned.path {
        if TYPES.contains(&path[0].as_str()) || ["true", "false", "null"].contains(&path[0].as_str()) {
            return Ok(Vec::new());
        }
        return Ok(vec![Reference {
            path,
            guarded: false,
            computed: false,
        }]);
    }
    let mut walk = Walk::default();
    walk.expression(&parse(&scanned.text)?);
    let guarded: Vec<Vec<String>> = walk
        .found
        .iter()
        .filter(|found| found.guarded)
        .map(|found| found.path.clone())
        .collect();
    for found in &mut walk.found {
        // `has(a.b) ? a.b : c`: the second reading is guarded by the first.
        found.guarded = found.guarded || guarded.iter().any(|path| found.path.starts_with(path));
    }
    walk.found.sort();
    walk.found.dedup();
    Ok(walk.found)
}

/// Says whether an expression can be read at all.
pub fn check(source: &str) -> Result<(), ExprError> {
    references(source).map(|_| ())
}

/// Reads text that [`scan::scan`] has bounded.
pub(super) fn parse(text: &str) -> Result<IdedExpr, ExprError> {
    let brackets = u16::try_from(MOST_NESTING * 2).unwrap_or(u16::MAX);
    // The parser by generated tables takes some 130 KB of stack for a bracket; this one does not.
    let parsed = PrattParser::new()
        .max_recursion_depth(brackets)
        .error_recovery_limit(4)
        .enable_optional_syntax(true)
        .enable_ident_escape_syntax(true)
        .parse(text)
        .map_err(|errors| ExprError::Syntax {
            message: errors
                .errors
                .first()
                .map_or_else(|| "unreadable".to_owned(), |error| plain(&error.msg)),
        })?;
    // CEL computes by recursion with large frames, so a long chain is as deep as brackets are.
    if depth(&parsed) > MOST_DEPTH {
        return Err(ExprError::TooDeep { most: MOST_DEPTH });
    }
    Ok(parsed)
}

/// How many operations wait for one another. The count of tokens bounds the recursion.
fn depth(expression: &IdedExpr) -> usize {
    let of = |entry: &EntryExpr| match entry {
        EntryExpr::StructField(field) => depth(&field.value),
        EntryExpr::MapEntry(entry) => depth(&entry.key).max(depth(&entry.value)),
    };
    let below = match &expression.expr {
        Expr::Call(call) => call
            .target
            .iter()
            .map(|target| depth(target))
            .chain(call.args.iter().map(depth))
            .max(),
        Expr::Comprehension(over) => [
            &over.iter_range,
            &over.accu_init,
            &over.loop_cond,
            &over.loop_step,
            &over.result,
        ]
        .into_iter()
        .map(depth)
        .max(),
        Expr::List(list) => list.elements.iter().map(depth).max(),
        Expr::Map(map) => map.entries.iter().map(|entry| of(&entry.expr)).max(),
        Expr::Struct(map) => map.entries.iter().map(|entry| of(&entry.expr)).max(),
        Expr::Select(select) => Some(depth(&select.operand)),
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => return 0,
    };
    1 + below.unwrap_or_default()
}

/// The parser speaks of its own tokens; people get its first line, shortened.
fn plain(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let line = line.strip_prefix("Syntax error: ").unwrap_or(line);
    let line = line.split(" expecting ").next().unwrap_or(line).replace('`', "");
    line.chars().take(100).collect()
}

#[derive(Default)]
struct Walk {
    found: Vec<Reference>,
    locals: Vec<String>,
}

impl Walk {
    fn expression(&mut self, expression: &IdedExpr) {
        if let Some(reference) = path_of(expression) {
            self.add(reference);
            // What stands between brackets may read something too: `steps[params.name]`.
            self.indices(expression);
            return;
        }
        match &expression.expr {
            Expr::Call(call) => {
                call.target.iter().for_each(|target| self.expression(target));
                call.args.iter().for_each(|argument| self.expression(argument));
            }
            Expr::Comprehension(over) => {
                self.expression(&over.iter_range);
                self.expression(&over.accu_init);
                let before = self.locals.len();
                self.locals.push(over.iter_var.clone());
                self.locals.push(over.accu_var.clone());
                self.locals.extend(over.iter_var2.clone());
                self.expression(&over.loop_cond);
                self.expression(&over.loop_step);
                self.expression(&over.result);
                self.locals.truncate(before);
            }
            Expr::List(list) => list.elements.iter().for_each(|item| self.expression(item)),
            Expr::Map(map) => map.entries.iter().for_each(|entry| self.entry(&entry.expr)),
            Expr::Struct(map) => map.entries.iter().for_each(|entry| self.entry(&entry.expr)),
            Expr::Select(select) => self.expression(&select.operand),
            Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => {}
        }
    }

    fn entry(&mut self, entry: &EntryExpr) {
        match entry {
            EntryExpr::StructField(field) => self.expression(&field.value),
            EntryExpr::MapEntry(entry) => {
                self.expression(&entry.key);
                self.expression(&entry.value);
            }
        }
    }

    fn indices(&mut self, expression: &IdedExpr) {
        match &expression.expr {
            Expr::Select(select) => self.indices(&select.operand),
            Expr::Call(call) if call.args.len() == 2 => {
                self.indices(&call.args[0]);
                if text_of(&call.args[1]).is_none() {
                    self.expression(&call.args[1]);
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, reference: Reference) {
        let root = reference.path[0].as_str();
        let known = root.starts_with('@') || TYPES.contains(&root);
        if !known && !self.locals.iter().any(|local| local == root) {
            self.found.push(reference);
        }
    }
}

/// Returns the path that an expression is, from its root on.
fn path_of(expression: &IdedExpr) -> Option<Reference> {
    match &expression.expr {
        Expr::Ident(name) => Some(Reference {
            path: vec![name.clone()],
            guarded: false,
            computed: false,
        }),
        Expr::Select(select) => {
            let mut reference = path_of(&select.operand)?;
            if !reference.computed {
                reference.path.push(select.field.clone());
            }
            reference.guarded |= select.test;
            Some(reference)
        }
        Expr::Call(call) if call.args.len() == 2 => {
            let optional = match call.func_name.as_str() {
                operators::INDEX => false,
                operators::OPT_INDEX | operators::OPT_SELECT => true,
                _ => return None,
            };
            let mut reference = path_of(&call.args[0])?;
            match text_of(&call.args[1]) {
                Some(key) if !reference.computed => reference.path.push(key),
                Some(_) => {}
                None => reference.computed = true,
            }
            reference.guarded |= optional;
            Some(reference)
        }
        _ => None,
    }
}

fn text_of(expression: &IdedExpr) -> Option<String> {
    match &expression.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner().to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(source: &str) -> Vec<(String, bool)> {
        references(source)
            .expect(source)
            .into_iter()
            .map(|found| (found.path.join("/"), found.guarded))
            .collect()
    }

    #[test]
    fn an_expression_tells_what_it_reads_before_it_runs() {
        assert_eq!(
            paths("steps.storefront-cluster.outputs.ingress-address"),
            [(
                "steps/storefront-cluster/outputs/ingress-address".to_owned(),
                false
            )]
        );
        assert_eq!(
            paths("journey == 'drill' && steps['a-b'].outputs.x > params.least"),
            [
                ("journey".to_owned(), false),
                ("params/least".to_owned(), false),
                ("steps/a-b/outputs/x".to_owned(), false)
            ]
        );
        assert_eq!(paths("[1, 2].map(x, x + 1)"), []);
        assert_eq!(paths("true"), []);
    }

    #[test]
    fn a_reading_with_a_default_is_told_from_one_without() {
        for source in [
            "has(steps.a.outputs.x) ? steps.a.outputs.x : 'none'",
            "steps.a.outputs.?x.orValue('none')",
        ] {
            assert!(
                paths(source).iter().all(|(_, guarded)| *guarded),
                "{source}: {:?}",
                paths(source)
            );
        }
    }

    #[test]
    fn a_computed_step_name_is_told_as_such() {
        let found = references("steps[params.name].outputs.x").expect("readable");
        assert!(
            found
                .iter()
                .any(|found| found.computed && found.path == ["steps"]),
            "{found:?}"
        );
        assert!(
            found.iter().any(|found| found.path == ["params", "name"]),
            "{found:?}"
        );
    }

    #[test]
    fn an_unreadable_expression_is_an_error_not_a_panic() {
        for source in [
            "a +", "(((", "1 2", ")", "a.b.", "\u{0}", "\"", "a ? b", "[1,,2]", "{1:}", "{{}", "''.'", "ä",
        ] {
            assert!(references(source).is_err(), "{source}");
        }
    }
}
