//! How does a failover group change sides?

use serde_json::json;

use super::{
    flavour::Flavour,
    group, link, precondition,
    view::{Role, Side, suspended_until},
};
use crate::{
    arm::{Answer, ArmRequest},
    provider::{
        Context, Failure,
        durations::{GROUP_PARTNER_SILENT, GROUP_PLANNED_GIVES_UP, SERVER_GROUP_TRIED},
    },
    world::{Health, Operation},
};

pub(super) const PLANNED_TIMED_OUT: &str =
    "User invoked planned failover, and it timed out while trying to contact the partner management service.";

/// Says that a planned switch gave up on the side that served.
pub(super) fn planned_timed_out() -> Failure {
    Failure {
        code: "PlannedFailoverTimedOut".to_owned(),
        message: PLANNED_TIMED_OUT.to_owned(),
    }
}

/// Begins one of the verbs. All of them are asked of the side that shall become primary.
pub(crate) fn begin(
    context: &mut Context<'_>,
    request: &ArmRequest,
    flavour: &'static Flavour,
    action: &str,
) -> Answer {
    let verb = match action {
        "failover" => "planned",
        "forcefailoverallowdataloss" => "forced",
        "tryplannedbeforeforcedfailover" if flavour.tries => "tried",
        _ => return Answer::gateway(404, "NotFound", "The requested resource was not found."),
    };
    let id = request.path.id();
    let Some(side) = context.world.resource(&id).and_then(Side::of) else {
        return Answer::not_found(&request.path);
    };
    if side.role == Role::Primary {
        return flavour.error("FailoverRequestOnPrimary");
    }
    if side.busy.is_some() {
        return flavour.error("Busy");
    }
    let partner = context.health(&side.partner_region);
    if let Some(refused) = precondition::switch(context, flavour, &side, verb) {
        return refused;
    }
    if verb == "planned"
        && partner == Health::Up
        && side.suspended(context.world, context.now)
        && let Some(refused) = precondition::wrong_state()
    {
        return refused;
    }
    if verb == "planned" && partner == Health::Gone {
        // The code is listed for the operation; that it comes as the answer, and when, is an inference.
        return Answer::error(400, "PlannedFailoverTimedOut", PLANNED_TIMED_OUT).after(GROUP_PARTNER_SILENT);
    }
    let usual = match verb {
        "planned" => flavour.planned_lasts,
        "tried" => SERVER_GROUP_TRIED,
        _ => flavour.forced_lasts,
    };
    let lasts = match (verb, partner) {
        ("planned", Health::NotServing) => GROUP_PLANNED_GIVES_UP,
        _ => context.around("lasts", usual),
    };
    // Recorded: one of two try-planned switches between healthy regions left the group suspended, as a forced one does.
    // Nobody knows why, so here it is drawn.
    let like_forced = verb == "tried"
        && context
            .seed
            .between(&format!("{}/like-forced", context.key), 0, 1)
            == 1;
    let state = json!({"does": "switch", "verb": verb, "like-forced": like_forced});
    group::begin(context, request, flavour, flavour.switched, lasts, state)
}

/// Changes the roles.
pub(crate) fn finish(context: &mut Context<'_>, operation: &Operation) -> Result<(), Failure> {
    let Some(side) = context.world.resource(&operation.subject).and_then(Side::of) else {
        return Ok(());
    };
    let alive = context.health(&side.partner_region) == Health::Up;
    let verb = operation.state["verb"].as_str().unwrap_or_default();
    if verb == "planned" && !alive {
        // That a planned switch with a half-dead primary ends so is an inference.
        return Err(planned_timed_out());
    }
    let like_forced = operation.state["like-forced"] == true;
    let forced = verb == "forced" || (verb == "tried" && (!alive || like_forced));
    let suspended = forced.then(|| suspended_until(context));
    link::exchange(context.world, &side.own, &side.other);
    for id in [operation.subject.clone(), side.partner] {
        if let Some(resource) = context.world.change(&id)
            && let Some(mut side) = Side::of(resource)
        {
            side.role = side.role.other();
            side.suspended_until = suspended;
            side.keep(resource);
        }
    }
    Ok(())
}
