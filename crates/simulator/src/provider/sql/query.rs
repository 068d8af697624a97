//! What does a pretend SQL server know? Who is primary, how far the copies are behind, and what the world says.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    link::{self, Link},
    view::{Role, SEEDING, SUSPENDED, Side},
};
use crate::world::{Health, Resource, World};

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    Null,
    Number(i32),
    Text(String),
}

/// A set of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<Cell>>,
}

impl Table {
    fn one(value: Cell) -> Table {
        Table {
            columns: vec![String::new()],
            rows: vec![vec![value]],
        }
    }

    /// Returns whether a column is one of numbers.
    pub(super) fn numbers(&self, place: usize) -> bool {
        let column = || self.rows.iter().filter_map(|row| row.get(place));
        column().any(|cell| matches!(cell, Cell::Number(_)))
            && !column().any(|cell| matches!(cell, Cell::Text(_)))
    }
}

/// The server or instance behind a host name.
pub(super) struct Reached {
    /// Its id.
    pub(super) id: String,
    /// The group whose listener was asked for, or that it is in.
    side: Option<Side>,
}

/// Finds who answers at a host name now; nothing where nobody does.
pub(super) fn reached(world: &World, host: &str, now: Timestamp) -> Option<Reached> {
    let (region, reached) = behind(world, host)?;
    (world.health(&region, now) == Health::Up).then_some(reached)
}

/// Returns the region that a host name leads to, whether or not anybody answers there.
pub(crate) fn region(world: &World, host: &str) -> Option<String> {
    behind(world, host).map(|(region, _)| region)
}

/// Finds who is behind a host name, with its region.
fn behind(world: &World, host: &str) -> Option<(String, Reached)> {
    let host = host.to_lowercase();
    let name = |member: &Resource| {
        let name = member.body["properties"]["fullyQualifiedDomainName"].as_str();
        name.map(str::to_lowercase)
    };
    let sides = || {
        world
            .resources
            .values()
            .filter_map(|view| Some((view, Side::of(view)?)))
    };
    for member in world.resources.values().filter(|resource| is_member(resource)) {
        if name(member).is_some_and(|name| name == host) {
            let reached = Reached {
                id: member.id.clone(),
                side: sides()
                    .map(|(_, side)| side)
                    .find(|side| crate::provider::same(&side.own, &member.id)),
            };
            return Some((member.region.clone(), reached));
        }
    }
    for (view, side) in sides() {
        let Some(member) = world.resource(&side.own) else {
            continue;
        };
        let Some((_, zone)) = name(member).and_then(|name| {
            name.split_once('.')
                .map(|(one, zone)| (one.to_owned(), zone.to_owned()))
        }) else {
            continue;
        };
        let group = view.name().to_lowercase();
        let asked = match side.role {
            Role::Primary => format!("{group}.{zone}"),
            Role::Secondary => format!("{group}.secondary.{zone}"),
        };
        if asked == host {
            let reached = Reached {
                id: member.id.clone(),
                side: Some(side),
            };
            return Some((member.region.clone(), reached));
        }
    }
    None
}

fn is_member(resource: &Resource) -> bool {
    ["microsoft.sql/servers", super::instance::KIND]
        .iter()
        .any(|kind| resource.kind.eq_ignore_ascii_case(kind))
}

/// Returns whether a server has a database. Databases of instances are not described.
pub(super) fn has(world: &World, reached: &Reached, database: &str) -> bool {
    let server = world.resource(&reached.id);
    let instance = server.is_some_and(|server| server.kind.eq_ignore_ascii_case(super::instance::KIND));
    instance
        || database.is_empty()
        || database.eq_ignore_ascii_case("master")
        || world
            .resource(&format!("{}/databases/{database}", reached.id))
            .is_some()
}

