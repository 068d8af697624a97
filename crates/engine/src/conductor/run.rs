//! The loop itself.

use std::{collections::HashSet, sync::Arc, time::Duration};

use tokio::{sync::mpsc, task::JoinSet};

use super::{
    Conducted, Conductor, ConductorError, Ended, NewRun, Observer, claim,
    patient::Patient,
    pinned, read,
    task::{self, Contexts, Task},
};
use crate::{
    event::{Approval, Event, Person},
    id::RunId,
    machine::{Decision, Input, Machine, Part, standing},
    policy,
    port::{Files, Journal, JournalError, LeasePolicy, Moment, Records, RunHeader},
    record::{Chain, JOURNAL_FORMAT},
    state::{IllegalTransition, RunState},
    view::Standing,
};

/// How many inputs are decided together at most; more would only delay the first effects.
const BATCH: usize = 4096;

struct Running<'a> {
    conductor: &'a Conductor,
    observer: &'a mut dyn Observer,
    journal: Patient,
    machine: Machine,
    files: Arc<dyn Files>,
    tasks: JoinSet<()>,
    answers: mpsc::UnboundedSender<Input>,
    inputs: mpsc::UnboundedReceiver<Input>,
    answered: HashSet<(usize, Part)>,
    next_heartbeat: Duration,
    next_inbox: Option<Duration>,
}

pub(super) async fn start(
    conductor: &Conductor,
    new: NewRun,
    observer: &mut dyn Observer,
) -> Result<Conducted, ConductorError> {
    let now = conductor.clock.now();
    let header = RunHeader {
        run: new.run.clone(),
        runbook: new.plan.runbook.clone(),
        journey: new.plan.journey,
        plan_digest: new.plan.digest(),
        created: now.wall,
    };
    let files = pinned::of(&new.plan, &new.files);
    let mut journal = conductor
        .store
        .create(&header, &new.files, &conductor.holder)
        .await?;
    let opened = Event::RunOpened {
        format: JOURNAL_FORMAT,
        version: new.version,
        run: new.run,
        plan: Arc::new(new.plan),
        options: new.options,
        by: new.by,
    };
    let epoch = journal.epoch();
    // What was agreed to in advance is as old as the run itself: no death can come between.
    let granted = new
        .approvals
        .into_iter()
        .map(|(by, approval)| Event::Approved { by, approval });
    let mut chain = Chain::default();
    let mut records = Vec::new();
    for event in std::iter::once(opened).chain(granted) {
        records.push(chain.next(epoch, now.wall, event)?);
    }
    journal.append(&records).await?;
    let state = RunState::of(&records)?;
    observer.recorded(&state, &records);
    Running::new(conductor, observer, journal, state, files)
        .conduct(None, Vec::new())
        .await
}

pub(super) async fn resume(
    conductor: &Conductor,
    run: &RunId,
    policy: LeasePolicy,
    approvals: Vec<(Person, Approval)>,
    observer: &mut dyn Observer,
) -> Result<Conducted, ConductorError> {
    let mut opened = conductor.store.open(run, &conductor.holder, policy).await?;
    // Nobody else writes any more, so what is read now is what the next record must follow.
    let read = take_up(conductor, run, opened.journal.records(1), observer).await;
    let (state, files) = match read {
        Ok(read) => read,
        Err(error) => {
            if let Err(also) = opened.journal.close().await {
                tracing::warn!(%run, error = %also, "the lease of an unreadable run was not given back");
            }
            return Err(error);
        }
    };
    let from = opened.previous.map(|lease| lease.holder);
    Running::new(conductor, observer, opened.journal, state, files)
        .conduct(from, approvals)
        .await
}

/// Folds a run as it is read and fetches the files of its plan.
async fn take_up(
    conductor: &Conductor,
    run: &RunId,
    records: Box<dyn Records>,
    observer: &mut dyn Observer,
) -> Result<(RunState, Arc<dyn Files>), ConductorError> {
    let state = read::told(records, observer).await?;
    let files = pinned::stored(conductor.store.as_ref(), run, &state.plan).await?;
    Ok((state, files))
}

