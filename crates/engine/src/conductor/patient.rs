//! How does a run live through a journal that is not there for a moment?
//!
//! What could not be written is read again and then written again, the very same records, before anything
//! else happens: where the journal ends as it did, the state in memory is what it says. Nothing is sent,
//! shown or decided in between.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::{
    port::{Clock, Envelope, Journal, JournalError, Records},
    record::Record,
};

/// How long a journal is waited for, in seconds, before each new try.
const PAUSES: [u64; 7] = [1, 2, 5, 10, 20, 30, 30];

/// A journal that is tried again where it was not available or gave no clear answer.
pub(super) struct Patient {
    pub(super) journal: Box<dyn Journal>,
    pub(super) clock: Arc<dyn Clock>,
    /// Whoever is asked to stop waits for nothing.
    pub(super) stop: watch::Receiver<bool>,
}

impl Patient {
    /// Waits before the next try. Says whether there is to be one.
    async fn pause(&mut self, tries: usize) -> bool {
        let Some(seconds) = PAUSES.get(tries) else {
            return false;
        };
        let until = self.clock.now().uptime + Duration::from_secs(*seconds);
        // Where nobody is left who could ask, this never comes true.
        let asked = async { self.stop.wait_for(|asked| *asked).await.map(drop) };
        tokio::select! {
            biased;
            Ok(()) = asked => return false,
            () = self.clock.sleep_until(until) => {}
        }
        true
    }

    /// Tries once: reads what stands there already, and writes what does not.
    async fn once(&mut self, records: &[Record], again: bool) -> Result<(), JournalError> {
        if let (true, Some(first)) = (again, records.first()) {
            let found = self.journal.read(first.body.seq).await?;
            if found == records {
                return Ok(());
            }
            if !found.is_empty() {
                let reason = format!("record {} is not the one that was to be written", first.body.seq);
                return Err(JournalError::Ambiguous { reason });
            }
        }
        self.journal.append(records).await
    }
}

/// Whether waiting may help.
fn may_pass(error: &JournalError) -> bool {
    matches!(
        error,
        JournalError::Unavailable { .. } | JournalError::Ambiguous { .. }
    )
}

#[async_trait]
impl Journal for Patient {
    fn epoch(&self) -> u64 {
        self.journal.epoch()
    }

    async fn append(&mut self, records: &[Record]) -> Result<(), JournalError> {
        let mut tries = 0;
        loop {
            match self.once(records, tries > 0).await {
                Err(error) if may_pass(&error) => {
                    tracing::warn!(%error, tries, "the journal took no record; it is tried again");
                    if !self.pause(tries).await {
                        return Err(error);
                    }
                    tries += 1;
                }
                answer => return answer,
            }
        }
    }

    fn records(&self, from: u64) -> Box<dyn Records> {
        self.journal.records(from)
    }

    /// Commands stay where they are: one that cannot be read now is read at the next look.
    async fn inbox(&mut self) -> Result<Vec<Envelope>, JournalError> {
        match self.journal.inbox().await {
            Err(error) if may_pass(&error) => {
                tracing::warn!(%error, "the inbox was not read");
                Ok(Vec::new())
            }
            answer => answer,
        }
    }

    /// A sign of life that is not written harms nobody; that the lease is lost is told.
    async fn heartbeat(&mut self, at: Timestamp) -> Result<(), JournalError> {
        match self.journal.heartbeat(at).await {
            Err(error) if may_pass(&error) => {
                tracing::warn!(%error, "no sign of life was written");
                Ok(())
            }
            answer => answer,
        }
    }

