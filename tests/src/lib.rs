//! Acceptance tests of the whole product live in `tests/`.
