//! What the expressions of a text read, and which of them cannot be read themselves.

use crate::{
    expr::{self, ExprError, Piece},
    finding::{Finding, Findings, code_list as code},
    model::{Read, Stand},
    yaml::{Node, Span},
};

/// Gathers what every `${{ … }}` below a node reads.
pub(crate) fn of_node(node: &Node, stand: Stand, reads: &mut Vec<Read>, findings: &mut Findings) {
    node.each_scalar(&mut |scalar, span| {
        if !scalar.text.contains("${{") {
            return;
        }
        match expr::pieces(&scalar.text) {
            Ok(pieces) => {
                for piece in pieces {
                    if let Piece::Expression { source, .. } = piece {
                        of_expression(source, span, stand, reads, findings);
                    }
                }
            }
            Err(error) => findings.add(span, explain(&error)),
        }
    });
}

/// Gathers what a bare expression reads.
pub(crate) fn of_expression(
    source: &str,
    span: Span,
    stand: Stand,
    reads: &mut Vec<Read>,
    findings: &mut Findings,
) {
    let span = findings.source.within(span, source);
    match expr::references(source) {
        Ok(found) => reads.extend(found.into_iter().map(|reference| Read {
            reference,
            span,
            stand,
        })),
        Err(error) => findings.add(span, explain(&error)),
    }
}

fn explain(error: &ExprError) -> Finding {
    let finding = Finding::error(code::BAD_EXPRESSION, error.to_string());
    match error {
        ExprError::Unclosed { .. } => finding
            .because("an expression runs from `${{` to `}}`")
            .fix("add `}}` behind the expression")
            .fix("write `$${{` where the signs themselves are meant"),
        ExprError::TooLong { .. } | ExprError::TooDeep { .. } | ExprError::TooMany { .. } => finding
            .because("an expression is to be understood at a glance, also at three in the morning")
            .fix("split it: give the parts to parameters, or to `when` of several steps"),
        _ => finding
            .because("`${{ … }}` and `when` hold CEL: names, `==`, `&&`, `!`, `a ? b : c`, texts in quotes")
            .fix("read it aloud: a quote, a bracket or an operator is missing or too many"),
    }
}
