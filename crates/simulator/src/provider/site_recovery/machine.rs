//! What of the machines themselves?
//!
//! They are resources of Microsoft.Compute: made, stopped and deleted by failovers, read by whoever looks. Only
//! what a failover needs is here; whatever else is asked of them is answered as of any plain resource.

use http::Method;
use serde_json::{Value, json};

use super::item::{End, Item};
use crate::{
    arm::{Answer, ArmRequest},
    provider::{
        Begin, Context, Failure, Provider, Served, durations::MACHINE_STARTED, plain, read, run_command,
    },
    shape::set,
    world::{Operation, Resource, World, geography},
};

/// The type of a machine, folded.
pub(crate) const MACHINES: &str = "microsoft.compute/virtualmachines";

/// Serves virtual machines.
pub(crate) struct Machines;

impl Provider for Machines {
    fn serves(&self) -> &'static [Served] {
        const SERVED: &[Served] = &[
            Served {
                kind: MACHINES,
                versions: plain::ANY_VERSION,
            },
            Served {
                kind: "microsoft.compute/virtualmachines/instanceview",
                versions: plain::ANY_VERSION,
            },
        ];
        SERVED
    }

    fn answer(&self, context: &mut Context<'_>, request: &ArmRequest) -> Answer {
        let action = request.path.action().unwrap_or_default();
        match (&request.method, action.as_str()) {
            (&Method::GET, "instanceview") => match context.seen(&request.path.id()) {
                Some(resource) => Answer::json(200, instance_view(resource)),
                None => Answer::not_found(&request.path),
            },
            (&Method::GET, _) => {
                let answer = read(self, context, request);
                let wanted = request
                    .query("$expand")
                    .is_some_and(|wanted| wanted.eq_ignore_ascii_case("instanceView"));
                match (answer, context.seen(&request.path.raw)) {
                    (
                        Answer {
                            body: crate::arm::answer::Body::Json(mut body),
                            status,
                            ..
                        },
                        Some(resource),
                    ) if wanted => {
                        set(
                            &mut body,
                            &["properties", "instanceView"],
                            instance_view(resource),
                        );
                        Answer::json(status, body)
                    }
                    (answer, _) => answer,
                }
            }
            (&Method::POST, "runcommand") => run_command::act(context, request),
            (&Method::POST, "start" | "deallocate" | "poweroff") => power(context, request, &action),
            _ => plain::Plain.answer(context, request),
        }
    }

    fn finish(&self, context: &mut Context<'_>, operation: &Operation) -> Result<(), Failure> {
        let running = operation.state["running"].as_bool().unwrap_or(true);
        set_power(context.world, &operation.subject, running);
        Ok(())
    }
}

fn power(context: &mut Context<'_>, request: &ArmRequest, action: &str) -> Answer {
    let id = request.path.id();
    let Some(resource) = context.world.resource(&id) else {
        return Answer::not_found(&request.path);
    };
    let region = resource.region.clone();
    let lasts = context.around("lasts", MACHINE_STARTED);
    let mut begin = Begin::new(MACHINES, &region, &id, action, &request.api_version(), lasts);
    let under = format!(
        "/subscriptions/{}/providers/Microsoft.Compute/locations/{region}/operations",
        request.path.subscription.as_deref().unwrap_or_default()
    );
    begin.status_under = Some(under.clone());
    begin.result_under = Some(under);
    begin.retry_after = Some(10);
    begin.state = json!({"running": action == "start"});
    let operation = context.begin(begin);
    context.links(Answer::empty(202), &operation)
}

/// Returns whether a resource that is a machine is switched off.
pub(crate) fn stopped(resource: &Resource) -> bool {
    resource.state["power"] == "deallocated"
}

/// Switches a machine on or off.
pub(crate) fn set_power(world: &mut World, id: &str, running: bool) {
    if let Some(resource) = world.change(id) {
        resource.state = match running {
            true => Value::Null,
            false => json!({"power": "deallocated"}),
        };
    }
}

fn instance_view(resource: &Resource) -> Value {
    let (code, words) = match stopped(resource) {
        true => ("PowerState/deallocated", "VM deallocated"),
        false => ("PowerState/running", "VM running"),
    };
    json!({
        "computerName": resource.name(),
        "vmAgent": {
            "vmAgentVersion": "2.9.1.1",
            "statuses": [{
                "code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Ready",
                "message": "Guest Agent is running",
            }],
        },
        "statuses": [
            {"code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Provisioning succeeded"},
            {"code": code, "level": "Info", "displayStatus": words},
        ],
    })
}

/// Makes the machine of an item at one of its ends.
pub(crate) fn made(end: &End, name: &str, network: Option<&str>) -> Resource {
    let id = end.machine(name);
    let disk = format!("{name}-os");
    let group = &end.group;
    let mut nic = json!({
        "id": format!("{group}/providers/Microsoft.Network/networkInterfaces/{name}-nic"),
        "properties": {"primary": true},
    });
    if let Some(network) = network {
        // Where a drill's machine sits is asked of its interface in Azure; here the machine says it itself.
        nic["properties"]["virtualNetwork"] = json!({"id": network});
    }
    let body = json!({
        "location": geography::fold(&end.region),
        "properties": {
            "provisioningState": "Succeeded",
            "hardwareProfile": {"vmSize": "Standard_D4s_v5"},
            "storageProfile": {
                "osDisk": {
                    "osType": "Linux",
                    "name": disk,
                    "createOption": "Attach",
                    "managedDisk": {"id": format!("{group}/providers/Microsoft.Compute/disks/{disk}")},
                },
                "dataDisks": [],
            },
            "osProfile": {"computerName": name},
            "networkProfile": {"networkInterfaces": [nic]},
        },
    });
    plain::resource(&crate::arm::ArmPath::parse(&id), &end.region, body)
}

/// Puts the machine that a failover, or a test failover, makes.
pub(crate) fn put(world: &mut World, item: &Item, name: &str, network: Option<&str>) {
    world.put(made(&item.target, name, network));
}
