//! The family of machines that Site Recovery protects.

use super::Entry;
use crate::registry::Seams;

/// Makes the family's drivers.
pub(super) fn drivers(_seams: &Seams) -> Vec<Entry> {
    Vec::new()
}
