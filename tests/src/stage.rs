//! How is a shipped runbook played, in this process, on a clock that jumps?
//!
//! The real drivers, the real conductor and a memory journal, against one simulated world in which several
//! runs may follow one another, be killed after a record and be gone on with.

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use leeward_cli::{
    exit::Exit,
    ports::{
        clock::RehearsalClock,
        folder::{PlanFiles, RunbookFolder},
        identity,
    },
    rehearsal::{self, Answers, Outage, Setting},
};
use leeward_engine::{
    conductor::{Conducted, Conductor, ConductorError, Ended, Manners, NewRun, Unobserved},
    event::Event,
    id::RunId,
    port::{Clock, Command, CommandId, Drivers, Envelope, JournalStore, LeasePolicy},
    record::Record,
    state::RunState,
    view::RunView,
};
use leeward_runbook::{
    finding::to_text,
    journey::Journey,
    plan::{PinnedFiles, Plan, PlanRequest, plan_with_files},
};
use leeward_simulator::{Entry, Rule, Settings, Simulator, World, world::Progress};
use leeward_store::MemoryStore;
use serde_json::Value;
use tokio::sync::watch;

/// Longer than any run may take by the simulated clock; a run that is under way then hangs.
const PATIENCE: Duration = Duration::from_secs(7 * 24 * 3600);

/// A runbook with the world beside it.
pub struct Book {
    name: String,
    /// Where it was written, if for this test alone.
    _kept: Option<tempfile::TempDir>,
    runbook: leeward_runbook::Runbook,
    folder: RunbookFolder,
    setting: Setting,
}

/// A plan with the bytes that it pinned.
#[derive(Clone)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// The bytes of its files, by digest.
    pub files: PinnedFiles,
}

impl Book {
    /// Reads the runbook of that name.
    pub fn open(name: &str) -> Book {
        Book::at(name, &root().join("runbooks").join(name).join("runbook.yaml"))
    }

    /// Reads a runbook that lies elsewhere, with the world beside it.
    pub fn at(name: &str, file: &Path) -> Book {
        Book::read(name, file, None)
    }

    /// Writes a runbook for one test alone, and its world, and reads them.
    pub fn written(runbook: &str, world: &str) -> Book {
        Book::written_with(runbook, world, &[])
    }

    /// The same, with more files beside the runbook, by their paths.
    pub fn written_with(runbook: &str, world: &str, files: &[(&str, &[u8])]) -> Book {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let own: [(&str, &[u8]); 2] = [
            ("runbook.yaml", runbook.as_bytes()),
            ("world.yaml", world.as_bytes()),
        ];
        for (path, bytes) in own.iter().chain(files) {
            let path = folder.path().join(path);
            let parent = path.parent().unwrap_or(folder.path());
            std::fs::create_dir_all(parent)
                .and_then(|()| std::fs::write(&path, bytes))
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
        let file = folder.path().join("runbook.yaml");
        Book::read("runbook.yaml", &file, Some(folder))
    }

    fn read(name: &str, file: &Path, kept: Option<tempfile::TempDir>) -> Book {
        let bytes = std::fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let reading = leeward_runbook::read(name, &bytes);
        let findings: Vec<String> = reading.findings.iter().map(to_text).collect();
        Book {
            name: name.to_owned(),
            _kept: kept,
            runbook: reading
                .runbook
                .unwrap_or_else(|| panic!("{name}: {}", findings.join("\n"))),
            folder: RunbookFolder::of(file),
            setting: rehearsal::setting_beside(file).unwrap_or_else(|failure| panic!("{name}: {failure:?}")),
        }
    }

    /// Makes the plan of a journey; whoever plays an outage has declared it.
    pub fn plan(&self, journey: Journey, outage: Outage) -> Planned {
        let mut request = PlanRequest::new(journey);
        request.folder = &self.folder;
        request.region_down = outage != Outage::BothUp;
        let known = |name: &String| {
            let parameters = &self.runbook.parameters;
            parameters.iter().any(|parameter| *parameter.name.value == **name)
        };
        let given = self.setting.parameters();
        request.set = given.into_iter().filter(|(name, _)| known(name)).collect();
        let (plan, files) = plan_with_files(&self.runbook, &request).unwrap_or_else(|findings| {
            let findings: Vec<String> = findings.iter().map(to_text).collect();
            panic!("{} {journey}: {}", self.name, findings.join("\n"))
        });
        Planned { plan, files }
    }

    /// Makes the world in which the source region of a plan serves.
    pub fn world(&self, planned: &Planned, outage: Outage) -> World {
        let files = PlanFiles::of(&planned.plan, &planned.files);
        rehearsal::world(&planned.plan, &files, &self.setting, outage)
            .unwrap_or_else(|failure| panic!("{}: {failure:?}", self.name))
    }

    /// Opens a stage for a journey, in the world where it begins.
    pub fn stage(&self, journey: Journey, outage: Outage, seed: u64) -> (Stage, Planned) {
        let planned = self.plan(journey, outage);
        (Stage::new(self.world(&planned, outage), seed), planned)
    }
}

/// A simulated world in which runs are played one after another.
pub struct Stage {
    /// The pretend Azure.
    pub simulator: Simulator,
    /// Where the journals of its runs live.
    pub store: MemoryStore,
    clock: Arc<dyn Clock>,
    drivers: Arc<dyn Drivers>,
    seed: u64,
    runs: u32,
    said: u32,
    never: watch::Sender<bool>,
}

/// How a run was left.
pub struct Played {
    /// The run.
    pub run: RunId,
    /// Why its conductor left it.
    pub ended: Ended,
    /// Where it stands.
    pub state: RunState,
    /// What people see of it.
    pub view: RunView,
    /// Its journal.
    pub records: Vec<Record>,
    /// How often its conductor died before.
    pub deaths: u32,
}

impl Stage {
    /// Opens a stage; needs a runtime whose clock is paused.
    pub fn new(world: World, seed: u64) -> Stage {
        Stage::answered_by(world, seed, None)
    }

