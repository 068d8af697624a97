//! What did the caller's wire see?

use bytes::Bytes;

/// What came of one request, as its caller sees it.
#[derive(Debug)]
pub enum Outcome {
    /// An answer.
    Answered(http::Response<Bytes>),
    /// No answer.
    Broken(Broken),
}

impl Outcome {
    /// Returns the answer, if there is one.
    pub fn answer(self) -> Option<http::Response<Bytes>> {
        match self {
            Outcome::Answered(answer) => Some(answer),
            Outcome::Broken(_) => None,
        }
    }
}

/// How a wire broke. The request may have been carried out all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Nobody listens there.
    Refused,
    /// The connection was reset.
    Reset,
    /// Nothing came until the simulator closed the connection after [`Settings::silence`](crate::Settings).
    Silent,
}
