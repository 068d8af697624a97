//! What does the machine cost by itself: no journal, no tasks, no clock?

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use criterion::Criterion;
use futures::executor::block_on;
use jiff::Timestamp;
use leeward_engine::{
    event::{Event, Outcome},
    machine::{Action, Effect, Input, Machine, Part},
    port::{Envelope, Journal, JournalError, Records, records},
    record::{Chain, JOURNAL_FORMAT, Record},
    state::RunState,
};
use leeward_runbook::plan::Plan;

use crate::{
    Size, platform,
    table::{self, Table},
    toy::{self, World},
};

/// What the operations are called that have a row in the table of losses.
const LOSSY: &str = "operations that could lose data";

/// As many inputs as the conductor decides together.
const BATCH: usize = 4096;

/// A journal that keeps what it is given.
#[derive(Default)]
pub(crate) struct Kept(pub(crate) Vec<Record>);

#[async_trait]
impl Journal for Kept {
    fn epoch(&self) -> u64 {
        1
    }

    async fn append(&mut self, records: &[Record]) -> Result<(), JournalError> {
        self.0.extend_from_slice(records);
        Ok(())
    }

    fn records(&self, _from: u64) -> Box<dyn Records> {
        records::of(Vec::new())
    }

    async fn inbox(&mut self) -> Result<Vec<Envelope>, JournalError> {
        Ok(Vec::new())
    }

    async fn heartbeat(&mut self, _at: Timestamp) -> Result<(), JournalError> {
        Ok(())
    }

    async fn close(&mut self) -> Result<(), JournalError> {
        Ok(())
    }
}

/// What the machine took and wrote.
pub(crate) struct Alone {
    /// Time in the machine alone, on one thread: deciding, and sealing its records.
    pub(crate) busy: Duration,
    pub(crate) records: Vec<Record>,
}

/// Lets the machine go through a plan against a cloud that answers at once.
pub(crate) fn alone(plan: &Plan, world: &World) -> Alone {
    let now: Timestamp = "2026-11-24T03:00:00Z".parse().unwrap();
    let opened = Event::RunOpened {
        format: JOURNAL_FORMAT,
        version: "bench".to_owned(),
        run: toy::run_id(),
        plan: std::sync::Arc::new(plan.clone()),
        options: toy::options(now),
        by: toy::ann(),
    };
    let begun = Instant::now();
    let record = Chain::default().next(1, now, opened).unwrap();
    let state = RunState::open(&record).unwrap();
    let mut machine = Machine::new(state, 1);
    let mut busy = begun.elapsed();
    let mut journal = Kept(vec![record]);
    let mut waiting = VecDeque::from([Input::Opened]);
    while !waiting.is_empty() {
        let many = waiting.len().min(BATCH);
        let batch: Vec<Input> = waiting.drain(..many).collect();
        let begun = Instant::now();
        let decision = machine.decide(now, batch).unwrap();
        busy += begun.elapsed();
        let (_, effects) = block_on(decision.record(&mut journal)).unwrap();
        waiting.extend(
            effects
                .into_iter()
                .filter_map(|effect| answer(plan, world, &machine, effect)),
        );
    }
    assert_eq!(machine.state().outcome, Some(Outcome::Done));
    Alone {
        busy,
        records: journal.0,
    }
}

fn answer(_: &Plan, world: &World, machine: &Machine, effect: Effect) -> Option<Input> {
    let Effect {
        address,
        pacing,
        action,
        ..
    } = effect;
    let step = machine.state().planned[address.step].id.clone();
    let step = step.as_str();
    Some(match action {
        Action::Measure => Input::Measured(address.step, Ok(Vec::new())),
        Action::Assess => Input::Assessed(address, Ok(world.assess(step))),
        Action::Observe(operation) => {
            Input::Observed(address, pacing, world.observe(step, &operation), Duration::ZERO)
        }
        Action::Begin(send) => Input::Answered(address, world.begin(step, &send.operation)),
        Action::Poll(..) => Input::Polled(address, pacing, world.poll()),
        Action::Probe(_) => Input::Probed(address, pacing, world.probe()),
        // Deadlines never come here: everything answers at once.
        Action::Wake if matches!(address.part, Part::Deadline | Part::Patience(_)) => return None,
        Action::Wake => Input::Woke(address),
    })
}

pub(crate) fn measure(criterion: &mut Criterion, table: &mut Table, size: Size) {
    let plan = platform::planned(&platform::spread(size.steps));
    let mut group = criterion.benchmark_group("machine alone");
    let mut records = 0;
    let mut sealing = Duration::ZERO;
    let whole = table::bench(&mut group, "a spread plan", || {
        let alone = alone(&plan, &World::of_width(1));
        records = alone.records.len();
        // What no machine can do without: every record written as JSON and hashed.
        sealing = table::timed(|| {
            for record in &alone.records {
                std::hint::black_box(Record::seal(record.body.clone()).unwrap());
            }
        })
        .0;
        alone.busy
    });
    if let Some(whole) = whole {
        table.section(&format!(
            "The machine alone, {} steps, {records} records",
            size.steps
        ));
        let per_step = whole / size.steps as f64;
        table.line("time in it", table::time(whole), "");
        table.line("a step", table::time(per_step), "");
        table.line("a record", table::time(whole / records as f64), "");
        table.line(
            "beside sealing the same records",
            table::ratio(whole, sealing.as_secs_f64()),
            "JSON and BLAKE3 alone",
        );
        let path = plan.forecast.as_secs_f64();
        table.line(
            "of the critical path by forecast",
            format!("{:.4} %", 100.0 * whole / path),
            &format!("mark: 1 %, the path is {path:.0} s"),
        );
    }
    let plan = toy::one_step();
    for what in ["operations", LOSSY] {
        let world = |wide| match what {
            LOSSY => World::lossy(wide),
            _ => World::of_width(wide),
        };
        table.section(&format!("One step with many {what}, the machine alone"));
        let mut first = None;
        for wide in size.machines {
            let took = table::bench(&mut group, &format!("{wide} {what} behind one step"), || {
                alone(&plan, &world(wide)).busy
            });
            let Some(took) = took else { continue };
            let each = took / wide as f64;
            let growth = table::ratio(each, *first.get_or_insert(each));
            table.line(
                &format!("{wide} {what}"),
                table::time(took),
                &format!("{} each, {growth} the smallest", table::time(each)),
            );
        }
    }
    group.finish();
}