    async fn close(&mut self) -> Result<(), JournalError> {
        self.journal.close().await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::{event::Event, port::records, record::Chain};

    /// A clock on which every wait is over at once.
    struct Hurried(Mutex<Duration>);

    #[async_trait]
    impl Clock for Hurried {
        fn now(&self) -> crate::port::Moment {
            crate::port::Moment {
                wall: Timestamp::UNIX_EPOCH,
                uptime: *self.0.lock().unwrap(),
            }
        }

        async fn sleep_until(&self, uptime: Duration) {
            *self.0.lock().unwrap() = uptime;
        }
    }

    /// A journal that fails so often, and may have written all the same.
    #[derive(Default)]
    struct Shaky {
        failures: usize,
        error: Option<JournalError>,
        writes_all_the_same: bool,
        kept: Arc<Mutex<Vec<Record>>>,
    }

    impl Shaky {
        fn answer(&mut self) -> Result<(), JournalError> {
            match (self.failures, &self.error) {
                (1.., Some(error)) => {
                    self.failures -= 1;
                    Err(error.clone())
                }
                _ => Ok(()),
            }
        }
    }

    #[async_trait]
    impl Journal for Shaky {
        fn epoch(&self) -> u64 {
            1
        }

        async fn append(&mut self, records: &[Record]) -> Result<(), JournalError> {
            let answer = self.answer();
            if answer.is_ok() || self.writes_all_the_same {
                self.kept.lock().unwrap().extend_from_slice(records);
            }
            answer
        }

        fn records(&self, from: u64) -> Box<dyn Records> {
            let kept = self.kept.lock().unwrap();
            let behind = kept.iter().filter(|record| record.body.seq >= from);
            records::of(behind.cloned().collect())
        }

        async fn inbox(&mut self) -> Result<Vec<Envelope>, JournalError> {
            self.answer().map(|()| Vec::new())
        }

        async fn heartbeat(&mut self, _at: Timestamp) -> Result<(), JournalError> {
            self.answer()
        }

        async fn close(&mut self) -> Result<(), JournalError> {
            Ok(())
        }
    }

    fn unavailable() -> JournalError {
        JournalError::Unavailable {
            reason: "the disk is full".to_owned(),
        }
    }

    fn ambiguous() -> JournalError {
        JournalError::Ambiguous {
            reason: "the commit failed".to_owned(),
        }
    }

    fn patient(shaky: Shaky, stopped: bool) -> Patient {
        Patient {
            journal: Box::new(shaky),
            clock: Arc::new(Hurried(Mutex::default())),
            stop: watch::channel(stopped).1,
        }
    }

    fn one() -> Vec<Record> {
        vec![
            Chain::default()
                .next(1, Timestamp::UNIX_EPOCH, Event::Paused)
                .unwrap(),
        ]
    }

    #[tokio::test]
    async fn what_a_full_disk_refused_is_written_once_there_is_room_and_only_once() {
        for (error, writes_all_the_same) in
            [(unavailable(), false), (ambiguous(), false), (ambiguous(), true)]
        {
            let shaky = Shaky {
                failures: if writes_all_the_same { 1 } else { 3 },
                error: Some(error.clone()),
                writes_all_the_same,
                ..Shaky::default()
            };
            let kept = shaky.kept.clone();
            patient(shaky, false).append(&one()).await.unwrap();
            assert_eq!(*kept.lock().unwrap(), one(), "{error}");
        }
    }

    #[tokio::test]
    async fn a_journal_that_stays_away_ends_the_run_and_one_that_is_to_stop_waits_for_nothing() {
        for (failures, stopped) in [(usize::MAX, false), (1, true)] {
            let shaky = Shaky {
                failures,
                error: Some(unavailable()),
                ..Shaky::default()
            };
            let kept = shaky.kept.clone();
            assert_eq!(patient(shaky, stopped).append(&one()).await, Err(unavailable()));
            assert!(kept.lock().unwrap().is_empty());
        }
    }

    #[tokio::test]
    async fn a_sign_of_life_or_an_inbox_that_fails_ends_no_run_and_a_lost_lease_does() {
        let shaky = |error| Shaky {
            failures: 1,
            error: Some(error),
            ..Shaky::default()
        };
        for error in [unavailable(), ambiguous()] {
            patient(shaky(error.clone()), false)
                .heartbeat(Timestamp::UNIX_EPOCH)
                .await
                .unwrap();
            assert_eq!(patient(shaky(error), false).inbox().await, Ok(Vec::new()));
        }
        let run = crate::id::RunId("r-1".to_owned());
        let fenced = JournalError::Fenced { run, holder: None };
        let answer = patient(shaky(fenced.clone()), false)
            .heartbeat(Timestamp::UNIX_EPOCH)
            .await;
        assert_eq!(answer, Err(fenced.clone()));
        assert_eq!(
            patient(shaky(fenced.clone()), false).append(&one()).await,
            Err(fenced)
        );
    }
}
