//! What must be so before a failover group is made, changed or switched? Each refusal by its listed code.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::{
    flavour::{Flavour, INSTANCES},
    link,
    view::Side,
};
use crate::{
    arm::{Answer, ArmPath, ArmRequest},
    provider::{Context, same},
    world::{Health, Resource, geography},
};

/// The shortest grace period of the policy `Automatic`, in minutes.
const LEAST_GRACE: i64 = 60;
/// How long after a local failover of an instance the next one is refused. That it is a quarter of an hour is an
/// inference; Azure only says "recent".
pub(super) const LOCAL_FAILOVER_RECENT: Duration = Duration::from_secs(15 * 60);

fn refuse(status: u16, code: &str, message: &str) -> Option<Answer> {
    Some(Answer::error(status, code, message))
}

/// Refuses a body whose fields do not fit together.
pub(super) fn body(body: &Value, flavour: &Flavour) -> Option<Answer> {
    if !body["properties"].is_object() {
        return Some(flavour.error("CreateOrUpdateRequestInvalid"));
    }
    endpoint(&body["properties"]["readWriteEndpoint"], flavour)
}

/// Refuses the body of a PATCH: it may leave out everything, but what it gives must be in order.
pub(super) fn changes(body: &Value, flavour: &Flavour) -> Option<Answer> {
    let properties = &body["properties"];
    if !body.is_object() || !(properties.is_null() || properties.is_object()) {
        return Some(flavour.error("CreateOrUpdateRequestInvalid"));
    }
    let given = &properties["readWriteEndpoint"];
    if given.is_null() {
        return None;
    }
    endpoint(given, flavour)
}

fn endpoint(endpoint: &Value, flavour: &Flavour) -> Option<Answer> {
    let grace = &endpoint["failoverWithDataLossGracePeriodMinutes"];
    let minutes = grace.as_i64().unwrap_or(LEAST_GRACE);
    let ending = match endpoint["failoverPolicy"].as_str() {
        _ if !endpoint.is_object() => "CreateOrUpdateRequestInvalidReadWriteEndpoint",
        None => "CreateOrUpdateRequestInvalidReadWriteFailoverPolicy",
        Some("Automatic") if grace.is_null() => "CreateOrUpdateRequestInvalidReadWriteEndpointFields",
        Some("Automatic") if minutes < 0 => "CreateOrUpdateRequestNegativeGracePeriodValues",
        Some("Automatic") if minutes < LEAST_GRACE => "CreateOrUpdateRequestLessThanMinimumGracePeriodValues",
        Some("Manual") if !grace.is_null() => {
            "CreateOrUpdateRequestInvalidReadWriteEndpointFieldsForManualPolicy"
        }
        Some(_) => return None,
    };
    Some(flavour.error(ending))
}

/// Returns both members that a creating body names, or why it cannot.
pub(super) fn members(
    body: &Value,
    request: &ArmRequest,
    flavour: &Flavour,
) -> Result<(String, String), Answer> {
    let properties = &body["properties"];
    let list = |name: &str| properties[name].as_array().map(Vec::len);
    let invalid = || flavour.error("CreateOrUpdateRequestInvalidPartner");
    let (own, other) = if *flavour == INSTANCES {
        if list("managedInstancePairs").is_some_and(|count| count > 1) {
            return Err(flavour.error("CreateOrUpdateRequestUnsupportedPairCount"));
        }
        if list("partnerRegions").is_some_and(|count| count > 1) {
            return Err(flavour.error("CreateOrUpdateRequestUnsupportedPartnerCount"));
        }
        let pair = &properties["managedInstancePairs"][0];
        let own = pair["primaryManagedInstanceId"].as_str();
        let own = own.ok_or_else(|| flavour.error("CreateOrUpdateRequestInvalidPrimary"))?;
        (
            own.to_owned(),
            pair["partnerManagedInstanceId"].as_str().ok_or_else(invalid)?,
        )
    } else {
        if list("partnerServers").is_some_and(|count| count > 1) {
            return Err(flavour.error("CreateOrUpdateRequestUnsupportedPartnerCount"));
        }
        let id = request.path.id();
        let own = id.rsplitn(3, '/').nth(2).ok_or_else(invalid)?.to_owned();
        (
            own,
            properties["partnerServers"][0]["id"]
                .as_str()
                .ok_or_else(invalid)?,
        )
    };
    if same(&own, other) {
        return Err(flavour.error("CreateOrUpdateRequestDuplicatePartner"));
    }
    Ok((own, other.to_owned()))
}

