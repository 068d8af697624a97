//! What does the server or instance of one side say: its listener, and what stands in the way of a switch?

use leeward_engine::port::{Context, DriverError, SourceRegion};
use serde_json::Value;

use super::{
    API,
    side::{GroupSide, Of},
    view::GroupView,
};
use crate::arm::{Arm, ArmPath, Request, reply::cut};

/// What is known of a side's server or instance.
#[derive(Debug, Default)]
pub(super) struct Member {
    /// The host name that follows the primary.
    pub(super) listener: Option<String>,
    /// What is worth knowing.
    pub(super) warnings: Vec<String>,
}

/// Looks at the member of the side that takes over and, where it may be asked, at its partner.
pub(super) async fn look(
    arm: &Arm,
    context: &Context,
    side: &GroupSide,
    view: &GroupView,
) -> Result<Member, DriverError> {
    let own = match side.of {
        Of::Servers => side.server()?.build().ok(),
        Of::Instances => view.instance.as_deref().and_then(id),
    };
    let Some(own) = own else {
        return Ok(Member {
            listener: None,
            warnings: vec![format!("{} does not say which instance it has here", side.what())],
        });
    };
    let mut found = Member::default();
    let body = match read(arm, &own).await {
        Ok(body) => body,
        Err(warning) => {
            found.warnings.push(warning);
            return Ok(found);
        }
    };
    found.listener = listener(&side.name, &body);
    if side.of == Of::Instances {
        standing(&own, &body)?;
        let partner = view.partner.as_deref().and_then(id);
        if let Some(partner) = partner.filter(|_| context.source_region == SourceRegion::Open) {
            match read(arm, &partner).await {
                Ok(other) => found.warnings.extend(mismatches(&body, &other)),
                Err(warning) => found.warnings.push(warning),
            }
        }
    }
    Ok(found)
}

fn id(text: &str) -> Option<String> {
    ArmPath::resource(text).build().ok()
}

async fn read(arm: &Arm, id: &str) -> Result<Value, String> {
    match arm.read(&Request::get(id, API)).await {
        Ok(reply) => Ok(reply.body),
        Err(error) => Err(format!("{} was not readable: {error}", name(id))),
    }
}

fn name(id: &str) -> String {
    cut(id.rsplit('/').next().unwrap_or_default())
}

/// Returns the listener: the group's name in place of the member's own in its host name.
fn listener(group: &str, body: &Value) -> Option<String> {
    let host = body.pointer("/properties/fullyQualifiedDomainName")?.as_str()?;
    let (_, zone) = host.split_once('.')?;
    Some(cut(&format!("{group}.{zone}")))
}

/// Refuses an instance that is stopped: Azure would, and only a person starts it.
fn standing(id: &str, body: &Value) -> Result<(), DriverError> {
    let state = body
        .pointer("/properties/state")
        .and_then(Value::as_str)
        .unwrap_or_default();
    match state.to_ascii_lowercase().as_str() {
        "stopped" | "stopping" => Err(DriverError::Refused {
            what: name(id),
            code: "ManagedInstanceStoppingOrStopped".to_owned(),
            message: format!("the instance is {state}: start it, or no switch is possible"),
            passing: false,
        }),
        "starting" => Err(DriverError::Refused {
            what: name(id),
            code: "ManagedInstanceStarting".to_owned(),
            message: "the instance is being started".to_owned(),
            passing: true,
        }),
        _ => Ok(()),
    }
}

/// Returns in what two instances of one group differ, though they must not.
fn mismatches(one: &Value, other: &Value) -> Vec<String> {
    let differ = |name: &str| {
        let text = |body: &Value| {
            let found = body.pointer(name).and_then(Value::as_str);
            found.filter(|text| !text.is_empty()).map(cut)
        };
        match (text(one), text(other)) {
            (Some(one), Some(other)) if !one.eq_ignore_ascii_case(&other) => Some((one, other)),
            _ => None,
        }
    };
    let mut found = Vec::new();
    if let Some((one, other)) = differ("/properties/dnsZone") {
        found.push(format!(
            "DnsZoneMismatch: the instances lie in the zones {one} and {other}, so the listener cannot follow"
        ));
    }
    if let Some((one, other)) = differ("/properties/databaseFormat") {
        found.push(format!(
            "the instances have the update policies {one} and {other}: Azure refuses a switch \
             (ManagedInstanceFailoverInFailoverGroupInstancesWithDifferentVersionEditions)"
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_listener_bears_the_groups_name_in_the_members_zone() {
        let server = json!({"properties": {"fullyQualifiedDomainName": "sql-neu.database.windows.net"}});
        assert_eq!(
            listener("fog", &server).as_deref(),
            Some("fog.database.windows.net")
        );
        let instance =
            json!({"properties": {"fullyQualifiedDomainName": "mi-neu.a1b2c3.database.windows.net"}});
        assert_eq!(
            listener("fog", &instance).as_deref(),
            Some("fog.a1b2c3.database.windows.net")
        );
        assert_eq!(listener("fog", &json!({})), None);
    }

    #[test]
    fn a_stopped_instance_needs_a_person_and_a_starting_one_only_time() {
        let judge = |state: &str| standing("/x/mi", &json!({"properties": {"state": state}}));
        assert!(matches!(
            judge("Stopped"),
            Err(DriverError::Refused { passing: false, .. })
        ));
        assert!(matches!(
            judge("Starting"),
            Err(DriverError::Refused { passing: true, .. })
        ));
        assert!(judge("Ready").is_ok() && judge("").is_ok() && judge("NewWord").is_ok());
    }

    #[test]
    fn instances_of_different_dns_zones_or_update_policies_are_told_of() {
        let one = json!({"properties": {"dnsZone": "a1", "databaseFormat": "SQLServer2022"}});
        let other = json!({"properties": {"dnsZone": "b2", "databaseFormat": "AlwaysUpToDate"}});
        let found = mismatches(&one, &other);
        assert!(found[0].starts_with("DnsZoneMismatch"), "{found:?}");
        assert!(found[1].contains("DifferentVersionEditions"), "{found:?}");
        assert!(mismatches(&one, &one).is_empty());
        assert!(mismatches(&one, &json!({})).is_empty());
    }
}
