//! How another terminal speaks to a run: which run and step are meant, the command into the
//! run's inbox, and whether somebody is there to take it in.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use clap::{Args, ValueEnum};
use leeward_engine::{
    conductor::{Unfolded, folded},
    event::{Event, Outcome},
    id::{RunId, StepId},
    port::{Clock, Command, CommandId, Envelope, JournalStore, LeaseInfo},
    state::RunState,
    view::{RunView, Standing, StepView},
};
use serde_json::json;

use super::Desk;
use crate::{
    code::Code,
    exit::Exit,
    failure::Failure,
    ports,
    report::state_of,
    screen::{between, nearest, span},
};

/// A lease without a sign of life for this long is nobody's.
pub(super) const SILENT: Duration = Duration::from_secs(60);
/// How long a sender waits to see its command taken in.
const PATIENCE: Duration = Duration::from_secs(8);

/// How the verbs of other terminals answer.
#[derive(Debug, Args)]
pub struct Answer {
    /// How to print the answer
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

/// For people or for machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Sentences
    Human,
    /// JSON
    Json,
}

/// A run as another terminal finds it.
pub struct Found {
    /// Where it is recorded.
    pub store: Arc<dyn JournalStore>,
    /// Where it stands.
    pub state: RunState,
    /// What that amounts to.
    pub view: RunView,
    /// Who holds it.
    pub lease: Option<LeaseInfo>,
}

impl Found {
    /// Returns the holder, where it has given a sign of life lately.
    pub fn alive(&self) -> Option<&LeaseInfo> {
        let now = ports::clock::real().now().wall;
        self.lease
            .as_ref()
            .filter(|lease| between(lease.heartbeat, now) < SILENT)
    }

    /// Returns the step of that name, or a failure that knows the likeliest one.
    pub fn step(&self, name: &str) -> Result<&StepView, Failure> {
        let found = self.view.steps.iter().find(|step| step.id.as_str() == name);
        found.ok_or_else(|| {
            let failure = Failure::new(
                Code::NoSuchStep,
                format!("run {} has no step `{name}`", self.view.run),
            );
            match nearest(name, self.view.steps.iter().map(|step| step.id.as_str())) {
                Some(near) => failure.hint(format!("did you mean `{near}`?")),
                None => failure.hint(format!("run `leeward status {}` to see its steps", self.view.run)),
            }
        })
    }
}

/// Splits `[RUN] [STEP]`: a run is known by its form. Of two words the first must be one, or what is meant
/// for one run or step would befall another.
pub fn address(words: &[String]) -> Result<(Option<RunId>, Option<String>), Failure> {
    match words {
        [] => Ok((None, None)),
        [run, rest @ ..] if is_run(run) => Ok((Some(RunId(run.clone())), rest.first().cloned())),
        [step] => Ok((None, Some(step.clone()))),
        [word, ..] => Err(
            Failure::new(Code::NoSuchRun, format!("`{word}` is no name of a run"))
                .because("of two words the first is the run and the second its step")
                .hint("name one step at a time")
                .hint("run `leeward runs` to see every run of this journal"),
        ),
    }
}

/// Splits `[RUN] STEP`, and insists on the step.
pub fn address_of_step(words: &[String], verb: &str) -> Result<(Option<RunId>, String), Failure> {
    match address(words)? {
        (run, Some(step)) => Ok((run, step)),
        (_, None) => Err(
            Failure::new(Code::Incomplete, format!("`leeward {verb}` needs a step"))
                .hint(format!("write `leeward {verb} RUN STEP`"))
                .hint("run `leeward status` to see the steps"),
        ),
    }
}

fn is_run(word: &str) -> bool {
    word.strip_prefix("r-")
        .is_some_and(|rest| rest.len() >= 8 && rest.bytes().take(8).all(|byte| byte.is_ascii_digit()))
}

/// Which run is meant where none is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unnamed {
    /// The newest one that is not over.
    Unfinished,
    /// The newest one that is not over, else the newest.
    Newest,
    /// The newest one, over or not.
    Last,
}

/// Finds a run by name, or the newest one that is not over, to send it a command.
pub async fn find(desk: &Desk, run: Option<RunId>) -> Result<Found, Failure> {
    let found = find_to_resume(desk, run).await?;
    let view = &found.view;
    if let Standing::Ended(_) = view.standing {
        return Err(Failure::new(Code::RunOver, format!("run {} is over", view.run))
            .hint(format!("run `leeward report {}` to see how it ended", view.run)));
    }
    Ok(found)
}

