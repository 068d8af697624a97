"""Does the vendor's SQL client see a failover group of managed instances switch as Azure's does?"""

from azure.mgmt.sql import SqlManagementClient

import judge
import sdk

WEU = ("rg-data-weu", "westeurope", "fog-platform")
NEU = ("rg-data-neu", "northeurope", "fog-platform")
client = sdk.client(SqlManagementClient, "2023-08-01-preview")
groups = client.instance_failover_groups


def roles():
    return groups.get(*WEU).replication_role, groups.get(*NEU).replication_role


def it_stands_as_expected():
    judge.same("each side has its own view", roles(), ("Primary", "Secondary"))
    group = groups.get(*WEU)
    judge.same("the type is told", group.type, "Microsoft.Sql/locations/instanceFailoverGroups")
    judge.same("links are caught up", group.replication_state, "CATCH_UP")
    judge.same("the partner region is told", len(group.partner_regions), 1)
    judge.same("there is one pair", len(group.managed_instance_pairs), 1)
    judge.same("a list of a location has it", [one.name for one in groups.list_by_location(*WEU[:2])], ["fog-platform"])


def the_wrong_side_refuses():
    judge.same(
        "the side that serves refuses to take over",
        sdk.refusal(lambda: groups.begin_failover(*WEU)),
        (400, "InstanceFailoverGroupFailoverRequestOnPrimary"),
    )
    judge.same("nothing moved", roles(), ("Primary", "Secondary"))


def a_planned_switch():
    poller = groups.begin_failover(*NEU)
    judge.holds("it is accepted and runs", not poller.done(), poller.status())
    judge.same(
        "a second one meanwhile is refused",
        sdk.refusal(lambda: groups.begin_failover(*NEU)),
        (409, "InstanceFailoverGroupBusy"),
    )
    group = sdk.ended(poller)
    judge.same("the poller ends well", poller.status(), "Succeeded")
    judge.same("the result is the group, on the side that took over", group.replication_role, "Primary")
    judge.same("it is that side's own", group.name, "fog-platform")
    judge.same("roles are swapped", roles(), ("Secondary", "Primary"))
    pair = group.managed_instance_pairs[0]
    judge.holds(
        "the pair is swapped",
        pair.primary_managed_instance_id.lower().endswith("-paired"),
        pair.primary_managed_instance_id,
    )


def a_forced_switch_home():
    poller = groups.begin_force_failover_allow_data_loss(*WEU)
    group = sdk.ended(poller)
    judge.same("the forced one ends well", poller.status(), "Succeeded")
    judge.same("its result is the group", group.replication_role, "Primary")
    judge.same("roles are home again", roles(), ("Primary", "Secondary"))


def what_is_not_there():
    judge.same(
        "a group that is not there",
        sdk.refusal(lambda: groups.get("rg-data-weu", "westeurope", "fog-nowhere")),
        (404, "ResourceNotFound"),
    )
    judge.same(
        "a resource group that is not there",
        sdk.refusal(lambda: groups.get("rg-nowhere", "westeurope", "fog-platform")),
        (404, "ResourceGroupNotFound"),
    )


def throttled():
    judge.befalls({"throttle": {"retry-after": 1}}, method="GET", path="**/instanceFailoverGroups/*")
    judge.same("the client sits a throttle out", groups.get(*WEU).replication_role, "Primary")
    impatient = sdk.client(SqlManagementClient, "2023-08-01-preview", retry_total=0)
    judge.befalls({"throttle": {"retry-after": 1}}, method="GET", path="**/instanceFailoverGroups/*")
    judge.same(
        "an impatient client sees the throttle",
        sdk.refusal(lambda: impatient.instance_failover_groups.get(*WEU)),
        (429, "SubscriptionRequestsThrottled"),
    )


def an_operation_that_fails():
    judge.befalls(
        {"operation-fails": {"code": "PlannedFailoverTimedOut", "message": "Too long."}},
        method="POST",
        path="**/failover",
    )
    judge.same(
        "a failed operation is an error with its code",
        (sdk.refusal(lambda: sdk.ended(groups.begin_failover(*NEU))) or (None, None))[1],
        "PlannedFailoverTimedOut",
    )
    judge.same("nothing moved then", roles(), ("Primary", "Secondary"))


def an_instance():
    instance = client.managed_instances.get("rg-data-weu", "mi-fog-platform-primary")
    judge.same("an instance is there", instance.name, "mi-fog-platform-primary")
    judge.holds("its state is told", instance.state is not None, instance.state)


judge.judged(
    it_stands_as_expected,
    the_wrong_side_refuses,
    a_planned_switch,
    a_forced_switch_home,
    what_is_not_there,
    throttled,
    an_operation_that_fails,
    an_instance,
)
