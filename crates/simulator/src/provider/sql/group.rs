//! How is a failover group made, changed and dropped?

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    database,
    flavour::{Flavour, INSTANCES},
    precondition,
    view::{Role, Side},
};
use crate::{
    arm::{Answer, ArmPath, ArmRequest},
    clock::later,
    provider::{
        Begin, Context,
        durations::{DATABASE_SEEDED, INSTANCE_SEEDED_GB_AN_HOUR},
        plain::merge,
    },
    world::{Operation, Resource, geography},
};

/// Begins an operation on a group, both of whose sides are busy from now on.
pub(crate) fn begin(
    context: &mut Context<'_>,
    request: &ArmRequest,
    flavour: &'static Flavour,
    verb: &str,
    lasts: Duration,
    state: Value,
) -> Answer {
    let subject = request.path.id();
    let region = context
        .world
        .resource(&subject)
        .map(|resource| resource.region.clone())
        .or_else(|| request.path.named("locations").map(geography::fold))
        .or_else(|| server_region(context, request))
        .unwrap_or_default();
    let under = format!(
        "/subscriptions/{}/providers/Microsoft.Sql/locations/{region}",
        request.path.subscription.as_deref().unwrap_or_default()
    );
    let mut begin = Begin::new(
        flavour.kind,
        &region,
        &subject,
        verb,
        &request.api_version(),
        lasts,
    );
    begin.status_under = Some(format!("{under}/{}", flavour.status));
    begin.result_under = Some(format!("{under}/{}", flavour.result));
    // Recorded of server groups; the recorder of the instance groups dropped the header.
    begin.retry_after = Some(10);
    begin.state = state;
    let operation = context.begin(begin);
    hold(context, &subject, Some(&operation.id));
    let body = json!({"operation": verb, "startTime": context.time(operation.started)});
    context.links(Answer::json(202, body), &operation)
}

/// Lets a group go again.
pub(crate) fn release(context: &mut Context<'_>, subject: &str) {
    hold(context, subject, None);
}

fn hold(context: &mut Context<'_>, subject: &str, busy: Option<&str>) {
    let Some(side) = context.world.resource(subject).and_then(Side::of) else {
        return;
    };
    for id in [subject.to_owned(), side.partner] {
        // Being busy is no change that reads could miss, so it leaves no shadow behind.
        if let Some(resource) = context.world.resources.get_mut(&crate::world::fold_id(&id))
            && let Some(mut side) = Side::of(resource)
        {
            side.busy = busy.map(str::to_owned);
            side.keep(resource);
        }
    }
}

/// Creates or updates.
pub(crate) fn put(context: &mut Context<'_>, request: &ArmRequest, flavour: &'static Flavour) -> Answer {
    let body = request.json();
    if let Some(refused) = precondition::body(&body, flavour) {
        return refused;
    }
    let id = request.path.id();
    match context.world.resource(&id).and_then(Side::of) {
        Some(side) => update(context, request, flavour, &side, &body),
        None => create(context, request, flavour, &body).unwrap_or_else(|refused| refused),
    }
}

fn create(
    context: &mut Context<'_>,
    request: &ArmRequest,
    flavour: &'static Flavour,
    body: &Value,
) -> Result<Answer, Answer> {
    let (own, other) = precondition::members(body, request, flavour)?;
    let invalid = || flavour.error("CreateOrUpdateRequestInvalidPartner");
    let here = context.world.resource(&own).ok_or_else(invalid)?;
    let there = context.world.resource(&other).ok_or_else(invalid)?;
    let refused = precondition::create(context, flavour, request.path.name(), here, there, body)
        .or_else(|| precondition::databases(context, flavour, &own, &request.path.id(), &other, body));
    if let Some(refused) = refused {
        return Err(refused);
    }
    let used = here.state["used-gb"].as_u64().unwrap_or_default();
    let partner = view_id(&other, &there.region, request.path.name(), flavour);
    let state = json!({
        "does": "create", "own": own, "other": other, "region": here.region,
        "partner": partner, "partnerRegion": there.region, "properties": kept(body), "tags": body["tags"], "usedGb": used,
    });
    let lasts = context.around("lasts", flavour.create_lasts);
    Ok(begin(context, request, flavour, flavour.created, lasts, state))
}

/// Updates part of it.
pub(crate) fn patch(context: &mut Context<'_>, request: &ArmRequest, flavour: &'static Flavour) -> Answer {
    let body = request.json();
    if let Some(refused) = precondition::changes(&body, flavour) {
        return refused;
    }
    match context.world.resource(&request.path.id()).and_then(Side::of) {
        Some(side) => update(context, request, flavour, &side, &body),
        None => Answer::not_found(&request.path),
    }
}

fn update(
    context: &mut Context<'_>,
    request: &ArmRequest,
    flavour: &'static Flavour,
    side: &Side,
    body: &Value,
) -> Answer {
    if side.role == Role::Secondary {
        return flavour.error("UpdateOrDeleteRequestOnSecondary");
    }
    if side.busy.is_some() {
        return flavour.error("Busy");
    }
    if let Some(refused) =
        precondition::databases(context, flavour, &side.own, &request.path.id(), &side.other, body)
    {
        return refused;
    }
    let state = json!({"does": "update", "properties": kept(body), "tags": body["tags"]});
    let lasts = context.around("lasts", flavour.update_lasts);
    begin(context, request, flavour, flavour.updated, lasts, state)
}

