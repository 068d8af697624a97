//! Rows under each other: a table without lines, whose cells can be copied whole.

use super::{Label, Paint};

/// A table in the making. Cells are separated by spaces only, so that an id can be double-clicked.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    head: Vec<String>,
    rows: Vec<Vec<(String, Option<Label>)>>,
    indent: usize,
}

impl Columns {
    /// Starts a table with these headings.
    pub fn new(head: &[&str]) -> Columns {
        Columns {
            head: head.iter().map(|word| (*word).to_owned()).collect(),
            ..Columns::default()
        }
    }

    /// Starts a table without headings, moved to the right.
    pub fn bare(indent: usize) -> Columns {
        Columns {
            indent,
            ..Columns::default()
        }
    }

    /// Adds a row of plain cells.
    pub fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows
            .push(cells.into_iter().map(|cell| (cell.into(), None)).collect());
    }

    /// Adds a row of cells, some with a label.
    pub fn labelled(&mut self, cells: Vec<(String, Option<Label>)>) {
        self.rows.push(cells);
    }

    /// Returns whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the table as text. Lines end where their words end.
    pub fn show(&self, paint: Paint) -> String {
        let count = self
            .rows
            .iter()
            .map(Vec::len)
            .chain([self.head.len()])
            .max()
            .unwrap_or(0);
        let width = |column: usize| {
            let cells = self
                .rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.0.chars().count());
            cells
                .chain(self.head.get(column).map(|word| word.chars().count()))
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..count).map(width).collect();
        let mut text = String::new();
        let head: Vec<_> = self
            .head
            .iter()
            .map(|word| (word.clone(), Some(Label::Heading)))
            .collect();
        for row in [head].iter().filter(|head| !head.is_empty()).chain(&self.rows) {
            let last = row
                .iter()
                .rposition(|cell| !cell.0.is_empty())
                .map_or(0, |place| place + 1);
            text.push_str(&" ".repeat(self.indent));
            for (column, (cell, label)) in row.iter().take(last).enumerate() {
                match label {
                    Some(label) if !cell.is_empty() => text.push_str(&paint.label(*label, cell)),
                    _ => text.push_str(cell),
                }
                if column + 1 < last {
                    text.push_str(&" ".repeat(widths[column] - cell.chars().count() + 2));
                }
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_stands_directly_after_an_id() {
        let mut table = Columns::new(&["run", "state"]);
        table.row(["r-1", "moving"]);
        table.row(["r-12345", ""]);
        assert_eq!(
            table.show(Paint::Plain),
            "run      state\nr-1      moving\nr-12345\n"
        );
    }
}
