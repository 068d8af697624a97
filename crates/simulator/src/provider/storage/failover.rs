//! How does an account change sides?

use serde_json::json;

use super::{
    ACCOUNTS,
    account::{self, Account, geo},
    view,
};
use crate::{
    arm::{Answer, ArmRequest},
    provider::{Begin, Context, Failure, durations::ACCOUNT_FAILOVER},
    world::{Health, Operation, Resource},
};

/// How often the provider wants to be asked. Recorded on the creation of an account.
pub(super) const RETRY_AFTER: u32 = 17;

/// Begins a failover, planned or not. No idempotency: a second planned one goes back.
pub(super) fn begin(context: &mut Context<'_>, request: &ArmRequest) -> Answer {
    let id = request.path.id();
    let Some(resource) = context.world.resource(&id).cloned() else {
        return Answer::not_found(&request.path);
    };
    let Some(mut account) = Account::of(&resource) else {
        return Answer::not_found(&request.path);
    };
    let planned = match request.query("failoverType").as_deref() {
        None => false,
        Some(word) if word.eq_ignore_ascii_case("planned") => true,
        Some(word) if word.eq_ignore_ascii_case("unplanned") => false,
        Some(word) => {
            return Answer::error(
                400,
                "InvalidValuesForRequestParameters",
                format!("Values for request parameters are invalid: failoverType ({word})."),
            );
        }
    };
    if account.moving {
        return account::in_progress();
    }
    // That these are refused is documented; statuses and codes of the refusals are inferences.
    if !geo(&account.sku) {
        return refused(400, &format!("AccountType {} is invalid.", account.sku));
    }
    if account::replicates(context.world, &id) {
        return refused(
            409,
            "Account failover is not supported for accounts that are part of an object replication policy.",
        );
    }
    if let Some(reason) = unmovable(&resource) {
        return refused(409, reason);
    }
    let (status, synced) = view::status(context, &account);
    if synced.is_none() {
        return Answer::error(
            409,
            "LastSyncTimeUnavailable",
            format!("Last sync time is unavailable for account {}.", resource.name()),
        );
    }
    if status != "Live" {
        return refused(409, "The secondary region is not available.");
    }
    if planned && context.health(&account.primary) != Health::Up {
        return refused(409, "A planned failover needs both regions to be available.");
    }
    account.moving = true;
    if let Some(resource) = context.world.change(&id) {
        account.keep(resource);
    }
    let lasts = context.around("lasts", ACCOUNT_FAILOVER);
    let mut begin = Begin::new(
        ACCOUNTS,
        &resource.region,
        &resource.id,
        "failover",
        &request.api_version(),
        lasts,
    );
    begin.result_under = Some(format!(
        "/subscriptions/{}/providers/Microsoft.Storage/locations/{}/asyncoperations",
        request.path.subscription.as_deref().unwrap_or_default(),
        resource.region,
    ));
    begin.query = "monitor=true";
    begin.retry_after = Some(RETRY_AFTER);
    begin.state = json!({"planned": planned, "synced": synced});
    let operation = context.begin(begin);
    context.links(Answer::empty(202), &operation)
}

/// Says what of an account is documented as never failing over.
pub(super) fn unmovable(resource: &Resource) -> Option<&'static str> {
    let body = &resource.body;
    if body["kind"] == "BlockBlobStorage" {
        return Some("Account failover is not supported for premium block blob accounts.");
    }
    (body["properties"]["immutableStorageWithVersioning"]["enabled"] == true)
        .then_some("Account failover is not supported for accounts with immutable blobs.")
}

fn refused(status: u16, message: &str) -> Answer {
    let code = if status == 409 { "Conflict" } else { "BadRequest" };
    Answer::error(status, code, message)
}

/// Moves the account. An unplanned failover leaves one copy, in the other region, without redundancy.
pub(super) fn finish(context: &mut Context<'_>, operation: &Operation) -> Result<(), Failure> {
    let Some(mut account) = context.world.resource(&operation.subject).and_then(Account::of) else {
        return Ok(());
    };
    let planned = operation.state["planned"] == true;
    let Some(secondary) = account.secondary.clone() else {
        return Ok(());
    };
    let well = |region: &str| context.health(region) == Health::Up;
    if !well(&secondary) || (planned && !well(&account.primary)) {
        return Err(Failure {
            // The code is an inference.
            code: "StorageAccountFailoverFailed".to_owned(),
            message: "The failover could not be completed because a region is not available.".to_owned(),
        });
    }
    if planned {
        account.secondary = Some(std::mem::replace(&mut account.primary, secondary));
    } else {
        let synced: Option<jiff::Timestamp> =
            serde_json::from_value(operation.state["synced"].clone()).unwrap_or_default();
        // What was written after the last sync is lost with the old copy.
        account
            .blobs
            .retain(|_, blob| synced.is_some_and(|synced| blob.written <= synced));
        account.primary = secondary;
        account.secondary = None;
        "Standard_LRS".clone_into(&mut account.sku);
    }
    account.moving = false;
    account.moved = Some(context.now);
    if let Some(resource) = context.world.change(&operation.subject) {
        account.keep(resource);
    }
    Ok(())
}

/// Takes the mark of a move away.
pub(super) fn release(context: &mut Context<'_>, id: &str) {
    if let Some(resource) = context.world.change(id)
        && let Some(mut account) = Account::of(resource)
    {
        account.moving = false;
        account.keep(resource);
    }
}

/// Gives every account that moved unplanned its other copy back, at once and complete.
pub(super) fn turn_round(context: &mut Context<'_>) {
    let keys: Vec<String> = context.world.resources.keys().cloned().collect();
    for key in keys {
        let Some(resource) = context.world.resource(&key).cloned() else {
            continue;
        };
        let alone = Account::of(&resource).filter(|account| {
            account.secondary.is_none() && account.moved.is_some() && account.primary != resource.region
        });
        if let (Some(mut account), Some(resource)) = (alone, context.world.change(&key)) {
            account.secondary = Some(resource.region.clone());
            account.live_from = context.now;
            "Standard_RAGRS".clone_into(&mut account.sku);
            account.keep(resource);
        }
    }
}
