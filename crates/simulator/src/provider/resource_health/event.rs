//! Which service issues are told of a subscription's regions?

use std::time::Duration;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::{Value, json};

use super::state;
use crate::{
    arm::{Answer, ArmRequest},
    clock::later,
    provider::Context,
    world::{Health, Outage, Region, geography},
};

/// How much later than for single resources an issue is published. Inference.
const PUBLISHED: Duration = Duration::from_secs(6 * 60);

/// Returns one issue by its tracking id.
pub(super) fn one(context: &Context<'_>, request: &ArmRequest) -> Answer {
    let found = all(context, request)
        .into_iter()
        .find(|event| event["name"].as_str() == Some(request.path.name()));
    match found {
        Some(event) => Answer::json(200, event),
        None => Answer::not_found(&request.path),
    }
}

/// Lists the issues, the newest first.
pub(super) fn list(context: &Context<'_>, request: &ArmRequest) -> Answer {
    let since = match request.query("queryStartTime").map(|text| moment(&text)) {
        None => None,
        Some(Some(since)) => Some(since),
        Some(None) => {
            return Answer::error(400, "BadRequest", "The value of 'queryStartTime' is no time.");
        }
    };
    let filter = request.query("$filter").unwrap_or_default();
    let mut value = Vec::new();
    for event in all(context, request) {
        let last = event["properties"]["lastUpdateTime"].as_str().and_then(moment);
        if since.is_some_and(|since| last.is_some_and(|last| last < since)) {
            continue;
        }
        match fits(&filter, &event) {
            Some(true) => value.push(event),
            Some(false) => {}
            None => {
                return Answer::error(
                    400,
                    "BadRequest",
                    format!("The filter '{filter}' is not supported."),
                );
            }
        }
    }
    Answer::json(200, json!({"value": value}))
}

/// Reads a time as this provider takes it: a moment, or a date in either order.
fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(moment) = text.parse() {
        return Some(moment);
    }
    let date = text.parse::<Date>().or_else(|_| Date::strptime("%m/%d/%Y", text));
    TimeZone::UTC.to_timestamp(date.ok()?.at(0, 0, 0, 0)).ok()
}

/// Returns whether an event is one that a filter means; nothing where the filter cannot be read. Known are
/// `eventType`, `status`, `service` and `region` with `eq`, `lastUpdateTime` with `gt` or `ge`, and `and` or `or`.
fn fits(filter: &str, event: &Value) -> Option<bool> {
    if filter.trim().is_empty() {
        return Some(true);
    }
    let mut any = false;
    for either in filter.split(" or ") {
        let mut whole = true;
        for term in either.split(" and ") {
            whole &= one_fits(term.trim().trim_matches(['(', ')']), event)?;
        }
        any |= whole;
    }
    Some(any)
}

fn one_fits(term: &str, event: &Value) -> Option<bool> {
    let mut words = term.splitn(3, ' ');
    let (name, how, rest) = (words.next()?, words.next()?, words.next()?);
    let wanted = rest.trim().trim_matches('\'');
    let properties = &event["properties"];
    let impact = &properties["impact"][0];
    let found = match name.trim_start_matches("properties/").to_lowercase().as_str() {
        "eventtype" => &properties["eventType"],
        "status" => &properties["status"],
        "service" => &impact["impactedService"],
        "region" => &impact["impactedRegions"][0]["impactedRegion"],
        "lastupdatetime" | "impactstarttime" => {
            let last = moment(properties["lastUpdateTime"].as_str()?)?;
            return matches!(how, "gt" | "ge")
                .then_some(())
                .and(moment(wanted))
                .map(|since| last >= since);
        }
        _ => return None,
    };
    let found = found.as_str().unwrap_or_default();
    (how == "eq").then(|| geography::fold(found) == geography::fold(wanted))
}

fn all(context: &Context<'_>, request: &ArmRequest) -> Vec<Value> {
    let own = context
        .world
        .resource(&request.path.scope)
        .map(|resource| geography::fold(&resource.region));
    let mut events: Vec<(Timestamp, Value)> = Vec::new();
    for region in context.world.regions.values() {
        let wanted = own
            .as_ref()
            .is_none_or(|own| *own == geography::fold(&region.name));
        for outage in region
            .outages
            .iter()
            .filter(|outage| wanted && outage.is != Health::Up)
        {
            events.extend(event(context, request, region, outage));
        }
    }
    events.sort_by_key(|(from, _)| std::cmp::Reverse(*from));
    events.into_iter().map(|(_, event)| event).collect()
}

/// Returns what is told of an outage; nothing while it is not told yet.
fn event(
    context: &Context<'_>,
    request: &ArmRequest,
    region: &Region,
    outage: &Outage,
) -> Option<(Timestamp, Value)> {
    let from = outage.from.resolve(context.world.start);
    let published = |changed: Timestamp| {
        let late = state::late(context, &region.name, changed);
        later(changed, late.saturating_add(PUBLISHED))
    };
    let first = published(from);
    if context.now < first {
        return None;
    }
    let until = outage
        .until
        .as_ref()
        .map(|until| until.resolve(context.world.start));
    let over = until.filter(|until| published(*until) <= context.now);
    let (status, updated) = match over {
        Some(over) => ("Resolved", published(over)),
        None => ("Active", first),
    };
    let letters = context.seed.letters(&format!("issue/{}/{from}", region.name), 8);
    let letters = letters.replace(['-', '_'], "X").to_uppercase();
    let id = format!("{}-{}", &letters[..4], &letters[4..]);
    let place = geography::display(&region.name);
    let subscription = request.path.subscription.clone().unwrap_or_default();
    let mut properties = json!({
        "eventType": "ServiceIssue",
        "eventSource": "ServiceHealth",
        "status": status,
        "title": format!("{}: services in {place}", status.to_uppercase()),
        "summary": "An issue with services in this region is being looked into.",
        "header": "A service that you use might be impacted.",
        "level": "Warning",
        "eventLevel": if outage.is == Health::Gone { "Critical" } else { "Error" },
        "impactStartTime": context.time(from),
        "impact": [{
            "impactedService": "Virtual Machines",
            "impactedRegions": [{
                "impactedRegion": place,
                "status": status,
                "impactedSubscriptions": [subscription],
                "impactedTenants": [],
                "lastUpdateTime": context.time(updated),
            }],
        }],
        "isHIR": false,
        "priority": 2,
        "lastUpdateTime": context.time(updated),
    });
    if let Some(over) = over {
        properties["impactMitigationTime"] = json!(context.time(over));
    }
    let event = json!({
        "id": format!("/subscriptions/{subscription}/providers/Microsoft.ResourceHealth/events/{id}"),
        "name": id,
        "type": "/providers/Microsoft.ResourceHealth/events",
        "properties": properties,
    });
    Some((from, event))
}
