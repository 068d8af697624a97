//! The family of checks that prove something.

use super::Entry;
use crate::registry::Seams;

/// Makes the family's drivers.
pub(super) fn drivers(_seams: &Seams) -> Vec<Entry> {
    Vec::new()
}
