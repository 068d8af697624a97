//! Where journals live: memory and SQLite.
