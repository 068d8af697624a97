//! What must be in a pretend Azure so that a plan can be rehearsed: the plan's own targets.

use std::collections::BTreeSet;

use leeward_engine::port::Files;
use leeward_runbook::{
    journey::Side,
    plan::{Plan, PlannedStep},
};
use leeward_simulator::world::blueprint::{
    AksCluster, AksSide, AnyResource, Blueprint, DnsRecord, FrontDoor, Item, Regions, Side as SimulatedSide,
    SqlGroup, SqlGroupOf, SqlSide, StorageGeo, StorageReplicated, StorageSide, Tcp, TrafficEndpoint,
    TrafficManager, VaultMachines,
};
use serde_json::{Value, json};

/// Derives the description of a world in which the plan's source region serves.
///
/// The simulator's `primary` is whoever serves before the move, so a failback is rehearsed on a
/// platform that lives in the paired region already, with replication turned round.
pub fn blueprint(plan: &Plan, subscription: &str, files: &dyn Files) -> Blueprint {
    let mut resources = Vec::new();
    let mut seen = BTreeSet::new();
    for step in &plan.steps {
        for item in items(plan, subscription, step, files) {
            // Two steps may name one thing; it is there once.
            let key = serde_json::to_string(&item).unwrap_or_default();
            if seen.insert(key) {
                resources.push(item);
            }
        }
    }
    // What other steps describe in more words comes first.
    resources.sort_by_key(|item| matches!(item, Item::Resource(_)));
    Blueprint {
        subscription: subscription.to_owned(),
        regions: Regions {
            primary: plan.source.region.clone(),
            paired: plan.target.region.clone(),
        },
        resources,
    }
}

fn items(plan: &Plan, subscription: &str, step: &PlannedStep, files: &dyn Files) -> Vec<Item> {
    let item = match step.kind.as_str() {
        "azure.sql.managed-instance-failover-group" => sql(plan, step, SqlGroupOf::Instances),
        "azure.sql.failover-group" => sql(plan, step, SqlGroupOf::Servers),
        "azure.site-recovery.virtual-machines" => machines(step),
        "azure.site-recovery.recovery-plan" => machines_of_plan(step),
        "azure.storage.geo-failover" => geo(plan, step),
        "azure.storage.object-replication" => replicated(step),
        "azure.aks.cluster" => cluster(subscription, step, files),
        "kubernetes.apply" => clusters(plan, step),
        "azure.traffic-manager.profile" => traffic(step),
        "azure.front-door.origin-group" => origins(step),
        "azure.dns.record-set" => record(step, false),
        "azure.private-dns.record-set" => record(step, true),
        "azure.resource" => any_resource(plan, step),
        "azure.vm.run-command" => machine(plan, subscription, step),
        _ => None,
    };
    let mut items: Vec<Item> = item.into_iter().collect();
    items.extend(ports(step));
    items.extend(consumers(plan, subscription, step));
    items.extend(canary(plan, subscription, step));
    items
}

/// The container that a canary is written to.
fn canary(plan: &Plan, subscription: &str, step: &PlannedStep) -> Option<Item> {
    if step.kind != "azure.storage.geo-failover" {
        return None;
    }
    let container = text(&step.settings, "canary")?;
    let (account, group) = (
        text(&step.settings, "account")?,
        text(&step.settings, "resource-group")?,
    );
    Some(Item::Resource(AnyResource {
        id: format!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Storage/storageAccounts/{account}/blobServices/default/containers/{container}"
        ),
        location: Some(plan.source.region.clone()),
        body: json!({"properties": {"publicAccess": "None"}}),
        absent: false,
    }))
}

