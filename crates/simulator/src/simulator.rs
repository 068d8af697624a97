//! How does one request go through the pretend Azure?
//!
//! A request is decided at once, under one lock, at the moment it arrives: the world first catches up with
//! what has happened since, then faults are asked, then whoever serves it. Only then does time pass, as long as
//! the answer takes. What a request does therefore depends on the order of arrival and on nothing else.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use jiff::Timestamp;

use crate::{
    arm::{Answer, ArmRequest, front, front::Reached, headers, poll},
    clock::{Clock, later},
    control,
    data_plane::{self, Hook},
    draw::Seed,
    exchange::{Exchange, Recorder},
    fault::{Asked, Book, By, End, Fate, Rule},
    log::{Entry, Log, Told, without_signature},
    outcome::{Broken, Outcome},
    provider::dns::Resolved,
    provider::{self, Context, Provider},
    settings::Settings,
    settle::{self, Late, Parcel},
    throttle::{Throttle, Throttles},
    world::{Command, Lock, World, fold_id},
};

/// A pretend Azure. Cheap to clone; all clones are the same one.
#[derive(Clone)]
pub struct Simulator {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) clock: Clock,
    pub(crate) settings: Settings,
    pub(crate) seed: Seed,
    pub(crate) providers: Vec<Box<dyn Provider>>,
    recorder: Recorder,
    state: Mutex<State>,
}

pub(crate) struct State {
    pub(crate) world: World,
    pub(crate) faults: Book,
    pub(crate) log: Log,
    pub(crate) late: Vec<Late>,
    pub(crate) hooks: Vec<Hook>,
    throttle: Throttle,
    counts: HashMap<String, u64>,
}

/// What is decided about a request, to be played once time has passed.
pub(crate) struct Decided {
    pub(crate) after: Duration,
    pub(crate) outcome: Outcome,
}

impl std::fmt::Debug for Simulator {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Simulator")
            .field("seed", &self.inner.seed)
            .field("now", &self.now())
            .finish_non_exhaustive()
    }
}

impl Simulator {
    /// Starts a world. Its clock begins to run at the first request.
    pub fn new(mut world: World, settings: Settings) -> Simulator {
        let locks = std::mem::take(&mut world.locks);
        let start = world.start;
        world.put_in_locks(locks, start);
        Simulator {
            inner: Arc::new(Inner {
                clock: Clock::new(world.start, settings.speed),
                seed: Seed(settings.seed),
                providers: provider::all(),
                recorder: Recorder::default(),
                state: Mutex::new(State {
                    log: Log::new(settings.log_limit),
                    world,
                    faults: Book::default(),
                    late: Vec::new(),
                    hooks: Vec::new(),
                    throttle: Throttle::default(),
                    counts: HashMap::new(),
                }),
                settings,
            }),
        }
    }

    /// Carries out a request and answers it after as long as the answer takes.
    pub async fn handle(&self, request: http::Request<Bytes>) -> Outcome {
        let decided = self.decide(&request);
        if let Outcome::Answered(response) = &decided.outcome
            && !control::is_control(&request)
        {
            self.inner.recorder.tell(&request, response);
        }
        if !decided.after.is_zero() {
            self.inner.clock.sleep(decided.after).await;
        }
        decided.outcome
    }

    /// Tells of every exchange from now on, in the order of the requests' arrival. Requests whose answer is lost
    /// are none, nor is what the control side is asked.
    pub fn record(&self, sink: impl FnMut(&Exchange) + Send + 'static) {
        self.inner.recorder.set(sink);
    }

    /// Returns the virtual time.
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// Returns how many virtual seconds pass in a second.
    pub fn speed(&self) -> u32 {
        self.inner.clock.speed()
    }

    /// Turns the clock on and lets happen what then happens.
    pub fn advance(&self, by: Duration) -> Timestamp {
        self.inner.clock.advance(by);
        let now = self.now();
        settle::catch_up(&self.inner, &mut self.state(), now);
        now
    }

    /// Adds faults behind those that are there.
    pub fn add_faults(&self, rules: Vec<Rule>) {
        let state = &mut *self.state();
        state.faults.add(rules, &mut state.world);
    }

    /// Takes all faults away; regions that are down stay down.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }

    /// Puts in locks, from now on or for the time that they name.
    pub fn add_locks(&self, locks: Vec<Lock>) {
        let now = self.now();
        let mut state = self.state();
        settle::catch_up(&self.inner, &mut state, now);
        state.world.put_in_locks(locks, now);
    }

    /// Takes all locks away, those that are still to come too.
    pub fn clear_locks(&self) {
        let now = self.now();
        let mut state = self.state();
        settle::catch_up(&self.inner, &mut state, now);
        state.world.take_all_locks_away();
    }

    /// Turns replication round at once for whatever was switched over, so that the way back can be rehearsed.
    pub fn turn_round(&self) {
        let now = self.now();
        let mut state = self.state();
        settle::catch_up(&self.inner, &mut state, now);
        settle::turn_round(&self.inner, &mut state.world, now);
    }

