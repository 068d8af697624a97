//! How does a run outlive its process? In one SQLite file: a write-ahead log, a full sync a commit.

mod file;
mod reader;
mod rows;
mod schema;
mod stream;
#[cfg(test)]
mod tests;
mod trouble;
mod value;
mod work;
mod writer;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use leeward_engine::{
    id::RunId,
    port::{
        Claim, ClaimOutcome, Envelope, Holder, Journal, JournalError, JournalStore, LeasePolicy, OpenError,
        Opened, Records, RunHeader, RunSummary,
    },
    record::Record,
};
use leeward_runbook::journey::Journey;
use rusqlite::{Connection, Error};

use self::{reader::Readers, stream::Stream, writer::Writer};
pub use self::{schema::FILE_FORMAT, trouble::StoreError};
use crate::rules;

/// How a store goes about its file.
#[derive(Clone)]
pub struct Settings {
    /// How long another process may keep the file locked before a write is given up.
    pub patience: Duration,
    /// Tells the time by which leases are dated.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            patience: Duration::from_secs(5),
            now: Arc::new(Timestamp::now),
        }
    }
}

/// A store in one file. Clones share it; the last one closes it.
///
/// It needs a tokio runtime: reading goes to tokio's blocking threads, writing to a thread of its own.
#[derive(Clone)]
pub struct SqliteStore {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    writer: Option<Writer>,
    readers: Readers,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // The writer goes last: it can fold the log into the file, a reader cannot.
        self.readers.close();
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("SqliteStore")
            .field("path", &self.inner.path)
            .finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens a file for reading and writing; makes it, and its folder, where there is none.
    pub fn open(path: impl AsRef<Path>) -> Result<SqliteStore, StoreError> {
        SqliteStore::open_with(path, Settings::default())
    }

    /// Opens a file for reading and writing, with settings.
    pub fn open_with(path: impl AsRef<Path>, settings: Settings) -> Result<SqliteStore, StoreError> {
        let path = file::absolute(path.as_ref())?;
        let db = file::open_writing(&path, settings.patience)?;
        let writer = Writer::start(db).map_err(|error| file::unusable(&path, error.to_string()))?;
        Ok(SqliteStore::build(path, Some(writer), settings))
    }

    /// Opens an existing file for reading only; every write is refused.
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<SqliteStore, StoreError> {
        let settings = Settings::default();
        let path = file::absolute(path.as_ref())?;
        let db = file::open_reading(&path, settings.patience)?;
        let store = SqliteStore::build(path, None, settings);
        store.inner.readers.keep(db);
        Ok(store)
    }

    /// Returns where the file lies.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    fn build(path: PathBuf, writer: Option<Writer>, settings: Settings) -> SqliteStore {
        SqliteStore {
            inner: Arc::new(Inner {
                readers: Readers::new(path.clone(), settings.patience),
                path,
                writer,
                now: settings.now,
            }),
        }
    }

    async fn write<T, E, W>(&self, work: W) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<JournalError> + Send + 'static,
        W: FnMut(&Connection) -> Result<Result<T, E>, Error> + Send + 'static,
    {
        match &self.inner.writer {
            Some(writer) => writer.ask(work).await,
            None => {
                let reason = "it was opened for reading only".to_owned();
                Err(JournalError::Unavailable { reason }.into())
            }
        }
    }

    async fn look<T, W>(&self, work: W) -> Result<T, JournalError>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Result<Result<T, JournalError>, Error> + Send + 'static,
    {
        let inner = Arc::clone(&self.inner);
        let looked = tokio::task::spawn_blocking(move || inner.readers.read(work)).await;
        looked.unwrap_or_else(|error| {
            let reason = format!("the thread that reads it ended in the middle: {error}");
            Err(JournalError::Unavailable { reason })
        })
    }

    fn journal(&self, run: &RunId, epoch: u64) -> SqliteJournal {
        SqliteJournal {
            store: self.clone(),
            run: run.clone(),
            epoch,
        }
    }
}