    /// Opens a stage on which somebody else answers in Azure's stead.
    pub fn answered_by(world: World, seed: u64, azure: Option<Arc<dyn Answers>>) -> Stage {
        let clock: Arc<dyn Clock> = Arc::new(RehearsalClock::starting(world.start));
        let simulator = Simulator::new(world, Settings::seeded(seed));
        let wall = clock.clone();
        let azure = azure.unwrap_or_else(|| Arc::new(simulator.clone()));
        Stage {
            drivers: rehearsal::drivers_over(azure, &simulator, &clock)
                .unwrap_or_else(|failure| panic!("{failure:?}")),
            store: MemoryStore::with_clock(move || wall.now().wall),
            simulator,
            clock,
            seed,
            runs: 0,
            said: 0,
            never: watch::Sender::new(false),
        }
    }

    /// Returns whether a kind has a driver.
    pub fn drives(&self, kind: &str) -> bool {
        self.drivers.of(kind).is_some()
    }

    /// Plays a plan until nothing moves.
    pub async fn play(&mut self, planned: &Planned) -> Played {
        let new = self.new_run(planned);
        let run = new.run.clone();
        let conducted = self.within(self.conductor().start(new, &mut Unobserved)).await;
        self.played(run, told(conducted), 0).await
    }

    /// Plays a plan until nothing moves; its conductor dies after each of these records and another goes on.
    pub async fn play_dying(&mut self, planned: &Planned, after: &[u64]) -> Played {
        let new = self.new_run(planned);
        let run = new.run.clone();
        let mut deaths = 0;
        let mut conducted = {
            let conductor = self.conductor();
            self.until_death(after.first(), conductor.start(new, &mut Unobserved))
                .await
        };
        while conducted.is_none() {
            deaths += 1;
            let next = after.get(deaths as usize);
            let conductor = self.conductor();
            let mut nobody = Unobserved;
            let resumed = conductor.resume(&run, LeasePolicy::IfFree, Vec::new(), &mut nobody);
            conducted = self.until_death(next, resumed).await;
        }
        let conducted = conducted.unwrap_or_else(|| unreachable!("the loop ends with one"));
        self.played(run, told(conducted), deaths).await
    }

    /// Plays a plan until its conductor dies after a record, and leaves it so. Nothing where it ended before.
    pub async fn abandon(&mut self, planned: &Planned, after: u64) -> Option<RunId> {
        let new = self.new_run(planned);
        let run = new.run.clone();
        let conductor = self.conductor();
        let conducted = self
            .until_death(Some(&after), conductor.start(new, &mut Unobserved))
            .await;
        conducted.is_none().then_some(run)
    }

    /// Plays a plan, and another one beside it from a moment on: the first may be driven out by the second.
    pub async fn play_beside(
        &mut self,
        first: &Planned,
        from: Duration,
        second: &Planned,
    ) -> (Result<Played, ConductorError>, Played) {
        let (new, other) = (self.new_run(first), self.new_run(second));
        let (run, other_run) = (new.run.clone(), other.run.clone());
        let (one, two) = (self.conductor(), self.conductor());
        let (mut nobody, mut no_one) = (Unobserved, Unobserved);
        let later = async {
            tokio::time::sleep(from).await;
            two.start(other, &mut no_one).await
        };
        let (conducted, beside) = tokio::join!(self.within(one.start(new, &mut nobody)), self.within(later));
        let played = match conducted {
            Ok(conducted) => Ok(self.played(run, conducted, 0).await),
            Err(error) => Err(error),
        };
        (played, self.played(other_run, told(beside), 0).await)
    }

