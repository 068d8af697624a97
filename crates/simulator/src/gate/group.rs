//! Is the resource group there, and is its own region alive?

use http::Method;

use crate::{
    arm::{Answer, ArmRequest, groups},
    provider::Context,
    world::Health,
};

/// Refuses what is in a group that is not there.
pub(super) fn there(context: &Context<'_>, request: &ArmRequest) -> Result<(), Answer> {
    let (Some(subscription), Some(name)) = (&request.path.subscription, &request.path.group) else {
        return Ok(());
    };
    // The group itself is ARM's own: it may be about to be made.
    if request.path.namespace.is_none() || context.world.group_of(subscription, name).is_some() {
        return Ok(());
    }
    Err(groups::missing_group(name))
}

/// Returns whether a change, or any POST, gets an answer: every one goes through the region of the resource group itself, wherever the
/// resource lives. Reads are answered without it.
///
/// That such changes are not possible is documented. What one sees of it is not: a request that nobody answers, and
/// a 504 in the end, is an inference, and the worst of what it could be.
pub(super) fn answers(context: &Context<'_>, request: &ArmRequest) -> bool {
    let changing = request.changing() || request.method == Method::POST;
    let (true, Some(subscription), Some(name)) = (changing, &request.path.subscription, &request.path.group)
    else {
        return true;
    };
    let group = context.world.group_of(subscription, name);
    group.is_none_or(|group| context.health(&group.location) != Health::Gone)
}
