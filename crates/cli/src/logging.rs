//! What is logged, and where? Nothing, unless `RUST_LOG` asks for it; then on stderr, for whoever looks for a fault.

use std::io;

use tracing_subscriber::EnvFilter;

/// Listens as `RUST_LOG` says; does nothing where it is not set.
///
/// No token, secret or signature reaches any log, whatever is asked for: what holds one has no way to be shown.
pub(crate) fn start() {
    if std::env::var_os("RUST_LOG").is_none_or(|wish| wish.is_empty()) {
        return;
    }
    let listening = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::from_default_env())
        .with_writer(io::stderr)
        .with_ansi(false)
        .try_init();
    // Somebody listens already: a test that runs several commands in one process.
    let _ = listening;
}
