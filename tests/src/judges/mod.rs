//! What judges us that nobody here wrote: the official specification, recorded traffic, the vendor's own tools.
//!
//! Their material is not part of this repository and their tools are installed by `tests/judges/install`. Where either
//! is missing a judge is passed over by name, loudly; where `LEEWARD_JUDGES=required` it fails instead.

pub mod clients;
pub mod examples;
pub mod exchanges;
pub mod material;
pub mod node;
pub mod objections;
pub mod replay;
