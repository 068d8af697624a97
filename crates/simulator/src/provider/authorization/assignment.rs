//! Who was given which role, where, and since when does it count?
//!
//! The caller names an assignment by a GUID of its own. The same GUID again changes it; the same principal, role and
//! scope under another GUID is refused. What was assigned takes effect only after a while.

use std::time::Duration;

use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    refused,
    scope::{Place, around},
};
use crate::{
    arm::{Answer, ArmRequest},
    clock::{between, later},
    provider::Context,
    world::{Resource, fold_id},
};

/// The type, folded.
pub(crate) const ASSIGNMENTS: &str = "microsoft.authorization/roleassignments";

/// Documented: it takes up to ten minutes until an assignment has effect. That it is seldom less than half a minute
/// is an inference.
const SPREADS: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(600));
/// How long a new identity is not known to the directory. Recorded is only that it happens; the figure is an inference.
const IDENTITY_SPREADS: Duration = Duration::from_secs(120);

/// Returns since when an assignment has effect.
pub(crate) fn effective(assignment: &Resource) -> Option<Timestamp> {
    assignment.state["effective"].as_str()?.parse().ok()
}

pub(super) fn answer(context: &mut Context<'_>, request: &ArmRequest) -> Answer {
    let id = request.path.id();
    match (&request.method, &request.path.tail) {
        (&Method::GET, Some(_)) => list(context, request),
        (&Method::GET, None) => match context.seen(&id) {
            Some(assignment) => Answer::json(200, assignment.body.clone()),
            None => missing(request.path.name()),
        },
        (&Method::PUT, None) => put(context, request),
        (&Method::DELETE, None) => match context.world.remove(&id) {
            // Recorded: 200 with what was taken away.
            Some(gone) => Answer::json(200, gone.body),
            None => Answer::empty(204).accepted(false),
        },
        _ => refused(),
    }
}

fn missing(name: &str) -> Answer {
    Answer::error(
        404,
        "RoleAssignmentNotFound",
        format!("The role assignment '{name}' is not found."),
    )
}

/// What makes an assignment the one it is.
fn triple(body: &Value) -> [String; 3] {
    let part = |name: &str| fold_id(body["properties"][name].as_str().unwrap_or_default());
    // The same role is named with and without its subscription.
    let role = part("roleDefinitionId");
    let role = role.rsplit('/').next().unwrap_or_default().to_owned();
    [part("principalId"), role, part("scope")]
}

fn put(context: &mut Context<'_>, request: &ArmRequest) -> Answer {
    let asked = &request.json()["properties"];
    let text = |name: &str| asked[name].as_str().unwrap_or_default();
    let (principal, role) = (text("principalId"), text("roleDefinitionId"));
    if principal.is_empty() || role.is_empty() {
        // Specified: both are required. The code is an inference.
        return Answer::error(
            400,
            "BadRequestFormat",
            "The request was incorrectly formatted: a principal and a role definition are needed.",
        );
    }
    if text("principalType").is_empty() && !known(context, principal) {
        return Answer::error(
            400,
            "PrincipalNotFound",
            format!(
                "Principal {} does not exist in the directory {}. Check that you have the correct principal ID. If you \
                 are creating this principal and then immediately assigning a role, this error might be related to a \
                 replication delay. In this case, set the role assignment principalType property to a value, such as \
                 ServicePrincipal, User, or Group.  See https://aka.ms/docs-principaltype",
                principal.replace('-', ""),
                context.world.tenant(),
            ),
        );
    }
    let id = request.path.id();
    let body = shown(context, request, asked);
    let old = context.world.resource(&id).cloned();
    if let Some(old) = &old
        && triple(&old.body) != triple(&body)
    {
        // Known to every user of templates; status and code are an inference all the same.
        return Answer::error(
            400,
            "RoleAssignmentUpdateNotPermitted",
            "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
        );
    }
    let twin =
        |other: &&Resource| !crate::provider::same(&other.id, &id) && triple(&other.body) == triple(&body);
    let all = context.world.resources.values();
    if all
        .filter(|other| other.kind.eq_ignore_ascii_case(ASSIGNMENTS))
        .any(|other| twin(&other))
    {
        return Answer::error(409, "RoleAssignmentExists", "The role assignment already exists.");
    }
    let unchanged = old.as_ref().is_some_and(|old| told(&old.body) == told(&body));
    if let (true, Some(old)) = (unchanged, &old) {
        // Azure answers 200 or 201 to the same thing again; which, and when, is an inference.
        return Answer::json(200, old.body.clone());
    }
    let effective = old
        .as_ref()
        .map(|old| old.state["effective"].clone())
        .filter(|moment| !moment.is_null())
        .unwrap_or_else(|| {
            let (low, high) = SPREADS;
            let after = context
                .seed
                .stretch(&format!("{}/spreads", context.key), low, high);
            json!(later(context.now, after))
        });
    context.world.put(Resource {
        id,
        kind: "Microsoft.Authorization/roleAssignments".to_owned(),
        region: "global".to_owned(),
        body: body.clone(),
        state: json!({"effective": effective}),
    });
    // Recorded: 201 for a changed one too.
    Answer::json(201, body)
}

