"""Does the vendor's Site Recovery client see a machine fail over, committed and protected again as Azure's does?"""

from azure.mgmt.recoveryservicessiterecovery import SiteRecoveryManagementClient

import judge
import sdk

VAULT = ("rg-recovery-neu", "rsv-platform")
ITEM = "vm-admin-1"
client = sdk.client(SiteRecoveryManagementClient, "2024-04-01")
items = client.replication_protected_items


def at(region):
    fabric = f"asr-a2a-default-{region}"
    return (*VAULT, fabric, f"{fabric}-container", ITEM)


def container_id(region):
    fabric = f"asr-a2a-default-{region}"
    return (
        f"/subscriptions/{judge.SUBSCRIPTION}/resourceGroups/{VAULT[0]}/providers/Microsoft.RecoveryServices/vaults/"
        f"{VAULT[1]}/replicationFabrics/{fabric}/replicationProtectionContainers/{fabric}-container"
    )


def failover():
    return {
        "properties": {
            "failoverDirection": "PrimaryToRecovery",
            "sourceSiteOperations": "NotRequired",
            "providerSpecificDetails": {"instanceType": "A2A"},
        }
    }


def it_stands_as_expected():
    item = items.get(*at("westeurope")).properties
    judge.same("it is protected", item.protection_state, "Protected")
    judge.same("it is where it was", item.active_location, "Primary")
    judge.same(
        "what may be done is told",
        sorted(item.allowed_operations),
        ["DisableProtection", "TestFailover", "UnplannedFailover"],
    )
    details = item.provider_specific_details
    judge.same("its details are an Azure machine's", type(details).__name__, "A2AReplicationDetails")
    judge.holds("its lag is told", details.rpo_in_seconds is not None, details.rpo_in_seconds)
    judge.holds("when that was is told", details.last_rpo_calculated_time is not None)
    judge.same("nothing is under way", item.current_scenario.scenario_name, "None")
    names = [one.name for one in items.list(*VAULT)]
    judge.holds("the vault lists it", ITEM in names, names)
    points = list(client.recovery_points.list_by_replication_protected_items(*at("westeurope")))
    judge.holds("there are recovery points", len(points) > 0, points)


def what_is_not_allowed():
    seen = sdk.refusal(lambda: items.begin_failover_commit(*at("westeurope")).result())
    judge.holds("there is nothing to commit yet", seen is not None and seen[0] in (400, 403, 409), seen)


def a_failover():
    poller = items.begin_unplanned_failover(*at("westeurope"), failover())
    judge.holds("it runs", not poller.done(), poller.status())
    scenario = items.get(*at("westeurope")).properties.current_scenario
    judge.holds("the item names its job", scenario.job_id and not scenario.job_id.endswith("/None"), scenario.job_id)
    job = scenario.job_id.rsplit("/", 1)[-1]
    sdk.ended(poller)
    judge.same("it ends well", poller.status(), "Succeeded")
    item = items.get(*at("westeurope")).properties
    judge.same("it waits for a commit", item.protection_state, "UnplannedFailoverCommitPendingStatesBegin")
    judge.same("it runs on the other side", item.active_location, "Recovery")
    judge.holds("a commit is allowed", "Commit" in item.allowed_operations, item.allowed_operations)
    told = client.replication_jobs.get(*VAULT, job).properties
    judge.same("its job is told", (told.state, told.scenario_name), ("Succeeded", "UnplannedFailover"))
    judge.holds("with its tasks", len(told.tasks) > 0, told.tasks)


def no_way_back_yet():
    seen = sdk.refusal(lambda: items.begin_unplanned_failover(*at("westeurope"), failover()).result())
    judge.holds("a second failover is refused", seen is not None and seen[0] in (400, 403, 409), seen)


def a_commit():
    poller = items.begin_failover_commit(*at("westeurope"))
    sdk.ended(poller)
    judge.same("the commit ends well", poller.status(), "Succeeded")
    item = items.get(*at("westeurope")).properties
    judge.same("it is committed", item.protection_state, "UnplannedFailoverCommitted")
    points = list(client.recovery_points.list_by_replication_protected_items(*at("westeurope")))
    judge.same("the points are gone", len(points), 0)


def protected_again():
    fabric = "asr-a2a-default-westeurope"
    poller = client.replication_protection_containers.begin_switch_protection(
        *VAULT,
        fabric,
        f"{fabric}-container",
        {
            "properties": {
                "replicationProtectedItemName": ITEM,
                "providerSpecificDetails": {
                    "instanceType": "A2A",
                    "recoveryContainerId": container_id("westeurope"),
                    "policyId": f"/subscriptions/{judge.SUBSCRIPTION}/resourceGroups/{VAULT[0]}/providers/"
                    f"Microsoft.RecoveryServices/vaults/{VAULT[1]}/replicationPolicies/24-hour-retention-policy",
                    "recoveryResourceGroupId": f"/subscriptions/{judge.SUBSCRIPTION}/resourceGroups/rg-machines-weu",
                },
            }
        },
    )
    sdk.ended(poller)
    judge.same("turning round ends well", poller.status(), "Succeeded")
    judge.same("the old path is gone", (sdk.refusal(lambda: items.get(*at("westeurope"))) or (None,))[0], 404)
    item = items.get(*at("northeurope")).properties
    judge.same("on the new path it reads Primary again", item.active_location, "Primary")
    judge.holds("the regions are exchanged", "North" in (item.primary_fabric_friendly_name or "") or "north" in (item.provider_specific_details.primary_fabric_location or ""), item.provider_specific_details.primary_fabric_location)
    judge.later("2h")
    item = items.get(*at("northeurope")).properties
    judge.same("after a while it is protected", item.protection_state, "Protected")


def the_way_back():
    poller = items.begin_unplanned_failover(*at("northeurope"), failover())
    sdk.ended(poller)
    judge.same("the way back is the same verb in the same direction", poller.status(), "Succeeded")
    judge.same("it waits for its commit", items.get(*at("northeurope")).properties.active_location, "Recovery")


def what_is_not_there():
    where = (*at("westeurope")[:4], "vm-nowhere")
    seen = sdk.refusal(lambda: items.get(*where))
    judge.holds("an item that is not there", seen is not None and seen[0] == 404, seen)


judge.judged(
    it_stands_as_expected,
    what_is_not_allowed,
    a_failover,
    no_way_back_yet,
    a_commit,
    protected_again,
    the_way_back,
    what_is_not_there,
)