/// Finds a run by name, or the newest one that is not over, to write its journal.
pub async fn find_to_resume(desk: &Desk, run: Option<RunId>) -> Result<Found, Failure> {
    let store = ports::store::open_existing(desk).await?;
    found(store, run, Unnamed::Unfinished).await
}

/// Finds a run by name, or the newest one that is not over, else the newest, to look at it.
pub async fn find_to_read(desk: &Desk, run: Option<RunId>) -> Result<Found, Failure> {
    let store = ports::store::open_reading(desk).await?;
    found(store, run, Unnamed::Newest).await
}

/// Finds a run by name, or the newest one, to tell how it went.
pub async fn find_to_report(desk: &Desk, run: Option<RunId>) -> Result<Found, Failure> {
    let store = ports::store::open_reading(desk).await?;
    found(store, run, Unnamed::Last).await
}

/// Notes which drills had to yield to a run.
pub fn note_yielded(state: &RunState, run: &RunId, yielded: &mut BTreeMap<RunId, RunId>) {
    for drill in &state.evicted {
        yielded.entry(drill.clone()).or_insert_with(|| run.clone());
    }
}

/// Returns whether a run was refused its targets, so that it is over before it began.
fn never_began(found: &Found) -> bool {
    found.view.standing == Standing::Ended(Outcome::Cancelled) && !found.state.claimed
}

async fn found(store: Arc<dyn JournalStore>, run: Option<RunId>, unnamed: Unnamed) -> Result<Found, Failure> {
    let summaries = store.runs().await?;
    if let Some(run) = run {
        if !summaries.iter().any(|summary| summary.header.run == run) {
            return Err(no_such_run(
                &run,
                summaries.iter().map(|summary| summary.header.run.as_str()),
            ));
        }
        let lease = summaries
            .into_iter()
            .find(|summary| summary.header.run == run)
            .and_then(|it| it.lease);
        let state = state_of(store.records(&run, 1)).await?;
        let view = RunView::from(&state);
        return Ok(Found {
            store,
            state,
            view,
            lease,
        });
    }
    // Newest first, so that a failover is seen before the drill that had to yield to it.
    let mut yielded = BTreeMap::new();
    let (mut newest, mut refused, mut open_drill) = (None, None, None);
    for summary in summaries {
        if summary.records == 0 {
            continue;
        }
        let run = summary.header.run;
        // One that this version cannot follow hides none that can be gone on with. A damaged one is told instead of
        // passed over: it may be the very run that is meant, and whoever means another names it.
        let state = match folded(store.records(&run, 1)).await {
            Ok(state) => state,
            Err(Unfolded::Illegal(_)) => continue,
            Err(Unfolded::Journal(error)) => return Err(error.into()),
        };
        note_yielded(&state, &run, &mut yielded);
        let view = RunView::from(&state);
        let over = matches!(view.standing, Standing::Ended(_));
        let found = Found {
            store: store.clone(),
            state,
            view,
            lease: summary.lease,
        };
        if never_began(&found) {
            refused.get_or_insert(found);
            continue;
        }
        if unnamed == Unnamed::Last {
            return Ok(found);
        }
        match (over, yielded.contains_key(&run)) {
            (false, false) => return Ok(found),
            (false, true) => {
                open_drill.get_or_insert(run);
            }
            (true, _) => {}
        }
        newest.get_or_insert(found);
    }
    match (unnamed, newest.or(refused)) {
        (Unnamed::Newest | Unnamed::Last, Some(found)) => Ok(found),
        (Unnamed::Last, None) => Err(
            Failure::new(Code::NothingToResume, "there is no run in this journal")
                .hint("name another journal with `--journal FILE`"),
        ),
        _ => {
            let mut failure = Failure::new(
                Code::NothingToResume,
                "there is no unfinished run in this journal",
            );
            if let Some(drill) = open_drill {
                failure = failure.hint(format!(
                    "a drill had to yield to a failover; to end it: leeward resume {drill}"
                ));
            }
            Err(failure
                .hint("run `leeward runs` to see every run")
                .hint("name another journal with `--journal FILE`"))
        }
    }
}

