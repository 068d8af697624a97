use leeward_engine::{id::OperationId, work::Phase};
use serde_json::json;

use super::*;
use crate::testing::{context, examples, recording};

const GROUP: &str = "/subscriptions/S/resourceGroups/RG-neu";

fn lock(scope: &str, level: &str) -> Lock {
    Lock::read(&json!({
        "id": format!("{scope}/providers/Microsoft.Authorization/locks/keep"),
        "properties": {"level": level},
    }))
    .unwrap()
}

fn change(target: &str, deletes: bool) -> Change {
    Change {
        target: target.to_lowercase(),
        deletes,
    }
}

#[test]
fn a_lock_is_inherited_downwards_and_by_whole_names() {
    let vault = format!("{GROUP}/providers/Microsoft.RecoveryServices/vaults/v");
    let below = change(&format!("{vault}/x/y"), false);
    for scope in ["/subscriptions/s", GROUP, vault.as_str()] {
        assert!(lock(scope, "ReadOnly").refuses(&below), "{scope}");
    }
    for scope in [
        "/subscriptions/s2",
        "/subscriptions/S/resourceGroups/RG-ne",
        "/subscriptions/S/resourceGroups/RG-neu2",
    ] {
        assert!(!lock(scope, "ReadOnly").refuses(&below), "{scope}");
    }
    assert!(!lock(&format!("{vault}/x/y"), "ReadOnly").refuses(&change(&vault, false)));
}

#[test]
fn read_only_refuses_every_change_and_the_other_only_deletes() {
    let (write, delete) = (change(GROUP, false), change(GROUP, true));
    assert!(lock(GROUP, "readonly").refuses(&write) && lock(GROUP, "ReadOnly").refuses(&delete));
    assert!(!lock(GROUP, "CanNotDelete").refuses(&write));
    assert!(lock(GROUP, "CanNotDelete").refuses(&delete));
    let inside = format!("{GROUP}/providers/Microsoft.Network/virtualNetworks/v");
    assert!(
        lock(&inside, "CanNotDelete").refuses(&delete),
        "a part that must stay"
    );
    for word in ["NotSpecified", "Odd"] {
        assert!(!lock(GROUP, word).refuses(&delete), "{word}");
    }
}

#[test]
fn a_lock_is_told_with_its_name_level_scope_and_the_command_that_removes_it() {
    let locks = [lock(GROUP, "ReadOnly"), lock("/subscriptions/other", "ReadOnly")];
    let all: Vec<Change> = (0..3)
        .map(|n| change(&format!("{GROUP}/vm-{n}"), false))
        .collect();
    assert_eq!(
        told(&locks, &all),
        [format!(
            "the ReadOnly lock `keep` over {GROUP} refuses every change of vm-0 and of 2 more: remove it with `az lock delete --ids {GROUP}/providers/Microsoft.Authorization/locks/keep`"
        )]
    );
}

fn operation(id: &str, target: &str) -> Operation {
    Operation {
        id: OperationId::new(id),
        target: target.to_owned(),
        goal: String::new(),
        after: Vec::new(),
        phase: Phase::Main,
        rungs: Vec::new(),
        observable: true,
        payload: Value::Null,
    }
}

#[test]
fn what_a_step_deletes_is_known_from_its_kind() {
    let of = |kind: &str, with: Value, id: &str| {
        let context = context(kind, Journey::Failover, with, json!({}), json!({}));
        changes_of(&context.step, &operation(id, "/subscriptions/s/x"))
            .unwrap()
            .deletes
    };
    assert!(of("azure.storage.object-replication", json!({}), "cut"));
    assert!(of("azure.aks.cluster", json!({}), "delete-left-by-drill"));
    assert!(!of("azure.aks.cluster", json!({}), "pool/user"));
    assert!(!of("azure.storage.geo-failover", json!({}), "failover"));
    assert!(of("azure.resource", json!({"method": "DELETE"}), "write"));
    assert!(!of("azure.resource", json!({"method": "PUT"}), "write"));
    let here = context("run.command", Journey::Failover, json!({}), json!({}), json!({}));
    assert_eq!(
        changes_of(&here.step, &operation("run", "`sh` on this machine")),
        None
    );
    assert!(changes_on_paper(&here.step, Journey::Failover, vec!["here".to_owned()]).is_empty());
}

#[test]
fn recorded_and_official_locks_are_read_and_what_is_none_is_left_out() {
    assert_eq!(
        Lock::read(&json!({"id": "/subscriptions/s", "properties": {"level": "ReadOnly"}})),
        None
    );
    assert_eq!(Lock::read(&json!({"odd": 1})), None);
    if let Some(one) = recording("locks-readonly-group").get(2) {
        let lock = Lock::read(&one["responseBody"]["value"][0]).unwrap();
        assert_eq!(lock.level, Level::ReadOnly);
        assert!(
            lock.scope
                .ends_with("/cli_test_readonly_resource_group_lock000001"),
            "{}",
            lock.scope
        );
        assert_eq!(lock.name, "cli-test-lock000002");
    }
    let folder = "resources/resource-manager/Microsoft.Authorization/stable/2020-05-01/examples";
    for name in [
        "SubscriptionLevel",
        "ResourceGroupLevel",
        "ResourceLevel",
        "Scope",
    ] {
        let Some(example) = examples(folder, &format!("ManagementLocks_ListAt{name}.json")) else {
            return;
        };
        let all = example["responses"]["200"]["body"]["value"].as_array().unwrap();
        assert!(all.iter().all(|one| Lock::read(one).is_some()), "{name}");
    }
}
