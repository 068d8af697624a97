"""Does the vendor's SQL client see a failover group of servers made, switched in every way, and deleted as Azure's?"""

from azure.mgmt.sql import SqlManagementClient

import judge
import sdk

WEU = ("rg-data-weu", "sql-judge-weu", "fog-judge")
NEU = ("rg-data-neu", "sql-judge-neu", "fog-judge")
client = sdk.client(SqlManagementClient, "2023-08-01-preview")
groups = client.failover_groups


def server(side):
    return (
        f"/subscriptions/{judge.SUBSCRIPTION}/resourceGroups/rg-data-{side}/providers/Microsoft.Sql/servers/"
        f"sql-judge-{side}"
    )


def wanted(**more):
    return {
        "properties": {
            "readWriteEndpoint": {"failoverPolicy": "Manual"},
            "partnerServers": [{"id": server("neu")}],
            "databases": [],
            **more,
        }
    }


def roles():
    return groups.get(*WEU).replication_role, groups.get(*NEU).replication_role


def made():
    poller = groups.begin_create_or_update(*WEU, wanted())
    group = sdk.ended(poller)
    judge.same("it is made", (poller.status(), group.name, group.replication_role), ("Succeeded", "fog-judge", "Primary"))
    judge.same("each side has its own view", roles(), ("Primary", "Secondary"))
    partner = groups.get(*NEU).partner_servers[0]
    judge.holds("the other side's partner is this one", partner.id.lower() == server("weu").lower(), partner.id)
    judge.same("and serves", partner.replication_role, "Primary")
    judge.same("a server lists its groups", [one.name for one in groups.list_by_server(*NEU[:2])], ["fog-judge"])


def a_body_that_contradicts_itself():
    body = wanted(readWriteEndpoint={"failoverPolicy": "Manual", "failoverWithDataLossGracePeriodMinutes": 60})
    seen = sdk.refusal(lambda: groups.begin_create_or_update(*WEU, body).result())
    judge.holds("a manual policy has no grace period", seen is not None and seen[0] == 400, seen)


def the_wrong_side_refuses():
    judge.same(
        "the side that serves refuses to take over",
        sdk.refusal(lambda: groups.begin_failover(*WEU)),
        (400, "FailoverGroupFailoverRequestOnPrimary"),
    )
    judge.same(
        "the side that does not serve takes no changes",
        sdk.refusal(lambda: groups.begin_delete(*NEU)),
        (400, "FailoverGroupUpdateOrDeleteRequestOnSecondary"),
    )


def switched():
    # Back and forth, each verb from the side that takes over.
    for verb, where, roles_then in (
        (groups.begin_failover, NEU, ("Secondary", "Primary")),
        (groups.begin_force_failover_allow_data_loss, WEU, ("Primary", "Secondary")),
        (groups.begin_try_planned_before_forced_failover, NEU, ("Secondary", "Primary")),
        (groups.begin_failover, WEU, ("Primary", "Secondary")),
    ):
        poller = verb(*where)
        judge.holds(f"{verb.__name__} runs", not poller.done(), poller.status())
        judge.same("a second one meanwhile is refused", sdk.refusal(lambda: verb(*where)), (409, "FailoverGroupBusy"))
        group = sdk.ended(poller)
        judge.same(f"{verb.__name__} ends well", (poller.status(), group.replication_role), ("Succeeded", "Primary"))
        judge.same("roles are swapped", roles(), roles_then)


def deleted():
    sdk.ended(groups.begin_delete(*WEU))
    judge.same("it is gone", (sdk.refusal(lambda: groups.get(*WEU)) or (None,))[0], 404)
    judge.same("on the other side too", (sdk.refusal(lambda: groups.get(*NEU)) or (None,))[0], 404)


judge.judged(made, a_body_that_contradicts_itself, the_wrong_side_refuses, switched, deleted)
