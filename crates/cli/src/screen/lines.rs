//! One plain line for each record that a person wants to hear of.

use leeward_engine::{
    event::{AttemptEnd, Event, OperationEvent, Outcome, Reached, StepEvent},
    port::{Command, Verdict},
    record::Record,
};

use super::{clock_time, count, person, span};

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// What happens to the run and its steps.
    Steps,
    /// Every send and every word of Azure too.
    Operations,
}

/// Returns the line of a record, or nothing where it is below the depth.
pub fn line(record: &Record, depth: Depth) -> Option<String> {
    let (of, text) = match &record.body.event {
        Event::Step { step, change } => (step.as_str(), step_line(change, depth)?),
        Event::Operation {
            step,
            operation,
            change,
        } => {
            let text = operation_line(change, depth)?;
            (step.as_str(), format!("{operation}  {text}"))
        }
        event => ("run", run_line(event, depth)?),
    };
    Some(format!("{}  {of}  {text}", clock_time(record.body.at)))
}

/// Returns whether a record is worth a line that stays, above a picture that shows the rest.
pub fn is_milestone(record: &Record) -> bool {
    match &record.body.event {
        Event::Step { change, .. } => matches!(
            change,
            StepEvent::Done { .. }
                | StepEvent::Skipped { .. }
                | StepEvent::Failed { .. }
                | StepEvent::Stuck { .. }
                | StepEvent::GateOpened { .. }
                | StepEvent::ConsentGiven { .. }
                | StepEvent::Reopened
                | StepEvent::Trailed { .. }
        ),
        Event::Operation {
            change:
                OperationEvent::Finished { warnings, .. }
                | OperationEvent::Ended {
                    end: AttemptEnd::Succeeded { warnings, .. },
                    ..
                },
            ..
        } => !warnings.is_empty(),
        Event::Operation { change, .. } => matches!(
            change,
            OperationEvent::RungSkipped { .. }
                | OperationEvent::Unanswered { .. }
                | OperationEvent::PatienceEnded { .. }
                | OperationEvent::Settled { .. }
                | OperationEvent::Reached {
                    how: Reached::Adopted,
                    ..
                }
        ),
        Event::TargetsClaimed { evicted, .. } => !evicted.is_empty(),
        Event::LeaseTaken { from, .. } => from.is_some(),
        Event::RunOpened { .. } | Event::LossMeasured { .. } => false,
        _ => true,
    }
}

fn run_line(event: &Event, depth: Depth) -> Option<String> {
    Some(match event {
        Event::RunOpened { run, plan, .. } => format!("opened {run} for {}, {}", plan.runbook, plan.journey),
        Event::LeaseTaken {
            epoch,
            holder,
            from: Some(from),
        } => {
            format!(
                "taken over by {} on {} from {} on {}, epoch {epoch}",
                holder.user, holder.host, from.user, from.host
            )
        }
        Event::LeaseTaken { epoch, .. } if depth >= Depth::Operations => {
            format!("lease taken, epoch {epoch}")
        }
        Event::LeaseTaken { .. } => return None,
        Event::TargetsClaimed { targets, evicted, .. } => {
            let drills: Vec<&str> = evicted.iter().map(|run| run.as_str()).collect();
            match drills.is_empty() {
                true => format!("claimed {}", count(*targets, "target")),
                false => format!(
                    "claimed {}; the drill yields: {}",
                    count(*targets, "target"),
                    drills.join(" ")
                ),
            }
        }
        Event::ClaimsReleased { by, reason } => format!("{} gave the targets back: {reason}", person(by)),
        Event::LossMeasured { step, losses } => {
            let rows: Vec<String> = losses.iter().map(loss_words).collect();
            format!("losses of {step}: {}", rows.join("; "))
        }
        Event::Approved { by, approval } => {
            let to = match &approval.step {
                Some(step) => step.to_string(),
                None if approval.everything => "everything".to_owned(),
                None => "the next gate, within its ceilings".to_owned(),
            };
            let reason = approval
                .break_glass
                .as_ref()
                .map(|reason| format!("; glass broken: {reason}"));
            format!("{} approves {to}{}", person(by), reason.unwrap_or_default())
        }
        Event::CommandTaken {
            by, command, refused, ..
        } => {
            let words = command_words(command);
            match refused {
                Some(why) => format!("{} asks to {words}; refused: {why}", person(by)),
                None => format!("{} asks to {words}", person(by)),
            }
        }
        Event::Paused => "paused: nothing new is started".to_owned(),
        Event::Unpaused => "goes on".to_owned(),
        Event::HeldUp { about } => format!(
            "held up for about {} (asleep, or stopped): no wait counted",
            span(*about)
        ),
        Event::Cancelled { reason } => format!("cancelled: {reason}"),
        Event::Halted { because } => format!("halted because {because} failed"),
        Event::RecoveryReached => "recovery reached, the RTO clock stops".to_owned(),
        Event::RunEnded { outcome } => match outcome {
            Outcome::Done => "ended: the goal holds".to_owned(),
            Outcome::Degraded => "ended: the goal holds, with accepted degradations".to_owned(),
            Outcome::Failed => "ended: failed".to_owned(),
            Outcome::Cancelled => "ended: cancelled".to_owned(),
        },
        Event::Foreign => "an event that this version does not know".to_owned(),
        Event::Step { .. } | Event::Operation { .. } => return None,
    })
}

