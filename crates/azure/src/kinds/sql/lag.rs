//! How far is the secondary behind? Only T-SQL on the primary can tell; REST has no figure.

use std::time::Duration;

use jiff::Timestamp;
use leeward_engine::port::{Context, DriverError, SourceRegion};
use serde_json::Value;

use super::side::{GroupSide, Of};
use crate::{
    arm::reply::cut,
    kinds::{secrets::Opened, settings},
    registry::Seams,
    tsql::{self, Login, Rows, Server},
};

/// The view that knows: one row for each link, with a lag on the primary only.
pub(crate) const STATEMENT: &str = "SELECT partner_server, partner_database, replication_state_desc, \
    replication_lag_sec FROM sys.dm_geo_replication_link_status";
/// How long it may take: a figure of loss is not worth more.
const WITHIN: Duration = Duration::from_secs(10);

/// What is known of the lag.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Lag {
    /// What the primary said.
    Read {
        most: Duration,
        as_of: Timestamp,
        source: String,
    },
    /// Nobody can tell.
    Unknown { reason: String },
}

/// Reads the largest lag out of the view's rows.
pub(crate) fn of_rows(rows: &Rows) -> Result<Duration, String> {
    if rows.is_empty() {
        return Err("the view has no row: the database has no replication link".to_owned());
    }
    let mut most = Duration::ZERO;
    for row in rows {
        let text = |place: usize| row.get(place).cloned().flatten();
        let partner = text(0).unwrap_or_default();
        let state = text(2).unwrap_or_default();
        let seconds =
            text(3).ok_or_else(|| format!("the link to {} ({}) tells no lag", cut(&partner), cut(&state)))?;
        let seconds: u64 = seconds
            .parse()
            .map_err(|_| format!("`{}` is no lag in seconds", cut(&seconds)))?;
        most = most.max(Duration::from_secs(seconds));
    }
    Ok(most)
}

/// Reads the lag, where the step's `lag` says how and the primary may be asked.
pub(super) async fn read(seams: &Seams, of: Of, context: &Context) -> Lag {
    let unknown = |reason: String| Lag::Unknown { reason };
    let Some(written) = context.settings.get("lag").filter(|lag| lag.is_object()) else {
        return unknown("no lag in REST; the lag is T-SQL on the primary".to_owned());
    };
    if context.source_region != SourceRegion::Open || context.plan.region_down {
        return unknown(format!(
            "the lag is T-SQL on the primary, and {} is not asked",
            context.plan.source.region
        ));
    }
    let (server, login, opened) = match asked(of, context, written) {
        Ok(asked) => asked,
        Err(error) => return unknown(format!("`lag`: {error}")),
    };
    let answer = tsql::ask(
        seams.public.as_ref(),
        &seams.arm,
        &server,
        &login,
        STATEMENT,
        WITHIN,
    )
    .await;
    let host = &server.host;
    match answer
        .map_err(|error| opened.hide(&error.to_string()))
        .and_then(|rows| of_rows(&rows))
    {
        Ok(most) => Lag::Read {
            most,
            as_of: seams.arm.clock().now().wall,
            source: format!(
                "sys.dm_geo_replication_link_status of {} on {host}",
                server.database
            ),
        },
        Err(reason) => unknown(format!("the lag was not readable on {host}: {reason}")),
    }
}

fn asked(of: Of, context: &Context, written: &Value) -> Result<(Server, Login, Opened), DriverError> {
    let host = match (settings::optional_text(written, "server"), of) {
        (Some(host), _) => host.to_owned(),
        (None, Of::Servers) => format!("{}.database.windows.net", GroupSide::source(of, context)?.host),
        (None, Of::Instances) => {
            return Err(DriverError::Impossible {
                reason: "`server` is missing: an instance's host name holds its DNS zone".to_owned(),
            });
        }
    };
    let mut opened = Opened::default();
    let login = login(written, &mut opened)?;
    Ok((
        Server {
            host,
            port: 1433,
            database: settings::text(written, "database")?.to_owned(),
        },
        login,
        opened,
    ))
}

/// Reads as whom a server is asked: `user` and `password`, or the identity of the run.
pub(crate) fn login(written: &Value, opened: &mut Opened) -> Result<Login, DriverError> {
    let user = settings::optional_text(written, "user");
    let password = settings::optional_text(written, "password");
    match (user, password) {
        (None, None) => Ok(Login::Identity),
        (Some(user), Some(password)) => {
            let opened = opened.value(password).map_err(|error| DriverError::Impossible {
                reason: error.to_string(),
            })?;
            Ok(Login::Own {
                user: user.to_owned(),
                password: opened.into(),
            })
        }
        _ => Err(DriverError::Impossible {
            reason: "`user` and `password` belong together; without both the identity of the run is used"
                .to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(state: &str, lag: Option<&str>) -> Vec<Option<String>> {
        vec![
            Some("sql-neu".to_owned()),
            Some("orders".to_owned()),
            Some(state.to_owned()),
            lag.map(str::to_owned),
        ]
    }

    #[test]
    fn the_largest_lag_counts_and_a_missing_one_is_unknown() {
        let rows = vec![row("CATCH_UP", Some("2")), row("CATCH_UP", Some("7"))];
        assert_eq!(of_rows(&rows), Ok(Duration::from_secs(7)));
        // On a secondary the column is NULL.
        assert!(of_rows(&vec![row("CATCH_UP", Some("2")), row("SEEDING", None)]).is_err());
        assert!(of_rows(&Vec::new()).is_err());
        assert!(of_rows(&vec![row("CATCH_UP", Some("-1"))]).is_err());
    }
}
