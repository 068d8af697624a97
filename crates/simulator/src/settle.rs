//! What has happened by itself since the world was last looked at?
//!
//! Nothing runs in the background: before the world is used it catches up with everything that is due, in the
//! order of its moments.

use jiff::Timestamp;

use crate::{
    arm::{ArmRequest, front::Reached},
    clock::later,
    data_plane,
    fault::Fate,
    provider::{Context, Provider},
    simulator::{Inner, State, accepted, carry_out, note},
    world::{Happening, Progress, World},
};

/// A request that arrives after its caller gave up.
#[derive(Debug)]
pub(crate) struct Late {
    pub(crate) at: Timestamp,
    pub(crate) sequence: u64,
    pub(crate) key: String,
    pub(crate) fate: Fate,
    pub(crate) request: Parcel,
}

/// What arrives late, and where.
#[derive(Debug)]
pub(crate) enum Parcel {
    /// At ARM.
    Arm(ArmRequest),
    /// Elsewhere.
    Outside(http::Request<bytes::Bytes>),
}

/// Brings the world up to a moment.
pub(crate) fn catch_up(inner: &Inner, state: &mut State, now: Timestamp) {
    loop {
        let own = state
            .world
            .happenings
            .first()
            .map(|next| next.at)
            .filter(|at| *at <= now);
        let late = state
            .late
            .iter()
            .enumerate()
            .map(|(place, late)| (late.at, late.sequence, place))
            .filter(|(at, _, _)| *at <= now)
            .min();
        match (own, late) {
            (None, None) => break,
            (Some(at), Some((other, _, place))) if other < at => deliver(inner, state, place),
            (None, Some((_, _, place))) => deliver(inner, state, place),
            (Some(_), _) => {
                let happening = state.world.happenings.remove(0);
                happen(inner, &mut state.world, &happening);
            }
        }
    }
    state.world.shadows.retain(|_, shadow| now < shadow.until);
}

fn deliver(inner: &Inner, state: &mut State, place: usize) {
    let late = state.late.remove(place);
    match &late.request {
        Parcel::Arm(request) => {
            let reached = carry_out(inner, &mut state.world, request, &late.key, &late.fate, late.at);
            if let Reached::Answered(answer) = reached {
                note(state, late.sequence, accepted(request, &answer), Some(late.at));
            }
        }
        Parcel::Outside(request) => {
            data_plane::carry_out(state, late.sequence, request, &late.fate, late.at, Some(late.at));
        }
    }
}

fn happen(inner: &Inner, world: &mut World, happening: &Happening) {
    if happening.provider.is_empty() {
        if let Some(id) = happening.data.as_str() {
            end(inner, world, id, happening.at);
        }
        return;
    }
    if let Some(provider) = serving(inner, &happening.provider) {
        let mut context = context(inner, world, happening.at, &happening.what);
        provider.happen(&mut context, happening);
    }
}

/// Ends an operation: its effects come about, unless a fault or its provider has it otherwise.
fn end(inner: &Inner, world: &mut World, id: &str, at: Timestamp) {
    let Some(operation) = world.operations.get(id).cloned() else {
        return;
    };
    if operation.progress.over() {
        return;
    }
    let Some(provider) = serving(inner, &operation.provider) else {
        return;
    };
    let stale = operation.stale.map(std::time::Duration::from_secs);
    world.stale_until = stale.map(|stale| later(at, stale));
    let mut context = context(inner, world, at, &format!("operation/{id}"));
    let progress = match &operation.doom {
        Some(doom) => doom.clone(),
        None => match provider.finish(&mut context, &operation) {
            Ok(()) => Progress::Succeeded,
            Err(failure) => Progress::Failed {
                code: failure.code,
                message: failure.message,
            },
        },
    };
    if progress != Progress::Succeeded {
        provider.abandon(&mut context, &operation);
    }
    world.stale_until = None;
    if let Some(operation) = world.operations.get_mut(id) {
        operation.progress = progress;
        operation.ends = Some(at);
    }
}

/// Lets every provider turn its replication round.
pub(crate) fn turn_round(inner: &Inner, world: &mut World, now: Timestamp) {
    for provider in &inner.providers {
        provider.turn_round(&mut context(inner, world, now, "turn-round"));
    }
}

fn serving<'a>(inner: &'a Inner, kind: &str) -> Option<&'a dyn Provider> {
    inner
        .providers
        .iter()
        .find(|provider| provider.serves().iter().any(|served| served.kind == kind))
        .map(AsRef::as_ref)
}

fn context<'a>(inner: &Inner, world: &'a mut World, now: Timestamp, key: &str) -> Context<'a> {
    Context {
        world,
        now,
        seed: inner.seed,
        key: key.to_owned(),
        base: "https://management.azure.com".to_owned(),
        speed: inner.clock.speed(),
        fate: Fate::default(),
    }
}
