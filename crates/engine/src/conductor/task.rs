//! How one effect is carried out and becomes an input again.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt;
use tokio::sync::mpsc;

use crate::{
    context::{self, Unresolved},
    id::{AttemptKey, RunId},
    machine::{Action, Effect, Input, Part},
    policy,
    port::{Clock, Context, Driver, DriverError, Drivers, Files, Moment},
    state::{OperationPhase, RunState},
    work::{Observation, Phase, Probe, Progress, Sent},
};

/// Everything that a task needs, taken out of the state before it starts.
pub(super) struct Task {
    effect: Effect,
    context: Result<Arc<Context>, Unresolved>,
    driver: Option<Arc<dyn Driver>>,
    clock: Arc<dyn Clock>,
    run: RunId,
    decided: Moment,
    before_send: bool,
}

/// The contexts of one decision: the state stands still, so the effects of a step share one.
#[derive(Default)]
pub(super) struct Contexts {
    last: Option<(usize, Result<Arc<Context>, Unresolved>)>,
}

impl Contexts {
    fn of(
        &mut self,
        state: &RunState,
        step: usize,
        files: &Arc<dyn Files>,
    ) -> Result<Arc<Context>, Unresolved> {
        match &self.last {
            Some((of, context)) if *of == step => context.clone(),
            _ => {
                let context = context::context(state, step, files).map(Arc::new);
                self.last = Some((step, context.clone()));
                context
            }
        }
    }
}

impl Task {
    pub(super) fn prepare(
        effect: Effect,
        state: &RunState,
        drivers: &dyn Drivers,
        files: &Arc<dyn Files>,
        clock: &Arc<dyn Clock>,
        decided: Moment,
        contexts: &mut Contexts,
    ) -> Task {
        let step = effect.address.step;
        let mut effect = effect;
        // A timer asks nobody: it may wait for an hour, and ten thousand of them must hold nothing.
        let mut context = match &effect.action {
            Action::Wake => Err(Unresolved(String::new())),
            _ => contexts.of(state, step, files),
        };
        let mut kind = state.planned[step].kind.clone();
        if let Action::Probe(check) = &effect.action {
            kind = check.kind.clone();
            match context::check(state, step, check) {
                Ok(resolved) => effect.action = Action::Probe(resolved),
                Err(reason) => context = Err(reason),
            }
        }
        let before_send = leads_to_a_send(&effect, state);
        Task {
            effect,
            context,
            driver: drivers.of(&kind),
            clock: clock.clone(),
            run: state.run.clone(),
            decided,
            before_send,
        }
    }

    /// Returns the answer of a task that is not carried out since the process was asked to stop; nothing
    /// where nobody waits for one.
    pub(super) fn left_out(self) -> Option<Input> {
        let reason = "the process was asked to stop".to_owned();
        matches!(self.effect.action, Action::Begin(_))
            .then(|| Input::Answered(self.effect.address, Sent::NotSent { reason }))
    }

    /// Waits, acts, and says what came of it. A defect in a driver is an answer like any other.
    pub(super) async fn carry_out(self, answers: &mpsc::UnboundedSender<Input>) -> Input {
        if let Some(moment) = self.effect.not_before {
            let wait = policy::between(self.decided.wall, moment);
            self.clock
                .sleep_until(self.decided.uptime.saturating_add(wait))
                .await;
        }
        let (context, driver) = match (&self.context, &self.driver) {
            _ if matches!(self.effect.action, Action::Wake) => return Input::Woke(self.effect.address),
            (Ok(context), Some(driver)) => (context, driver),
            (Err(Unresolved(reason)), _) => return self.without_answer(reason),
            (_, None) => return self.without_answer("this version of Leeward has no driver for its kind"),
        };
        match AssertUnwindSafe(self.ask(context, driver.as_ref(), answers))
            .catch_unwind()
            .await
        {
            Ok(input) => input,
            Err(_) => self.without_answer("the driver has a defect and gave no answer"),
        }
    }

