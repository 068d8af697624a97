//! Does a port take connections?

use leeward_engine::work::Probe;
use serde_json::Value;

use super::{LONGEST, whole};
use crate::{arm::reply::cut, kinds::settings, seams::PublicWire};

/// Opens a connection and closes it again.
pub(super) async fn probe(public: &dyn PublicWire, written: &Value) -> Result<Probe, String> {
    let host = settings::text(written, "host").map_err(|error| error.to_string())?;
    let port = written
        .get("port")
        .and_then(whole)
        .and_then(|port| u16::try_from(port).ok())
        .filter(|port| *port > 0)
        .ok_or("`port` is not a port, 1 to 65535")?;
    let bare = host.trim_matches(['[', ']']);
    Ok(match public.connect(bare, port, LONGEST).await {
        Ok(()) => Probe {
            passed: true,
            evidence: format!("{host}:{port} takes connections"),
        },
        Err(error) => Probe {
            passed: false,
            evidence: format!("{host}:{port} takes no connection: {}", cut(&error.to_string())),
        },
    })
}
