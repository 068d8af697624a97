"""Does the vendor's AKS client see a cluster made, shown, given a pool, and deleted as Azure's does?"""

from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.containerservice import ContainerServiceClient

import judge
import sdk

CLUSTER = ("rg-aks-neu", "aks-judge")
client = sdk.client(ContainerServiceClient, "2024-05-01")
clusters, pools = client.managed_clusters, client.agent_pools


def wanted():
    identity = (
        f"/subscriptions/{judge.SUBSCRIPTION}/resourceGroups/rg-aks-neu/providers/"
        "Microsoft.ManagedIdentity/userAssignedIdentities/id-aks-services-neu"
    )
    return {
        "location": "northeurope",
        "tags": {"by": "judge"},
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}},
        "properties": {
            "dnsPrefix": "judge",
            "kubernetesVersion": "1.33",
            "agentPoolProfiles": [
                {"name": "system", "count": 2, "vmSize": "Standard_D4s_v5", "mode": "System", "osType": "Linux"}
            ],
        },
    }


def it_is_not_there_yet():
    judge.same("a cluster that is not there", sdk.refusal(lambda: clusters.get(*CLUSTER)), (404, "ResourceNotFound"))


def made():
    poller = clusters.begin_create_or_update(*CLUSTER, wanted())
    judge.same("while it is made it is there", clusters.get(*CLUSTER).provisioning_state, "Creating")
    cluster = sdk.ended(poller)
    judge.same("it ends well", poller.status(), "Succeeded")
    judge.same("the result is the cluster", (cluster.name, cluster.provisioning_state), ("aks-judge", "Succeeded"))
    judge.same("it runs", cluster.power_state.code, "Running")
    judge.holds("it has a name of its own in DNS", cluster.fqdn.startswith("judge"), cluster.fqdn)
    judge.holds("its version is told", cluster.current_kubernetes_version.startswith("1.33"), cluster.current_kubernetes_version)
    judge.same("its nodes' group is told", cluster.node_resource_group, "MC_rg-aks-neu_aks-judge_northeurope")
    names = [one.name for one in clusters.list_by_resource_group(CLUSTER[0])]
    judge.holds("the group lists it", "aks-judge" in names, names)
    names = [one.name for one in clusters.list()]
    judge.holds("the subscription lists it", "aks-judge" in names, names)
    config = clusters.list_cluster_admin_credentials(*CLUSTER).kubeconfigs[0].value
    judge.holds("its credentials are a kubeconfig", b"clusters" in bytes(config), config)


def put_again():
    cluster = clusters.begin_create_or_update(*CLUSTER, wanted())
    cluster = sdk.ended(cluster)
    judge.same("the same body again ends as it was", cluster.provisioning_state, "Succeeded")


def a_pool():
    poller = pools.begin_create_or_update(
        *CLUSTER, "jobs", {"properties": {"count": 1, "vmSize": "Standard_D4s_v5", "mode": "User", "osType": "Linux"}}
    )
    seen = sdk.refusal(lambda: clusters.begin_create_or_update(*CLUSTER, wanted()))
    judge.holds("two changes at a time are refused", seen is not None and seen[0] == 409, seen)
    pool = sdk.ended(poller)
    judge.same("the pool is made", (pool.name, pool.provisioning_state, pool.count), ("jobs", "Succeeded", 1))
    judge.same("the cluster has both", sorted(one.name for one in pools.list(*CLUSTER)), ["jobs", "system"])
    sdk.ended(pools.begin_delete(*CLUSTER, "jobs"))
    judge.same("and has one again", [one.name for one in pools.list(*CLUSTER)], ["system"])


def the_last_system_pool_stays():
    seen = sdk.refusal(lambda: pools.begin_delete(*CLUSTER, "system").result())
    judge.holds("the last system pool is not deleted", seen is not None and seen[0] in (400, 409), seen)


def what_is_wrong_is_refused():
    body = wanted()
    del body["properties"]["agentPoolProfiles"]
    seen = sdk.refusal(lambda: clusters.begin_create_or_update("rg-aks-neu", "aks-wrong", body).result())
    judge.holds("a cluster without a pool is refused", seen is not None and seen[0] == 400, seen)


def deleted():
    poller = clusters.begin_delete(*CLUSTER)
    judge.same("while it is deleted it says so", clusters.get(*CLUSTER).provisioning_state, "Deleting")
    judge.holds("nothing is returned", sdk.ended(poller) is None, poller.result())
    judge.same("it ends well", poller.status(), "Succeeded")
    try:
        clusters.get(*CLUSTER)
        judge.holds("it is gone", False)
    except ResourceNotFoundError as error:
        judge.same("it is gone", error.error.code, "ResourceNotFound")
    clusters.begin_delete(*CLUSTER).result()
    judge.holds("to delete what is gone is no error", True)


judge.judged(
    it_is_not_there_yet,
    made,
    put_again,
    a_pool,
    the_last_system_pool_stays,
    what_is_wrong_is_refused,
    deleted,
)
