//! A pretend Azure that speaks the real protocol.
