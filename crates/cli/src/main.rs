//! The leeward command.
fn main() {}
