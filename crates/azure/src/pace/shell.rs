//! Where calls wait for their turn, on tokio's clock.
//!
//! Whoever waits and finds nobody watching the clock watches it for all. It hands that on when it goes, also when
//! it is dropped in mid-wait, so no task of its own is needed and nothing outlives a runtime.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use leeward_engine::id::AttemptKey;

use super::{
    call::{Call, Key},
    here,
    rank::Rank,
    turnstile::{Ticket, Turnstile},
};

/// A wait shorter than this is not worth a word.
const WORTH_TELLING: Duration = Duration::from_secs(5);

/// How long a poll keeps to what is only assumed of a limit. Then one goes and finds out.
const KEPT_TO: Duration = Duration::from_secs(60);

/// The one place that every call of one credential passes. Cheap to clone.
#[derive(Clone)]
pub struct Pace {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    start: Option<Instant>,
    turnstile: Turnstile,
    bells: HashMap<Ticket, Arc<Notify>>,
    watcher: Option<Ticket>,
}

impl fmt::Debug for Pace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Pace")
    }
}

impl Default for Pace {
    fn default() -> Pace {
        Pace::new()
    }
}

impl Pace {
    /// Makes one that has seen no call.
    pub fn new() -> Pace {
        Pace {
            inner: Arc::new(Inner {
                state: Mutex::default(),
            }),
        }
    }

    /// Waits until a call may go, and counts it. Dropped before, it counts nothing.
    pub async fn admit(&self, call: &Call, rank: Rank) {
        let told = |_| {};
        let patient = self.pass(call.keys(), rank, &told);
        if !rank.purpose.heeds_assumptions() {
            return patient.await;
        }
        if tokio::time::timeout(KEPT_TO, patient).await.is_ok() {
            return;
        }
        // An hour's wait for an inference could cost the very recovery that it is to serve. A refusal would prove it.
        self.state().turnstile.doubt(&call.keys());
        self.pass(call.keys(), rank, &told).await;
    }

    /// Waits until a change may go and keeps its turn for a while, for the change of that name.
    pub async fn reserve(
        &self,
        name: &str,
        call: &Call,
        rank: Rank,
        waits: &(dyn Fn(Duration) + Send + Sync),
    ) {
        let keys = call.keys();
        self.pass(keys.clone(), rank, waits).await;
        let mut state = self.state();
        let now = state.now();
        state.turnstile.keep(now, name, keys);
    }

    /// Waits until a change may go: at once for what its kept turn has counted.
    pub async fn redeem(&self, key: &AttemptKey, call: &Call, rank: Rank) {
        let counted = {
            let mut state = self.state();
            let now = state.now();
            state.turnstile.claim(now, &here::name_of(key))
        };
        let keys = call.keys().into_iter().filter(|key| !counted.contains(key));
        self.pass(keys.collect(), rank, &|_| {}).await;
    }

    /// Gives a kept turn back: the look found that there is nothing to send.
    pub fn release(&self, name: &str) {
        let mut state = self.state();
        state.turnstile.give_back(name);
        state.ring_watcher();
    }

    /// Returns how much of the scarcest limit of a call is left, from nothing to all.
    pub fn share_left(&self, call: &Call) -> f64 {
        let mut state = self.state();
        let now = state.now();
        call.keys()
            .iter()
            .map(|key| state.turnstile.share(now, key))
            .fold(1.0, f64::min)
    }

    pub(super) fn lower(&self, key: &Key, remaining: u32) {
        let mut state = self.state();
        let now = state.now();
        state.turnstile.lower(now, key, remaining);
    }

    pub(super) fn close(&self, keys: &[Key], wait: Duration) {
        let mut state = self.state();
        let now = state.now();
        state.turnstile.close(keys, now + wait);
        state.ring_watcher();
    }

    async fn pass(&self, keys: Vec<Key>, rank: Rank, waits: &(dyn Fn(Duration) + Send + Sync)) {
        if keys.is_empty() {
            return;
        }
        let mut place = {
            let mut state = self.state();
            let now = state.now();
            let ticket = state.turnstile.join(now, keys, rank);
            let bell = Arc::new(Notify::new());
            state.bells.insert(ticket, bell.clone());
            Place {
                pace: self,
                ticket,
                bell,
                gone: false,
            }
        };
        let mut told = false;
        loop {
            let (next, about) = {
                let mut state = self.state();
                let now = state.now();
                let decided = state.turnstile.decide(now);
                for ticket in &decided.go {
                    if let Some(bell) = state.bells.remove(ticket) {
                        bell.notify_one();
                    }
                }
                if !state.bells.contains_key(&place.ticket) {
                    place.gone = true;
                    state.hand_on(place.ticket);
                    return;
                }
                let watches = *state.watcher.get_or_insert(place.ticket) == place.ticket;
                if !watches {
                    state.ring_watcher();
                }
                let about = match told {
                    true => Duration::ZERO,
                    false => state.turnstile.estimate(now, place.ticket).saturating_sub(now),
                };
                let next = decided.next.filter(|_| watches);
                (next.and_then(|next| Some(state.start? + next)), about)
            };
            if about >= WORTH_TELLING {
                waits(about);
            }
            told = true;
            match next {
                Some(next) => tokio::select! {
                    biased;
                    () = place.bell.notified() => {}
                    () = tokio::time::sleep_until(next) => {}
                },
                None => place.bell.notified().await,
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn now(&mut self) -> Duration {
        let now = Instant::now();
        now.duration_since(*self.start.get_or_insert(now))
    }

    fn ring_watcher(&self) {
        if let Some(bell) = self.watcher.and_then(|watcher| self.bells.get(&watcher)) {
            bell.notify_one();
        }
    }

    /// Lets another watch the clock where the one that leaves did.
    fn hand_on(&mut self, leaving: Ticket) {
        if self.watcher == Some(leaving) {
            self.watcher = None;
            let next = self.turnstile.anybody().and_then(|next| self.bells.get(&next));
            if let Some(bell) = next {
                bell.notify_one();
            }
        }
    }
}

/// One who waits; leaves when dropped.
struct Place<'a> {
    pace: &'a Pace,
    ticket: Ticket,
    bell: Arc<Notify>,
    gone: bool,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if !self.gone {
            let mut state = self.pace.state();
            state.bells.remove(&self.ticket);
            state.turnstile.leave(self.ticket);
            state.hand_on(self.ticket);
        }
    }
}

#[cfg(test)]
mod tests;
