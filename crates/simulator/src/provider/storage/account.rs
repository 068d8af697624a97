//! What does an account remember, and how is it read and changed at once?

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{ACCOUNTS, POLICIES, view};
use crate::{
    arm::{Answer, ArmRequest},
    clock::later,
    provider::{
        Begin, Context,
        durations::{ACCOUNT_BOOTSTRAP, ACCOUNT_MADE},
        plain::merge,
        same,
    },
    world::{Operation, Resource, World, fold_id, geography},
};

/// The verb of the operation that makes an account.
pub(super) const CREATE: &str = "create";

/// What only the provider knows of an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Account {
    /// Its redundancy: `Standard_RAGRS`.
    pub sku: String,
    /// Where it is written.
    pub primary: String,
    /// Where the other copy is, if there is one.
    pub secondary: Option<String>,
    /// From when the other copy is live.
    pub live_from: Timestamp,
    /// When it was made.
    pub created: Timestamp,
    /// Whether its first copy in the other region is still the one that it was made with.
    #[serde(default)]
    pub young: bool,
    /// Whether it changes sides now.
    #[serde(default)]
    pub moving: bool,
    /// When it last changed sides.
    #[serde(default)]
    pub moved: Option<Timestamp>,
    /// What was put into it, by container and name.
    #[serde(default)]
    pub blobs: BTreeMap<String, Blob>,
}

/// A blob.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Blob {
    /// What it holds.
    pub text: String,
    /// When it was written.
    pub written: Timestamp,
    /// Whether it lies in the archive tier.
    #[serde(default)]
    pub archived: bool,
}

impl Account {
    /// Reads what a resource remembers.
    pub(super) fn of(resource: &Resource) -> Option<Account> {
        serde_json::from_value(resource.state.clone()).ok()
    }

    /// Writes it back.
    pub(super) fn keep(&self, resource: &mut Resource) {
        let cut = resource.state["cut"].take();
        resource.state = json!(self);
        // Whose copy it was before replication was cut is remembered beside it.
        if cut.is_object() {
            resource.state["cut"] = cut;
        }
    }

    /// Returns whether the copy in the other region can be read.
    pub(super) fn readable(&self) -> bool {
        self.secondary.is_some() && self.sku.starts_with("Standard_RA")
    }

    /// Returns until when everything written is in the other region too; none while that is unknown.
    pub(super) fn synced(&self, world: &World, now: Timestamp) -> Option<Timestamp> {
        let secondary = self.secondary.as_deref()?;
        if now < self.live_from {
            return None;
        }
        // It stands still from the moment at which either side went down.
        let still = [self.primary.as_str(), secondary]
            .iter()
            .filter_map(|region| world.down_since(region, now))
            .min()
            .unwrap_or(now);
        crate::provider::storage::view::behind(still)
    }
}

/// Returns whether a redundancy keeps a copy in another region.
pub(super) fn geo(sku: &str) -> bool {
    sku.contains("GRS") || sku.contains("GZRS")
}

/// Returns the account that an id names or lies under.
pub(super) fn of(world: &World, id: &str) -> Option<Resource> {
    let folded = fold_id(id);
    let cut = folded.find("/storageaccounts/")? + "/storageaccounts/".len();
    let end = folded[cut..].find('/').map_or(folded.len(), |end| cut + end);
    world.resource(&folded[..end]).cloned()
}

/// Returns whether an account is the source or the destination of object replication.
pub(super) fn replicates(world: &World, account: &str) -> bool {
    let prefix = format!("{}/", fold_id(account));
    world
        .resources
        .iter()
        .any(|(key, resource)| key.starts_with(&prefix) && resource.kind.eq_ignore_ascii_case(POLICIES))
}

/// Says that the account is not there.
pub(super) fn missing(request: &ArmRequest) -> Answer {
    let id = request.path.id();
    let parent = id.rsplitn(3, '/').last().unwrap_or_default();
    Answer::gateway(
        404,
        "ParentResourceNotFound",
        format!(
            "Failed to perform 'write' on resource(s) of type 'storageAccounts/{}', because the parent resource \
             '{parent}' could not be found.",
            request.path.types.get(1).map(String::as_str).unwrap_or_default(),
        ),
    )
}

