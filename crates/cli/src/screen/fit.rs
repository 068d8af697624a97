//! How does a picture fit a terminal? It never grows taller than the screen, its lines never run over the
//! edge, and when room is short what a person has to do stays.

use console::{measure_text_width, truncate_str};

use super::Live;

/// Fewer rows than this are no room for a picture; the rest runs off the screen.
const LEAST_ROWS: usize = 5;
/// A sentence on what to do may take this many rows.
const SENTENCE_ROWS: usize = 3;
/// This many steps under way stay in sight beside much that is to be done.
const ACTIVE_KEPT: usize = 3;

const SPINNER: [char; 8] = ['⠋', '⠙', '⠸', '⢰', '⣠', '⣄', '⡆', '⠇'];

/// Returns the picture's lines for a terminal of that size. `beat` turns the spinner.
pub fn fit(live: &Live, rows: usize, columns: usize, beat: usize) -> Vec<String> {
    // The cursor rests below the picture, and a last column left free never wraps.
    let room = rows.max(LEAST_ROWS) - 1;
    let width = columns.max(20) - 1;
    let cut = |line: &String| truncate_str(line, width, "…").into_owned();
    let head: Vec<String> = live.head.iter().map(cut).collect();
    let tail = usize::from(!live.tail.is_empty());
    let kept = live.active.len().min(ACTIVE_KEPT);
    let mut lines = todo(
        live,
        room.saturating_sub(head.len() + tail + kept).max(1),
        columns,
    );
    lines.extend(head);
    let used: usize = lines.iter().map(|line| rows_of(line, columns)).sum();
    let left = room.saturating_sub(used + tail);
    let shown = match live.active.len() > left {
        true => left.saturating_sub(1),
        false => live.active.len(),
    };
    let spinner = SPINNER[beat % SPINNER.len()];
    for line in live.active.iter().take(shown) {
        lines.push(cut(&format!("{spinner} {line}")));
    }
    if shown < live.active.len() && left > 0 {
        lines.push(cut(&format!(
            "  and {} more under way",
            live.active.len() - shown
        )));
    }
    if used + tail <= room && tail > 0 {
        lines.push(cut(&live.tail));
    }
    lines
}

/// Returns how many rows a line takes on a terminal of that width.
pub(super) fn rows_of(line: &str, columns: usize) -> usize {
    measure_text_width(line).div_ceil(columns.max(1)).max(1)
}

/// Returns what to do in at most that many rows: whole items, then how many more there are.
fn todo(live: &Live, room: usize, columns: usize) -> Vec<String> {
    let items: Vec<Vec<String>> = live.todo.iter().map(|item| wrapped(item, columns)).collect();
    let tall = |item: &[String]| -> usize { item.iter().map(|line| rows_of(line, columns)).sum() };
    let whole: usize = items.iter().map(|item| tall(item)).sum();
    if whole <= room {
        return items.concat();
    }
    let mut lines = Vec::new();
    let mut used = 0;
    let mut shown = 0;
    for item in &items {
        // One row is kept for the word on what is left out.
        if used + tall(item) + 1 > room {
            break;
        }
        used += tall(item);
        shown += 1;
        lines.extend(item.iter().cloned());
    }
    let more = live.more_todo.replace("{}", &(items.len() - shown).to_string());
    match (shown, items.first()) {
        // Not even one fits: its sentence is worth more than its commands, which `status` shows too.
        (0, Some(first)) => {
            let sentence = first.first().cloned().unwrap_or_default();
            lines.push(sentence);
            if room > 1 {
                lines.push(truncate_str(&more, columns.saturating_sub(1), "…").into_owned());
            }
        }
        _ => lines.push(truncate_str(&more, columns.saturating_sub(1), "…").into_owned()),
    }
    lines
}

/// Breaks an item's sentence at words. Its commands stay whole, so that they can be copied.
fn wrapped(item: &[String], columns: usize) -> Vec<String> {
    let width = columns.max(20) - 1;
    let Some((sentence, commands)) = item.split_first() else {
        return Vec::new();
    };
    if measure_text_width(sentence) <= width {
        return item.to_vec();
    }
    let mut rows: Vec<String> = Vec::new();
    let mut row = String::new();
    for word in sentence.split(' ') {
        let wider = measure_text_width(&row) + 1 + measure_text_width(word);
        if !row.is_empty() && wider > width {
            rows.push(std::mem::replace(&mut row, "    ".to_owned()));
        }
        if !row.is_empty() {
            row.push(' ');
        }
        row.push_str(word);
    }
    rows.push(row);
    if rows.len() > SENTENCE_ROWS {
        rows.truncate(SENTENCE_ROWS);
        if let Some(last) = rows.last_mut() {
            last.push_str(" …");
        }
    }
    let rows = rows.iter().map(|row| truncate_str(row, width, "…").into_owned());
    rows.chain(commands.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        sample,
        screen::{Lease, Paint, live},
    };

    fn picture(paint: Paint) -> Live {
        live(&sample::under_way(), &Lease::Ours, sample::at(12, 0), paint)
    }

    fn height(lines: &[String], columns: usize) -> usize {
        lines.iter().map(|line| rows_of(line, columns)).sum()
    }

    /// Many steps that need a person, and many that move.
    fn crowded() -> Live {
        let mut live = picture(Paint::Plain);
        let item = |number: usize| {
            vec![
                format!(
                    "Now: store-{number} needs you: {}",
                    "it cannot be told whether the change arrived, ".repeat(5)
                ),
                format!(
                    "       leeward settle r-20261124-080000-1a2b store-{number} --as not-begun --reason TEXT"
                ),
            ]
        };
        live.todo = (1..=9).map(item).collect();
        live.active = (1..=40)
            .map(|number| format!("store-{number:<9} changing"))
            .collect();
        live
    }

    #[test]
    fn the_picture_is_never_taller_than_the_screen_and_starts_with_what_to_do() {
        for live in [picture(Paint::Plain), picture(Paint::Colors), crowded()] {
            for rows in 6..60 {
                for columns in [40, 60, 80, 120, 200] {
                    let lines = fit(&live, rows, columns, 0);
                    assert!(
                        height(&lines, columns) < rows,
                        "{rows}x{columns}\n{}",
                        lines.join("\n")
                    );
                    assert!(
                        console::strip_ansi_codes(&lines[0]).starts_with("Now: "),
                        "{rows}x{columns}"
                    );
                    assert!(
                        lines
                            .iter()
                            .any(|line| console::strip_ansi_codes(line).starts_with("RTO "))
                    );
                }
            }
        }
    }

    #[test]
    fn commands_stay_whole_on_a_narrow_screen_so_that_they_can_be_copied() {
        let lines = fit(&picture(Paint::Plain), 24, 60, 0);
        assert!(
            lines.contains(&"       leeward skip r-20261124-080000-1a2b documents --reason TEXT".to_owned())
        );
    }

    #[test]
    fn a_narrow_and_a_crowded_screen_show_what_matters_most() {
        let narrow = fit(&picture(Paint::Plain), 24, 60, 0).join("\n");
        let crowded = fit(&crowded(), 24, 80, 3).join("\n");
        insta::assert_snapshot!(
            "live-fitted",
            format!("60 columns\n{narrow}\n\ncrowded, 80x24\n{crowded}")
        );
    }
}