/// Who uses an account is there already, and is set to the one that serves before the move.
fn consumers(plan: &Plan, subscription: &str, step: &PlannedStep) -> Vec<Item> {
    let list = step.settings.get("consumers").and_then(Value::as_array);
    let account = text(&step.source, "account").unwrap_or_default();
    let host = format!("{account}.blob.core.windows.net");
    let group = text(&step.target, "resource-group").or_else(|| text(&step.settings, "resource-group"));
    let mut items = Vec::new();
    for one in list.into_iter().flatten() {
        let resource = |id: String, body: Value| {
            Item::Resource(AnyResource {
                id,
                location: Some(plan.target.region.clone()),
                body,
                absent: false,
            })
        };
        let under = |inner: &Value, provider: &str| {
            let group = text(inner, "resource-group").or_else(|| group.clone())?;
            let subscription = text(inner, "subscription").unwrap_or_else(|| subscription.to_owned());
            Some(format!(
                "/subscriptions/{subscription}/resourceGroups/{group}/providers/{provider}"
            ))
        };
        let of = |key: &str| one.get(key).filter(|inner| inner.is_object());
        if let Some(inner) = of("app-setting")
            && let (Some(app), Some(name)) = (text(inner, "app"), text(inner, "name"))
            && let Some(below) = under(inner, "Microsoft.Web")
        {
            let id = format!("{below}/sites/{app}");
            let settings =
                json!({"properties": {name: format!("https://{host}/"), "LEEWARD_REHEARSAL": "kept"}});
            items.push(resource(id.clone(), json!({"properties": {"state": "Running"}})));
            items.push(resource(format!("{id}/config/appsettings"), settings));
        }
        if let Some(inner) = of("key-vault-secret")
            && let (Some(vault), Some(name)) = (text(inner, "vault"), text(inner, "name"))
            && let Some(below) = under(inner, "Microsoft.KeyVault")
        {
            let id = format!("{below}/vaults/{vault}");
            let secret = json!({"properties": {"value": format!("https://{host}/")}});
            items.push(resource(id.clone(), json!({"properties": {}})));
            items.push(resource(format!("{id}/secrets/{name}"), secret));
        }
        if let Some(inner) = of("dns-record")
            && let (Some(zone), Some(record)) = (text(inner, "zone"), text(inner, "name"))
            && let Some(r#type) = text(inner, "type")
            && let Some(group) = text(inner, "resource-group").or_else(|| group.clone())
        {
            let values = match r#type.as_str() {
                "A" => vec!["192.0.2.1".to_owned()],
                "AAAA" => vec!["2001:db8::1".to_owned()],
                _ => vec![host.clone()],
            };
            items.push(Item::DnsRecord(DnsRecord {
                zone,
                private: inner.get("private").and_then(Value::as_bool).unwrap_or_default(),
                resource_group: group,
                record,
                r#type,
                values,
                ttl: None,
            }));
        }
    }
    items
}

fn sql(plan: &Plan, step: &PlannedStep, of: SqlGroupOf) -> Option<Item> {
    let side = |at: &Value| {
        Some(SqlSide {
            resource_group: text(at, "resource-group")?,
            name: text(at, "instance").or_else(|| text(at, "server")),
        })
    };
    Some(Item::SqlFailoverGroup(SqlGroup {
        name: text(&step.settings, "failover-group")?,
        of,
        primary: side(&step.source)?,
        paired: side(&step.target)?,
        databases: match of {
            SqlGroupOf::Instances => Vec::new(),
            SqlGroupOf::Servers => databases(plan, step),
        },
    }))
}

/// The databases of a group of servers: those that the step names, and those that any check asks.
fn databases(plan: &Plan, step: &PlannedStep) -> Vec<String> {
    let mut names: BTreeSet<String> = words(step.settings.get("databases")).into_iter().collect();
    names.extend(step.settings.get("lag").and_then(|lag| text(lag, "database")));
    for check in plan.steps.iter().flat_map(|step| &step.verify) {
        if check.kind == "check.sql" {
            names.extend(text(&check.settings, "database"));
        }
    }
    names.remove("master");
    if names.is_empty() {
        // A group without a database would prove nothing.
        names.insert("app".to_owned());
    }
    names.into_iter().collect()
}

fn machines(step: &PlannedStep) -> Option<Item> {
    let names = words(step.settings.pointer("/select/names"));
    let plan = text(&step.settings, "recovery-plan");
    // Beside named machines, a recovery plan is there to move one multi-VM group together.
    let group = plan.as_ref().map(|plan| format!("group-of-{plan}"));
    vault_machines(step, names, plan, group)
}

/// The machines of a recovery plan are known to the vault alone, unless the runbook names them.
fn machines_of_plan(step: &PlannedStep) -> Option<Item> {
    let plan = text(&step.settings, "plan")?;
    let mut names = words(step.settings.get("machines"));
    if names.is_empty() {
        names = ["one", "two"].map(|end| format!("{plan}-{end}")).to_vec();
    }
    vault_machines(step, names, Some(plan), None)
}

