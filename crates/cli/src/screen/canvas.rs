//! How does a picture stay in one place? It is drawn over itself, and what is over scrolls away above it.
//!
//! Lines end with a line feed and nothing is padded: a terminal that is made narrower breaks each line by
//! itself, so the rows that the old picture takes now can be counted and drawn over.

use std::io::Write;

use console::Term;

use super::fit::rows_of;

/// Begins and ends one change of the screen; terminals that do not know these words pass over them.
const TOGETHER: (&str, &str) = ("\u{1b}[?2026h", "\u{1b}[?2026l");

/// A terminal with a picture at its lower end.
#[derive(Debug)]
pub struct Canvas {
    term: Term,
    drawn: Vec<String>,
    columns: usize,
}

impl Canvas {
    /// Takes stderr.
    pub fn stderr() -> Canvas {
        Canvas {
            term: Term::stderr(),
            drawn: Vec::new(),
            columns: 0,
        }
    }

    /// Returns the rows and columns as they are now.
    pub fn size(&self) -> (usize, usize) {
        let (rows, columns) = self.term.size();
        (usize::from(rows), usize::from(columns))
    }

    /// Writes lines above the picture and draws the picture anew. What cannot be shown is dropped.
    pub fn draw(&mut self, above: &[String], lines: Vec<String>) {
        let (_, columns) = self.size();
        if above.is_empty() && lines == self.drawn && columns == self.columns {
            return;
        }
        let text = frame(&self.drawn, above, &lines, columns);
        self.drawn = lines;
        self.columns = columns;
        // One write for one picture, so that no half of it is ever seen.
        let _ = self.term.write_all(text.as_bytes());
        let _ = self.term.flush();
    }

    /// Takes the picture away; the cursor stands where it began.
    pub fn clear(&mut self) {
        if !self.drawn.is_empty() {
            self.draw(&[], Vec::new());
        }
    }
}

/// Returns what turns the old picture into the new one.
fn frame(old: &[String], above: &[String], new: &[String], columns: usize) -> String {
    let mut text = TOGETHER.0.to_owned();
    let up: usize = old.iter().map(|line| rows_of(line, columns)).sum();
    if up > 0 {
        text.push_str(&format!("\u{1b}[{up}A"));
    }
    text.push('\r');
    for line in above.iter().chain(new) {
        // Cleared before it is written: behind a full row the same word would take its last letter.
        text.push_str("\u{1b}[K");
        text.push_str(line);
        if rows_of(line, columns) > 1 && !console::measure_text_width(line).is_multiple_of(columns.max(1)) {
            text.push_str("\u{1b}[K");
        }
        text.push_str("\r\n");
    }
    text.push_str("\u{1b}[J");
    text.push_str(TOGETHER.1);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[&str]) -> Vec<String> {
        text.iter().map(|line| (*line).to_owned()).collect()
    }

    fn screen(parser: &vt100::Parser) -> String {
        parser.screen().contents().trim_end().to_owned()
    }

    #[test]
    fn a_picture_is_drawn_over_itself_and_history_stays_above_it() {
        let mut parser = vt100::Parser::new(8, 20, 0);
        let (first, second) = (lines(&["Now: a", "one", "two"]), lines(&["Now: b", "three"]));
        parser.process(frame(&[], &[], &first, 20).as_bytes());
        parser.process(frame(&first, &lines(&["a is done"]), &second, 20).as_bytes());
        assert_eq!(screen(&parser), "a is done\nNow: b\nthree");
        parser.process(frame(&second, &[], &[], 20).as_bytes());
        assert_eq!(screen(&parser), "a is done");
    }

    #[test]
    fn a_line_that_takes_two_rows_leaves_nothing_behind() {
        let mut parser = vt100::Parser::new(8, 20, 0);
        for wide in [25, 40] {
            let long = lines(&["Now: a", &"x".repeat(wide), "end"]);
            let short = lines(&["Now: b", "y"]);
            parser.process(frame(&[], &[], &long, 20).as_bytes());
            assert_eq!(screen(&parser), format!("Now: a\n{}\nend", "x".repeat(wide)));
            parser.process(frame(&long, &[], &short, 20).as_bytes());
            assert_eq!(screen(&parser), "Now: b\ny");
            parser.process(frame(&short, &[], &[], 20).as_bytes());
        }
    }
}
