"""Does the vendor's storage client see an account fail over as Azure's does?"""

from azure.mgmt.storage import StorageManagementClient

import judge
import sdk

ACCOUNT = ("rg-data-weu", "starchiveplatform")
client = sdk.client(StorageManagementClient, "2023-05-01")
accounts = client.storage_accounts


def failover(kind):
    # The newest client names no kind but the planned one; what it leaves out goes as a query of its own.
    if kind == "Planned":
        return accounts.begin_failover(*ACCOUNT, failover_type="Planned")
    return accounts.begin_failover(*ACCOUNT, failover_type=None)


def places():
    account = accounts.get_properties(*ACCOUNT)
    return account.location, account.primary_location, account.secondary_location, account.sku.name


def it_stands_as_expected():
    account = accounts.get_properties(*ACCOUNT, expand="geoReplicationStats")
    judge.same("where it is", places(), ("westeurope", "westeurope", "northeurope", "Standard_RAGRS"))
    stats = account.geo_replication_stats
    judge.same("replication is live", stats.status, "Live")
    judge.holds("the last sync time is told", stats.last_sync_time is not None, stats)
    judge.same("it may fail over", (stats.can_failover, stats.can_planned_failover), (True, True))
    judge.same("what it becomes is told", stats.post_failover_redundancy, "Standard_LRS")
    judge.same("both statuses are told", (account.status_of_primary, account.status_of_secondary), ("available", "available"))
    plain = accounts.get_properties(*ACCOUNT)
    judge.holds("no statistics where none are asked for", plain.geo_replication_stats is None, plain.geo_replication_stats)


def a_planned_failover():
    poller = failover("Planned")
    judge.holds("it runs", not poller.done(), poller.status())
    account = accounts.get_properties(*ACCOUNT)
    judge.same("the account says so", account.failover_in_progress, True)
    judge.holds("nothing is returned", sdk.ended(poller, "2h") is None, poller.result())
    judge.same("it ended well", poller.status(), "Succeeded")
    judge.same(
        "the sides are swapped, redundancy and location stay",
        places(),
        ("westeurope", "northeurope", "westeurope", "Standard_RAGRS"),
    )
    judge.holds(
        "no failover is in progress any more",
        not accounts.get_properties(*ACCOUNT).failover_in_progress,
    )


def a_second_planned_failover_swaps_back():
    judge.later("1h")
    sdk.ended(failover("Planned"), "2h")
    judge.same("back", places()[1:3], ("westeurope", "northeurope"))


def an_unplanned_failover():
    judge.later("1h")
    sdk.ended(failover("Unplanned"), "2h")
    account = accounts.get_properties(*ACCOUNT)
    judge.same(
        "it is where its copy was, without a copy",
        (account.primary_location, account.secondary_location, account.sku.name),
        ("northeurope", None, "Standard_LRS"),
    )
    judge.holds("the time of it is told", account.last_geo_failover_time is not None)
    seen = sdk.refusal(lambda: accounts.get_properties(*ACCOUNT, expand="geoReplicationStats"))
    judge.holds("an account without a copy has no statistics", seen is not None and seen[0] == 400, seen)
    seen = sdk.refusal(lambda: failover("Unplanned").result())
    judge.holds("and cannot fail over again", seen is not None and seen[0] in (400, 409), seen)


def redundancy_again():
    account = accounts.update(*ACCOUNT, {"sku": {"name": "Standard_RAGRS"}})
    judge.same("redundancy is asked for again", account.sku.name, "Standard_RAGRS")
    stats = accounts.get_properties(*ACCOUNT, expand="geoReplicationStats").geo_replication_stats
    judge.holds("a full copy begins", stats.status in ("Bootstrap", "Unavailable"), stats.status)


def keys_and_lists():
    keys = accounts.list_keys(*ACCOUNT).keys_property
    judge.same("there are two keys", [key.key_name for key in keys], ["key1", "key2"])
    names = [one.name for one in accounts.list_by_resource_group("rg-data-weu")]
    judge.holds("the group lists it", "starchiveplatform" in names, names)
    names = [one.name for one in accounts.list()]
    judge.holds("the subscription lists it", "starchiveplatform" in names, names)


def what_is_not_there():
    judge.same(
        "an account that is not there",
        sdk.refusal(lambda: accounts.get_properties("rg-data-weu", "stnowhere")),
        (404, "ResourceNotFound"),
    )


judge.judged(
    it_stands_as_expected,
    a_planned_failover,
    a_second_planned_failover_swaps_back,
    an_unplanned_failover,
    redundancy_again,
    keys_and_lists,
    what_is_not_there,
)
