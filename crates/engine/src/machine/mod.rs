//! What happens next: inputs in, records and effects out. Pure: time arrives inside the inputs,
//! and what a run wants in flight is a function of its state alone, so a resume has no path of its own.

mod approval;
mod changing;
pub mod choices;
mod command;
mod ending;
mod flow;
mod operation;
mod patience;
mod sending;
pub mod standing;
mod step;
mod table;
mod wants;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use leeward_runbook::plan::Check;

use crate::{
    event::{Event, OperationEvent, StepEvent},
    id::OperationId,
    port::{DriverError, Envelope, Journal, JournalError},
    record::Record,
    state::{Folded, IllegalTransition, RunState},
    work::{Assessment, Loss, Observation, Operation, Probe, Progress, Sent, Ticket},
};

/// Something that the world, the clock or a person told the run.
#[derive(Clone, Debug)]
pub enum Input {
    /// The row or rows of one step in the table of losses.
    Measured(usize, Result<Vec<Loss>, DriverError>),
    /// What an assessment found.
    Assessed(Address, Result<Assessment, DriverError>),
    /// The look before a send waits for its turn, about that long.
    Queued(Address, Duration),
    /// What a look at a goal saw, and the conductor's uptime when it began.
    Observed(Address, Pacing, Observation, Duration),
    /// What came of a send.
    Answered(Address, Sent),
    /// What a poll said.
    Polled(Address, Pacing, Progress),
    /// What a check saw.
    Probed(Address, Pacing, Probe),
    /// A moment that was waited for has come.
    Woke(Address),
    /// A command from the inbox.
    Commanded(Box<Envelope>),
    /// The conductor is here: look at everything.
    Opened,
}

impl Input {
    /// Returns the step and the place of the operation that this is an answer about, where it is one.
    fn operation(&self) -> Option<(usize, usize)> {
        let (Input::Queued(address, _)
        | Input::Observed(address, ..)
        | Input::Answered(address, _)
        | Input::Polled(address, ..)) = self
        else {
            return None;
        };
        match address.part {
            Part::Operation(place) | Part::Send(place, ..) | Part::Ticket(place, _) => {
                Some((address.step, place))
            }
            Part::Measure | Part::Step | Part::Deadline | Part::Patience(_) => None,
        }
    }
}

/// Whom an effect or its answer concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The step's place in the plan.
    pub step: usize,
    /// What of it.
    pub part: Part,
    /// The state's counter when the effect was wanted; an answer to an older one is dropped.
    pub turn: u32,
}

/// What of a step an effect concerns. At most one effect of each is in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Its row in the table of losses.
    Measure,
    /// The step itself: assessing, a check, the clock of a gate.
    Step,
    /// The end of the wait for the step.
    Deadline,
    /// A look at an operation's goal, by its place.
    Operation(usize),
    /// A send, by operation, attempt and send. Wanted once, by the decision that recorded its intent.
    Send(usize, u32, u32),
    /// The end of the wait for an operation's rung.
    Patience(usize),
    /// A ticket, by operation and attempt.
    Ticket(usize, u32),
}

/// How often something was asked already, and since when a check passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pacing {
    /// How often.
    pub round: u32,
    /// Since when a check passes without a break.
    pub passing_since: Option<Timestamp>,
}

