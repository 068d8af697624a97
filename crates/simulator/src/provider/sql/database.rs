//! How is a database of a server made, copied, replicated and dropped?

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::link::{self, Link};
use crate::{
    arm::{Answer, ArmPath, ArmRequest},
    clock::later,
    provider::{
        Begin, Context,
        durations::{DATABASE_COPIED, DATABASE_DROPPED, DATABASE_MADE, DATABASE_SEEDED},
        plain, same,
    },
    shape::set,
    world::Operation,
};

/// The type, folded.
pub(super) const KIND: &str = "microsoft.sql/servers/databases";

/// Answers every change.
pub(super) fn answer(context: &mut Context<'_>, request: &ArmRequest) -> Answer {
    match request.method {
        Method::PUT => put(context, request),
        Method::DELETE => delete(context, request),
        _ => Answer::gateway(405, "HttpMethodNotAllowed", "The verb is not supported."),
    }
}

fn put(context: &mut Context<'_>, request: &ArmRequest) -> Answer {
    let (id, body) = (request.path.id(), request.json());
    let server = link::server_of(&id);
    let Some(region) = context
        .world
        .resource(&server)
        .map(|server| server.region.clone())
    else {
        return Answer::error(
            404,
            "ParentResourceNotFound",
            format!(
                "Can not perform requested operation on nested resource. Parent resource '{server}' not found."
            ),
        );
    };
    let mode = body["properties"]["createMode"].as_str().unwrap_or("Default");
    let source = body["properties"]["sourceDatabaseId"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let (verb, lasts) = match mode {
        "Copy" => ("CreateDatabaseAsCopy", DATABASE_COPIED),
        "Secondary" | "OnlineSecondary" => ("CreateDatabaseAsCopy", DATABASE_SEEDED),
        _ => ("CreateLogicalDatabase", DATABASE_MADE),
    };
    if mode != "Default" {
        let Some(found) = context.world.resource(&source) else {
            return Answer::error(
                404,
                "SourceDatabaseNotFound",
                "The source database does not exist.",
            );
        };
        if mode != "Copy" && Link::of(found).is_some_and(|link| same(&link.partner, &id)) {
            return Answer::error(
                409,
                "DuplicateGeoDrRelation",
                "The databases are already in a replication relation. This is a duplicate request.",
            );
        }
    }
    if let Some(standing) = context.world.resource(&id) {
        if standing.state["busy"].is_string() {
            return busy();
        }
        // That a second PUT of the same copy means the same is an inference; another source is another database.
        let made_of = standing.state["made-of"].as_str().unwrap_or_default();
        if mode != "Default" && !same(made_of, &source) {
            return Answer::error(
                409,
                "RemoteDatabaseExists",
                "The destination database name already exists on the destination server.",
            );
        }
    } else {
        let mut made = plain::resource(&ArmPath::parse(&id), &region, body.clone());
        if let Some(properties) = made.body["properties"].as_object_mut() {
            properties.remove("createMode");
            properties.remove("sourceDatabaseId");
        }
        made.kind = "Microsoft.Sql/servers/databases".to_owned();
        made.body["type"] = json!(made.kind);
        made.body["location"] = json!(region);
        let word = if mode == "Copy" { "Copying" } else { "Creating" };
        set(&mut made.body, &["properties", "status"], json!(word));
        made.state = json!({"made-of": source});
        context.world.put(made);
    }
    let state = json!({"does": "make-database", "database": id, "source": source, "mode": mode});
    begin(context, request, &region, verb, lasts, state)
}

fn delete(context: &mut Context<'_>, request: &ArmRequest) -> Answer {
    let id = request.path.id();
    let Some(database) = context.world.resource(&id) else {
        return Answer::empty(204).accepted(false);
    };
    let region = database.region.clone();
    if database.state["busy"].is_string() {
        return busy();
    }
    // While a group takes databases in, they cannot be taken away.
    let joining = context.world.operations.values().any(|operation| {
        let list = operation.state["properties"]["databases"].as_array();
        !operation.progress.over()
            && list.is_some_and(|list| {
                list.iter()
                    .any(|one| one.as_str().is_some_and(|one| same(one, &id)))
            })
    });
    if joining {
        return Answer::error(
            409,
            "DatabaseBeingAddedToFailoverGroup",
            "The database is currently being added to Failover Group, customer needs to wait for this operation to finish \
             to issue remove.",
        );
    }
    let state = json!({"does": "drop-database", "database": id});
    begin(
        context,
        request,
        &region,
        "DropLogicalDatabase",
        DATABASE_DROPPED,
        state,
    )
}

fn busy() -> Answer {
    Answer::error(
        409,
        "ManagementServiceDatabaseBusy",
        "Database is busy with another operation. Please try your operation later.",
    )
}

fn begin(
    context: &mut Context<'_>,
    request: &ArmRequest,
    region: &str,
    verb: &str,
    mean: Duration,
    state: Value,
) -> Answer {
    let id = request.path.id();
    let under = format!(
        "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Sql/locations/{region}",
        request.path.subscription.as_deref().unwrap_or_default(),
        request.path.group.as_deref().unwrap_or_default(),
    );
    let lasts = context.around("lasts", mean);
    let mut begin = Begin::new(KIND, region, &id, verb, &request.api_version(), lasts);
    begin.status_under = Some(format!("{under}/databaseAzureAsyncOperation"));
    begin.result_under = Some(format!("{under}/databaseOperationResults"));
    begin.retry_after = Some(15);
    begin.state = state;
    let operation = context.begin(begin);
    if let Some(resource) = context.world.resources.get_mut(&crate::world::fold_id(&id)) {
        if !resource.state.is_object() {
            resource.state = json!({});
        }
        resource.state["busy"] = json!(operation.id);
    }
    let body = json!({"operation": verb, "startTime": context.time(operation.started)});
    context.links(Answer::json(202, body), &operation)
}

/// Brings about what an operation on a database was for.
pub(super) fn finish(context: &mut Context<'_>, operation: &Operation) {
    let text = |name: &str| operation.state[name].as_str().unwrap_or_default().to_owned();
    let id = text("database");
    if operation.state["does"] == "drop-database" {
        context.world.remove(&id);
        return;
    }
    if let Some(database) = context.world.change(&id) {
        set(&mut database.body, &["properties", "status"], json!("Online"));
    }
    if matches!(text("mode").as_str(), "Secondary" | "OnlineSecondary") {
        let guid = context.guid("link");
        link::join(
            context.world,
            &guid,
            &text("source"),
            &id,
            operation.started,
            None,
        );
    }
    link::release(context, operation);
}

/// Takes in a database that a group got: it is made on the other server and filled. Until then its link says so.
pub(super) fn take_in(context: &mut Context<'_>, database: &str, server: &str, seeding: Duration) {
    let Some(primary) = context.world.resource(database).cloned() else {
        return;
    };
    if Link::of(&primary).is_some() {
        return;
    }
    let Some(region) = context.world.resource(server).map(|server| server.region.clone()) else {
        return;
    };
    let id = format!("{server}/databases/{}", primary.name());
    let mut copy = primary.clone();
    copy.region = region.clone();
    copy.body["location"] = json!(region);
    copy.body["id"] = json!(id);
    copy.id = id.clone();
    copy.state = json!({});
    context.world.put(copy);
    let guid = context.guid(&format!("link/{}", primary.name()));
    let now = context.now;
    link::join(
        context.world,
        &guid,
        database,
        &id,
        now,
        Some(later(now, seeding)),
    );
}