    /// Goes on with a run until nothing moves.
    pub async fn resume(&mut self, run: &RunId) -> Result<Played, ConductorError> {
        let conductor = self.conductor();
        let mut nobody = Unobserved;
        let resumed = conductor.resume(run, LeasePolicy::IfFree, Vec::new(), &mut nobody);
        let conducted = self.within(resumed).await?;
        Ok(self.played(run.clone(), conducted, 0).await)
    }

    /// Says something to a run from another terminal, goes on with it, and returns why the run refused to listen,
    /// where it did.
    pub async fn say(&mut self, run: &RunId, command: Command) -> (Option<String>, Played) {
        self.said += 1;
        let id = CommandId(format!("c-{}", self.said));
        let envelope = Envelope {
            id: id.clone(),
            by: identity::stand_in(),
            at: self.clock.now().wall,
            seen: 0,
            command,
        };
        let sent = self.store.send(run, &envelope).await;
        sent.unwrap_or_else(|error| panic!("{error}"));
        let mut conductor = self.conductor();
        conductor.manners.inbox_every = Manners::default().inbox_every;
        let mut nobody = Unobserved;
        let resumed = conductor.resume(run, LeasePolicy::IfFree, Vec::new(), &mut nobody);
        let conducted = told(self.within(resumed).await);
        let played = self.played(run.clone(), conducted, 0).await;
        let taken = played.records.iter().find_map(|record| match &record.body.event {
            Event::CommandTaken {
                id: taken, refused, ..
            } if *taken == id => Some(refused.clone()),
            _ => None,
        });
        let refused = taken.unwrap_or_else(|| panic!("{id:?} was not taken in\n{}", played.tale()));
        (refused, played)
    }

    /// Returns the requests for a change that were taken on, in the order of their arrival.
    pub fn accepted(&self) -> Vec<Entry> {
        let all = self.simulator.requests();
        all.into_iter().filter(|entry| entry.accepted).collect()
    }

    /// Returns every request for a change, in the order of their arrival.
    pub fn changes(&self) -> Vec<Entry> {
        let all = self.simulator.requests();
        all.into_iter().filter(|entry| entry.changing).collect()
    }

    /// Lets time pass in the world, so that what is under way comes to its end.
    pub async fn settle(&self) {
        tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
        let _ = self.simulator.world();
    }

    async fn until_death(
        &self,
        after: Option<&u64>,
        work: impl Future<Output = Result<Conducted, ConductorError>>,
    ) -> Option<Result<Conducted, ConductorError>> {
        let died = self.store.died();
        if let Some(after) = after {
            self.store.die_after(*after);
        }
        tokio::select! {
            biased;
            () = died => None,
            conducted = self.within(work) => Some(conducted),
        }
    }

    async fn within(
        &self,
        work: impl Future<Output = Result<Conducted, ConductorError>>,
    ) -> Result<Conducted, ConductorError> {
        tokio::time::timeout(PATIENCE, work)
            .await
            .unwrap_or_else(|_| panic!("seed {}: the run moves for ever", self.seed))
    }

    async fn played(&self, run: RunId, conducted: Conducted, deaths: u32) -> Played {
        let records = self.store.read(&run, 1).await;
        Played {
            view: RunView::from(&conducted.state),
            records: records.unwrap_or_else(|error| panic!("{error}")),
            run,
            ended: conducted.ended,
            state: conducted.state,
            deaths,
        }
    }

    fn conductor(&self) -> Conductor {
        let store = Arc::new(self.store.clone());
        rehearsal::conductor(
            store,
            self.drivers.clone(),
            self.clock.clone(),
            self.never.subscribe(),
        )
    }

    fn new_run(&mut self, planned: &Planned) -> NewRun {
        self.runs += 1;
        let number = (self.seed & 0xff) as u32 * 16 + self.runs;
        let now = self.clock.now().wall;
        rehearsal::opening(planned.plan.clone(), planned.files.clone(), number, now, None)
    }
}

impl Played {
    /// Returns the code with which the command would end.
    pub fn exit(&self) -> u8 {
        Exit::of(&self.view).code()
    }