/// Tells that a run is not there, and which one was likely meant: of those that begin so the newest.
fn no_such_run<'a>(run: &RunId, known: impl Iterator<Item = &'a str> + Clone) -> Failure {
    let begins = known
        .clone()
        .find(|known| run.as_str().len() > "r-20".len() && known.starts_with(run.as_str()));
    let failure = Failure::new(
        Code::NoSuchRun,
        format!("there is no run `{run}` in this journal"),
    );
    let failure = match begins.or_else(|| nearest(run.as_str(), known)) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure,
    };
    failure
        .hint("run `leeward runs` to see every run of this journal")
        .hint("name another journal with `--journal FILE`")
}

/// Puts a command into the run's inbox and tells what became of it.
pub async fn send(desk: &Desk, found: &Found, command: Command, format: Format) -> Result<Exit, Failure> {
    let view = &found.view;
    let id = CommandId(format!("c-{}", uuid::Uuid::new_v4().simple()));
    let envelope = Envelope {
        id: id.clone(),
        by: ports::identity::person(&desk.settings),
        at: ports::clock::real().now().wall,
        seen: view.seq,
        command,
    };
    found.store.send(&view.run, &envelope).await?;
    let fate = match found.alive() {
        Some(_) => wait_for(found, &id).await?,
        None => Fate::Unread,
    };
    tell(desk, found, &id, &fate, format)?;
    Ok(match fate {
        Fate::Refused(_) => Exit::Failed,
        _ => Exit::Holds,
    })
}

enum Fate {
    Taken,
    Refused(String),
    /// Its conductor lives but has not taken it in yet.
    Waiting,
    /// Nobody conducts the run.
    Unread,
}

async fn wait_for(found: &Found, id: &CommandId) -> Result<Fate, Failure> {
    let mut seen = found.view.seq;
    let started = ports::clock::real().now().uptime;
    while ports::clock::real().now().uptime.saturating_sub(started) < PATIENCE {
        let records = found.store.read(&found.view.run, seen + 1).await?;
        for record in &records {
            seen = record.body.seq;
            if let Event::CommandTaken {
                id: taken, refused, ..
            } = &record.body.event
                && taken == id
            {
                return Ok(match refused {
                    Some(why) => Fate::Refused(why.clone()),
                    None => Fate::Taken,
                });
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(Fate::Waiting)
}

fn tell(desk: &Desk, found: &Found, id: &CommandId, fate: &Fate, format: Format) -> Result<(), Failure> {
    let run = &found.view.run;
    let text = match format {
        Format::Json => {
            let (taken, refused) = match fate {
                Fate::Taken => (Some(true), None),
                Fate::Refused(why) => (Some(false), Some(why)),
                Fate::Waiting | Fate::Unread => (None, None),
            };
            let answer = json!({
                "format": "leeward-command",
                "version": 1,
                "command": id,
                "run": run,
                "conducted": !matches!(fate, Fate::Unread),
                "taken": taken,
                "refused": refused,
            });
            format!("{answer}\n")
        }
        Format::Human => match (fate, &found.lease) {
            (Fate::Taken, _) => format!("Taken in by the conductor of {run}\n"),
            (Fate::Refused(why), _) => format!("Refused by the conductor of {run} : {why}\n"),
            (Fate::Waiting, Some(lease)) => format!(
                "Waits in the inbox of {run} ; its conductor on {} takes it in when it looks next\n",
                lease.holder.host
            ),
            (_, Some(lease)) => format!(
                "Waits in the inbox of {run} ; its conductor on {} has been silent for {}.\nIf it is gone: leeward resume {run}\n",
                lease.holder.host,
                span(between(lease.heartbeat, ports::clock::real().now().wall)),
            ),
            (_, None) => format!(
                "Waits in the inbox of {run} ; nobody conducts this run.\nTo let it count: leeward resume {run}\n"
            ),
        },
    };
    desk.terminal.result(&text)
}

/// Returns a reason that says something.
pub fn reason(text: &str) -> Result<String, Failure> {
    match text.trim() {
        "" => Err(Failure::new(Code::Incomplete, "the reason is empty")
            .hint("say why in a few words: the journal keeps it for those who ask later")),
        text => Ok(text.to_owned()),
    }
}

/// Makes a step's id of a step's view.
pub fn id(step: &StepView) -> StepId {
    step.id.clone()
}
