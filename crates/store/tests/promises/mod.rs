//! What every store promises, told once and asked of each.

pub mod claims;
pub mod inbox;
pub mod kit;
pub mod leases;
pub mod records;