#[async_trait]
impl JournalStore for SqliteStore {
    async fn create(
        &self,
        header: &RunHeader,
        files: &[(String, Vec<u8>)],
        holder: &Holder,
    ) -> Result<Box<dyn Journal>, OpenError> {
        let run = header.run.clone();
        let (header, files, holder) = (header.clone(), files.to_vec(), holder.clone());
        let now = (self.inner.now)();
        let epoch = self
            .write(move |db| work::create(db, &header, &files, &holder, now))
            .await?;
        Ok(Box::new(self.journal(&run, epoch)))
    }

    async fn open(&self, run: &RunId, holder: &Holder, policy: LeasePolicy) -> Result<Opened, OpenError> {
        let (wanted, holder) = (run.clone(), holder.clone());
        let now = (self.inner.now)();
        let (epoch, previous) = self
            .write(move |db| work::take(db, &wanted, &holder, policy, now))
            .await?;
        Ok(Opened {
            journal: Box::new(self.journal(run, epoch)),
            previous,
        })
    }

    fn records(&self, run: &RunId, from: u64) -> Box<dyn Records> {
        Box::new(Stream::new(Arc::clone(&self.inner), run.clone(), from))
    }

    async fn runs(&self) -> Result<Vec<RunSummary>, JournalError> {
        let mut all = self.look(|db| rows::summaries(db).map(Ok)).await?;
        rules::newest_first(&mut all);
        Ok(all)
    }

    async fn file(&self, run: &RunId, digest: &str) -> Result<Option<Vec<u8>>, JournalError> {
        let (run, digest) = (run.clone(), digest.to_owned());
        self.look(move |db| work::file(db, &run, &digest)).await
    }

    async fn send(&self, run: &RunId, envelope: &Envelope) -> Result<(), JournalError> {
        let (run, envelope) = (run.clone(), envelope.clone());
        self.write(move |db| work::send(db, &run, &envelope)).await
    }

    async fn claim(
        &self,
        run: &RunId,
        journey: Journey,
        targets: &[String],
        at: Timestamp,
    ) -> Result<ClaimOutcome, JournalError> {
        let (run, targets) = (run.clone(), targets.to_vec());
        self.write(move |db| work::claim(db, &run, journey, &targets, at))
            .await
    }

    async fn release(&self, run: &RunId) -> Result<(), JournalError> {
        let run = run.clone();
        self.write(move |db| work::release(db, &run)).await
    }

    async fn claims(&self) -> Result<Vec<Claim>, JournalError> {
        self.look(|db| rows::claims(db).map(Ok)).await
    }
}

struct SqliteJournal {
    store: SqliteStore,
    run: RunId,
    epoch: u64,
}

#[async_trait]
impl Journal for SqliteJournal {
    fn epoch(&self) -> u64 {
        self.epoch
    }

    async fn append(&mut self, records: &[Record]) -> Result<(), JournalError> {
        let (run, epoch, records) = (self.run.clone(), self.epoch, records.to_vec());
        self.store
            .write(move |db| work::append(db, &run, epoch, &records))
            .await
    }

    fn records(&self, from: u64) -> Box<dyn Records> {
        self.store.records(&self.run, from)
    }

    async fn inbox(&mut self) -> Result<Vec<Envelope>, JournalError> {
        let run = self.run.clone();
        self.store.look(move |db| work::inbox(db, &run)).await
    }

    async fn heartbeat(&mut self, at: Timestamp) -> Result<(), JournalError> {
        let (run, epoch) = (self.run.clone(), self.epoch);
        self.store
            .write(move |db| work::heartbeat(db, &run, epoch, at))
            .await
    }

    async fn close(&mut self) -> Result<(), JournalError> {
        let (run, epoch) = (self.run.clone(), self.epoch);
        self.store.write(move |db| work::close(db, &run, epoch)).await
    }
}