fn vault_machines(
    step: &PlannedStep,
    machines: Vec<String>,
    recovery_plan: Option<String>,
    multi_vm_group: Option<String>,
) -> Option<Item> {
    let vault = step.settings.get("vault")?;
    Some(Item::VaultMachines(VaultMachines {
        vault: text(vault, "name")?,
        resource_group: text(vault, "resource-group")?,
        machines,
        multi_vm_group,
        recovery_plan,
        manual_action: None,
        foreign: Vec::new(),
        page_size: None,
        source_group: text(&step.source, "resource-group"),
        target_group: text(&step.target, "resource-group"),
        drill_network: text(&step.target, "drill-network"),
        primary_addresses: addresses(&step.source),
        paired_addresses: addresses(&step.target),
    }))
}

fn geo(plan: &Plan, step: &PlannedStep) -> Option<Item> {
    Some(Item::StorageGeo(StorageGeo {
        account: text(&step.settings, "account")?,
        resource_group: text(&step.settings, "resource-group")?,
        sku: text(&step.settings, "sku"),
        // An account stays the child of the region where it was made: on the way home that is the target.
        made_in: Some(match plan.source.side {
            Side::Primary => SimulatedSide::Primary,
            Side::Paired => SimulatedSide::Paired,
        }),
    }))
}

fn replicated(step: &PlannedStep) -> Option<Item> {
    let side = |at: &Value| {
        Some(StorageSide {
            account: text(at, "account")?,
            resource_group: text(at, "resource-group")?,
        })
    };
    Some(Item::StorageReplicated(StorageReplicated {
        primary: side(&step.source)?,
        paired: side(&step.target)?,
        containers: words(step.settings.get("containers")),
    }))
}

fn cluster(subscription: &str, step: &PlannedStep, files: &dyn Files) -> Option<Item> {
    let side = |at: &Value| {
        Some(AksSide {
            name: text(at, "name")?,
            resource_group: text(at, "resource-group")?,
            subnet: subnet(subscription, at),
            identity: text(at, "identity"),
            address: text(at, "address"),
        })
    };
    let capture = text(&step.settings, "specification").and_then(|path| files.read(&path));
    let mut specification: Option<Value> = capture.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    // The name of the node group is made of the cluster's own name; the captured one may be the other side's.
    if let Some(properties) = specification
        .as_mut()
        .and_then(|all| all.get_mut("properties")?.as_object_mut())
    {
        properties.remove("nodeResourceGroup");
    }
    Some(Item::AksCluster(AksCluster {
        primary: side(&step.source)?,
        paired: side(&step.target)?,
        both: false,
        specification: specification.unwrap_or(Value::Null),
    }))
}

/// The clusters that manifests are applied to stand on both sides, unless another step makes them.
fn clusters(plan: &Plan, step: &PlannedStep) -> Option<Item> {
    let side = |at: &Value| {
        let either = |name: &str| text(at, name).or_else(|| text(&step.settings, name));
        Some(AksSide {
            name: either("cluster")?,
            resource_group: either("resource-group")?,
            subnet: None,
            identity: None,
            address: None,
        })
    };
    let (primary, paired) = (side(&step.source)?, side(&step.target)?);
    let made = plan.steps.iter().any(|other| {
        other.kind == "azure.aks.cluster" && text(&other.target, "name").as_ref() == Some(&paired.name)
    });
    let literal = !primary.name.contains("${{") && !paired.name.contains("${{");
    (literal && !made).then_some(Item::AksCluster(AksCluster {
        primary,
        paired,
        both: true,
        specification: Value::Null,
    }))
}

/// A subnet is named alone, with its network, or by its whole id.
fn subnet(subscription: &str, at: &Value) -> Option<String> {
    let name = text(at, "subnet")?;
    match (
        name.starts_with('/'),
        text(at, "network"),
        text(at, "resource-group"),
    ) {
        (false, Some(network), Some(group)) => Some(format!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Network/virtualNetworks/{network}/subnets/{name}"
        )),
        _ => Some(name),
    }
}

fn traffic(step: &PlannedStep) -> Option<Item> {
    let side = |at: &Value| {
        Some(TrafficEndpoint {
            endpoint: text(at, "endpoint")?,
            r#type: text(at, "type"),
            target: text(at, "address"),
        })
    };
    Some(Item::TrafficManager(TrafficManager {
        profile: text(&step.settings, "profile")?,
        resource_group: text(&step.settings, "resource-group")?,
        primary: side(&step.source)?,
        paired: side(&step.target)?,
    }))
}

fn origins(step: &PlannedStep) -> Option<Item> {
    Some(Item::FrontDoor(FrontDoor {
        profile: text(&step.settings, "profile")?,
        resource_group: text(&step.settings, "resource-group")?,
        origin_group: text(&step.settings, "origin-group")?,
        primary: text(&step.source, "origin")?,
        paired: text(&step.target, "origin")?,
    }))
}

