//! How far is the secondary behind? Only T-SQL on the primary can tell; REST has no figure.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use leeward_engine::port::{Context, DriverError, SourceRegion};
use serde_json::Value;

use super::{
    side::{GroupSide, Of},
    view::{GroupView, Replication},
};
use crate::{
    arm::{Arm, reply::cut},
    kinds::{secrets::Opened, settings},
    registry::Seams,
    tsql::{self, Login, Rows, Server},
};

/// The view that knows: one row for each link, with a lag on the primary only.
pub(crate) const STATEMENT: &str = "SELECT partner_server, partner_database, replication_state_desc, \
    replication_lag_sec FROM sys.dm_geo_replication_link_status";
/// The databases of an instance, without the system's own.
const DATABASES: &str = "SELECT name FROM sys.databases WHERE database_id > 4";
/// How long one database may take: a figure of loss is not worth more.
const WITHIN: Duration = Duration::from_secs(10);
/// How long all of them may take.
const ALL_WITHIN: Duration = Duration::from_secs(60);
/// How many databases are asked at once.
const AT_ONCE: usize = 8;

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

/// Reads the largest lag out of the view's rows, of the links to one partner where it is named.
///
/// A link that does not replicate now makes the whole unknown: the column stands still while the link is down, and
/// a figure that stands still in an outage is not a lag.
pub(crate) fn of_rows(rows: &Rows, partner: Option<&str>) -> Result<Duration, String> {
    let mut most = None;
    for row in rows {
        let text = |place: usize| row.get(place).cloned().flatten();
        let there = text(0).unwrap_or_default();
        if partner.is_some_and(|partner| !is_server(partner, &there)) {
            continue;
        }
        let state = text(2).unwrap_or_default();
        if !matches!(Replication::read(state.clone()), Replication::Healthy(_)) {
            return Err(format!(
                "the link to {} reads {}: its lag stands still and is none",
                cut(&there),
                if state.is_empty() {
                    "no state".to_owned()
                } else {
                    cut(&state)
                }
            ));
        }
        let seconds =
            text(3).ok_or_else(|| format!("the link to {} ({}) tells no lag", cut(&there), cut(&state)))?;
        let seconds: u64 = seconds
            .parse()
            .map_err(|_| format!("`{}` is no lag in seconds", cut(&seconds)))?;
        most = most.max(Some(Duration::from_secs(seconds)));
    }
    most.ok_or_else(|| match partner {
        Some(partner) => format!("the view has no link to {partner}"),
        None => "the view has no row: the database has no replication link".to_owned(),
    })
}

/// Returns whether a partner is the server of that name; the view names it with or without its domain.
fn is_server(name: &str, found: &str) -> bool {
    found
        .split('.')
        .next()
        .is_some_and(|found| found.eq_ignore_ascii_case(name))
}

/// Asks every database and returns the largest lag: a figure for a part of a group is none for the group.
async fn largest<F>(
    databases: &[String],
    partner: Option<&str>,
    ask: impl Fn(String) -> F,
) -> Result<Duration, String>
where
    F: Future<Output = Result<Rows, String>>,
{
    let mut answers = Vec::new();
    for database in databases {
        let (shown, answer) = (cut(database), ask(database.clone()));
        answers.push(async move {
            answer
                .await
                .and_then(|rows| of_rows(&rows, partner))
                .map_err(|reason| format!("{shown}: {reason}"))
        });
    }
    let lags: Vec<Duration> = stream::iter(answers).buffered(AT_ONCE).try_collect().await?;
    lags.into_iter().max().ok_or_else(|| {
        "the group names no database, so nobody can tell whose lag would be missing".to_owned()
    })
}