    /// Returns the world as it is now.
    pub fn world(&self) -> World {
        let now = self.now();
        let mut state = self.state();
        settle::catch_up(&self.inner, &mut state, now);
        state.world.clone()
    }

    /// Returns the requests so far, the newest last.
    pub fn requests(&self) -> Vec<Entry> {
        let now = self.now();
        let mut state = self.state();
        settle::catch_up(&self.inner, &mut state, now);
        state.log.entries()
    }

    /// Returns what was sent to webhooks and the like, the newest last.
    pub fn hooks(&self) -> Vec<Hook> {
        self.state().hooks.clone()
    }

    /// Returns what comes of a command in a rehearsal.
    pub fn command(&self, arguments: &[String]) -> Command {
        self.state()
            .world
            .commands
            .iter()
            .find(|command| arguments.starts_with(&command.starts_with))
            .cloned()
            .unwrap_or_default()
    }

    /// Returns what a resolver says of a name now; nothing where nobody knows it.
    pub fn resolve(&self, name: &str, sort: &str) -> Option<Resolved> {
        let now = self.now();
        let mut state = self.state();
        settle::catch_up(&self.inner, &mut state, now);
        state.world.resolve(name, sort, now)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn decide(&self, request: &http::Request<Bytes>) -> Decided {
        if control::is_control(request) {
            return control::answer(self, request);
        }
        let now = self.now();
        let mut state = self.state();
        settle::catch_up(&self.inner, &mut state, now);
        if data_plane::is_outside(&state.world, request) {
            return data_plane::decide(&self.inner, &mut state, request, now);
        }
        self.arm(&mut state, request, now)
    }

    fn arm(&self, state: &mut State, request: &http::Request<Bytes>, now: Timestamp) -> Decided {
        let inner = &*self.inner;
        let arm = ArmRequest::read(request);
        let key = state.key(request.method().as_str(), &fold_id(&arm.path.raw));
        let region = front::region(&inner.providers, &state.world, &arm);
        let (sequence, fate) = judged(
            inner,
            state,
            Asking {
                method: request.method().as_str(),
                path: &arm.path.raw,
                query: without_signature(&arm.query),
                provider: arm.path.namespace.as_deref(),
                region: region.clone(),
                changing: arm.changing(),
                client_request_id: arm.header("x-ms-client-request-id").map(str::to_owned),
                correlation_id: arm.header("x-ms-correlation-request-id").map(str::to_owned),
            },
            &key,
            now,
        );
        let (low, high) = inner.settings.latency;
        let after = inner.seed.stretch(&format!("{key}/latency"), low, high) + fate.delay;
        let (answer, told, after) = match &fate.end {
            Some(End::Late(late)) => {
                state.late.push(Late {
                    at: later(now, *late),
                    sequence,
                    key,
                    fate: Fate { end: None, ..fate },
                    request: Parcel::Arm(arm),
                });
                return self.broken(state, sequence, Told::Lost, Broken::Silent);
            }
            Some(End::Reset) => return self.broken(state, sequence, Told::Reset, Broken::Reset),
            Some(End::Throttled(retry_after)) => (throttled(*retry_after), None, after),
            Some(End::Status(status, code, message)) => {
                (failed(*status, code.as_deref(), message.as_deref()), None, after)
            }
            ordinary => {
                let by = match ordinary {
                    Some(End::AnswerLost(by)) => Some(*by),
                    _ => None,
                };
                match state
                    .admit(&arm, now, inner.clock.speed())
                    .map_or_else(Reached::Answered, |()| {
                        carry_out(inner, &mut state.world, &arm, &key, &fate, now)
                    }) {
                    Reached::Silent => (
                        silent(&arm),
                        Some(Told::Silent),
                        inner.settings.gateway_timeout + fate.delay,
                    ),
                    Reached::Answered(answer) => {
                        note(state, sequence, accepted(&arm, &answer), None);
                        match by {
                            Some(By::Silence) => {
                                return self.broken(state, sequence, Told::Lost, Broken::Silent);
                            }
                            Some(By::Reset) => {
                                let mut decided = self.broken(state, sequence, Told::Lost, Broken::Reset);
                                decided.after = after;
                                return decided;
                            }
                            None => (answer.clone(), None, after + answer.hold),
                        }
                    }
                }
            }
        };
        if let Some(entry) = state.log.entry(sequence) {
            entry.status = told.unwrap_or(Told::Status(answer.status));
        }
        let remaining = state.throttle.remaining(&arm, now);
        let with = headers::With {
            region: region.as_deref(),
            now,
            seed: inner.seed,
            key: &key,
            pace: headers::Pace {
                speed: inner.clock.speed(),
                poll_every: inner.settings.poll_every,
                running: poll::find(&state.world, &arm).is_some_and(|operation| !operation.progress.over()),
            },
            remaining,
        };
        let response = headers::finish(answer, &arm, with);
        Decided {
            after,
            outcome: Outcome::Answered(response),
        }
    }

    fn broken(&self, state: &mut State, sequence: u64, told: Told, how: Broken) -> Decided {
        if let Some(entry) = state.log.entry(sequence) {
            entry.status = told;
        }
        Decided {
            after: match how {
                Broken::Silent => self.inner.settings.silence,
                Broken::Refused | Broken::Reset => Duration::ZERO,
            },
            outcome: Outcome::Broken(how),
        }
    }
}

impl State {
    /// Counts a request where this world counts, or refuses it.
    fn admit(&mut self, arm: &ArmRequest, now: Timestamp, speed: u32) -> Result<(), Answer> {
        match self.world.throttles {
            Throttles::Off => Ok(()),
            Throttles::Real => self
                .throttle
                .admit(arm, now, speed)
                .map_err(|refusal| refusal.accepted(false)),
        }
    }