/// What the run wants done next.
#[derive(Clone, Debug)]
pub struct Effect {
    /// Whom it concerns.
    pub address: Address,
    /// Not before this.
    pub not_before: Option<Timestamp>,
    /// How often it was asked already.
    pub pacing: Pacing,
    /// What is to be done.
    pub action: Action,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Action {
    /// Ask the driver what could be lost.
    Measure,
    /// Ask the driver what is to be done.
    Assess,
    /// Look at an operation's goal.
    Observe(Arc<Operation>),
    /// Send a change: its intent is durable.
    Begin(Box<Send>),
    /// Ask how a started change is going.
    Poll(Arc<Operation>, Arc<Ticket>),
    /// Run a check.
    Probe(Check),
    /// Only wait.
    Wake,
}

/// One send of one attempt.
#[derive(Clone, Debug)]
pub struct Send {
    /// What is to be reached.
    pub operation: Arc<Operation>,
    /// The way.
    pub rung: String,
    /// Which attempt.
    pub attempt: u32,
    /// Which send of it.
    pub send: u32,
    /// Nobody sends it after this.
    pub send_by: Timestamp,
    /// The conductor's uptime when the look at the goal began; the send is off when that is too long ago.
    pub looked_at: Duration,
}

/// What the machine decided. Its effects are out of reach until its records are durable.
#[must_use = "an unrecorded decision must not be acted on"]
#[derive(Debug, Default)]
pub struct Decision {
    records: Vec<Record>,
    effects: Vec<Effect>,
}

impl Decision {
    /// Returns what will be written.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Writes the records, then hands over the effects. Where nobody knows whether the journal took
    /// the write, it is read back: the same records there are as good as an answer.
    pub async fn record(self, journal: &mut dyn Journal) -> Result<(Vec<Record>, Vec<Effect>), JournalError> {
        let Decision { records, effects } = self;
        let Some(first) = records.first() else {
            return Ok((records, effects));
        };
        match journal.append(&records).await {
            Err(JournalError::Ambiguous { reason }) => {
                let found = journal.read(first.body.seq).await?;
                if found.is_empty() {
                    journal.append(&records).await?;
                } else if found != records {
                    let reason = format!("{reason}; what stands there now is not ours");
                    return Err(JournalError::Ambiguous { reason });
                }
            }
            answer => answer?,
        }
        Ok((records, effects))
    }
}

/// The machine of one run: its state, and what it has asked for.
#[derive(Debug)]
pub struct Machine {
    state: RunState,
    epoch: u64,
    in_flight: HashMap<(usize, Part), u32>,
    decision: Decision,
    touched: BTreeSet<usize>,
    look_at_all: bool,
    /// When the look began that is being taken in.
    looked_at: Duration,
    /// Which rungs of a step need no question, as far as that was found out.
    covered: RefCell<HashMap<usize, BTreeMap<String, bool>>>,
}

impl Machine {
    /// Takes up a folded journal under the given epoch.
    pub fn new(state: RunState, epoch: u64) -> Machine {
        Machine {
            state,
            epoch,
            in_flight: HashMap::new(),
            decision: Decision::default(),
            touched: BTreeSet::new(),
            look_at_all: false,
            looked_at: Duration::ZERO,
            covered: RefCell::default(),
        }
    }

    /// Returns where the run stands.
    pub fn state(&self) -> &RunState {
        &self.state
    }

    /// Returns whether a send is under way.
    pub fn is_sending(&self) -> bool {
        self.in_flight
            .keys()
            .any(|(_, part)| matches!(part, Part::Send(..)))
    }

    /// Returns whatever is in flight.
    pub fn in_flight(&self) -> impl Iterator<Item = (usize, Part)> + '_ {
        self.in_flight.keys().copied()
    }

    /// Returns whether an effect only listens for news: whatever it answers, nothing is sent, and nothing but a
    /// person or Azure brings the step on.
    pub fn only_listens(&self, step: usize, part: Part) -> bool {
        match part {
            Part::Ticket(..) => true,
            Part::Operation(place) => self.state.steps[step].consent.is_some() || !self.is_due(step, place),
            _ => false,
        }
    }

    /// Decides all inputs, one by one in the given order; everything they lead to is one decision.
    ///
    /// Answers about operations of one step that come in a row are followed up together, as long as
    /// nothing but the operation itself follows from each: with ten thousand machines behind a step, a
    /// look at all of them for each would never come to an end.
    pub fn decide(
        &mut self,
        now: Timestamp,
        inputs: impl IntoIterator<Item = Input>,
    ) -> Result<Decision, IllegalTransition> {
        let mut inputs = inputs.into_iter().peekable();
        while let Some(input) = inputs.next() {
            let about = input.operation();
            self.take(now, input)?;
            let next = inputs.peek().and_then(Input::operation);
            match (about, next) {
                (Some((step, place)), Some((next, _)))
                    if step == next && !self.leads_on(now, step, place) => {}
                _ => self.flow(now)?,
            }
        }
        Ok(std::mem::take(&mut self.decision))
    }

