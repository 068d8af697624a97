"""Does the vendor's command line move a platform on the simulator as it would move one on Azure?"""

import json
import os
import subprocess
import sys
import tempfile

import judge

CLOUD = "LeewardSimulator"
HOME = tempfile.mkdtemp(prefix="judge-az-")
ENVIRONMENT = {
    **{name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TEMP", "TMP") if name in os.environ},
    "HOME": HOME,
    "AZURE_CONFIG_DIR": os.path.join(HOME, "azure"),
    "AZURE_CORE_INSTANCE_DISCOVERY": "false",
    "AZURE_CORE_COLLECT_TELEMETRY": "no",
    "AZURE_CORE_NO_COLOR": "true",
    "AZURE_CORE_ONLY_SHOW_ERRORS": "true",
    "AZURE_EXTENSION_USE_DYNAMIC_INSTALL": "no",
    "REQUESTS_CA_BUNDLE": judge.AUTHORITY_FILE,
}
ARM = f"/subscriptions/{judge.SUBSCRIPTION}/resourceGroups"
VAULT = f"{ARM}/rg-recovery-neu/providers/Microsoft.RecoveryServices/vaults/rsv-platform"


def az(*words):
    """Runs a command; returns exit code, what it printed (as JSON where it is), and what it complained of."""
    ran = subprocess.run(
        [sys.executable, "-m", "azure.cli", *words, "--output", "json"],
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    try:
        printed = json.loads(ran.stdout) if ran.stdout.strip() else None
    except ValueError:
        printed = ran.stdout
    return ran.returncode, printed, ran.stderr


def done(what, *words):
    """Insists that a command ends well and returns what it printed."""
    code, printed, complaint = az(*words)
    judge.holds(what, code == 0, {"command": words, "code": code, "complaint": complaint[-1500:]})
    return printed if code == 0 else {}


def refused(what, word, *words):
    """Insists that a command is refused with a word of Azure's."""
    code, printed, complaint = az(*words)
    judge.holds(what, code != 0 and word in complaint, {"code": code, "complaint": complaint[-1500:], "printed": printed})


def it_signs_in():
    done("az cloud register", "cloud", "register", "--name", CLOUD, "--endpoint-resource-manager", judge.BASE)
    done("az cloud set", "cloud", "set", "--name", CLOUD)
    cloud = done("az cloud show", "cloud", "show")
    judge.same("the authority was found by itself", cloud["endpoints"]["activeDirectory"], judge.BASE)
    login = ("login", "--service-principal", "--username", judge.CLIENT, "--tenant", judge.TENANT, "--password")
    refused("a wrong secret is refused", "AADSTS7000215", *login, "wrong")
    signed = done("az login", *login, judge.SECRET)
    judge.same("the subscription is found", [one["id"] for one in signed], [judge.SUBSCRIPTION])
    judge.same("it is of the tenant", signed[0]["tenantId"], judge.TENANT)
    groups = done("az group list", "group", "list")
    judge.holds("groups are listed", "rg-data-weu" in [one["name"] for one in groups], groups)
    group = done("az group show", "group", "show", "--name", "rg-data-neu")
    judge.same("a group tells its location", group["location"], "northeurope")


def a_failover_group_switches():
    of = ("--name", "fog-platform", "--resource-group", "rg-data-neu", "--location", "northeurope")
    home = ("--name", "fog-platform", "--resource-group", "rg-data-weu", "--location", "westeurope")
    verb = ("sql", "instance-failover-group")
    shown = done("az sql instance-failover-group show", *verb, "show", *of)
    judge.same("it begins as secondary", shown["replicationRole"], "Secondary")
    # It looks before it leaps: on the side that serves it has nothing to do.
    done("set-primary on the side that serves", *verb, "set-primary", *home)
    judge.same("nothing was sent for that", judge.changes("/failover"), (0, 0))
    refused(
        "the side that serves refuses to take over",
        "InstanceFailoverGroupFailoverRequestOnPrimary",
        "rest", "--method", "post", "--resource", "https://management.core.windows.net/", "--url",
        f"{judge.BASE}{ARM}/rg-data-weu/providers/Microsoft.Sql/locations/westeurope/instanceFailoverGroups/"
        "fog-platform/failover?api-version=2023-08-01-preview",
    )
    shown = done("az sql instance-failover-group set-primary", *verb, "set-primary", *of)
    judge.same("it took over", shown["replicationRole"], "Primary")
    shown = done("the same, with data loss allowed, home", *verb, "set-primary", *home, "--allow-data-loss")
    judge.same("it is home", shown["replicationRole"], "Primary")
    refused(
        "a group that is not there",
        "ResourceNotFound",
        *verb, "show", "--name", "fog-nowhere", "--resource-group", "rg-data-neu", "--location", "northeurope",
    )


def a_group_of_servers_switches():
    verb = ("sql", "failover-group")
    of = ("--name", "fog-judge", "--resource-group", "rg-data-weu", "--server", "sql-judge-weu")
    there = ("--name", "fog-judge", "--resource-group", "rg-data-neu", "--server", "sql-judge-neu")
    shown = done(
        "az sql failover-group create",
        *verb, "create", *of, "--partner-resource-group", "rg-data-neu", "--partner-server", "sql-judge-neu",
        "--failover-policy", "Manual",
    )
    judge.same("it serves where it was made", shown.get("replicationRole"), "Primary")
    shown = done("az sql failover-group set-primary", *verb, "set-primary", *there)
    judge.same("it took over", shown.get("replicationRole"), "Primary")
    shown = done("the same, with data loss allowed, home", *verb, "set-primary", *of, "--allow-data-loss")
    judge.same("it is home", shown.get("replicationRole"), "Primary")
    shown = done("the same, planned or else forced", *verb, "set-primary", *there, "--try-planned-before-forced-failover")
    judge.same("it is there again", shown.get("replicationRole"), "Primary")


def an_account_fails_over():
    of = ("--name", "starchiveplatform", "--resource-group", "rg-data-weu")
    shown = done("az storage account show", "storage", "account", "show", *of, "--expand", "geoReplicationStats")
    judge.same("it may fail over", shown["geoReplicationStats"]["canFailover"], True)
    done("az storage account failover, planned", "storage", "account", "failover", *of, "--failover-type", "Planned", "--yes")
    shown = done("az storage account show", "storage", "account", "show", *of)
    judge.same("sides are swapped", (shown["primaryLocation"], shown["sku"]["name"]), ("northeurope", "Standard_RAGRS"))
    judge.later("1h")
    done("az storage account failover, unplanned", "storage", "account", "failover", *of, "--yes")
    shown = done("az storage account show", "storage", "account", "show", *of)
    judge.same("the copy is gone", (shown["primaryLocation"], shown["sku"]["name"]), ("westeurope", "Standard_LRS"))
    shown = done("az storage account update", "storage", "account", "update", *of, "--sku", "Standard_RAGRS")
    judge.same("redundancy is asked for again", shown["sku"]["name"], "Standard_RAGRS")


def a_cluster_comes_and_goes():
    of = ("--name", "aks-judge", "--resource-group", "rg-aks-neu")
    identity = f"{ARM}/rg-aks-neu/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-aks-services-neu"
    shown = done(
        "az aks create",
        "aks", "create", *of, "--location", "northeurope", "--node-count", "2", "--node-vm-size", "Standard_D4s_v5",
        "--kubernetes-version", "1.33", "--no-ssh-key", "--assign-identity", identity,
    )
    judge.same("it is made", shown.get("provisioningState"), "Succeeded")
    shown = done("az aks show", "aks", "show", *of)
    judge.same("it runs", shown["powerState"]["code"], "Running")
    pool = done(
        "az aks nodepool add",
        "aks", "nodepool", "add", "--cluster-name", "aks-judge", "--resource-group", "rg-aks-neu", "--name", "jobs",
        "--node-count", "1", "--node-vm-size", "Standard_D4s_v5", "--mode", "User",
    )
    judge.same("a pool is added", (pool.get("name"), pool.get("provisioningState")), ("jobs", "Succeeded"))
    done("az aks delete", "aks", "delete", *of, "--yes")
    refused("it is gone", "ResourceNotFound", "aks", "show", *of)


def traffic_moves():
    of = ("--profile-name", "tm-platform", "--resource-group", "rg-global", "--type", "externalEndpoints")
    verb = ("network", "traffic-manager", "endpoint")
    for name, status in (("neu", "Enabled"), ("weu", "Disabled")):
        shown = done("az network traffic-manager endpoint update", *verb, "update", *of, "--name", name, "--endpoint-status", status)
        judge.same(f"{name} is {status}", shown["endpointStatus"], status)
    shown = done("az network traffic-manager profile show", "network", "traffic-manager", "profile", "show", "--name", "tm-platform", "--resource-group", "rg-global")
    judge.same("the profile says so", {one["name"]: one["endpointStatus"] for one in shown["endpoints"]}, {"weu": "Disabled", "neu": "Enabled"})


def a_machine_fails_over():
    # The command line has no words for Site Recovery without an extension: any resource, and any request.
    item = (
        f"{VAULT}/replicationFabrics/asr-a2a-default-westeurope/replicationProtectionContainers/"
        "asr-a2a-default-westeurope-container/replicationProtectedItems/vm-admin-1"
    )
    version = "2024-04-01"
    shown = done("az resource show", "resource", "show", "--ids", item, "--api-version", version)
    judge.same("it is protected", shown["properties"]["protectionState"], "Protected")
    body = {
        "properties": {
            "failoverDirection": "PrimaryToRecovery",
            "sourceSiteOperations": "NotRequired",
            "providerSpecificDetails": {"instanceType": "A2A"},
        }
    }
    url = f"{judge.BASE}{item}/unplannedFailover?api-version={version}"
    done("az rest, a failover", "rest", "--method", "post", "--url", url, "--body", json.dumps(body), "--resource", "https://management.core.windows.net/")
    judge.later("10m")
    shown = done("az resource show", "resource", "show", "--ids", item, "--api-version", version)
    judge.same("it runs on the other side", shown["properties"]["activeLocation"], "Recovery")
    url = f"{judge.BASE}{item}/failoverCommit?api-version={version}"
    done("az resource invoke-action, a commit", "resource", "invoke-action", "--ids", item, "--api-version", version, "--action", "failoverCommit")
    judge.later("10m")
    shown = done("az resource show", "resource", "show", "--ids", item, "--api-version", version)
    judge.same("it is committed", shown["properties"]["protectionState"], "UnplannedFailoverCommitted")


judge.judged(
    it_signs_in,
    a_failover_group_switches,
    a_group_of_servers_switches,
    an_account_fails_over,
    a_cluster_comes_and_goes,
    traffic_moves,
    a_machine_fails_over,
)