fn loss_words(loss: &leeward_engine::work::Loss) -> String {
    let rungs: Vec<String> = loss
        .by_rung
        .iter()
        .map(|(rung, figure)| format!("{rung} {}", super::losses::figure(*figure)))
        .collect();
    match rungs.is_empty() {
        true => format!("{} nothing", loss.store),
        false => format!("{} {}", loss.store, rungs.join(", ")),
    }
}

/// Returns what a command asks, as the end of "asks to …".
pub(crate) fn command_words(command: &Command) -> String {
    match command {
        Command::Approve(approval) => match &approval.step {
            Some(step) => format!("approve {step}"),
            None => "approve whatever waits".to_owned(),
        },
        Command::Pause => "pause".to_owned(),
        Command::Unpause => "go on".to_owned(),
        Command::Cancel { reason } => format!("cancel: {reason}"),
        Command::Retry { step } => format!("retry {step}"),
        Command::Skip { step, reason } => format!("skip {step}: {reason}"),
        Command::Settle {
            step,
            verdict,
            reason,
            ..
        } => {
            let word = match verdict {
                Verdict::Done => "done",
                Verdict::NotBegun => "not begun",
                Verdict::Failed => "failed",
            };
            format!("settle {step} as {word}: {reason}")
        }
    }
}

fn step_line(change: &StepEvent, depth: Depth) -> Option<String> {
    Some(match change {
        StepEvent::BecameReady => "ready".to_owned(),
        StepEvent::GateReached { asks, .. } => format!("waits at a gate: {asks}"),
        StepEvent::GateOpened { by, .. } => format!("gate opened by {by}"),
        StepEvent::Assessed { assessment } => {
            let changes = assessment.operations.len();
            let mut text = match changes {
                0 => "assessed, nothing to change".to_owned(),
                _ => format!("assessed, {} to make", count(changes, "change")),
            };
            if !assessment.summary.is_empty() {
                text.push_str(&format!(": {}", assessment.summary));
            }
            for warning in &assessment.warnings {
                text.push_str(&format!("; warning: {warning}"));
            }
            text
        }
        StepEvent::AssessmentDeferred { reason, .. } if depth >= Depth::Operations => {
            format!("cannot assess yet: {reason}")
        }
        StepEvent::AssessmentDeferred { .. } => return None,
        StepEvent::ConsentNeeded { asks, .. } => format!("asks first: {asks}"),
        StepEvent::ConsentWithdrawn => "no longer asks".to_owned(),
        StepEvent::ConsentGiven { by } => format!("agreed by {by}"),
        StepEvent::VerificationStarted => "verifying".to_owned(),
        StepEvent::CheckPassed { evidence, .. } => format!("check passed: {evidence}"),
        StepEvent::Done { degraded, .. } => match degraded {
            Some(why) => format!("done, degraded: {why}"),
            None => "done".to_owned(),
        },
        StepEvent::Trailed { left } => format!("left to do by hand: {left}"),
        StepEvent::Skipped { reason, by } => match by {
            Some(by) => format!("skipped by {}: {reason}", person(by)),
            None => format!("skipped: {reason}"),
        },
        StepEvent::Failed { reason } => format!("failed: {reason}"),
        StepEvent::Stuck { reason, .. } => format!("stuck, needs a person: {reason}"),
        StepEvent::Cancelled => "cancelled".to_owned(),
        StepEvent::Reopened => "tried again".to_owned(),
    })
}

