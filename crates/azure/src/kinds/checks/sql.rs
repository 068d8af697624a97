//! Does a database answer as it should, and how far is its copy behind?

use std::time::Duration;

use leeward_engine::{port::Clock, work::Probe};
use leeward_runbook::units::show_duration;
use serde_json::Value;

use super::{LONGEST, whole};
use crate::{
    arm::{Arm, reply::cut},
    kinds::{
        secrets::Opened,
        settings,
        sql::lag::{self, login},
    },
    seams::PublicWire,
    tsql::{self, Login, Server},
};

/// What was written, read.
struct Asked {
    server: Server,
    login: Login,
    statement: String,
    expect: Option<String>,
    latency: Option<Duration>,
    lag: Option<Duration>,
    opened: Opened,
}

impl Asked {
    fn read(written: &Value) -> Result<Asked, String> {
        let text = |name: &str| {
            let found = settings::text(written, name).map(str::to_owned);
            found.map_err(|error| error.to_string())
        };
        let duration = |name: &str| settings::duration(written, name).map_err(|error| error.to_string());
        let port = match written.get("port") {
            None | Some(Value::Null) => 1433,
            Some(port) => whole(port)
                .and_then(|port| u16::try_from(port).ok())
                .filter(|port| *port > 0)
                .ok_or("`port` is not a port, 1 to 65535")?,
        };
        let mut opened = Opened::default();
        Ok(Asked {
            server: Server {
                host: text("server")?,
                port,
                database: text("database")?,
            },
            login: login(
                written,
                &mut opened,
                settings::optional_text(written, "tenant").map(str::to_owned),
            )
            .map_err(|error| error.to_string())?,
            statement: settings::optional_text(written, "statement")
                .unwrap_or("SELECT 1")
                .to_owned(),
            expect: match written.get("expect") {
                None | Some(Value::Null) => None,
                Some(Value::String(text)) => Some(text.clone()),
                Some(other) => Some(other.to_string()),
            },
            latency: duration("latency")?,
            lag: duration("lag")?,
            opened,
        })
    }
}

/// Asks once. What it took stands in no evidence, so that a rehearsal says the same each time.
pub(super) async fn probe(
    public: &dyn PublicWire,
    arm: &Arm,
    clock: &dyn Clock,
    written: &Value,
) -> Result<Probe, String> {
    let asked = Asked::read(written)?;
    let shown = format!("{}/{}", asked.server.host, asked.server.database);
    let answer = |passed: bool, evidence: String| {
        Ok(Probe {
            passed,
            evidence: format!("{shown} {}", asked.opened.hide(&evidence)),
        })
    };
    let started = clock.now().uptime;
    let ask = |statement: String| {
        let asked = &asked;
        async move { tsql::ask(public, arm, &asked.server, &asked.login, &statement, LONGEST).await }
    };
    let rows = match ask(asked.statement.clone()).await {
        Ok(rows) => rows,
        Err(error) => return answer(false, format!("does not answer: {error}")),
    };
    let took = clock.now().uptime.saturating_sub(started);
    let Some(first) = rows.first().and_then(|row| row.first()) else {
        return answer(false, "answers with no row".to_owned());
    };
    let found = first.as_deref().unwrap_or("NULL").trim().to_owned();
    if let Some(expect) = &asked.expect
        && found != expect.trim()
    {
        return answer(false, format!("answers `{}`, not `{}`", cut(&found), cut(expect)));
    }
    if let Some(latency) = asked.latency
        && took > latency
    {
        let most = show_duration(latency);
        return answer(
            false,
            format!("answers `{}`, but later than after {most}", cut(&found)),
        );
    }
    let Some(most) = asked.lag else {
        return answer(true, format!("answers `{}`", cut(&found)));
    };
    let lag = match ask(lag::STATEMENT.to_owned()).await {
        Ok(rows) => lag::of_rows(&rows, None),
        Err(error) => Err(error.to_string()),
    };
    match lag {
        Ok(lag) => {
            let behind = format!(
                "answers `{}`, its copy is {} behind",
                cut(&found),
                show_duration(lag)
            );
            match lag <= most {
                true => answer(true, behind),
                false => answer(false, format!("{behind}, and {} is allowed", show_duration(most))),
            }
        }
        Err(reason) => answer(
            false,
            format!(
                "answers `{}`, but nobody can tell how far its copy is behind: {reason}",
                cut(&found)
            ),
        ),
    }
}
