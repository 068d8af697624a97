//! How does one answer serve many who ask the same?

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// A read that is in flight once at most, and whose answer serves whoever can do with its age.
pub(crate) struct Shared<T> {
    // Whoever reads holds the lock. A reader that is dropped lets the next one read.
    last: tokio::sync::Mutex<Option<(Instant, T)>>,
}

impl<T: Clone> Shared<T> {
    /// Makes one that has read nothing.
    pub(crate) fn new() -> Shared<T> {
        Shared {
            last: tokio::sync::Mutex::new(None),
        }
    }

    /// Returns an answer that was asked for no longer ago than that, and how old it is. Reads where there is none.
    pub(crate) async fn get<F>(&self, not_older: Duration, read: impl FnOnce() -> F) -> (T, Duration)
    where
        F: Future<Output = T>,
    {
        self.get_since(not_older, None, read).await
    }

    /// The same, and it was asked for after a moment, where one is given: an answer from before a change says
    /// nothing about what it changed.
    pub(crate) async fn get_since<F>(
        &self,
        not_older: Duration,
        since: Option<Instant>,
        read: impl FnOnce() -> F,
    ) -> (T, Duration)
    where
        F: Future<Output = T>,
    {
        let asked = Instant::now();
        let mut last = self.last.lock().await;
        if let Some((began, answer)) = &*last
            && *began + not_older >= asked
            && since.is_none_or(|since| *began >= since)
        {
            return (answer.clone(), began.elapsed());
        }
        let began = Instant::now();
        let answer = read().await;
        *last = Some((began, answer.clone()));
        (answer, began.elapsed())
    }
}

/// Those who ask about something at present, by name.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    names: Mutex<HashMap<String, Instant>>,
}

impl Crowd {
    /// Counts somebody in and returns how many there are, and how long ago this one came.
    pub(crate) fn enter(&self, name: &str) -> (usize, Duration) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let came = match names.get(name) {
            Some(came) => *came,
            None => *names.entry(name.to_owned()).or_insert_with(Instant::now),
        };
        (names.len(), came.elapsed())
    }

    /// Counts somebody out.
    pub(crate) fn leave(&self, name: &str) {
        self.names
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(name);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    use super::*;

    async fn slow(count: &AtomicU32) -> u32 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        count.fetch_add(1, Ordering::SeqCst) + 1
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_who_ask_together_are_answered_by_one_read() {
        let shared = Arc::new(Shared::new());
        let count = Arc::new(AtomicU32::new(0));
        let asked = (0..1_000).map(|_| {
            let (shared, count) = (shared.clone(), count.clone());
            tokio::spawn(async move { shared.get(Duration::ZERO, || slow(&count)).await.0 })
        });
        for answer in futures::future::join_all(asked).await {
            assert_eq!(answer.unwrap(), 1);
        }
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_too_old_for_one_may_do_for_another() {
        let shared = Shared::new();
        let count = AtomicU32::new(0);
        assert_eq!(shared.get(Duration::ZERO, || slow(&count)).await.0, 1);
        tokio::time::sleep(Duration::from_secs(10)).await;
        let (answer, age) = shared.get(Duration::from_secs(30), || slow(&count)).await;
        assert_eq!((answer, age), (1, Duration::from_millis(10_200)));
        assert_eq!(shared.get(Duration::from_secs(2), || slow(&count)).await.0, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_from_before_a_change_says_nothing_about_it() {
        let shared = Shared::new();
        let count = AtomicU32::new(0);
        assert_eq!(shared.get(Duration::ZERO, || slow(&count)).await.0, 1);
        let changed = Instant::now();
        let young = Duration::from_secs(30);
        assert_eq!(shared.get_since(young, Some(changed), || slow(&count)).await.0, 2);
        assert_eq!(shared.get_since(young, Some(changed), || slow(&count)).await.0, 2);
        assert_eq!(shared.get(young, || slow(&count)).await.0, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_is_given_up_leaves_the_read_to_the_next() {
        let shared = Shared::new();
        let never = shared.get(Duration::ZERO, std::future::pending::<u32>);
        assert!(tokio::time::timeout(Duration::from_secs(1), never).await.is_err());
        let count = AtomicU32::new(0);
        assert_eq!(shared.get(Duration::ZERO, || slow(&count)).await.0, 1);
    }
}
