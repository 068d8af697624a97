//! How does each database of a group replicate? Read from the replication links; REST gives no lag.

use leeward_engine::port::DriverError;
use serde_json::Value;

use super::{
    API,
    side::GroupSide,
    view::{GroupView, Replication},
};
use crate::arm::{Arm, Request, reply::cut};

/// One replication link as the side that was asked shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) database: String,
    pub(super) partner_server: String,
    pub(super) role: String,
    pub(super) replication: Replication,
    /// How far seeding is, where told.
    pub(super) percent: Option<u64>,
}

impl Link {
    /// Reads one link; nothing where it names no database.
    pub(super) fn read(body: &Value) -> Option<Link> {
        let text = |name: &str| body.pointer(name).and_then(Value::as_str).map(cut);
        let id = body.get("id")?.as_str()?;
        let segments: Vec<&str> = id.split('/').collect();
        let place = segments
            .iter()
            .position(|segment| segment.eq_ignore_ascii_case("databases"))?;
        // Azure gives a whole number; a fraction of a percent is nobody's business.
        let percent = body.pointer("/properties/percentComplete");
        Some(Link {
            database: cut(segments.get(place + 1)?),
            partner_server: text("/properties/partnerServer").unwrap_or_default(),
            role: text("/properties/role").unwrap_or_default(),
            replication: Replication::read(text("/properties/replicationState").unwrap_or_default()),
            percent: percent.and_then(Value::as_u64),
        })
    }

    fn shown(&self) -> String {
        let word = match self.replication.word() {
            "" => "no state",
            word => word,
        };
        match self.percent.filter(|percent| *percent < 100) {
            Some(percent) => format!("{} ({word}, {percent} %)", self.database),
            None => format!("{} ({word})", self.database),
        }
    }
}

/// The links of a group's databases, sorted by what they mean for a switch.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Links {
    /// How many replicate as they should.
    pub(super) healthy: usize,
    /// Databases whose copy is not complete.
    pub(super) seeding: Vec<String>,
    /// Databases that replicate, but not now, or say a word that nobody knows.
    pub(super) troubled: Vec<String>,
    /// Databases of the group without a link.
    pub(super) missing: Vec<String>,
}

impl Links {
    /// Sorts links by the databases of a group, as the side that was asked lists them.
    pub(super) fn of(view: &GroupView, partner: &str, links: &[Link]) -> Links {
        let mut sorted = Links::default();
        for id in &view.databases {
            let database = id.rsplit('/').next().unwrap_or_default();
            let link = links.iter().find(|link| {
                link.database.eq_ignore_ascii_case(database)
                    && (link.partner_server.is_empty() || link.partner_server.eq_ignore_ascii_case(partner))
            });
            match link {
                None => sorted.missing.push(cut(database)),
                Some(link) => match link.replication {
                    Replication::Healthy(_) => sorted.healthy += 1,
                    Replication::Seeding(_) => sorted.seeding.push(link.shown()),
                    _ => sorted.troubled.push(link.shown()),
                },
            }
        }
        sorted
    }

    /// Returns what is worth a warning.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let mut tell = |list: &[String], what: &str| {
            if !list.is_empty() {
                warnings.push(format!("{what}: {}", list.join(", ")));
            }
        };
        tell(&self.seeding, "still being copied, and lost in a forced switch");
        tell(&self.troubled, "not replicating now");
        tell(&self.missing, "in the group, but with no replication link");
        warnings
    }

    /// Returns all of it in a few words.
    pub(super) fn summary(&self) -> String {
        let all = self.healthy + self.seeding.len() + self.troubled.len() + self.missing.len();
        format!("{} of {all} databases replicate", self.healthy)
    }
}

/// Reads the links of one side's server.
pub(super) async fn of_server(arm: &Arm, side: &GroupSide) -> Result<Vec<Link>, DriverError> {
    let path = side.server()?.then("replicationLinks").build();
    let path = path.map_err(crate::kinds::settings::impossible)?;
    let list = arm
        .list(&Request::get(path, API))
        .await
        .map_err(|error| error.into_driver_error(format!("replication links of {}", side.host)))?;
    Ok(list.iter().filter_map(Link::read).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{examples, recording};

    fn view(databases: &[&str]) -> GroupView {
        GroupView::read(&json!({"properties": {
            "replicationRole": "Secondary", "replicationState": "CATCH_UP", "databases": databases
        }}))
    }

    fn link(database: &str, partner: &str, state: &str, percent: u64) -> Link {
        Link::read(&json!({
            "id": format!("/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql/servers/x/databases/{database}/replicationLinks/1"),
            "properties": {"partnerServer": partner, "role": "Secondary", "replicationState": state, "percentComplete": percent}
        }))
        .unwrap()
    }

    #[test]
    fn every_database_of_the_group_is_accounted_for() {
        let links = [
            link("orders", "SQL-WEU", "CATCH_UP", 100),
            link("stock", "sql-weu", "SEEDING", 40),
            link("prices", "sql-weu", "SUSPENDED", 100),
            link("mail", "sql-elsewhere", "CATCH_UP", 100),
            link("words", "sql-weu", "A_NEW_WORD", 100),
        ];
        let found = Links::of(
            &view(&["/d/orders", "/d/stock", "/d/prices", "/d/mail", "/d/words"]),
            "sql-weu",
            &links,
        );
        assert_eq!(found.healthy, 1);
        assert_eq!(found.seeding, ["stock (SEEDING, 40 %)"]);
        assert_eq!(found.troubled, ["prices (SUSPENDED)", "words (A_NEW_WORD)"]);
        assert_eq!(found.missing, ["mail"]);
        assert_eq!(found.summary(), "1 of 5 databases replicate");
        assert_eq!(found.warnings().len(), 3);
    }

    #[test]
    fn every_recorded_link_has_a_role_and_replicates() {
        let mut seen = 0;
        for name in ["sql-db-replication-links", "sql-failover-group"] {
            for exchange in recording(name) {
                let uri = exchange["uri"].as_str().unwrap_or_default();
                let Some(list) = exchange["responseBody"]["value"].as_array() else {
                    continue;
                };
                if !uri.contains("/replicationLinks?") {
                    continue;
                }
                for body in list {
                    let link = Link::read(body).unwrap();
                    assert!(["Primary", "Secondary"].contains(&link.role.as_str()), "{body}");
                    assert!(matches!(link.replication, Replication::Healthy(_)), "{body}");
                    assert_eq!(link.percent, Some(100));
                    seen += 1;
                }
            }
        }
        assert!(seen > 5 || recording("sql-failover-group").is_empty());
    }

    #[test]
    fn the_official_example_reads() {
        let folder = "sql/resource-manager/Microsoft.Sql/preview/2023-08-01-preview/examples";
        if let Some(example) = examples(folder, "ReplicationLinkListByServer.json") {
            let list = example["responses"]["200"]["body"]["value"].as_array().unwrap();
            assert!(list.iter().all(|body| Link::read(body).is_some()));
        }
    }
}
