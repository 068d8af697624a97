//! Words first, then colour: what a label looks like on a terminal.

use leeward_engine::view::StepWord;

/// Whether words are coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// Bare text.
    Plain,
    /// Terminal colours.
    Colors,
}

/// What a piece of text is. The colour follows from it, never the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// `error[…]`.
    Error,
    /// `warning[…]`.
    Warning,
    /// `hint`.
    Hint,
    /// A heading.
    Heading,
    /// What a person has to do now.
    Todo,
    /// Background, such as a time.
    Quiet,
    /// A step that is done.
    Done,
    /// A step that is done with less than asked for.
    Degraded,
    /// A step that moves.
    Moving,
    /// A step that waits for a person.
    Asking,
    /// A step that failed or is stuck.
    Bad,
    /// Something that is kept or missed.
    Figure,
}

impl Label {
    /// Returns the label of a step's state.
    pub fn of_step(word: StepWord) -> Label {
        match word {
            StepWord::Done => Label::Done,
            StepWord::DoneDegraded => Label::Degraded,
            StepWord::Assessing | StepWord::Changing | StepWord::Verifying => Label::Moving,
            StepWord::AtGate | StepWord::Consent => Label::Asking,
            StepWord::Failed | StepWord::Stuck | StepWord::Blocked => Label::Bad,
            StepWord::Waiting | StepWord::Ready | StepWord::Skipped | StepWord::Cancelled => Label::Quiet,
        }
    }

    fn escape(self) -> &'static str {
        match self {
            Label::Error | Label::Bad => "1;31",
            Label::Warning | Label::Degraded => "33",
            Label::Hint => "36",
            Label::Heading => "1",
            Label::Todo | Label::Asking => "1;35",
            Label::Quiet => "2",
            Label::Done => "32",
            Label::Moving => "34",
            Label::Figure => "1",
        }
    }
}

impl Paint {
    /// Returns the text in the colour of its label, or as it is.
    pub fn label(self, label: Label, text: &str) -> String {
        match self {
            Paint::Plain => text.to_owned(),
            Paint::Colors => format!("\u{1b}[{}m{text}\u{1b}[0m", label.escape()),
        }
    }
}