/// Reads the lag, where the step's `lag` says how and the primary may be asked.
///
/// The group's databases are those that the side that takes over names; it is asked where nobody did yet.
pub(super) async fn read(seams: &Seams, of: Of, context: &Context, view: Option<&GroupView>) -> Lag {
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
    let arm = seams.arm.for_step(context);
    let (server, login, opened) = match asked(of, context, written, &arm) {
        Ok(asked) => asked,
        Err(error) => return unknown(format!("`lag`: {error}")),
    };
    let as_of = seams.arm.clock().now().wall;
    let ask = |database: String, statement: &'static str| {
        let server = Server {
            database,
            ..server.clone()
        };
        let (login, opened, arm) = (&login, &opened, &arm);
        async move {
            tsql::ask(seams.public.as_ref(), arm, &server, login, statement, WITHIN)
                .await
                .map_err(|error| opened.hide(&error.to_string()))
        }
    };
    let found = async {
        let side = GroupSide::target(of, context).map_err(|error| error.to_string())?;
        let databases = match (of, view) {
            (Of::Servers, Some(view)) => named(view, &server.database)?,
            (Of::Servers, None) => {
                let view = side.view(&arm).await;
                let view = view.map_err(|error| format!("{} was not readable: {error}", side.what()))?;
                named(&view, &server.database)?
            }
            // All of an instance's databases move, and its group names none.
            (Of::Instances, _) => first_column(ask(server.database.clone(), DATABASES).await?),
        };
        // An instance has one group with one partner, which the view may name in another way.
        let partner = match of {
            Of::Servers => Some(side.host.as_str()),
            Of::Instances => None,
        };
        let most = largest(&databases, partner, |database| ask(database, STATEMENT)).await?;
        Ok::<_, String>((databases, most))
    };
    let host = &server.host;
    match tokio::time::timeout(ALL_WITHIN, found).await {
        Ok(Ok((databases, most))) => Lag::Read {
            most,
            as_of,
            source: match databases.as_slice() {
                [one] => format!("sys.dm_geo_replication_link_status of {} on {host}", cut(one)),
                many => format!(
                    "sys.dm_geo_replication_link_status of {} databases on {host}",
                    many.len()
                ),
            },
        },
        Ok(Err(reason)) => unknown(format!("the lag was not readable on {host}: {reason}")),
        Err(_) => unknown(format!("the lag was not readable on {host} in time")),
    }
}

/// Returns the databases that a group names.
fn named(view: &GroupView, asked: &str) -> Result<Vec<String>, String> {
    let names: Vec<String> = view
        .databases
        .iter()
        .filter_map(|id| id.rsplit('/').next().map(str::to_owned))
        .collect();
    match names.is_empty() || names.iter().any(|name| name.eq_ignore_ascii_case(asked)) {
        true => Ok(names),
        false => Err(format!("`lag` names {}, which is not in the group", cut(asked))),
    }
}

fn first_column(rows: Rows) -> Vec<String> {
    rows.into_iter()
        .filter_map(|row| row.into_iter().next().flatten())
        .collect()
}

