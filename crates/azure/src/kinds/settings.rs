//! What do a step's settings say? Read once, with an error that names the setting.

use std::time::Duration;

use leeward_engine::port::{Context, DriverError};
use leeward_runbook::units;
use serde_json::Value;

use crate::arm::{
    ArmPath,
    path::{BadSegment, check_segment},
};

/// Returns a text, or an error that names the setting.
pub(crate) fn text<'a>(settings: &'a Value, name: &str) -> Result<&'a str, DriverError> {
    optional_text(settings, name).ok_or_else(|| missing(name))
}

/// Returns a text, where one is written.
pub(crate) fn optional_text<'a>(settings: &'a Value, name: &str) -> Option<&'a str> {
    settings
        .get(name)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

/// Returns a text that is fit for a path.
pub(crate) fn name<'a>(settings: &'a Value, name: &str) -> Result<&'a str, DriverError> {
    let found = text(settings, name)?;
    check_segment(found).map_err(impossible)?;
    Ok(found)
}

/// Returns a flag, `otherwise` where none is written.
#[allow(dead_code, reason = "for the kinds that follow")]
pub(crate) fn flag(settings: &Value, name: &str, otherwise: bool) -> bool {
    settings.get(name).and_then(Value::as_bool).unwrap_or(otherwise)
}

/// Returns a duration, where one is written.
#[allow(dead_code, reason = "for the kinds that follow")]
pub(crate) fn duration(settings: &Value, name: &str) -> Result<Option<Duration>, DriverError> {
    match optional_text(settings, name) {
        None => Ok(None),
        Some(text) => units::parse_duration(text)
            .map(Some)
            .map_err(|error| DriverError::Impossible {
                reason: format!("`{name}`: {error}"),
            }),
    }
}

/// Returns a text of one side: under its `at`, else under `with`.
pub(crate) fn of_side<'a>(
    context: &'a Context,
    side: &'a Value,
    setting: &str,
) -> Result<&'a str, DriverError> {
    match optional_text(side, setting) {
        Some(_) => name(side, setting),
        None => name(of_both(context, setting)?, setting),
    }
}

/// Returns the settings, unless what they say of this one is said of the side that takes over alone:
/// they hold its `at` too, and the other side must never be taken for it.
fn of_both<'a>(context: &'a Context, setting: &str) -> Result<&'a Value, DriverError> {
    match optional_text(&context.target, setting) {
        None => Ok(&context.settings),
        Some(_) => Err(DriverError::Impossible {
            reason: format!(
                "`{setting}` stands under `at` for {} alone, and {} needs one of its own",
                context.plan.target.region, context.plan.source.region
            ),
        }),
    }
}

/// Returns the subscription of one side: of its `at`, of the step, or of the whole plan.
pub(crate) fn subscription<'a>(context: &'a Context, side: &'a Value) -> Result<&'a str, DriverError> {
    let found = optional_text(side, "subscription")
        .or_else(|| optional_text(of_both(context, "subscription").ok()?, "subscription"))
        .or_else(|| {
            context
                .plan
                .parameters
                .get("subscription")
                .and_then(Value::as_str)
        })
        .ok_or_else(|| missing("subscription"))?;
    check_segment(found).map_err(impossible)?;
    Ok(found)
}

/// Returns `/subscriptions/…/resourceGroups/…` of one side.
pub(crate) fn group_path(context: &Context, side: &Value) -> Result<ArmPath, DriverError> {
    Ok(ArmPath::subscription(subscription(context, side)?).group(of_side(context, side, "resource-group")?))
}

/// Returns a bad name as an error that waiting does not help.
pub(crate) fn impossible(bad: BadSegment) -> DriverError {
    DriverError::Impossible {
        reason: bad.to_string(),
    }
}

fn missing(name: &str) -> DriverError {
    DriverError::Impossible {
        reason: format!("the setting `{name}` is missing"),
    }
}

#[cfg(test)]
mod tests {
    use leeward_runbook::journey::Journey;
    use serde_json::json;

    use super::*;
    use crate::testing::context;

    #[test]
    fn what_stands_at_the_side_that_takes_over_is_never_taken_for_the_other() {
        let one_sided = context(
            "azure.storage.object-replication",
            Journey::Failover,
            json!({"subscription": "sub-of-both"}),
            Value::Null,
            json!({"account": "stneu", "resource-group": "rg-neu"}),
        );
        let name = |side| of_side(&one_sided, side, "account").map_err(|error| error.to_string());
        assert_eq!(name(&one_sided.target), Ok("stneu"));
        let refused = name(&one_sided.source).unwrap_err();
        assert!(
            refused.contains("`account` stands under `at` for northeurope alone"),
            "{refused}"
        );
        assert!(group_path(&one_sided, &one_sided.source).is_err());
        assert_eq!(
            subscription(&one_sided, &one_sided.source).unwrap(),
            "sub-of-both"
        );
    }
}