    /// Tells how every step and operation stands that is not simply done; the message of a failed assertion.
    pub fn tale(&self) -> String {
        let mut text = format!(
            "run {}, exit {}, {} records, {} deaths\n",
            self.run,
            self.exit(),
            self.records.len(),
            self.deaths
        );
        for step in &self.view.steps {
            if step.state == leeward_engine::view::StepWord::Done {
                continue;
            }
            text.push_str(&format!("  {} {:?}: {}\n", step.id, step.state, step.detail));
            for operation in step.operations.iter().filter(|operation| !operation.reached) {
                text.push_str(&format!("    {}: {}\n", operation.id, operation.detail));
            }
        }
        for todo in &self.view.todo {
            text.push_str(&format!(
                "  todo {}: {} {:?}\n",
                todo.step, todo.why, todo.choices
            ));
        }
        for word in &self.view.degradations {
            text.push_str(&format!("  degraded: {word}\n"));
        }
        for word in &self.view.leftovers {
            text.push_str(&format!("  left over: {word}\n"));
        }
        text
    }
}

/// Runs something on one thread whose clock jumps to the next timer when nothing else moves.
pub fn rehearse<T>(work: impl Future<Output = T>) -> T {
    let built = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    built.unwrap_or_else(|error| panic!("{error}")).block_on(work)
}

/// Returns the seeds to play with: as many as `LEEWARD_SEEDS` says, else as many as are said here.
pub fn seeds(usual: u64) -> impl Iterator<Item = u64> {
    let asked = env::var("LEEWARD_SEEDS").ok().and_then(|text| text.parse().ok());
    1..=asked.unwrap_or(usual)
}

/// Returns whether everything is asked for, however long it takes.
pub fn exhaustive() -> bool {
    env::var("LEEWARD_EXHAUSTIVE").is_ok_and(|word| word == "1")
}

/// Reads rules as a fault file would.
pub fn rules(value: Value) -> Vec<Rule> {
    leeward_simulator::rules(&value.to_string()).unwrap_or_else(|error| panic!("{value}: {error}"))
}

/// Returns the resources of a world: what it is, without what happened to it and when.
pub fn resources(world: &World) -> BTreeMap<String, Value> {
    let running = world
        .operations
        .values()
        .filter(|one| one.progress == Progress::Running);
    let running: Vec<&str> = running.map(|one| one.subject.as_str()).collect();
    assert!(running.is_empty(), "still under way: {running:?}");
    world
        .resources
        .iter()
        .filter(|(id, _)| !id.contains("/replicationjobs/"))
        .map(|(id, resource)| {
            let mut whole = serde_json::to_value(resource).unwrap_or_else(|error| panic!("{error}"));
            if id.contains("/replicationrecoveryplans/") {
                // What a plan remembers of its last verbs is no more than a job is.
                whole["state"] = Value::Null;
            }
            (id.clone(), whole)
        })
        .collect()
}

/// Returns the resource groups of a world as they are compared.
pub fn groups(world: &World) -> BTreeMap<String, Value> {
    let groups = world.groups.iter();
    let shown = groups.map(|(id, group)| {
        let whole = serde_json::to_value(group).unwrap_or_else(|error| panic!("{error}"));
        (id.clone(), whole)
    });
    shown.collect()
}

/// Tells where two worlds differ, place by place; nothing where they are the same.
pub fn differences(before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>) -> Vec<String> {
    let mut found = Vec::new();
    for id in before
        .keys()
        .chain(after.keys().filter(|id| !before.contains_key(*id)))
    {
        compare(
            id,
            before.get(id).unwrap_or(&Value::Null),
            after.get(id).unwrap_or(&Value::Null),
            &mut found,
        );
    }
    found
}

fn compare(at: &str, before: &Value, after: &Value, found: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(one), Value::Object(other)) => {
            for key in one
                .keys()
                .chain(other.keys().filter(|key| !one.contains_key(*key)))
            {
                let inner = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or_default();
                compare(&format!("{at} {key}"), &inner(one), &inner(other), found);
            }
        }
        _ if before == after => {}
        _ => found.push(format!("{at}: {before} became {after}")),
    }
}

/// Two runs of different length leave different moments behind, other jobs and other recovery points, and nothing
/// else. A moment is known by its value, never by the name of its field.
pub fn tells_a_time(difference: &str) -> bool {
    let (field, values) = difference.split_once(": ").unwrap_or((difference, ""));
    let name = field.rsplit(' ').next().unwrap_or_default().to_lowercase();
    let is_moment = |text: &str| text.trim_matches('"').parse::<jiff::Timestamp>().is_ok();
    let is_point = |text: &str| text.to_lowercase().contains("/recoverypoints/");
    let told = values.split_once(" became ").is_some_and(|(before, after)| {
        (is_moment(before) && is_moment(after)) || (is_point(before) && is_point(after))
    });
    told || name.contains("job") || name == "rpoinseconds"
}

fn told(conducted: Result<Conducted, ConductorError>) -> Conducted {
    conducted.unwrap_or_else(|error| panic!("the run could not be conducted: {error}"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