pub(super) fn get(context: &Context<'_>, request: &ArmRequest) -> Answer {
    if request.path.collection().is_some() {
        return super::read(&super::Storage, context, request);
    }
    let Some(seen) = context.seen(&request.path.raw) else {
        return Answer::not_found(&request.path);
    };
    let stats = request
        .query("$expand")
        .is_some_and(|expand| expand.to_lowercase().contains("georeplicationstats"));
    match Account::of(seen) {
        Some(account) if stats && !geo(&account.sku) => Answer::error(
            // The message was reported; status and code are inferences.
            400,
            "BadRequest",
            format!("AccountType {} is invalid.", account.sku),
        ),
        _ => Answer::json(200, view::show(context, seen, stats)),
    }
}

/// Changes an account at once: its tags, its settings, its redundancy.
pub(super) fn update(context: &mut Context<'_>, request: &ArmRequest) -> Answer {
    let id = request.path.id();
    let body = request.json();
    let Some(resource) = context.world.resource(&id) else {
        return match request.method {
            http::Method::PUT => create(context, request),
            _ => Answer::not_found(&request.path),
        };
    };
    let Some(mut account) = Account::of(resource) else {
        return Answer::not_found(&request.path);
    };
    if account.moving {
        return in_progress();
    }
    if let Some(sku) = body["sku"]["name"].as_str().filter(|sku| **sku != account.sku) {
        // Zones are not changed so, in either direction: that is a migration of the account.
        let zones = |sku: &str| sku.contains("ZRS");
        if sku == "Standard_ZRS" || sku.starts_with("Premium") || zones(sku) != zones(&account.sku) {
            return Answer::error(
                400,
                "InvalidRequestPropertyValue",
                format!("The value '{sku}' is not allowed for property sku."),
            );
        }
        if geo(sku) && account.secondary.is_none() {
            // Documented as impossible; status and code are inferences.
            if account.blobs.values().any(|blob| blob.archived) {
                return Answer::error(
                    409,
                    "Conflict",
                    "The redundancy cannot be changed while the account holds archived blobs.",
                );
            }
            let pair = geography::place(&account.primary).and_then(|place| place.pair);
            let Some(pair) = pair.or_else(|| counterpart(&account, &resource.region)) else {
                return Answer::error(
                    400,
                    "InvalidRequestPropertyValue",
                    "The region has no pair for the redundancy asked for.",
                );
            };
            account.secondary = Some(pair.to_owned());
            account.live_from = later(context.now, context.around("bootstrap", ACCOUNT_BOOTSTRAP));
            account.young = false;
        } else if !geo(sku) {
            account.secondary = None;
        }
        sku.clone_into(&mut account.sku);
    }
    if let Some(resource) = context.world.change(&id) {
        merge(&mut resource.body, &asked(&body));
        account.keep(resource);
        let resource = resource.clone();
        return Answer::json(200, view::show(context, &resource, false));
    }
    Answer::not_found(&request.path)
}

/// After an unplanned failover the region that it was made in is where the other copy goes again.
fn counterpart<'a>(account: &Account, original: &'a str) -> Option<&'a str> {
    (account.primary != original).then_some(original)
}

/// Begins to make an account. Recorded: an empty 202 with `Location`, and the account at its end; until then there is
/// none to be read.
fn create(context: &mut Context<'_>, request: &ArmRequest) -> Answer {
    let body = request.json();
    let Some(location) = body["location"].as_str() else {
        return Answer::gateway(
            400,
            "LocationRequired",
            "The location property is required for this definition.",
        );
    };
    let (id, region) = (request.path.id(), geography::fold(location));
    let mut operations = context.world.operations.values();
    if operations.any(|operation| {
        operation.verb == CREATE && !operation.progress.over() && same(&operation.subject, &id)
    }) {
        return Answer::error(
            409,
            "StorageAccountBeingCreated",
            format!(
                "The storage account named {} is being created.",
                request.path.name()
            ),
        );
    }
    let lasts = context.around("lasts", ACCOUNT_MADE);
    let mut begin = Begin::new(ACCOUNTS, &region, &id, CREATE, &request.api_version(), lasts);
    begin.result_under = Some(format!(
        "/subscriptions/{}/providers/Microsoft.Storage/locations/{region}/asyncoperations",
        request.path.subscription.as_deref().unwrap_or_default(),
    ));
    begin.query = "monitor=true";
    begin.retry_after = Some(super::failover::RETRY_AFTER);
    begin.state = json!({"body": body, "region": region});
    let operation = context.begin(begin);
    context.links(Answer::empty(202), &operation)
}

