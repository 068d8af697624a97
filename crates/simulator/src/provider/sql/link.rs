//! How do two databases replicate? A link is one thing with one GUID, kept and shown on both sides.

use http::Method;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    precondition,
    view::{CATCH_UP, Role, SEEDING, SUSPENDED, Side},
};
use crate::{
    arm::{Answer, ArmPath, ArmRequest},
    provider::{
        Begin, Context, Failure,
        durations::{GROUP_PARTNER_SILENT, GROUP_PLANNED_GIVES_UP, LINK_DROPPED, LINK_FORCED, LINK_PLANNED},
        same,
    },
    world::{Health, Operation, Resource, World, geography},
};

/// The type, folded, below a database.
pub(super) const KIND: &str = "microsoft.sql/servers/databases/replicationlinks";
/// The collection of a whole server, folded.
pub(super) const OF_SERVER: &str = "microsoft.sql/servers/replicationlinks";
const DATABASES: &str = "microsoft.sql/servers/databases";

/// What a database keeps of its link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Link {
    /// Its GUID, the same on both sides.
    pub(super) id: String,
    /// The id of the other database.
    pub(super) partner: String,
    /// This side's role.
    pub(super) role: Role,
    /// Since when.
    pub(super) started: Timestamp,
    /// Until when the secondary is filled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) seeded: Option<Timestamp>,
}

impl Link {
    /// Reads what a database keeps.
    pub(super) fn of(database: &Resource) -> Option<Link> {
        serde_json::from_value(database.state.get("link")?.clone()).ok()
    }

    fn keep(self, database: &mut Resource) {
        if !database.state.is_object() {
            database.state = json!({});
        }
        database.state["link"] = json!(self);
    }

    /// Returns whether the secondary is still being filled.
    pub(super) fn seeding(&self, now: Timestamp) -> bool {
        self.seeded.is_some_and(|seeded| now < seeded)
    }

    fn partner_region(&self, world: &World) -> String {
        let partner = world.resource(&self.partner);
        partner.map(|partner| partner.region.clone()).unwrap_or_default()
    }

    /// Returns the word for how the link of this database is.
    pub(super) fn replication(&self, world: &World, database: &str, now: Timestamp) -> &'static str {
        let stands_still = || {
            world.health(&self.partner_region(world), now) != Health::Up
                || group_of(world, database)
                    .and_then(|group| world.resource(&group).and_then(Side::of))
                    .is_some_and(|side| side.suspended(world, now))
        };
        if self.seeding(now) {
            SEEDING
        } else if stands_still() {
            SUSPENDED
        } else {
            CATCH_UP
        }
    }

    fn percent(&self, now: Timestamp) -> u64 {
        let Some(seeded) = self.seeded.filter(|seeded| now < *seeded) else {
            return 100;
        };
        let whole = seeded.duration_since(self.started).as_secs().max(1);
        let run = now.duration_since(self.started).as_secs().clamp(0, whole);
        u64::try_from(run * 100 / whole).unwrap_or_default().min(99)
    }
}

/// Joins two databases.
pub(super) fn join(
    world: &mut World,
    id: &str,
    primary: &str,
    secondary: &str,
    started: Timestamp,
    seeded: Option<Timestamp>,
) {
    for (here, there, role) in [
        (primary, secondary, Role::Primary),
        (secondary, primary, Role::Secondary),
    ] {
        if let Some(database) = world.resources.get_mut(&crate::world::fold_id(here)) {
            Link {
                id: id.to_owned(),
                partner: there.to_owned(),
                role,
                started,
                seeded,
            }
            .keep(database);
        }
    }
}

/// Returns the id of the server that a database is on.
pub(super) fn server_of(database: &str) -> String {
    database.rsplitn(3, '/').nth(2).unwrap_or_default().to_owned()
}

/// Returns the links of a server's databases, by the id of the database.
pub(super) fn of_server(world: &World, server: &str) -> Vec<(String, Link)> {
    let beneath = format!("{}/databases/", crate::world::fold_id(server));
    world
        .resources
        .iter()
        .filter(|(key, database)| key.starts_with(&beneath) && database.kind.eq_ignore_ascii_case(DATABASES))
        .filter_map(|(_, database)| Some((database.id.clone(), Link::of(database)?)))
        .collect()
}