impl<'a> Running<'a> {
    fn new(
        conductor: &'a Conductor,
        observer: &'a mut dyn Observer,
        journal: Box<dyn Journal>,
        state: RunState,
        files: Arc<dyn Files>,
    ) -> Running<'a> {
        let (answers, inputs) = mpsc::unbounded_channel();
        let machine = Machine::new(state, journal.epoch());
        let journal = Patient {
            journal,
            clock: conductor.clock.clone(),
            stop: conductor.stop.clone(),
        };
        Running {
            conductor,
            observer,
            journal,
            machine,
            files,
            tasks: JoinSet::new(),
            answers,
            inputs,
            answered: HashSet::new(),
            next_heartbeat: Duration::ZERO,
            next_inbox: None,
        }
    }

    async fn conduct(
        mut self,
        from: Option<crate::port::Holder>,
        approvals: Vec<(Person, Approval)>,
    ) -> Result<Conducted, ConductorError> {
        let result = self.conduct_inner(from, approvals).await;
        // Tasks end with their set: after a refused append nothing of ours may go on.
        self.tasks.shutdown().await;
        match result {
            Err(ConductorError::Journal(JournalError::Fenced { .. })) => {}
            _ => {
                let _ = self.journal.close().await;
            }
        }
        Ok(Conducted {
            ended: result?,
            state: self.machine.state().clone(),
        })
    }

    async fn conduct_inner(
        &mut self,
        from: Option<crate::port::Holder>,
        approvals: Vec<(Person, Approval)>,
    ) -> Result<Ended, ConductorError> {
        let now = self.conductor.clock.now();
        let epoch = self.journal.epoch();
        let lease = Event::LeaseTaken {
            epoch,
            holder: self.conductor.holder.clone(),
            from,
        };
        self.note(now, vec![lease]).await?;
        if let Standing::Ended(outcome) = standing::standing(self.machine.state()) {
            self.release().await;
            return Ok(Ended::Over(outcome));
        }
        match claim::claim(self.conductor, self.machine.state(), &self.files).await {
            Ok(event) if !self.machine.state().claimed => self.note(now, vec![event]).await?,
            Ok(_) => {}
            Err(ConductorError::Claimed { held }) => {
                if !self.machine.state().claimed {
                    let reason = "its targets are held by another run".to_owned();
                    let ended = Event::RunEnded {
                        outcome: crate::event::Outcome::Cancelled,
                    };
                    self.note(now, vec![Event::Cancelled { reason }, ended]).await?;
                }
                return Err(ConductorError::Claimed { held });
            }
            Err(error) => return Err(error),
        }
        let granted = approvals
            .into_iter()
            .map(|(by, approval)| Event::Approved { by, approval });
        self.note(now, granted.collect()).await?;
        self.next_heartbeat = task::tick(now, self.conductor.manners.heartbeat_every);
        self.read_inbox().await?;
        self.step(vec![Input::Opened]).await?;
        self.turn().await
    }

    async fn turn(&mut self) -> Result<Ended, ConductorError> {
        loop {
            if let Some(ended) = self.rest().await? {
                return Ok(ended);
            }
            if self.is_stopping() && !self.machine.is_sending() {
                return Ok(Ended::Interrupted);
            }
            let mut inputs = self.next_inputs().await?;
            if self.is_stopping() {
                // What is being sent is heard out. Whatever else was heard could lead to another send.
                inputs.retain(|input| matches!(input, Input::Answered(..)));
            }
            if !inputs.is_empty() {
                self.step(inputs).await?;
            }
        }
    }

    fn is_stopping(&self) -> bool {
        *self.conductor.stop.borrow()
    }

    /// Says why to leave, where nothing moves any more.
    async fn rest(&mut self) -> Result<Option<Ended>, ConductorError> {
        let patient = self.conductor.manners.wait_for_people;
        Ok(match standing::standing(self.machine.state()) {
            Standing::Moving => None,
            Standing::Ended(outcome) => {
                self.release().await;
                Some(Ended::Over(outcome))
            }
            Standing::AtGate if !patient && self.is_quiet() => Some(Ended::AtGate),
            Standing::Paused if !patient && self.is_quiet() => Some(Ended::Paused),
            Standing::AtGate | Standing::Paused => None,
            Standing::Stuck if self.is_quiet() => Some(Ended::Stuck),
            Standing::Failed if self.is_quiet() => Some(Ended::Failed),
            Standing::Stuck | Standing::Failed => None,
        })
    }

    /// Whether nothing is in flight but watches that have answered at least once.
    fn is_quiet(&self) -> bool {
        self.machine.in_flight().all(|(step, part)| match part {
            part if self.machine.only_listens(step, part) => self.answered.contains(&(step, part)),
            part => task::only_watches(part),
        })
    }

    async fn next_inputs(&mut self) -> Result<Vec<Input>, ConductorError> {
        let clock = self.conductor.clock.clone();
        let due = self
            .next_inbox
            .map_or(self.next_heartbeat, |inbox| inbox.min(self.next_heartbeat));
        let mut stop = self.conductor.stop.clone();
        let already_stopping = *stop.borrow();
        let mut inputs = Vec::new();
        tokio::select! {
            biased;
            input = self.inputs.recv() => inputs.extend(input),
            _ = stop.changed(), if !already_stopping => {}
            () = clock.sleep_until(due) => {}
        }
        while inputs.len() < BATCH {
            match self.inputs.try_recv() {
                Ok(input) => inputs.push(input),
                Err(_) => break,
            }
        }
        while self.tasks.try_join_next().is_some() {}
        let now = clock.now();
        if now.uptime >= self.next_heartbeat {
            // Whether somebody else took over meanwhile comes before everything else.
            self.journal.heartbeat(now.wall).await?;
            let late = now.uptime.saturating_sub(self.next_heartbeat);
            self.next_heartbeat = task::tick(now, self.conductor.manners.heartbeat_every);
            self.held_up(now, late).await?;
        }
        if self.next_inbox.is_some_and(|due| now.uptime >= due) {
            inputs.extend(self.commands().await?);
        }
        Ok(inputs)
    }

    /// Notes that the process could not act for a while, so that no wait runs out on waking. A rehearsal's clock is
    /// turned by hand.
    async fn held_up(&mut self, now: Moment, late: Duration) -> Result<(), ConductorError> {
        let state = self.machine.state();
        if late < policy::HELD_UP || state.options.rehearsal || state.outcome.is_some() {
            return Ok(());
        }
        // What was heard before is old news.
        self.answered.clear();
        let about = Duration::from_secs(late.as_secs());
        self.note(now, vec![Event::HeldUp { about }]).await
    }

    async fn read_inbox(&mut self) -> Result<(), ConductorError> {
        let commands = self.commands().await?;
        if commands.is_empty() {
            Ok(())
        } else {
            self.step(commands).await
        }
    }

    async fn commands(&mut self) -> Result<Vec<Input>, ConductorError> {
        let every = self.conductor.manners.inbox_every;
        self.next_inbox = every.map(|every| task::tick(self.conductor.clock.now(), every));
        if every.is_none() {
            return Ok(Vec::new());
        }
        let known = &self.machine.state().commands;
        let letters = self.journal.inbox().await?;
        let fresh = letters.into_iter().filter(|letter| !known.contains(&letter.id));
        Ok(fresh.map(|letter| Input::Commanded(Box::new(letter))).collect())
    }

    /// Decides, records, and only then acts.
    async fn step(&mut self, inputs: Vec<Input>) -> Result<(), ConductorError> {
        let now = self.conductor.clock.now();
        for input in &inputs {
            if let Input::Polled(address, ..) | Input::Observed(address, ..) = input {
                self.answered.insert((address.step, address.part));
            }
        }
        let decision = self.machine.decide(now.wall, inputs)?;
        self.act(now, decision).await
    }

    async fn note(&mut self, now: Moment, events: Vec<Event>) -> Result<(), ConductorError> {
        let decision = self.machine.note(now.wall, events)?;
        self.act(now, decision).await
    }

    async fn act(&mut self, decided: Moment, decision: Decision) -> Result<(), ConductorError> {
        let (records, effects) = decision.record(&mut self.journal).await?;
        if !records.is_empty() {
            self.observer.recorded(self.machine.state(), &records);
        }
        let mut contexts = Contexts::default();
        // Asked to stop while the intents were being written: they are durable, and not acted on.
        let stopping = self.is_stopping();
        for effect in effects {
            let task = Task::prepare(
                effect,
                self.machine.state(),
                self.conductor.drivers.as_ref(),
                &self.files,
                &self.conductor.clock,
                decided,
                &mut contexts,
            );
            let answers = self.answers.clone();
            if stopping {
                if let Some(answer) = task.left_out() {
                    let _ = answers.send(answer);
                }
                continue;
            }
            self.tasks.spawn(async move {
                let input = task.carry_out(&answers).await;
                let _ = answers.send(input);
            });
        }
        Ok(())
    }

    /// Gives back what a journal of an earlier version may still hold: the store itself gave the rest
    /// back with the record that ended the run. A run that is over does not fail for it.
    async fn release(&mut self) {
        let run = &self.machine.state().run;
        if let Err(error) = self.conductor.store.release(run).await {
            tracing::warn!(%run, %error, "the targets of a run that is over were not given back");
        }
    }
}

impl From<crate::record::RecordError> for ConductorError {
    fn from(error: crate::record::RecordError) -> ConductorError {
        ConductorError::Illegal(IllegalTransition::Record(error))
    }
}