/// Answers a statement, or says with which error.
pub(super) fn answer(
    world: &World,
    reached: Option<&Reached>,
    database: &str,
    statement: &str,
    now: Timestamp,
) -> Result<Table, (u32, String)> {
    let folded = fold(statement);
    if let Some(known) = world
        .sql_answers
        .iter()
        .find(|known| fold(&known.statement) == folded)
    {
        return Ok(Table::one(match &known.value {
            Value::Null => Cell::Null,
            Value::Number(number) => number
                .as_i64()
                .and_then(|number| i32::try_from(number).ok())
                .map_or_else(|| Cell::Text(number.to_string()), Cell::Number),
            Value::String(text) => Cell::Text(text.clone()),
            other => Cell::Text(other.to_string()),
        }));
    }
    if let Some(number) = folded.strip_prefix("select ").and_then(|rest| rest.parse().ok()) {
        return Ok(Table::one(Cell::Number(number)));
    }
    let role = role(world, reached, database);
    if folded.contains("updateability") {
        let word = if role == Role::Primary {
            "READ_WRITE"
        } else {
            "READ_ONLY"
        };
        return Ok(Table::one(Cell::Text(word.to_owned())));
    }
    if folded == "select @@servername" {
        let name = reached.and_then(|reached| reached.id.rsplit('/').next().map(str::to_owned));
        return Ok(Table::one(name.map_or(Cell::Null, Cell::Text)));
    }
    if folded.starts_with("select name from sys.databases") {
        // A database sees itself; those of an instance are not described, so the one that is asked stands for all.
        return Ok(Table {
            columns: vec!["name".to_owned()],
            rows: vec![vec![Cell::Text(database.to_owned())]],
        });
    }
    if folded.contains("sys.dm_geo_replication_link_status") {
        return Ok(links(world, reached, database, &folded, now));
    }
    Err((
        208,
        "this pretended server has no answer to that statement: write one under `sql-answers` of the world"
            .to_owned(),
    ))
}

fn fold(statement: &str) -> String {
    let words: Vec<String> = statement.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ").trim_end_matches(';').to_owned()
}

fn database_of<'a>(world: &'a World, reached: Option<&Reached>, database: &str) -> Option<&'a Resource> {
    world.resource(&format!("{}/databases/{database}", reached?.id))
}

fn role(world: &World, reached: Option<&Reached>, database: &str) -> Role {
    let linked = database_of(world, reached, database).and_then(Link::of);
    match (linked, reached.and_then(|reached| reached.side.as_ref())) {
        (Some(link), _) => link.role,
        (None, Some(side)) => side.role,
        (None, None) => Role::Primary,
    }
}

/// The view of the links: a lag on the primary only, and nothing at all in `master`.
fn links(world: &World, reached: Option<&Reached>, database: &str, folded: &str, now: Timestamp) -> Table {
    let columns: Vec<String> = folded
        .trim_start_matches("select ")
        .split(" from ")
        .next()
        .unwrap_or_default()
        .split(',')
        .map(|name| name.trim().to_owned())
        .collect();
    let mut found: Option<(String, Role, &str)> = None;
    if let Some(resource) = database_of(world, reached, database)
        && let Some(link) = Link::of(resource)
    {
        let state = link.replication(world, &resource.id, now);
        found = Some((link::server_of(&link.partner), link.role, state));
    } else if let Some(reached) = reached
        && let Some(side) = &reached.side
        && !database.eq_ignore_ascii_case("master")
        && world
            .resource(&reached.id)
            .is_some_and(|member| member.kind.eq_ignore_ascii_case(super::instance::KIND))
    {
        found = Some((side.other.clone(), side.role, side.replication(world, now)));
    }
    let lag = reached.and_then(|reached| lag(world, reached, database));
    let rows = found
        .into_iter()
        .map(|(partner, role, state)| {
            let cell = |column: &String| match column.as_str() {
                "partner_server" => Cell::Text(partner.rsplit('/').next().unwrap_or_default().to_owned()),
                "partner_database" => Cell::Text(database.to_owned()),
                // Documented.
                "replication_state" => Cell::Number(match state {
                    SEEDING => 1,
                    SUSPENDED => 4,
                    _ => 2,
                }),
                "replication_state_desc" => Cell::Text(state.to_owned()),
                "role_desc" => Cell::Text(role.word().to_uppercase()),
                "replication_lag_sec" if role == Role::Primary => lag.map_or(Cell::Null, Cell::Number),
                _ => Cell::Null,
            };
            columns.iter().map(cell).collect()
        })
        .collect();
    Table { columns, rows }
}

/// Returns how far the world says that a database's copy is behind. No figure of it is known of Azure, so there is
/// none where nothing is said.
fn lag(world: &World, reached: &Reached, database: &str) -> Option<i32> {
    let server = reached.id.rsplit('/').next().unwrap_or_default();
    let own = format!("{server}/{database}");
    let group = world.resources.values().find(|resource| {
        let side = Side::of(resource);
        side.is_some_and(|side| crate::provider::same(&side.own, &reached.id))
    });
    let named = |name: &str| {
        let mut all = world.lag_seconds.iter();
        all.find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, seconds)| i32::try_from(*seconds).unwrap_or(i32::MAX))
    };
    named(&own).or_else(|| named(group?.name()))
}