/// Returns the id of the group's view that holds a database, if one does.
pub(super) fn group_of(world: &World, database: &str) -> Option<String> {
    let server = server_of(database);
    let name = database.rsplit('/').next()?;
    world.resources.values().find_map(|resource| {
        let side = Side::of(resource).filter(|side| same(&side.own, &server))?;
        let holds = resource.body["properties"]["databases"]
            .as_array()?
            .iter()
            .any(|id| {
                let id = id.as_str().and_then(|id| id.rsplit('/').next());
                id.is_some_and(|id| id.eq_ignore_ascii_case(name))
            });
        (holds && !side.own.is_empty()).then(|| resource.id.clone())
    })
}

/// Exchanges the roles of every database of a group's side.
pub(super) fn exchange(world: &mut World, server: &str, partner: &str) {
    for (id, link) in of_server(world, server) {
        if same(&server_of(&link.partner), partner) {
            swap(world, &id);
        }
    }
}

fn swap(world: &mut World, database: &str) {
    let Some(link) = world.resource(database).and_then(Link::of) else {
        return;
    };
    for id in [database.to_owned(), link.partner] {
        if let Some(resource) = world.change(&id)
            && let Some(mut link) = Link::of(resource)
        {
            link.role = link.role.other();
            link.keep(resource);
        }
    }
}

/// Answers everything about links.
pub(super) fn answer(context: &mut Context<'_>, request: &ArmRequest) -> Answer {
    let path = &request.path;
    match (request.method.clone(), path.collection().as_deref()) {
        (Method::GET, Some(KIND)) => {
            let database = path.id();
            let Some(resource) = context.seen(&database) else {
                return Answer::not_found(&ArmPath::parse(&database));
            };
            let value: Vec<Value> = Link::of(resource)
                .iter()
                .map(|link| show(context, &resource.id, link))
                .collect();
            Answer::json(200, json!({"value": value}))
        }
        (Method::GET, Some(OF_SERVER)) => {
            let value: Vec<Value> = of_server(context.world, &path.id())
                .iter()
                .map(|(database, link)| show(context, database, link))
                .collect();
            Answer::json(200, json!({"value": value}))
        }
        (Method::GET, None) => match find(context, &path.id()) {
            Some((database, link)) => Answer::json(200, show(context, &database, &link)),
            None => Answer::not_found(path),
        },
        (Method::POST, _) => switch(context, request),
        (Method::DELETE, None) => drop_link(context, request),
        _ => Answer::gateway(405, "HttpMethodNotAllowed", "The verb is not supported."),
    }
}

fn find(context: &Context<'_>, id: &str) -> Option<(String, Link)> {
    let database = id.rsplitn(3, '/').nth(2)?;
    let resource = context.world.resource(database)?;
    let link = Link::of(resource).filter(|link| {
        id.rsplit('/')
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case(&link.id))
    })?;
    Some((resource.id.clone(), link))
}

/// Returns what a GET shows. There is no figure of a lag in it.
fn show(context: &Context<'_>, database: &str, link: &Link) -> Value {
    let region = link.partner_region(context.world);
    let state = link.replication(context.world, database, context.now);
    json!({
        "properties": {
            "partnerServer": server_of(&link.partner).rsplit('/').next(),
            "partnerDatabase": link.partner.rsplit('/').next(),
            "partnerDatabaseId": link.partner,
            "partnerLocation": geography::display(&region),
            "role": link.role.word(),
            "partnerRole": link.role.other().word(),
            "replicationMode": "ASYNC",
            "startTime": context.time(link.started),
            "percentComplete": link.percent(context.now),
            "replicationState": state,
            "isTerminationAllowed": true,
            "linkType": "GEO",
        },
        "id": format!("{database}/replicationLinks/{}", link.id),
        "name": link.id,
    })
}