    /// Names a request for draws: what it asks, and how often that was asked before. Two different requests
    /// that change places keep their names.
    pub(crate) fn key(&mut self, method: &str, what: &str) -> String {
        let name = format!("{method} {what}");
        let count = self.counts.entry(name.clone()).or_default();
        *count += 1;
        format!("{name}#{count}")
    }
}

/// Carries a request out on the world, as the fate of it wills.
pub(crate) fn carry_out(
    inner: &Inner,
    world: &mut World,
    arm: &ArmRequest,
    key: &str,
    fate: &Fate,
    now: Timestamp,
) -> Reached {
    world.stale_until = fate.stale.map(|stale| later(now, stale));
    let mut context = Context {
        world,
        now,
        seed: inner.seed,
        key: key.to_owned(),
        base: arm.base.clone(),
        speed: inner.clock.speed(),
        fate: fate.clone(),
    };
    let reached = front::carry_out(&inner.providers, &mut context, arm);
    context.world.stale_until = None;
    reached
}

/// A request as faults and the log know it, whoever it is for.
pub(crate) struct Asking<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: String,
    pub(crate) provider: Option<&'a str>,
    pub(crate) region: Option<String>,
    pub(crate) changing: bool,
    pub(crate) client_request_id: Option<String>,
    pub(crate) correlation_id: Option<String>,
}

/// Holds a request against the faults and writes it down; what its caller sees is added once it is known.
pub(crate) fn judged(
    inner: &Inner,
    state: &mut State,
    asking: Asking<'_>,
    key: &str,
    now: Timestamp,
) -> (u64, Fate) {
    let asked = Asked {
        method: asking.method,
        path: asking.path,
        provider: asking.provider,
        region: asking.region.as_deref(),
        changing: asking.changing,
        at: now,
        start: state.world.start,
    };
    let fate = state.faults.judge(&asked, inner.seed, key);
    let sequence = state.log.write(Entry {
        sequence: 0,
        time: now,
        method: asking.method.to_owned(),
        path: asking.path.to_owned(),
        query: asking.query,
        status: Told::Lost,
        client_request_id: asking.client_request_id,
        correlation_id: asking.correlation_id,
        region: asking.region,
        changing: asking.changing,
        accepted: false,
        delivered: None,
        faults: fate.rules.clone(),
    });
    (sequence, fate)
}

/// Returns whether an answer says that a change was taken on.
pub(crate) fn accepted(arm: &ArmRequest, answer: &Answer) -> bool {
    arm.changing() && answer.accepted.unwrap_or(answer.succeeded())
}

/// Notes whether a change was taken on, and when it arrived, if later than it was sent.
pub(crate) fn note(state: &mut State, sequence: u64, accepted: bool, delivered: Option<Timestamp>) {
    if let Some(entry) = state.log.entry(sequence) {
        entry.accepted = accepted;
        entry.delivered = delivered;
    }
}

fn throttled(retry_after: Option<u32>) -> Answer {
    let answer = Answer::gateway(
        429,
        "SubscriptionRequestsThrottled",
        "Number of requests for subscription exceeded the limit. Please try again later.",
    );
    match retry_after {
        Some(seconds) => answer.header("retry-after", seconds.to_string()),
        None => answer,
    }
}

fn failed(status: u16, code: Option<&str>, message: Option<&str>) -> Answer {
    let usual = match status {
        502 => "BadGatewayConnection",
        503 => "ServiceUnavailable",
        504 => "GatewayTimeout",
        _ => "InternalServerError",
    };
    Answer::error(
        status,
        code.unwrap_or(usual),
        message.unwrap_or("Request processing failed due to internal error."),
    )
}

fn silent(arm: &ArmRequest) -> Answer {
    Answer::error(
        504,
        "GatewayTimeout",
        format!(
            "The gateway did not receive a response from '{}' within the specified time period.",
            arm.path.namespace.as_deref().unwrap_or("Microsoft.Resources"),
        ),
    )
}
