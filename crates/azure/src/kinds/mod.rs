//! One driver for each kind, one file a family.
