//! A store under test, and the small things that every promise needs.

use std::sync::Arc;

use jiff::Timestamp;
use leeward_engine::{
    event::{Event, Known, Person},
    id::RunId,
    port::{Command, CommandId, Envelope, Holder, Journal, JournalStore, LeasePolicy, Opened, RunHeader},
    record::{Chain, Record},
};
use leeward_runbook::journey::Journey;
use leeward_store::{MemoryStore, SqliteStore, holder};

/// A place for journals, and a second door to the same place.
pub struct Kit {
    /// One terminal's store.
    pub store: Arc<dyn JournalStore>,
    /// Another terminal's.
    pub other: Arc<dyn JournalStore>,
    _folder: Option<tempfile::TempDir>,
}

/// Makes a memory store; both terminals share it.
pub fn memory() -> Kit {
    let store = MemoryStore::new();
    Kit {
        store: Arc::new(store.clone()),
        other: Arc::new(store),
        _folder: None,
    }
}

/// Makes a file with two stores that know nothing of each other.
pub fn sqlite() -> Kit {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    Kit {
        store: Arc::new(SqliteStore::open(&path).unwrap()),
        other: Arc::new(SqliteStore::open(&path).unwrap()),
        _folder: Some(folder),
    }
}

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

pub fn run(name: &str) -> RunId {
    RunId(format!("r-{name}"))
}

pub fn header(name: &str, journey: Journey) -> RunHeader {
    RunHeader {
        run: run(name),
        runbook: "interworks-platform".into(),
        journey,
        plan_digest: "d1".into(),
        created: at(0),
    }
}

/// This process, as a user of that name.
pub fn alive(user: &str) -> Holder {
    Holder {
        user: user.into(),
        ..holder::this_process()
    }
}

/// A process of this machine that is certainly dead: its number is now ours.
pub fn dead(user: &str) -> Holder {
    let mut holder = alive(user);
    holder.process_start.push('7');
    holder
}

/// A process on another machine, of which nothing can be known.
pub fn elsewhere(user: &str) -> Holder {
    let mut holder = alive(user);
    holder.host = "another-host".into();
    holder
}

/// Makes the next records of a chain, telling them apart by their reasons.
pub fn next(chain: &mut Chain, epoch: u64, count: usize) -> Vec<Record> {
    let record = |_| {
        let reason = format!("record {} of epoch {epoch}", chain.seq + 1);
        chain.next(epoch, at(10), Event::Cancelled { reason }).unwrap()
    };
    (0..count).map(record).collect()
}

/// Follows records to their end.
pub fn end_of(records: &[Record]) -> Chain {
    let mut chain = Chain::default();
    for record in records {
        chain.follow(record).unwrap();
    }
    chain
}

impl Kit {
    pub async fn create(&self, name: &str, journey: Journey, holder: &Holder) -> Box<dyn Journal> {
        let header = header(name, journey);
        self.store.create(&header, &[], holder).await.unwrap()
    }

    pub async fn failover(&self, name: &str) -> Box<dyn Journal> {
        self.create(name, Journey::Failover, &alive("ada")).await
    }

    pub async fn take_over(&self, name: &str, user: &str) -> Opened {
        let policy = LeasePolicy::TakeOver;
        self.other.open(&run(name), &alive(user), policy).await.unwrap()
    }
}

pub fn command(id: &str) -> Envelope {
    Envelope {
        id: CommandId(id.into()),
        by: Person {
            name: "grace".into(),
            known: Known::Stated,
        },
        at: at(20),
        seen: 3,
        command: Command::Cancel { reason: id.into() },
    }
}