fn asked(
    of: Of,
    context: &Context,
    written: &Value,
    arm: &Arm,
) -> Result<(Server, Login, Opened), DriverError> {
    let side = GroupSide::source(of, context)?;
    let host = match (settings::optional_text(written, "server"), of) {
        (Some(host), _) => host.to_owned(),
        (None, Of::Servers) => match arm.endpoint().databases() {
            Some(end) => format!("{}.{end}", side.host),
            None => {
                return Err(DriverError::Impossible {
                    reason: "`server` is missing: nobody knows how host names end in a custom cloud"
                        .to_owned(),
                });
            }
        },
        (None, Of::Instances) => {
            return Err(DriverError::Impossible {
                reason: "`server` is missing: an instance's host name holds its DNS zone".to_owned(),
            });
        }
    };
    let mut opened = Opened::default();
    let login = login(written, &mut opened, arm.tenant_of(&side.subscription))?;
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

/// Reads as whom a server is asked: `user` and `password`, or the identity of the run in a tenant.
pub(crate) fn login(
    written: &Value,
    opened: &mut Opened,
    tenant: Option<String>,
) -> Result<Login, DriverError> {
    let user = settings::optional_text(written, "user");
    let password = settings::optional_text(written, "password");
    match (user, password) {
        (None, None) => Ok(Login::Identity { tenant }),
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
        assert_eq!(of_rows(&rows, None), Ok(Duration::from_secs(7)));
        // On a secondary the column is NULL.
        assert!(of_rows(&vec![row("CATCH_UP", Some("2")), row("CATCH_UP", None)], None).is_err());
        assert!(of_rows(&Vec::new(), None).is_err());
        assert!(of_rows(&vec![row("CATCH_UP", Some("-1"))], None).is_err());
    }

    #[test]
    fn a_lag_that_stands_still_because_the_link_is_down_is_not_a_figure_of_loss() {
        for state in ["SUSPENDED", "SEEDING", "PENDING", "A_NEW_WORD", ""] {
            let rows = vec![row("CATCH_UP", Some("1")), row(state, Some("2"))];
            let reason = of_rows(&rows, None).unwrap_err();
            assert!(reason.contains("stands still"), "{state}: {reason}");
        }
    }

    #[test]
    fn only_the_links_to_the_side_that_takes_over_count() {
        let mut elsewhere = row("CATCH_UP", Some("1"));
        elsewhere[0] = Some("sql-elsewhere".to_owned());
        let both = vec![elsewhere.clone(), row("CATCH_UP", Some("9"))];
        assert_eq!(of_rows(&both, Some("SQL-neu")), Ok(Duration::from_secs(9)));
        let reason = of_rows(&vec![elsewhere], Some("sql-neu")).unwrap_err();
        assert!(reason.contains("no link to sql-neu"), "{reason}");
    }

    #[tokio::test]
    async fn one_database_of_a_group_that_tells_no_lag_makes_the_loss_of_the_whole_group_unknown() {
        let ask = |database: String| async move {
            match database.as_str() {
                "orders" => Ok(vec![row("CATCH_UP", Some("2"))]),
                "stock" => Ok(vec![row("CATCH_UP", Some("40"))]),
                "prices" => Ok(vec![row("SUSPENDED", Some("2"))]),
                _ => Err("error 916: no access".to_owned()),
            }
        };
        let of = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let both = largest(&of(&["orders", "stock"]), Some("sql-neu"), ask).await;
        assert_eq!(both, Ok(Duration::from_secs(40)));
        for (missing, why) in [("prices", "SUSPENDED"), ("mail", "no access")] {
            let reason = largest(&of(&["orders", missing]), Some("sql-neu"), ask)
                .await
                .unwrap_err();
            assert!(reason.contains(missing) && reason.contains(why), "{reason}");
        }
        assert!(largest(&[], None, ask).await.is_err());
    }

    #[test]
    fn a_lag_is_asked_of_every_database_that_the_group_names() {
        let view = GroupView::read(&serde_json::json!({"properties": {
            "databases": ["/servers/sql-neu/databases/orders", "/servers/sql-neu/databases/Stock"]
        }}));
        assert_eq!(named(&view, "ORDERS").unwrap(), ["orders", "Stock"]);
        assert!(
            named(&view, "elsewhere")
                .unwrap_err()
                .contains("not in the group")
        );
    }

    #[test]
    fn the_primary_is_asked_in_the_cloud_and_the_tenant_of_the_side_that_serves() {
        let arm = |endpoint: &str| {
            let endpoint = crate::arm::Endpoint::parse(endpoint).unwrap();
            let credential =
                crate::credential::Credential::from_token(crate::credential::CredentialKind::AzureCli, "t");
            let http = Some(crate::testing::FakeAzure::new() as _);
            Arm::new(endpoint, credential, http, crate::testing::TestClock::new()).unwrap()
        };
        let context = crate::testing::context(
            "azure.sql.failover-group",
            leeward_runbook::journey::Journey::Failover,
            serde_json::json!({"failover-group": "fog", "tenant": "t-usual"}),
            serde_json::json!({"resource-group": "rg", "server": "sql-weu", "subscription": "s-weu", "tenant": "t-weu"}),
            serde_json::json!({"resource-group": "rg", "server": "sql-neu"}),
        );
        let written = serde_json::json!({"database": "orders"});
        for (endpoint, host) in [
            ("https://management.azure.com", "sql-weu.database.windows.net"),
            (
                "https://management.chinacloudapi.cn",
                "sql-weu.database.chinacloudapi.cn",
            ),
            (
                "https://management.usgovcloudapi.net",
                "sql-weu.database.usgovcloudapi.net",
            ),
        ] {
            let arm = arm(endpoint).for_step(&context);
            let (server, login, _) = asked(Of::Servers, &context, &written, &arm).unwrap();
            assert_eq!(server.host, host);
            assert!(matches!(login, Login::Identity { tenant: Some(tenant) } if tenant == "t-weu"));
        }
        let custom = arm("https://arm.example.test");
        let error = asked(Of::Servers, &context, &written, &custom)
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains("`server` is missing"), "{error}");
    }
}