fn switch(context: &mut Context<'_>, request: &ArmRequest) -> Answer {
    let (verb, operation, lasts) = match request.path.action().as_deref() {
        Some("failover") => ("planned", "FailoverContinuousCopy", LINK_PLANNED),
        Some("forcefailoverallowdataloss") => ("forced", "ForceFailoverContinuousCopy", LINK_FORCED),
        _ => return Answer::gateway(404, "NotFound", "The requested resource was not found."),
    };
    let Some((database, link)) = find(context, &request.path.id()) else {
        return Answer::not_found(&request.path);
    };
    if group_of(context.world, &database).is_some() {
        return Answer::error(
            409,
            "FailoverGroupAlreadySetup",
            "The operation cannot be performed because the geo-replication link is part of a Failover Group. You must \
             remove the database from the group first.",
        );
    }
    if link.role == Role::Primary {
        return Answer::error(
            400,
            "GeoReplicationDatabaseNotSecondary",
            "The operation expects the database to be a replication target.",
        );
    }
    if context
        .world
        .resource(&database)
        .is_some_and(|resource| resource.state["busy"].is_string())
    {
        return Answer::error(
            409,
            "ManagementServiceDatabaseBusy",
            "Database is busy with another operation. Please try your operation later.",
        );
    }
    if link.seeding(context.now)
        && let Some(refused) = precondition::wrong_state()
    {
        return refused;
    }
    let partner = context.health(&link.partner_region(context.world));
    if verb == "planned" && partner == Health::Gone {
        // The code is listed for the operation; that it comes as the answer, and when, is an inference.
        return Answer::error(400, "PlannedFailoverTimedOut", super::switch::PLANNED_TIMED_OUT)
            .after(GROUP_PARTNER_SILENT);
    }
    let lasts = match (verb, partner) {
        ("planned", Health::NotServing) => GROUP_PLANNED_GIVES_UP,
        _ => context.around("lasts", lasts),
    };
    let state = json!({"does": "switch-link", "verb": verb, "database": database});
    begin(context, request, &database, operation, lasts, state)
}

fn drop_link(context: &mut Context<'_>, request: &ArmRequest) -> Answer {
    let Some((database, _)) = find(context, &request.path.id()) else {
        // No 204 is declared for links.
        return Answer::not_found(&request.path);
    };
    let state = json!({"does": "drop-link", "database": database});
    let lasts = context.around("lasts", LINK_DROPPED);
    begin(context, request, &database, "ForceStopDatabaseCopy", lasts, state)
}

fn begin(
    context: &mut Context<'_>,
    request: &ArmRequest,
    database: &str,
    verb: &str,
    lasts: std::time::Duration,
    state: Value,
) -> Answer {
    let region = context
        .world
        .resource(database)
        .map(|resource| resource.region.clone())
        .unwrap_or_default();
    let under = format!(
        "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Sql/locations/{region}",
        request.path.subscription.as_deref().unwrap_or_default(),
        request.path.group.as_deref().unwrap_or_default(),
    );
    let mut begin = Begin::new(
        KIND,
        &region,
        &request.path.id(),
        verb,
        &request.api_version(),
        lasts,
    );
    begin.status_under = Some(format!("{under}/replicationLinksAzureAsyncOperation"));
    begin.result_under = Some(format!("{under}/replicationLinksOperationResults"));
    begin.state = state;
    let operation = context.begin(begin);
    if let Some(resource) = context.world.resources.get_mut(&crate::world::fold_id(database)) {
        resource.state["busy"] = json!(operation.id);
    }
    let body = json!({"operation": verb, "startTime": context.time(operation.started)});
    context.links(Answer::json(202, body), &operation)
}

/// Brings about what an operation on a link was for.
pub(super) fn finish(context: &mut Context<'_>, operation: &Operation) -> Result<(), Failure> {
    let Some(database) = operation.state["database"].as_str() else {
        return Ok(());
    };
    let partner = context.world.resource(database).and_then(Link::of);
    let partner = partner.map(|link| link.partner_region(context.world));
    if operation.state["verb"] == "planned"
        && partner.is_some_and(|region| context.health(&region) != Health::Up)
    {
        // As of groups, an inference.
        return Err(super::switch::planned_timed_out());
    }
    match operation.state["does"].as_str() {
        Some("switch-link") => swap(context.world, database),
        Some("drop-link") => {
            let partner = context
                .world
                .resource(database)
                .and_then(Link::of)
                .map(|link| link.partner);
            for id in [Some(database.to_owned()), partner].into_iter().flatten() {
                if let Some(resource) = context.world.change(&id)
                    && let Some(state) = resource.state.as_object_mut()
                {
                    state.remove("link");
                }
            }
        }
        _ => {}
    }
    release(context, operation);
    Ok(())
}

/// Lets a database go again.
pub(super) fn release(context: &mut Context<'_>, operation: &Operation) {
    let database = operation.state["database"].as_str().unwrap_or_default();
    if let Some(resource) = context.world.resources.get_mut(&crate::world::fold_id(database))
        && let Some(state) = resource.state.as_object_mut()
    {
        state.remove("busy");
    }
}

/// Returns what the `Location` of an ended operation shows.
pub(super) fn result(context: &Context<'_>, operation: &Operation) -> Answer {
    match find(context, &operation.subject) {
        Some((database, link)) => Answer::json(200, show(context, &database, &link)),
        None => Answer::empty(204),
    }
}