/// Refuses a creation that cannot be.
pub(super) fn create(
    context: &Context<'_>,
    flavour: &Flavour,
    name: &str,
    own: &Resource,
    other: &Resource,
    body: &Value,
) -> Option<Answer> {
    if geography::fold(&own.region) == geography::fold(&other.region) {
        return refuse(
            400,
            "InvalidFailoverGroupRegion",
            "Servers specified in a Failover Group need to reside in different regions to provide isolation.",
        );
    }
    let groups: Vec<(&Resource, Side)> = context
        .world
        .resources
        .values()
        .filter_map(|resource| Some((resource, Side::of(resource)?)))
        .filter(|(resource, _)| resource.kind.eq_ignore_ascii_case(flavour.kind))
        .collect();
    let of_member = |side: &Side| [&own.id, &other.id].iter().any(|id| same(&side.own, id));
    if *flavour == INSTANCES {
        if groups.iter().any(|(_, side)| of_member(side)) {
            return Some(flavour.error("AlreadyExists"));
        }
        let region = body["properties"]["partnerRegions"][0]["location"].as_str();
        if region.is_some_and(|region| geography::fold(region) != geography::fold(&other.region)) {
            return refuse(
                400,
                "FailoverGroupRegionMismatch",
                "Partner region specified in Failover Group need to match the region of the partner managed instance \
                 indicated.",
            );
        }
        return [own, other]
            .into_iter()
            .find_map(|instance| standing(context, instance))
            .or_else(|| pair(context, own, other));
    }
    if groups
        .iter()
        .any(|(resource, _)| resource.name().eq_ignore_ascii_case(name))
    {
        // The name is a host name of its own: there is one of it in the world.
        return Some(flavour.error("DnsRecordInUse"));
    }
    if groups
        .iter()
        .any(|(_, side)| of_member(side) && side.busy.is_some())
    {
        return refuse(
            409,
            "ConflictingServerOperation",
            "An operation is currently in progress for the server.",
        );
    }
    keys(own, other)
}

/// Refuses a pair of servers whose customer keys are not on both.
fn keys(own: &Resource, other: &Resource) -> Option<Answer> {
    let key = own.body["properties"]["keyId"].as_str()?;
    let there = other.body["properties"]["keyId"].as_str();
    if there.is_some_and(|there| there.eq_ignore_ascii_case(key)) {
        return None;
    }
    match own.state["key-auto-rotation"].as_bool() {
        Some(true) => refuse(
            400,
            "SameKeyUriNotFoundOnRemoteServer",
            "Secondary server does not have the key material from the same key vault as the primary server's encryption \
             protector with key auto-rotation enabled.",
        ),
        _ => refuse(
            400,
            "KeyMaterialNotFoundOnRemoteServer",
            "Remote server does not have access to key material used as a TDE protector.",
        ),
    }
}

/// Refuses an instance that is not there to be worked with.
fn standing(context: &Context<'_>, instance: &Resource) -> Option<Answer> {
    let properties = &instance.body["properties"];
    let moment = |name: &str| {
        instance.state[name]
            .as_str()
            .and_then(|at| at.parse::<Timestamp>().ok())
    };
    let is = |word: &str| {
        let state = properties["state"].as_str().unwrap_or_default();
        state.eq_ignore_ascii_case(word)
    };
    if is("Stopping") || is("Stopped") {
        return refuse(
            400,
            "ManagedInstanceStoppingOrStopped",
            "Conflicting operation submitted while instance is in stopping/stopped state",
        );
    }
    if is("Starting") {
        return refuse(
            400,
            "ManagedInstanceStarting",
            "Conflicting operation submitted while instance is in starting state",
        );
    }
    if instance.state["update-slo"] == true {
        return refuse(
            400,
            "ManagedInstanceUpdateSloInProgress",
            "The operation could not be completed because a service tier change is in progress for the managed instance.",
        );
    }
    if is("Updating") {
        return refuse(
            400,
            "ManagedInstanceOperationInProgress",
            "The operation could not be completed because an operation is in progress. Please wait for the operation in \
             progress to complete and try again.",
        );
    }
    if moment("failed-over").is_some_and(|at| context.now < crate::clock::later(at, LOCAL_FAILOVER_RECENT)) {
        return refuse(
            400,
            "ManagedInstanceFailoverThrottled",
            "There was a recent failover on the managed instance.",
        );
    }
    None
}

