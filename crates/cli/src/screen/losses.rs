//! The one table of losses: what each store loses, how well that is known, and who agreed.

use std::time::Duration;

use leeward_engine::{
    view::{LossView, RunView},
    work::Figure,
};

use super::{Columns, Label, Paint, span, when};

/// How many rows a table of losses has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// One a store.
    Stores,
    /// One a step and way: the worst of its stores.
    Steps,
}

/// Returns the table, or one line where no store can lose anything.
///
/// Sources are numbered and told below, since they are sentences.
pub fn losses(view: &RunView, rows: Rows, paint: Paint) -> String {
    if view.losses.is_empty() {
        return "  No store of this run can lose data.\n".to_owned();
    }
    let mut sources: Vec<&str> = Vec::new();
    let mut table = Columns::new(&["  store", "way", "loses", "budget", "agreed", "as of", "source"]);
    for (name, row) in chosen(view, rows) {
        let number = sources
            .iter()
            .position(|source| *source == row.source)
            .unwrap_or_else(|| {
                sources.push(&row.source);
                sources.len() - 1
            });
        table.labelled(vec![
            (format!("  {name}"), None),
            (way(row), None),
            (figure(row.figure), label(row)),
            (span(row.budget), None),
            (row.ceiling.map(figure).unwrap_or_else(|| "-".to_owned()), None),
            (row.as_of.map(when).unwrap_or_else(|| "-".to_owned()), None),
            (format!("{}", number + 1), Some(Label::Quiet)),
        ]);
    }
    let mut text = table.show(paint);
    for (number, source) in sources.iter().enumerate() {
        text.push_str(&format!(
            "  {}\n",
            paint.label(Label::Quiet, &format!("{} {source}", number + 1))
        ));
    }
    if let Some(line) = skew(view) {
        text.push_str(&format!("  {line}\n"));
    }
    text
}

/// Returns the rows to show, each with its name.
fn chosen(view: &RunView, rows: Rows) -> Vec<(String, &LossView)> {
    if rows == Rows::Stores {
        return view.losses.iter().map(|row| (row.store.clone(), row)).collect();
    }
    let mut worst: Vec<(usize, &LossView)> = Vec::new();
    for row in &view.losses {
        let alike = |other: &&mut (usize, &LossView)| {
            let other = other.1;
            other.step == row.step
                && other.rung == row.rung
                && other.used == row.used
                && other.budget == row.budget
                && other.ceiling == row.ceiling
        };
        match worst.iter_mut().find(alike) {
            Some((stores, known)) => {
                *stores += 1;
                if row.figure > known.figure {
                    *known = row;
                }
            }
            None => worst.push((1, row)),
        }
    }
    let name = |stores: usize, row: &LossView| match stores {
        1 => row.store.clone(),
        _ => format!("{}, worst of {stores}", row.step),
    };
    worst
        .into_iter()
        .map(|(stores, row)| (name(stores, row), row))
        .collect()
}

/// Returns how far apart the stores' moments lie, in words; nothing for fewer than two stores.
pub fn skew(view: &RunView) -> Option<String> {
    if view.losses.len() < 2 {
        return None;
    }
    let known: Vec<Duration> = view
        .losses
        .iter()
        .filter_map(|row| match row.figure {
            Figure::Nothing => Some(Duration::ZERO),
            Figure::UpTo(time) => Some(time),
            Figure::Unknown => None,
        })
        .collect();
    let unknown = view.losses.len() - known.len();
    let most = known.iter().max().copied().unwrap_or_default();
    let apart = most.saturating_sub(known.iter().min().copied().unwrap_or_default());
    Some(match (apart, unknown) {
        _ if known.len() < 2 => "Nobody can tell how far apart the stores' moments lie.".to_owned(),
        (apart, 0) => format!("The stores' moments lie at most {} apart.", span(apart)),
        (apart, unknown) => format!(
            "The stores' moments lie at most {} apart where known; {unknown} of {} unknown.",
            span(apart),
            view.losses.len()
        ),
    })
}

/// Writes a figure as the table does.
pub(crate) fn figure(figure: Figure) -> String {
    match figure {
        Figure::Nothing => "nothing".to_owned(),
        Figure::UpTo(time) => format!("up to {}", span(time)),
        Figure::Unknown => "unknown".to_owned(),
    }
}

/// Writes the rung and whether it has been used.
pub(crate) fn way(row: &LossView) -> String {
    match row.used {
        true => row.rung.clone(),
        false => format!("{} (expected)", row.rung),
    }
}

fn label(row: &LossView) -> Option<Label> {
    match row.figure {
        Figure::Nothing => Some(Label::Done),
        Figure::UpTo(time) if time <= row.budget => None,
        Figure::UpTo(_) => Some(Label::Bad),
        Figure::Unknown => Some(Label::Degraded),
    }
}
