//! Why an expression cannot be read or has no value.

/// What is wrong with an expression, or with what it reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExprError {
    /// More bytes than anyone should have to read.
    #[error("the expression has {length} bytes, {most} is the most")]
    TooLong {
        /// What was written.
        length: usize,
        /// What is allowed.
        most: usize,
    },
    /// Brackets within brackets, or a long chain of operators.
    #[error("the expression is nested more than {most} deep")]
    TooDeep {
        /// What is allowed.
        most: usize,
    },
    /// More words and signs than anyone should have to read.
    #[error("the expression has more than {most} words and signs")]
    TooMany {
        /// What is allowed.
        most: usize,
    },
    /// Loops within loops over long lists.
    #[error("the expression could take more than {most} steps: its loops multiply")]
    TooMuchWork {
        /// What is allowed.
        most: u64,
    },
    /// `${{` without its `}}`.
    #[error("`${{{{` has no closing `}}}}`")]
    Unclosed {
        /// Where it opens, in bytes from the start of the text.
        at: usize,
    },
    /// Not the expression language.
    #[error("the expression cannot be read: {message}")]
    Syntax {
        /// What was expected, for people.
        message: String,
    },
    /// A name that no scope has.
    #[error("nothing is called `{name}` here")]
    UnknownName {
        /// What was written.
        name: String,
    },
    /// A known name without the value that was asked for: an output that was never made.
    #[error("`{path}` has no value")]
    Missing {
        /// The whole path.
        path: String,
    },
    /// A condition that is neither true nor false.
    #[error("the condition gives {found}, not true or false")]
    NotACondition {
        /// What it gives instead.
        found: String,
    },
    /// A list or a map in the middle of a text.
    #[error("{found} cannot stand inside a text, only alone")]
    NotText {
        /// What it is.
        found: String,
    },
    /// It was read, but computing it failed.
    #[error("the expression has no value: {message}")]
    Failed {
        /// Why, for people.
        message: String,
    },
}