/// Refuses two instances that do not fit together.
fn pair(context: &Context<'_>, own: &Resource, other: &Resource) -> Option<Answer> {
    let both = |name: &str| {
        let of = |instance: &Resource| instance.body["properties"][name].clone();
        (of(own), of(other))
    };
    let differ = |name: &str| {
        let (one, two) = both(name);
        !one.is_null() && !two.is_null() && one != two
    };
    if [own, other]
        .iter()
        .any(|instance| instance.body["properties"]["instancePoolId"].is_string())
    {
        return refuse(
            400,
            "ManagedInstanceGeoDRNotAllowedForInstancePool",
            "Auto failover groups can be created only for standalone Managed Instances.",
        );
    }
    if differ("dnsZone") {
        return refuse(
            400,
            "DnsZoneMismatch",
            "The DNSZone on the partner server is different from the DNSZone on the source server. This breaks \
             InstanceFailoverGroup functionality.",
        );
    }
    if differ("storageSizeInGB") {
        return refuse(
            400,
            "GeoDrInstanceSizeMismatch",
            "Primary managed instance and partner managed instance do not have the same storage size.",
        );
    }
    if differ("databaseFormat") {
        return refuse(
            400,
            "ManagedInstanceEstablishingFailoverGroupGeoPrimaryWithNewerVersionEditionThanSecondary",
            "Failover group cannot be created because the database formats of the instances are not compatible.",
        );
    }
    let beneath = format!("{}/databases/", crate::world::fold_id(&other.id));
    if context
        .world
        .resources
        .keys()
        .any(|key| key.starts_with(&beneath))
    {
        return refuse(
            400,
            "GeoDrSecondaryInstanceNotEmpty",
            "Secondary managed instance has user databases. To create an instance failover group the secondary managed \
             instance needs to be empty.",
        );
    }
    if [own, other]
        .iter()
        .any(|instance| instance.state["network"] == "unreachable")
    {
        return refuse(
            400,
            "InstanceFailoverGroupIncorrectNetworkingConfiguration",
            "Networking configuration is incorrect. Primary server's replication traffic cannot reach secondary server.",
        );
    }
    None
}

/// Refuses databases that cannot be in a group of this server.
pub(super) fn databases(
    context: &Context<'_>,
    flavour: &Flavour,
    own: &str,
    group: &str,
    other: &str,
    body: &Value,
) -> Option<Answer> {
    let list = body["properties"].get("databases")?;
    let invalid = || Some(flavour.error("CreateOrUpdateRequestInvalidDatabases"));
    let Some(list) = list.as_array() else {
        return invalid();
    };
    for id in list {
        let Some(path) = id.as_str().map(ArmPath::parse) else {
            return invalid();
        };
        if path.kind() != "microsoft.sql/servers/databases" {
            return invalid();
        }
        let Some(database) = context
            .world
            .resource(&path.id())
            .filter(|_| same(&link::server_of(&path.id()), own))
        else {
            return Some(flavour.error("CreateOrUpdateRequestInvalidDatabaseServer"));
        };
        if link::group_of(context.world, &database.id).is_some_and(|found| !same(&found, group)) {
            return refuse(
                409,
                "DatabaseBelongsToOtherFailoverGroup",
                "Database belongs to other Failover Group and cannot be consider a part of this one.",
            );
        }
        let pool = database.body["properties"]["elasticPoolId"].as_str();
        let pool = pool.and_then(|id| id.rsplit('/').next());
        if pool.is_some_and(|pool| {
            context
                .world
                .resource(&format!("{other}/elasticPools/{pool}"))
                .is_none()
        }) {
            // That it is this code is an inference; that the pool must be there is documented.
            return refuse(
                400,
                "ResourcePoolNotFound",
                "Specified elastic pool does not exist in the specified logical server.",
            );
        }
    }
    None
}

/// Refuses a switch, beyond roles and being busy.
pub(super) fn switch(context: &Context<'_>, flavour: &Flavour, side: &Side, verb: &str) -> Option<Answer> {
    if side.undo_until.is_some_and(|until| context.now < until) {
        return refuse(
            409,
            "GeoReplicationCannotBecomePrimaryDuringUndo",
            "User attempted to failover or force-terminate a geo-link while the secondary is in a state where it may not be \
             physically consistent and so cannot enter the primary role.",
        );
    }
    if side.seeding(context.now) {
        return wrong_state();
    }
    let reachable = context.health(&side.partner_region) == Health::Up;
    if *flavour == INSTANCES {
        let own = context.world.resource(&side.own);
        let other = context.world.resource(&side.other).filter(|_| reachable);
        let found = [own, other]
            .into_iter()
            .flatten()
            .find_map(|instance| standing(context, instance));
        if found.is_some() {
            return found;
        }
        let format = |instance: Option<&Resource>| {
            let instance = instance?;
            instance.body["properties"]["databaseFormat"]
                .as_str()
                .map(str::to_owned)
        };
        if let (Some(one), Some(two)) = (format(own), format(other))
            && one != two
        {
            return refuse(
                400,
                "ManagedInstanceFailoverInFailoverGroupInstancesWithDifferentVersionEditions",
                "Failover operation cannot be performed because of database format mismatch between the instances in the \
                 failover group.",
            );
        }
        return None;
    }
    // A copy that is not complete cannot become primary without loss.
    let seeding = link::of_server(context.world, &side.own)
        .iter()
        .any(|(_, link)| same(&link::server_of(&link.partner), &side.other) && link.seeding(context.now));
    (verb == "planned" && seeding).then(wrong_state).flatten()
}

/// No source tells which code it is; this one is listed for the operation.
pub(super) fn wrong_state() -> Option<Answer> {
    refuse(
        400,
        "IncorrectReplicationLinkState",
        "The operation expects the database to be in an expected state on the replication link.",
    )
}
