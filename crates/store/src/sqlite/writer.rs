//! Who writes the file? One thread, which commits whatever is queued in one transaction.
//!
//! A durable commit costs one sync of the disk whatever it holds, so sixty-four runs that write at
//! once share one. A lone writer waits for nobody; where several wrote a moment ago, a commit waits
//! for them a fraction of what a sync costs, or each wave of appends would pay for two.

use std::{
    sync::mpsc::{Receiver, Sender, channel},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use leeward_engine::port::JournalError;
use rusqlite::{Connection, Error};
use tokio::sync::oneshot;

use super::{
    schema::{self, FILE_FORMAT},
    trouble,
};

/// The most jobs that share a commit: bounds what one failure takes along.
const MOST: usize = 1024;

/// How long a commit waits for those who shared the last one.
const COMPANY: Duration = Duration::from_micros(200);

/// The way to the writing thread.
pub(super) struct Writer {
    jobs: Option<Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(db: Connection) -> std::io::Result<Writer> {
        let (jobs, queue) = channel();
        let thread = thread::Builder::new()
            .name("leeward-journal".to_owned())
            .spawn(move || serve(&db, &queue))?;
        Ok(Writer {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Does a piece of work inside a transaction and returns once that is durable.
    ///
    /// `work` may be called again after a rollback. It looks before it writes: what it refuses, by
    /// an inner error, it must not have begun to write.
    pub(super) async fn ask<T, E, W>(&self, work: W) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<JournalError> + Send + 'static,
        W: FnMut(&Connection) -> Result<Result<T, E>, Error> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Typed {
            work,
            outcome: None,
            reply,
        };
        let sent = self.jobs.as_ref().map(|jobs| jobs.send(Box::new(job)));
        if !matches!(sent, Some(Ok(()))) {
            let reason = "the thread that writes it has ended".to_owned();
            return Err(JournalError::Unavailable { reason }.into());
        }
        answer.await.unwrap_or_else(|_| {
            let reason = "the thread that writes it ended in the middle".to_owned();
            Err(JournalError::Ambiguous { reason }.into())
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // The file is closed, and its log folded in, before the store is gone.
            let _ = thread.join();
        }
    }
}

/// A piece of work and whoever waits for it.
trait Job: Send {
    fn work(&mut self, db: &Connection) -> Result<(), Error>;
    fn answer(self: Box<Self>, committed: Result<(), JournalError>);
}

struct Typed<T, E, W> {
    work: W,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, W> Job for Typed<T, E, W>
where
    T: Send,
    E: From<JournalError> + Send,
    W: FnMut(&Connection) -> Result<Result<T, E>, Error> + Send,
{
    fn work(&mut self, db: &Connection) -> Result<(), Error> {
        self.outcome = Some((self.work)(db)?);
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), JournalError>) {
        // A refusal, too, may rest on what another job of this transaction wrote.
        let answer = match (committed, self.outcome) {
            (Ok(()), Some(outcome)) => outcome,
            (Err(error), _) => Err(error.into()),
            (Ok(()), None) => return,
        };
        // Whoever asked may have gone; what was written stays written.
        let _ = self.reply.send(answer);
    }
}

fn serve(db: &Connection, queue: &Receiver<Box<dyn Job>>) {
    let mut expected = 1;
    while let Ok(first) = queue.recv() {
        let mut batch = vec![first];
        gather(&mut batch, queue, expected);
        expected = batch.len();
        settle(db, batch);
    }
}

/// Takes what is queued, and waits a little for as many as came together the last time.
fn gather(batch: &mut Vec<Box<dyn Job>>, queue: &Receiver<Box<dyn Job>>, expected: usize) {
    let until = Instant::now() + COMPANY;
    loop {
        batch.extend(queue.try_iter().take(MOST - batch.len()));
        if batch.len() >= expected {
            return;
        }
        let left = until.saturating_duration_since(Instant::now());
        match queue.recv_timeout(left) {
            Ok(job) => batch.push(job),
            Err(_) => return,
        }
    }
}

/// Writes a batch and answers everybody in it.
fn settle(db: &Connection, mut batch: Vec<Box<dyn Job>>) {
    let committed = transact(db, &mut batch);
    if let Err(Trouble::InOneJob(_)) = &committed
        && batch.len() > 1
    {
        // One that cannot be written must not keep the others from it.
        for job in batch {
            settle(db, vec![job]);
        }
        return;
    }
    let committed = committed.map_err(Trouble::into_error);
    for job in batch {
        job.answer(committed.clone());
    }
}

/// Where a transaction failed.
enum Trouble {
    /// A job could not be done; nothing was written.
    InOneJob(JournalError),
    /// The file as a whole did not serve.
    Throughout(JournalError),
}

impl Trouble {
    fn into_error(self) -> JournalError {
        match self {
            Trouble::InOneJob(error) | Trouble::Throughout(error) => error,
        }
    }
}

fn transact(db: &Connection, batch: &mut [Box<dyn Job>]) -> Result<(), Trouble> {
    run(db, "BEGIN IMMEDIATE").map_err(|error| Trouble::Throughout(trouble::unavailable(&error)))?;
    let committed = work_and_commit(db, batch);
    if !db.is_autocommit()
        && let Err(error) = run(db, "ROLLBACK")
    {
        tracing::warn!(%error, "a failed write could not be taken back");
    }
    committed
}

fn work_and_commit(db: &Connection, batch: &mut [Box<dyn Job>]) -> Result<(), Trouble> {
    same_format(db).map_err(Trouble::Throughout)?;
    for job in batch {
        job.work(db)
            .map_err(|error| Trouble::InOneJob(trouble::unavailable(&error)))?;
    }
    run(db, "COMMIT").map_err(|error| Trouble::Throughout(trouble::of_commit(&error)))
}

/// Refuses to go on in a file that a newer Leeward has changed under us.
fn same_format(db: &Connection) -> Result<(), JournalError> {
    match schema::format(db) {
        Ok(FILE_FORMAT) => Ok(()),
        Ok(other) => Err(JournalError::Unavailable {
            reason: format!("another leeward has changed it to format {other}; this one knows {FILE_FORMAT}"),
        }),
        Err(error) => Err(trouble::unavailable(&error)),
    }
}

fn run(db: &Connection, statement: &'static str) -> Result<(), Error> {
    db.prepare_cached(statement)?.execute([]).map(|_| ())
}