/// Makes the account that was asked for, with all that was asked for.
pub(super) fn created(context: &mut Context<'_>, operation: &Operation) {
    let body = &operation.state["body"];
    let sku = body["sku"]["name"].as_str().unwrap_or("Standard_RAGRS");
    let region = operation.state["region"].as_str().unwrap_or_default();
    let pair = geography::place(region).and_then(|place| place.pair);
    let live = later(context.now, context.around("bootstrap", ACCOUNT_BOOTSTRAP));
    let mut made = make(&operation.subject, sku, region, pair, context.now, live);
    if let Some(mut account) = Account::of(&made) {
        account.young = true;
        account.keep(&mut made);
    }
    merge(&mut made.body, &asked(body));
    context.world.put(made);
}

/// Returns what of a body a caller decides.
fn asked(body: &Value) -> Value {
    let mut asked = json!({});
    for name in [
        "kind",
        "tags",
        "identity",
        "zones",
        "extendedLocation",
        "properties",
    ] {
        if !body[name].is_null() {
            asked[name] = body[name].clone();
        }
    }
    if let Some(properties) = asked["properties"].as_object_mut() {
        for shown in [
            "creationTime",
            "failoverInProgress",
            "geoReplicationStats",
            "keyCreationTime",
            "lastGeoFailoverTime",
            "primaryEndpoints",
            "primaryLocation",
            "provisioningState",
            "secondaryEndpoints",
            "secondaryLocation",
            "statusOfPrimary",
            "statusOfSecondary",
        ] {
            properties.remove(shown);
        }
    }
    asked
}

/// Makes the resource of an account.
pub(super) fn make(
    id: &str,
    sku: &str,
    region: &str,
    pair: Option<&str>,
    created: Timestamp,
    live_from: Timestamp,
) -> Resource {
    let account = Account {
        sku: sku.to_owned(),
        primary: region.to_owned(),
        secondary: pair.filter(|_| geo(sku)).map(str::to_owned),
        live_from,
        created,
        young: false,
        moving: false,
        moved: None,
        blobs: BTreeMap::new(),
    };
    let mut resource = super::made(
        id,
        "Microsoft.Storage/storageAccounts",
        region,
        json!({"kind": "StorageV2", "location": region, "tags": {}}),
    );
    account.keep(&mut resource);
    resource
}

pub(super) fn delete(context: &mut Context<'_>, request: &ArmRequest) -> Answer {
    let id = request.path.id();
    let Some(account) = context.world.remove(&id) else {
        return Answer::empty(204).accepted(false);
    };
    let prefix = format!("{}/", fold_id(&account.id));
    let below: Vec<String> = context.world.resources.keys().cloned().collect();
    for key in below.iter().filter(|key| key.starts_with(&prefix)) {
        context.world.remove(key);
    }
    Answer::empty(200)
}

/// Lists the keys. They open nothing, and do not change in a failover.
pub(super) fn keys(context: &Context<'_>, request: &ArmRequest) -> Answer {
    let Some(account) = context.world.resource(&request.path.id()) else {
        return Answer::not_found(&request.path);
    };
    let created = Account::of(account).map(|account| context.time(account.created));
    let key = |name: &str| {
        json!({
            "creationTime": created,
            "keyName": name,
            "value": format!("{}==", context.seed.letters(&format!("{ACCOUNTS}/{}/{name}", fold_id(&account.id)), 86)),
            "permissions": "Full",
        })
    };
    Answer::json(200, json!({"keys": [key("key1"), key("key2")]}))
}

/// Says that the account is being changed. The code is an inference.
pub(super) fn in_progress() -> Answer {
    Answer::error(
        409,
        "StorageAccountOperationInProgress",
        "An operation is currently performing on this storage account that requires exclusive access.",
    )
}