/// What a caller decides of an assignment, beside its triple.
fn told(body: &Value) -> Vec<Value> {
    [
        "condition",
        "conditionVersion",
        "description",
        "delegatedManagedIdentityResourceId",
    ]
    .map(|name| body["properties"][name].clone())
    .to_vec()
}

/// Makes what a GET shows, its fields in the recorded order.
fn shown(context: &Context<'_>, request: &ArmRequest, asked: &Value) -> Value {
    let id = request.path.id();
    let old = context.world.resource(&id).map(|old| &old.body["properties"]);
    let now = context.time(context.now);
    let caller = crate::gate::caller(context, request).object;
    let scope = match request.path.scope.is_empty() {
        true => "/".to_owned(),
        false => request.path.scope.clone(),
    };
    json!({
        "properties": {
            "roleDefinitionId": asked["roleDefinitionId"],
            "principalId": asked["principalId"],
            "principalType": asked["principalType"].as_str().unwrap_or("ServicePrincipal"),
            "scope": scope,
            "condition": asked["condition"],
            "conditionVersion": asked["conditionVersion"],
            "createdOn": old.map_or_else(|| json!(now), |old| old["createdOn"].clone()),
            "updatedOn": now,
            // Recorded: the answer to the first PUT does not say who made it.
            "createdBy": old.map_or(Value::Null, |_| json!(caller)),
            "updatedBy": caller,
            "delegatedManagedIdentityResourceId": asked["delegatedManagedIdentityResourceId"],
            "description": asked["description"],
        },
        "id": id,
        "type": "Microsoft.Authorization/roleAssignments",
        "name": request.path.name(),
    })
}

/// Returns whether the directory knows a principal by itself, without being told what it is: an application, somebody
/// whom the world gives a role, or an identity that some resource has and that is not quite new.
fn known(context: &Context<'_>, principal: &str) -> bool {
    let alike = |name: &str| name.eq_ignore_ascii_case(principal);
    let world = &context.world;
    let application = world
        .directory
        .iter()
        .flat_map(|directory| &directory.clients)
        .any(|client| alike(&client.id) || alike(&crate::authority::object(context, &client.id)));
    if application || world.roles.iter().any(|grant| alike(&grant.principal)) {
        return true;
    }
    let wanted = principal.to_lowercase();
    let holder = world.resources.values().find(|resource| {
        !resource.kind.eq_ignore_ascii_case(ASSIGNMENTS)
            && resource.body.to_string().to_lowercase().contains(&wanted)
    });
    let Some(holder) = holder else { return false };
    let own = fold_id(&holder.id);
    let young = world.operations.values().any(|operation| {
        operation.verb.starts_with("create")
            && fold_id(&operation.subject) == own
            && between(operation.ends.unwrap_or(context.now), context.now) < IDENTITY_SPREADS
    });
    !young
}

/// Which assignments a caller wants.
#[derive(Debug, Default)]
struct Wanted {
    principal: Option<String>,
    not_below: bool,
}

/// Lists the assignments at a scope, above it and below it; `atScope()` drops those below.
fn list(context: &Context<'_>, request: &ArmRequest) -> Answer {
    let filter = request.query("$filter").unwrap_or_default();
    let Some(wanted) = wanted(&filter) else {
        // The code is an inference.
        return Answer::error(
            400,
            "UnsupportedQuery",
            format!("The filter '{filter}' is not supported."),
        );
    };
    let value: Vec<Value> = around(context, ASSIGNMENTS, &request.path.scope)
        .into_iter()
        .filter(|(place, _)| !wanted.not_below || *place != Place::Below)
        .map(|(_, assignment)| &assignment.body)
        .filter(|body| {
            let theirs = body["properties"]["principalId"].as_str().unwrap_or_default();
            wanted
                .principal
                .as_ref()
                .is_none_or(|wanted| wanted.eq_ignore_ascii_case(theirs))
        })
        .cloned()
        .collect();
    Answer::json(200, json!({"value": value}))
}

/// Reads a filter: `principalId eq '…'`, `assignedTo('…')`, `atScope()`, and `and` between them. Groups have no
/// members here, so that what is assigned to somebody is what bears their id.
fn wanted(filter: &str) -> Option<Wanted> {
    let mut wanted = Wanted::default();
    for term in filter
        .split(" and ")
        .map(str::trim)
        .filter(|term| !term.is_empty())
    {
        let folded = term.to_lowercase();
        let quoted = || {
            let (_, rest) = term.split_once('\'')?;
            Some(rest.split_once('\'')?.0.to_owned())
        };
        match () {
            () if folded.replace(' ', "") == "atscope()" => wanted.not_below = true,
            () if folded.starts_with("principalid eq ") || folded.starts_with("assignedto(") => {
                wanted.principal = Some(quoted()?);
            }
            () => return None,
        }
    }
    Some(wanted)
}