/// Drops it; the databases stay where they are.
pub(crate) fn delete(context: &mut Context<'_>, request: &ArmRequest, flavour: &'static Flavour) -> Answer {
    let Some(side) = context.world.resource(&request.path.id()).and_then(Side::of) else {
        return Answer::empty(204).accepted(false);
    };
    if side.role == Role::Secondary {
        return flavour.error("UpdateOrDeleteRequestOnSecondary");
    }
    if side.busy.is_some() {
        return flavour.error("Busy");
    }
    let lasts = context.around("lasts", flavour.drop_lasts);
    begin(
        context,
        request,
        flavour,
        flavour.dropped,
        lasts,
        json!({"does": "drop"}),
    )
}

/// Brings about what a create, an update or a drop was for.
pub(crate) fn finish(context: &mut Context<'_>, operation: &Operation) {
    let state = &operation.state;
    let text = |name: &str| state[name].as_str().unwrap_or_default().to_owned();
    let Some(flavour) = Flavour::of(&operation.provider) else {
        return;
    };
    match state["does"].as_str() {
        Some("create") => {
            let [one, two] = sides(
                (&operation.subject, &text("region"), &text("own")),
                (&text("partner"), &text("partnerRegion"), &text("other")),
                &state["properties"],
                flavour,
            );
            let mut one = one;
            merge(&mut one.body, &told(&state["tags"]));
            context.world.put(one);
            context.world.put(two);
            let used = state["usedGb"].as_u64().unwrap_or_default();
            if used > 0 {
                let hours = Duration::from_secs(used * 3_600 / INSTANCE_SEEDED_GB_AN_HOUR);
                let until = later(context.now, hours);
                for id in [&operation.subject, &text("partner")] {
                    if let Some(resource) = context.world.change(id)
                        && let Some(mut side) = Side::of(resource)
                    {
                        side.seeding_until = Some(until);
                        side.keep(resource);
                    }
                }
            }
            take_in(context, &text("own"), &text("other"), &state["properties"]);
        }
        Some("update") => {
            let side = context.world.resource(&operation.subject).and_then(Side::of);
            let partner = side.as_ref().map(|side| side.partner.clone()).unwrap_or_default();
            if let Some(side) = side {
                take_in(context, &side.own, &side.other, &state["properties"]);
            }
            for id in [&operation.subject, &partner] {
                if let Some(resource) = context.world.change(id) {
                    let properties = resource.body["properties"].as_object_mut();
                    if let Some(properties) =
                        properties.filter(|_| state["properties"]["readWriteEndpoint"].is_object())
                    {
                        // It was checked as a whole, so it is replaced as one: no grace period outlives its policy.
                        properties.remove("readWriteEndpoint");
                    }
                    merge(&mut resource.body, &json!({"properties": state["properties"]}));
                }
            }
            // Both sides share what the group does; tags are of the one resource that was asked.
            if let Some(resource) = context.world.change(&operation.subject) {
                merge(&mut resource.body, &told(&state["tags"]));
            }
        }
        _ => {
            let gone = context.world.remove(&operation.subject);
            if let Some(side) = gone.as_ref().and_then(Side::of) {
                context.world.remove(&side.partner);
            }
        }
    }
}

/// Makes both sides of a group; each is (id of the view, region, instance or server).
pub(crate) fn sides(
    primary: (&str, &str, &str),
    secondary: (&str, &str, &str),
    properties: &Value,
    flavour: &Flavour,
) -> [Resource; 2] {
    let side = |role, here: (&str, &str, &str), there: (&str, &str, &str)| Resource {
        id: here.0.to_owned(),
        kind: flavour.shown.to_owned(),
        region: geography::fold(here.1),
        body: json!({"properties": properties}),
        state: json!(Side {
            role,
            partner: there.0.to_owned(),
            partner_region: geography::fold(there.1),
            own: here.2.to_owned(),
            other: there.2.to_owned(),
            busy: None,
            suspended_until: None,
            seeding_until: None,
            undo_until: None,
        }),
    };
    [
        side(Role::Primary, primary, secondary),
        side(Role::Secondary, secondary, primary),
    ]
}

/// Returns the id of the view that a member's side has of its group.
pub(crate) fn view_id(member: &str, region: &str, name: &str, flavour: &Flavour) -> String {
    if *flavour == INSTANCES {
        let path = ArmPath::parse(member);
        format!(
            "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Sql/locations/{}/instanceFailoverGroups/{name}",
            path.subscription.unwrap_or_default(),
            path.group.unwrap_or_default(),
            geography::display(region),
        )
    } else {
        format!("{member}/failoverGroups/{name}")
    }
}

fn server_region(context: &Context<'_>, request: &ArmRequest) -> Option<String> {
    let id = request.path.id();
    let server = id.rsplitn(3, '/').nth(2)?;
    context.world.resource(server).map(|server| server.region.clone())
}

/// Lets the databases of a group replicate, those that do not yet.
fn take_in(context: &mut Context<'_>, own: &str, other: &str, properties: &Value) {
    let list = properties["databases"].as_array().cloned().unwrap_or_default();
    for id in list.iter().filter_map(Value::as_str) {
        let name = id.rsplit('/').next().unwrap_or_default();
        database::take_in(
            context,
            &format!("{own}/databases/{name}"),
            other,
            DATABASE_SEEDED,
        );
    }
}

/// Returns the tags that a body gave as what is laid over a resource's own; nothing where it gave none.
fn told(tags: &Value) -> Value {
    match tags.is_object() {
        true => json!({"tags": tags}),
        false => json!({}),
    }
}

/// Returns what is kept of a body: all but what is made up at reading. A change may name no properties at all.
fn kept(body: &Value) -> Value {
    let mut kept = match body["properties"].is_object() {
        true => body["properties"].clone(),
        false => json!({}),
    };
    if let Some(kept) = kept.as_object_mut() {
        for made in [
            "replicationRole",
            "replicationState",
            "partnerRegions",
            "partnerServers",
            "managedInstancePairs",
        ] {
            kept.remove(made);
        }
    }
    kept
}
