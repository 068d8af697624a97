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

/// Returns a text of one side: under its `at`, else among the settings of both.
pub(crate) fn of_side<'a>(
    context: &'a Context,
    side: &'a Value,
    setting: &str,
) -> Result<&'a str, DriverError> {
    match optional_text(side, setting) {
        Some(_) => name(side, setting),
        None => name(&context.settings, setting),
    }
}

/// Returns the subscription of one side: of its `at`, of the step, or of the whole plan.
pub(crate) fn subscription<'a>(context: &'a Context, side: &'a Value) -> Result<&'a str, DriverError> {
    let found = optional_text(side, "subscription")
        .or_else(|| optional_text(&context.settings, "subscription"))
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
