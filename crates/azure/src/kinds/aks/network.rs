//! Which network does a subnet lie in, where the runbook gives only the subnet's name?

use std::sync::Arc;

use leeward_engine::port::{Context, DriverError};
use serde_json::{Value, json};

use crate::{
    arm::{Arm, ArmPath, Request, folded_region},
    kinds::settings,
};

const API: &str = "2024-05-01";

/// Returns the context with the subnet's whole id. Asks only where the runbook names a subnet without its network:
/// the networks of the side's own group first, then those of the subscription, all in the region that takes over.
pub(super) async fn resolved(arm: &Arm, context: &Context) -> Result<Context, DriverError> {
    let target = &context.target;
    let optional = |name: &str| {
        settings::optional_text(target, name).or_else(|| settings::optional_text(&context.settings, name))
    };
    let subnet = match (optional("subnet"), optional("network")) {
        (Some(name), None) if !name.starts_with('/') => name.to_owned(),
        _ => return Ok(context.clone()),
    };
    let subscription = ArmPath::subscription(settings::subscription(context, target)?);
    let group = settings::of_side(context, target, "resource-group")?;
    let region = folded_region(&context.plan.target.region);
    for scope in [subscription.clone().group(group), subscription] {
        let path = scope
            .provider("Microsoft.Network")
            .then("virtualNetworks")
            .build();
        let request = Request::get(path.map_err(settings::impossible)?, API);
        let networks = arm
            .list(&request)
            .await
            .map_err(|error| error.into_driver_error(format!("the networks that may hold {subnet}")))?;
        let here = networks.iter().filter(|network| {
            network["location"]
                .as_str()
                .is_some_and(|place| folded_region(place) == region)
        });
        let found: Vec<&str> = here.filter_map(|network| subnet_of(network, &subnet)).collect();
        match found.as_slice() {
            [] => {}
            [id] => return Ok(with_subnet(context, id)),
            many => {
                return Err(DriverError::Impossible {
                    reason: format!(
                        "{} networks of {region} have a subnet {subnet}: say which under `network`",
                        many.len()
                    ),
                });
            }
        }
    }
    Err(DriverError::Impossible {
        reason: format!("no network of {region} has a subnet {subnet}; name its network under `network`"),
    })
}

fn subnet_of<'a>(network: &'a Value, name: &str) -> Option<&'a str> {
    let subnets = network.pointer("/properties/subnets")?.as_array()?;
    let found = subnets.iter().find(|subnet| {
        subnet["name"]
            .as_str()
            .is_some_and(|other| other.eq_ignore_ascii_case(name))
    })?;
    found["id"].as_str()
}

/// Returns the context with a subnet that was found before.
pub(super) fn with_subnet(context: &Context, id: &str) -> Context {
    let mut target = (*context.target).clone();
    if !target.is_object() {
        target = json!({});
    }
    target["subnet"] = json!(id);
    Context {
        target: Arc::new(target),
        ..context.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subnet_is_found_by_its_name_without_case() {
        let network = json!({"properties": {"subnets": [{"name": "Snet-A", "id": "/x/subnets/Snet-A"}, {"name": "b"}]}});
        assert_eq!(subnet_of(&network, "snet-a"), Some("/x/subnets/Snet-A"));
        assert_eq!(
            subnet_of(&network, "b"),
            None,
            "a subnet without an id cannot be used"
        );
        assert_eq!(subnet_of(&json!({}), "b"), None);
    }
}