fn record(step: &PlannedStep, private: bool) -> Option<Item> {
    let values = match step.source.get("value") {
        Some(Value::String(one)) => vec![one.clone()],
        several => words(several),
    };
    let known = values.iter().all(|value| !value.contains("${{"));
    let ttl = text(&step.settings, "ttl").and_then(|ttl| leeward_runbook::units::parse_duration(&ttl).ok());
    (known && !values.is_empty()).then_some(Item::DnsRecord(DnsRecord {
        zone: text(&step.settings, "zone")?,
        private,
        resource_group: text(&step.settings, "resource-group")?,
        record: text(&step.settings, "record")?,
        r#type: text(&step.settings, "type")?,
        values,
        ttl: ttl.map(|ttl| ttl.as_secs()),
    }))
}

/// What a request of one's own is sent to is there already, unless the request is to make it: then its type is known.
fn any_resource(plan: &Plan, step: &PlannedStep) -> Option<Item> {
    let method = text(&step.settings, "method")?;
    let id = text(&step.settings, "id")?;
    let id = match method == "PUT" {
        // Whatever its name will be: its type is written out.
        true => without_expressions(&id),
        false => Some(id).filter(|id| !id.contains("${{"))?,
    };
    Some(Item::Resource(AnyResource {
        id,
        location: Some(plan.target.region.clone()),
        body: Value::Null,
        absent: method == "PUT",
    }))
}

/// A machine on which a script runs is there already, unless another step of the plan is to make it.
fn machine(plan: &Plan, subscription: &str, step: &PlannedStep) -> Option<Item> {
    let written = |name: &str| text(&step.settings, name).filter(|text| !text.contains("${{"));
    let (name, group) = (written("machine")?, written("resource-group")?);
    let made = plan.steps.iter().any(|other| {
        let vault = other.kind.starts_with("azure.site-recovery.");
        let names = [
            other.settings.pointer("/select/names"),
            other.settings.get("machines"),
        ];
        vault
            && names
                .into_iter()
                .any(|names| words(names).iter().any(|one| one.eq_ignore_ascii_case(&name)))
    });
    let subscription = written("subscription").unwrap_or_else(|| subscription.to_owned());
    (!made).then(|| {
        Item::Resource(AnyResource {
            id: format!(
                "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute/virtualMachines/{name}"
            ),
            location: Some(plan.target.region.clone()),
            body: serde_json::json!({"properties": {
                "provisioningState": "Succeeded",
                "hardwareProfile": {"vmSize": "Standard_DS3_v2"},
                "osProfile": {"computerName": name},
                "storageProfile": {"osDisk": {"osType": "Linux", "createOption": "FromImage"}},
            }}),
            absent: false,
        })
    })
}

/// Returns an id with a name in place of each expression.
fn without_expressions(id: &str) -> String {
    let mut parts = id.split("${{");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let rest = part.split_once("}}").map_or("", |(_, rest)| rest);
        text + "name" + rest
    })
}

/// What a step's own checks knock at: the address of its side, and the same port on the other one.
fn ports(step: &PlannedStep) -> Vec<Item> {
    let mut items = Vec::new();
    let own = text(&step.target, "address");
    for check in step.verify.iter().filter(|check| check.kind == "check.tcp") {
        let host = text(&check.settings, "host");
        let port = check
            .settings
            .get("port")
            .and_then(Value::as_u64)
            .and_then(|port| u16::try_from(port).ok());
        let (Some(host), Some(port)) = (host, port) else {
            continue;
        };
        if own.as_ref() != Some(&host) {
            continue;
        }
        let tcp = |host: String, side| {
            Item::Tcp(Tcp {
                host,
                port,
                side: Some(side),
                needs: Vec::new(),
                at_least: None,
            })
        };
        items.push(tcp(host, SimulatedSide::Paired));
        items.extend(text(&step.source, "address").map(|host| tcp(host, SimulatedSide::Primary)));
    }
    items
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name)?.as_str().map(str::to_owned)
}

fn words(value: Option<&Value>) -> Vec<String> {
    let list = value.and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(|word| word.as_str().map(str::to_owned))
        .collect()
}

fn addresses(at: &Value) -> Vec<String> {
    match at.get("address") {
        Some(Value::String(address)) => vec![address.clone()],
        other => words(other.or_else(|| at.get("addresses"))),
    }
}
