//! Does anything that stands before all providers forbid a request?
//!
//! What is cut across all of Azure is asked here and nowhere else, so that no provider can forget it, in this order:
//! the caller's role, the resource group, locks, the region of the group. Before it stand route, api-version and
//! token (`arm/front.rs`), and before everything the throttles: what is over a limit is not even looked at.

mod caller;
mod group;
mod lock;
mod role;

pub(crate) use self::{caller::caller, role::permissions};
use crate::{
    arm::{Answer, ArmRequest},
    provider::Context,
};

/// Why a request gets no further.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// It is refused.
    Refused(Answer),
    /// Nobody will ever answer it.
    Silent,
}

/// Lets a request through to its provider, or not.
pub(crate) fn pass(context: &Context<'_>, request: &ArmRequest) -> Result<(), Stopped> {
    role::judge(context, request).map_err(Stopped::Refused)?;
    group::there(context, request).map_err(Stopped::Refused)?;
    lock::judge(context, request).map_err(Stopped::Refused)?;
    match group::answers(context, request) {
        true => Ok(()),
        false => Err(Stopped::Silent),
    }
}