fn operation_line(change: &OperationEvent, depth: Depth) -> Option<String> {
    let detail = match change {
        OperationEvent::RungSkipped { rung, reason } => return Some(format!("{rung} is left out: {reason}")),
        OperationEvent::Unanswered { reason } => {
            return Some(format!(
                "nobody knows whether it arrived: {reason}; looking before anything else"
            ));
        }
        OperationEvent::PatienceEnded { rung, offered } => {
            return Some(match offered {
                Some(next) => format!("{rung} still in motion; {next} is offered"),
                None => format!("{rung} still in motion"),
            });
        }
        OperationEvent::Reached { how, evidence, .. } => {
            return Some(match how {
                Reached::ByUs => format!("holds: {evidence}"),
                Reached::Adopted => format!("holds, but not by us: {evidence}"),
                Reached::Settled => format!("holds, a person says: {evidence}"),
            });
        }
        OperationEvent::Failed { reason } => return Some(format!("failed: {reason}")),
        OperationEvent::Stuck { reason } => return Some(format!("stuck: {reason}")),
        OperationEvent::Settled { verdict, by, reason } => {
            let word = match verdict {
                Verdict::Done => "done",
                Verdict::NotBegun => "not begun",
                Verdict::Failed => "failed",
            };
            return Some(format!("settled as {word} by {}: {reason}", person(by)));
        }
        OperationEvent::Ended {
            end: AttemptEnd::Failed { code, message, .. },
            attempt,
        } => return Some(format!("attempt {attempt} failed: {code}: {message}")),
        // Azure's doubt beside its own success is news to everybody, however little they want to read.
        OperationEvent::Ended {
            end: AttemptEnd::Succeeded { warnings, .. },
            ..
        } if !warnings.is_empty() => {
            return Some(format!("succeeded; warning: {}", warnings.join("; ")));
        }
        // Over at once is not yet success: a message whose answer was lost is over, too.
        OperationEvent::Finished { warnings, .. } if !warnings.is_empty() => {
            return Some(format!("over; warning: {}", warnings.join("; ")));
        }
        OperationEvent::Intended {
            attempt, send, rung, ..
        } => match rung.as_str() {
            "only" => format!("sends (attempt {attempt}, send {send})"),
            rung => format!("sends {rung} (attempt {attempt}, send {send})"),
        },
        OperationEvent::Accepted { .. } => "accepted".to_owned(),
        OperationEvent::Finished { .. } => "accepted and finished at once".to_owned(),
        OperationEvent::Refused { refusal, again } => {
            let then = if again.is_some() { ", again later" } else { "" };
            format!("refused: {} {}{then}", refusal.status, refusal.code)
        }
        OperationEvent::Queued { about } => {
            format!("waits for Azure's write budget, about {}", span(*about))
        }
        OperationEvent::NotSent { reason, .. } => format!("not sent: {reason}"),
        OperationEvent::Looked { evidence } => format!("waits: {evidence}"),
        OperationEvent::Sighted { evidence, .. } => format!("found in motion: {evidence}"),
        OperationEvent::TicketRenewed { .. } => return None,
        OperationEvent::Progressed { word, percent } => match percent {
            Some(percent) => format!("{word} {percent}%"),
            None => word.clone(),
        },
        OperationEvent::Ended { attempt, end } => match end {
            AttemptEnd::Succeeded { .. } => format!("attempt {attempt} succeeded"),
            AttemptEnd::Lost { reason } => format!("attempt {attempt}: its ticket is lost: {reason}"),
            AttemptEnd::Failed { .. } => return None,
        },
    };
    (depth >= Depth::Operations).then_some(detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use leeward_engine::{
        event::{Known, Person},
        id::{OperationId, RunId, StepId},
        port::{CommandId, Holder},
        record::Chain,
    };

    fn said(events: Vec<Event>) -> String {
        let mut chain = Chain::default();
        let lines = events.into_iter().map(|event| {
            let record = chain.next(2, sample::at(3, 0), event).expect("sealed");
            let text = line(&record, Depth::Operations).expect("a line");
            format!("{} {text}", if is_milestone(&record) { "stays" } else { "goes " })
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn whatever_an_operator_must_hear_of_has_its_line() {
        let person = || Person {
            name: "maria".to_owned(),
            known: Known::Stated,
        };
        let holder = |user: &str, host: &str| Holder {
            user: user.to_owned(),
            host: host.to_owned(),
            ..sample::lease().holder
        };
        let step = |change| Event::Step {
            step: StepId::new("documents"),
            change,
        };
        let operation = |change| Event::Operation {
            step: StepId::new("documents"),
            operation: OperationId::new("failover"),
            change,
        };
        let text = said(vec![
            Event::LeaseTaken {
                epoch: 2,
                holder: holder("joris", "laptop-8"),
                from: Some(holder("maria", "laptop-7")),
            },
            Event::TargetsClaimed {
                targets: 12,
                evicted: vec![RunId("r-20261124-070000-d411".to_owned())],
                clean: Vec::new(),
            },
            Event::CommandTaken {
                id: CommandId("c-1".to_owned()),
                by: person(),
                command: Command::Pause,
                refused: Some("the run is paused already".to_owned()),
            },
            Event::Paused,
            Event::Unpaused,
            Event::HeldUp {
                about: std::time::Duration::from_secs(3_720),
            },
            Event::Halted {
                because: StepId::new("documents"),
            },
            Event::Cancelled {
                reason: "false alarm".to_owned(),
            },
            step(StepEvent::ConsentWithdrawn),
            step(StepEvent::Failed {
                reason: "the account is gone".to_owned(),
            }),
            step(StepEvent::Trailed {
                left: "delete the copy".to_owned(),
            }),
            step(StepEvent::Reopened),
            operation(OperationEvent::RungSkipped {
                rung: "planned".to_owned(),
                reason: "the region is down".to_owned(),
            }),
            operation(OperationEvent::Unanswered {
                reason: "connection reset".to_owned(),
            }),
            operation(OperationEvent::PatienceEnded {
                rung: "planned".to_owned(),
                offered: Some("forced".to_owned()),
            }),
            operation(OperationEvent::Settled {
                verdict: Verdict::NotBegun,
                by: person(),
                reason: "seen in the portal".to_owned(),
            }),
            operation(OperationEvent::Reached {
                how: Reached::Adopted,
                evidence: "northeurope is primary".to_owned(),
                outputs: Default::default(),
            }),
            operation(OperationEvent::Ended {
                attempt: 1,
                end: AttemptEnd::Failed {
                    code: "OperationTimedOut".to_owned(),
                    message: "rolled back".to_owned(),
                    retryable: true,
                },
            }),
            operation(OperationEvent::Ended {
                attempt: 1,
                end: AttemptEnd::Lost {
                    reason: "404".to_owned(),
                },
            }),
            Event::RecoveryReached,
            Event::RunEnded {
                outcome: Outcome::Degraded,
            },
        ]);
        insta::assert_snapshot!("lines", text);
    }

    #[test]
    fn a_warning_is_shown_at_every_depth_and_only_azures_own_success_is_called_one() {
        let warnings = vec!["28175: the machine was renamed".to_owned()];
        let ended = OperationEvent::Ended {
            attempt: 1,
            end: AttemptEnd::Succeeded {
                warnings: warnings.clone(),
                outputs: Default::default(),
            },
        };
        let finished = OperationEvent::Finished {
            warnings,
            outputs: Default::default(),
        };
        let line = |event: OperationEvent| operation_line(&event, Depth::Steps).expect("a line");
        assert_eq!(line(ended), "succeeded; warning: 28175: the machine was renamed");
        assert_eq!(line(finished), "over; warning: 28175: the machine was renamed");
    }
}
