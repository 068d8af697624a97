"""Does the vendor's Traffic Manager client see traffic move as Azure's does?"""

from azure.mgmt.trafficmanager import TrafficManagerManagementClient

import judge
import sdk

PROFILE = ("rg-global", "tm-platform")
client = sdk.client(TrafficManagerManagementClient, "2022-04-01")
# The newest specification writes it with a capital, the older with a small letter.
KIND = "ExternalEndpoints"


def statuses():
    profile = client.profiles.get(*PROFILE)
    return {one.name: one.endpoint_status for one in profile.endpoints}


def it_stands_as_expected():
    profile = client.profiles.get(*PROFILE)
    judge.same("the profile is there", (profile.name, profile.location), ("tm-platform", "global"))
    judge.same("it is enabled", (profile.profile_status, profile.traffic_routing_method), ("Enabled", "Priority"))
    judge.holds("its name in DNS is told", profile.dns_config.fqdn.endswith(".trafficmanager.net"), profile.dns_config.fqdn)
    judge.same("one endpoint takes traffic", statuses(), {"weu": "Enabled", "neu": "Disabled"})


def a_switch():
    for name, status in (("neu", "Enabled"), ("weu", "Disabled")):
        endpoint = client.endpoints.update(*PROFILE, KIND, name, {"properties": {"endpointStatus": status}})
        judge.same(f"{name} is {status}", (endpoint.name, endpoint.endpoint_status), (name, status))
    judge.same("the profile says so too", statuses(), {"weu": "Disabled", "neu": "Enabled"})
    endpoint = client.endpoints.get(*PROFILE, KIND, "weu")
    judge.same("a disabled endpoint is not watched", endpoint.endpoint_monitor_status, "Disabled")
    judge.holds("its priority stayed", endpoint.priority == 1, endpoint.priority)


def weights_and_priorities():
    seen = sdk.refusal(lambda: client.endpoints.update(*PROFILE, KIND, "neu", {"properties": {"priority": 1001}}))
    judge.holds("a priority beyond 1000 is refused", seen is not None and seen[0] == 400, seen)
    seen = sdk.refusal(lambda: client.endpoints.update(*PROFILE, KIND, "neu", {"properties": {"priority": 1}}))
    judge.holds("a priority that another has is refused", seen is not None and seen[0] in (400, 409), seen)


def lists():
    names = [one.name for one in client.profiles.list_by_resource_group("rg-global")]
    judge.same("the group lists it", names, ["tm-platform"])
    names = [one.name for one in client.profiles.list_by_subscription()]
    judge.same("the subscription lists it", names, ["tm-platform"])


def what_is_not_there():
    seen = sdk.refusal(lambda: client.endpoints.get(*PROFILE, KIND, "nowhere"))
    judge.holds("an endpoint that is not there", seen is not None and seen[0] == 404, seen)
    seen = sdk.refusal(lambda: client.profiles.get("rg-global", "tm-nowhere"))
    judge.same("a profile that is not there", seen, (404, "ResourceNotFound"))


judge.judged(it_stands_as_expected, a_switch, weights_and_priorities, lists, what_is_not_there)