    /// Records facts that the conductor alone can know: leases, claims, the first approvals.
    pub fn note(
        &mut self,
        now: Timestamp,
        events: impl IntoIterator<Item = Event>,
    ) -> Result<Decision, IllegalTransition> {
        for event in events {
            self.emit(now, event)?;
        }
        Ok(std::mem::take(&mut self.decision))
    }

    fn take(&mut self, now: Timestamp, input: Input) -> Result<(), IllegalTransition> {
        match input {
            Input::Opened => {
                self.look_at_all = true;
                Ok(())
            }
            Input::Commanded(envelope) => self.command(now, *envelope),
            Input::Measured(step, result) => {
                self.in_flight.remove(&(step, Part::Measure));
                self.measured(now, step, result)
            }
            Input::Assessed(address, result) => match self.answered(address) {
                true => self.assessed(now, address.step, result),
                false => Ok(()),
            },
            Input::Queued(address, about) => match address.part {
                Part::Operation(operation) if self.flies(&address) => {
                    self.queued(now, address.step, operation, about)
                }
                _ => Ok(()),
            },
            Input::Observed(address, pacing, seen, looked_at) => match (self.answered(address), address.part)
            {
                (true, Part::Operation(operation)) => {
                    self.looked_at = looked_at;
                    self.observed(now, address.step, operation, pacing, seen)
                }
                _ => Ok(()),
            },
            Input::Answered(address, sent) => match (self.answered(address), address.part) {
                (true, Part::Send(operation, ..)) => self.sent(now, address.step, operation, sent),
                _ => Ok(()),
            },
            Input::Polled(address, pacing, progress) => match (self.answered(address), address.part) {
                (true, Part::Ticket(operation, attempt)) => {
                    self.polled(now, address.step, operation, attempt, pacing, progress)
                }
                _ => Ok(()),
            },
            Input::Probed(address, pacing, probe) => match self.answered(address) {
                true => self.probed(now, address.step, pacing, probe),
                false => Ok(()),
            },
            Input::Woke(address) => match self.answered(address) {
                true => self.woke(now, address),
                false => Ok(()),
            },
        }
    }

    /// Notes that an effect has answered; says whether the state still waits for this very answer.
    fn answered(&mut self, address: Address) -> bool {
        let key = (address.step, address.part);
        if self.in_flight.get(&key) != Some(&address.turn) {
            return false;
        }
        self.in_flight.remove(&key);
        self.touched.insert(address.step);
        self.turn_of(address.step, address.part) == Some(address.turn)
    }

    /// Seals an event and moves the state by it.
    fn emit(&mut self, now: Timestamp, event: Event) -> Result<(), IllegalTransition> {
        let mut chain = self.state.chain.clone();
        if !matches!(event, Event::Operation { .. }) {
            self.covered.get_mut().clear();
        }
        let record = chain.next(self.epoch, now, event)?;
        match self.state.apply(&record)? {
            Folded::Step(step) => {
                self.touched.insert(step);
            }
            Folded::Run => self.look_at_all = true,
            Folded::Nothing => {}
        }
        self.decision.records.push(record);
        Ok(())
    }

    fn step_event(
        &mut self,
        now: Timestamp,
        step: usize,
        change: StepEvent,
    ) -> Result<(), IllegalTransition> {
        let id = self.state.planned[step].id.clone();
        self.emit(now, Event::Step { step: id, change })
    }

    fn operation_event(
        &mut self,
        now: Timestamp,
        step: usize,
        operation: usize,
        change: OperationEvent,
    ) -> Result<(), IllegalTransition> {
        let id = self.state.planned[step].id.clone();
        let operation: OperationId = self.state.steps[step].operations[operation].plan.id.clone();
        self.emit(
            now,
            Event::Operation {
                step: id,
                operation,
                change,
            },
        )
    }

    /// Returns whether the very same effect is in flight already.
    fn flies(&self, address: &Address) -> bool {
        self.in_flight.get(&(address.step, address.part)) == Some(&address.turn)
    }

    /// Asks for an effect, unless the very same is in flight.
    fn want(&mut self, effect: Effect) {
        if self.flies(&effect.address) {
            return;
        }
        let key = (effect.address.step, effect.address.part);
        self.in_flight.insert(key, effect.address.turn);
        self.decision.effects.push(effect);
    }
}
