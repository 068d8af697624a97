//! The family of messages to people.

use super::Entry;
use crate::registry::Seams;

/// Makes the family's drivers.
pub(super) fn drivers(_seams: &Seams) -> Vec<Entry> {
    Vec::new()
}