    async fn ask(
        &self,
        context: &Context,
        driver: &dyn Driver,
        answers: &mpsc::UnboundedSender<Input>,
    ) -> Input {
        let Effect {
            address,
            pacing,
            action,
            ..
        } = &self.effect;
        match action {
            Action::Measure => Input::Measured(address.step, driver.measure(context).await),
            Action::Assess => Input::Assessed(*address, driver.assess(context).await),
            Action::Observe(operation) => {
                if self.before_send {
                    // First the turn, then the look: a look grows old while it waits.
                    let waits = |about| drop(answers.send(Input::Queued(*address, about)));
                    driver.turn(context, operation, &waits).await;
                }
                // What a look says is as old as its first read: it may have been tried again for a minute
                // and a half, or have waited through a closed lid.
                let looked_at = self.clock.now().uptime;
                let seen = match operation.observable {
                    true => driver.observe(context, operation).await,
                    false => Observation::CannotTell {
                        reason: "it has no goal to look at".to_owned(),
                    },
                };
                Input::Observed(*address, *pacing, seen, looked_at)
            }
            Action::Begin(send) => {
                let fresh_until = send.looked_at.saturating_add(policy::FRESH);
                if self.clock.now().uptime > fresh_until {
                    let reason = "the look at its goal had grown too old".to_owned();
                    return Input::Answered(*address, Sent::NotSent { reason });
                }
                let key = AttemptKey {
                    run: self.run.clone(),
                    step: context.step.id.clone(),
                    operation: send.operation.id.clone(),
                    attempt: send.attempt,
                    send: send.send,
                    send_before: fresh_until.min(self.decided.uptime + policy::SEND_WINDOW),
                };
                Input::Answered(
                    *address,
                    driver.begin(context, &send.operation, &send.rung, &key).await,
                )
            }
            Action::Poll(operation, ticket) => {
                Input::Polled(*address, *pacing, driver.poll(context, operation, ticket).await)
            }
            Action::Probe(check) => Input::Probed(*address, *pacing, driver.probe(context, check).await),
            Action::Wake => Input::Woke(*address),
        }
    }

    /// The input of a task that could not ask, or whose driver broke while asking.
    fn without_answer(&self, reason: &str) -> Input {
        let Effect {
            address,
            pacing,
            action,
            ..
        } = &self.effect;
        let reason = reason.to_owned();
        match action {
            Action::Measure => Input::Measured(address.step, Err(DriverError::Impossible { reason })),
            Action::Assess => Input::Assessed(*address, Err(DriverError::Impossible { reason })),
            Action::Observe(_) => Input::Observed(
                *address,
                *pacing,
                Observation::CannotTell { reason },
                Duration::ZERO,
            ),
            Action::Begin(_) => match self.context.is_ok() && self.driver.is_some() {
                true => Input::Answered(*address, Sent::Unanswered { reason }),
                false => Input::Answered(*address, Sent::NotSent { reason }),
            },
            Action::Poll(..) => Input::Polled(
                *address,
                *pacing,
                Progress::Unreadable {
                    reason,
                    look_after: None,
                },
            ),
            Action::Probe(_) => Input::Probed(
                *address,
                *pacing,
                Probe {
                    passed: false,
                    evidence: reason,
                },
            ),
            Action::Wake => Input::Woke(*address),
        }
    }
}

/// Returns whether an effect is the look that comes before a send.
fn leads_to_a_send(effect: &Effect, state: &RunState) -> bool {
    let (Action::Observe(_), Part::Operation(place)) = (&effect.action, effect.address.part) else {
        return false;
    };
    let step = state.steps.get(effect.address.step);
    let operation = step.and_then(|step| Some((step, step.operations.get(place)?)));
    operation.is_some_and(|(step, operation)| {
        // What is only watched, for what was sent before may come true, needs no turn.
        let watched = operation.is_spent() || (operation.plan.phase == Phase::Main && step.phase.is_rest());
        !watched
            && matches!(
                operation.phase,
                OperationPhase::Waiting | OperationPhase::Looking { .. }
            )
    })
}

/// Returns whether an effect only listens to something that was started long ago.
pub(super) fn only_watches(part: Part) -> bool {
    matches!(part, Part::Ticket(..) | Part::Deadline | Part::Patience(_))
}

/// Returns the uptime at which a tick is due.
pub(super) fn tick(now: Moment, every: Duration) -> Duration {
    now.uptime.saturating_add(every)
}
