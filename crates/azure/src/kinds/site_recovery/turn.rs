//! How is the replication of one machine turned round? It is asked of the container where the machine came from, and
//! the item lies under the other one afterwards.

use leeward_engine::{
    port::{Context, DriverError},
    work::{Operation, Phase},
};
use serde_json::{Value, json};

use super::{
    choice::{Unit, impossible},
    item::Item,
    judge::{Seen, judge},
    operations::{Settings, barred, commit, read, verb_operation},
    vault::Vault,
    verb::Verb,
};
use crate::kinds::settings;

/// Makes the turning round of one machine: a commit where it is still due, then the switch.
pub(super) fn turn(
    context: &Context,
    vault: &Vault,
    item: &Item,
    settings: &Settings,
    operations: &mut Vec<Operation>,
    warnings: &mut Vec<String>,
) -> Result<(), DriverError> {
    let unit = Unit {
        name: item.machine.clone(),
        plan: None,
        members: vec![item.clone()],
    };
    let mut after = Vec::new();
    if item.allows("Commit") && item.has_failed_over() {
        // The commit's goal names the region that serves: there the machine runs.
        let served = Settings {
            from: settings.to.clone(),
            to: settings.from.clone(),
            ..*settings
        };
        let commit = commit(&unit, &served, Phase::Main);
        after.push(commit.id.clone());
        operations.push(commit);
    }
    let seen = judge(Verb::Switch, item, &settings.from, &settings.to, None);
    let body = match seen {
        Seen::Holds | Seen::Barred(_) => Value::Null,
        _ => switch_body(context, vault, item, warnings)?,
    };
    let mut switch = verb_operation(
        &unit,
        Verb::Switch,
        settings,
        Phase::Main,
        format!(
            "{} replicates from {} to {}",
            item.machine, settings.from, settings.to
        ),
        Some(body),
    );
    if let Some(mut payload) = read(&switch).ok()
        && let Some(container) = item.container()
    {
        payload.subject = container.to_owned();
        switch.payload = json!(payload);
    }
    switch.rungs[0].skip = barred(Verb::Switch, &unit, settings);
    switch.after = after;
    operations.push(switch);
    Ok(())
}

/// Returns the body that turns one machine round; it names the container where the machine came from.
fn switch_body(
    context: &Context,
    vault: &Vault,
    item: &Item,
    warnings: &mut Vec<String>,
) -> Result<Value, DriverError> {
    let side = &context.target;
    let container = item
        .container()
        .ok_or_else(|| impossible(format!("{} lies under no container", item.machine)))?;
    let group = match settings::optional_text(side, "resource-group") {
        Some(_) => settings::group_path(context, side)?
            .build()
            .map_err(settings::impossible)?,
        None => item
            .source_machine
            .as_deref()
            .and_then(group_of)
            .map_or_else(|| vault.group_id(vault.group()), |group| Ok(group.to_owned()))?,
    };
    let mut details = json!({
        "instanceType": "A2A",
        "recoveryContainerId": container,
        "recoveryResourceGroupId": group,
    });
    if let Some(policy) = &item.policy {
        details["policyId"] = json!(policy);
    }
    // Writes are cached in the region where the machine runs now, and no answer names an account there.
    match cache(context)? {
        Some(cache) => {
            let disks: Option<Vec<Value>> = item
                .disks
                .iter()
                .map(|disk| {
                    let id = disk.after_failover.as_ref()?;
                    Some(json!({
                        "diskId": id,
                        "primaryStagingAzureStorageAccountId": cache,
                        "recoveryResourceGroupId": group,
                    }))
                })
                .collect();
            let disks = disks.filter(|disks| !disks.is_empty());
            details["vmManagedDisks"] = json!(disks.ok_or_else(|| impossible(format!(
                "the vault does not name the disks of {}",
                item.machine
            )))?);
        }
        None => {
            let warning = format!(
                "no `cache-account` is set for {}: Azure is left to choose the disks of the machines and where their writes are cached",
                context.plan.source.region
            );
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
    }
    Ok(json!({"properties": {
        "replicationProtectedItemName": item.name,
        "providerSpecificDetails": details,
    }}))
}

/// Returns the id of the account that caches writes where the machines run now.
fn cache(context: &Context) -> Result<Option<String>, DriverError> {
    let side = &context.source;
    match settings::optional_text(side, "cache-account") {
        None => Ok(None),
        Some(id) if id.starts_with('/') => crate::arm::ArmPath::resource(id)
            .build()
            .map(Some)
            .map_err(settings::impossible),
        Some(name) => settings::group_path(context, side)?
            .provider("Microsoft.Storage")
            .pair("storageAccounts", name)
            .build()
            .map(Some)
            .map_err(settings::impossible),
    }
}

/// Returns `/subscriptions/…/resourceGroups/…` of a resource id.
fn group_of(id: &str) -> Option<&str> {
    let cut = id.to_ascii_lowercase().find("/providers/")?;
    id.get(..cut)
}
