//! May this call go now, and if not, when? Pure: state and the present moment in, decisions out.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use super::{
    call::{Key, LEARNED},
    limit::{Gauge, Limit},
    rank::Rank,
};

/// How long a turn is kept for a change that does not come.
pub(crate) const KEPT: Duration = Duration::from_secs(15);

/// One that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ticket(pub(crate) u64);

/// A turn that was given and not used yet.
#[derive(Clone, Debug)]
struct Kept {
    keys: Arc<[Key]>,
    taken: Duration,
}

/// Those that wait for the very same limits, the most urgent first.
type Lane = BTreeMap<(Duration, Ticket), ()>;

/// Every limit, everyone who waits, and the turns that are kept.
#[derive(Debug, Default)]
pub(crate) struct Turnstile {
    gauges: HashMap<Key, Gauge>,
    lanes: HashMap<Arc<[Key]>, Lane>,
    /// The lanes in a fixed order, so that the same calls are decided alike every time.
    order: Vec<Arc<[Key]>>,
    waiting: HashMap<Ticket, (Arc<[Key]>, Duration)>,
    kept: BTreeMap<String, Kept>,
    proven: HashSet<usize>,
    doubted: HashSet<usize>,
    next: u64,
}

/// What was decided at a moment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Decided {
    /// Those that go now.
    pub(crate) go: Vec<Ticket>,
    /// When to decide again, where somebody waits.
    pub(crate) next: Option<Duration>,
}

impl Turnstile {
    /// Lets somebody wait.
    pub(crate) fn join(&mut self, now: Duration, keys: Vec<Key>, rank: Rank) -> Ticket {
        let binding = |key: &Key| match key.row() {
            Some(row) => {
                let believed = rank.purpose.heeds_assumptions() && !self.doubted.contains(&key.row);
                row.sure || self.proven.contains(&key.row) || believed
            }
            None => true,
        };
        let keys: Arc<[Key]> = keys.into_iter().filter(binding).collect();
        let ticket = Ticket(self.next);
        self.next += 1;
        let due = rank.due(now);
        if !self.lanes.contains_key(&keys) {
            self.order.push(keys.clone());
        }
        self.lanes
            .entry(keys.clone())
            .or_default()
            .insert((due, ticket), ());
        self.waiting.insert(ticket, (keys, due));
        ticket
    }

    /// Lets somebody go away without having gone.
    pub(crate) fn leave(&mut self, ticket: Ticket) {
        if let Some((keys, due)) = self.waiting.remove(&ticket) {
            self.drop_from(&keys, due, ticket);
        }
    }

    /// Lets go whoever can go now, the most urgent first. Who is more urgent and cannot go keeps others from
    /// what it waits for, and from nothing else.
    pub(crate) fn decide(&mut self, now: Duration) -> Decided {
        self.take_back_unused(now);
        let mut decided = Decided::default();
        let mut blocked: HashSet<Key> = HashSet::new();
        let mut done: HashSet<usize> = HashSet::new();
        loop {
            let head = self
                .order
                .iter()
                .enumerate()
                .filter(|(place, _)| !done.contains(place))
                .filter_map(|(place, keys)| {
                    let (first, ()) = self.lanes.get(keys)?.first_key_value()?;
                    Some((*first, place, keys.clone()))
                })
                .min_by_key(|(first, place, _)| (*first, *place));
            let Some(((due, ticket), place, keys)) = head else {
                break;
            };
            if keys.iter().any(|key| blocked.contains(key)) {
                done.insert(place);
                continue;
            }
            let mut latest = now;
            for key in keys.iter() {
                let at = self.gauge(key).earliest(now);
                if at > now {
                    blocked.insert(key.clone());
                }
                latest = latest.max(at);
            }
            if latest > now {
                decided.next = Some(decided.next.map_or(latest, |next| next.min(latest)));
                done.insert(place);
                continue;
            }
            for key in keys.iter() {
                self.gauge(key).take(now);
            }
            self.waiting.remove(&ticket);
            self.drop_from(&keys, due, ticket);
            // The order may be shorter by one now.
            done.clear();
            decided.go.push(ticket);
        }
        decided
    }

    /// Returns about when somebody who waits can go, by those before it and the limits as they are.
    pub(crate) fn estimate(&mut self, now: Duration, ticket: Ticket) -> Duration {
        let Some((keys, due)) = self.waiting.get(&ticket).cloned() else {
            return now;
        };
        let before = self
            .lanes
            .get(&keys)
            .map_or(0, |lane| lane.range(..(due, ticket)).count());
        let before = u32::try_from(before).unwrap_or(u32::MAX);
        let at = |gauge: &Gauge| {
            gauge
                .earliest(now)
                .saturating_add(gauge.every().saturating_mul(before))
        };
        let moments: Vec<Duration> = keys.iter().map(|key| at(self.gauge(key))).collect();
        // What has enough left for all of them keeps nobody waiting.
        let enough = |key: &Key, gauges: &HashMap<Key, Gauge>| {
            gauges.get(key).is_some_and(|gauge| gauge.left(now) > before)
        };
        keys.iter()
            .zip(moments)
            .filter(|(key, _)| !enough(key, &self.gauges))
            .map(|(_, moment)| moment)
            .max()
            .unwrap_or(now)
    }

    /// Keeps the turn that was just given, for the change of that name.
    pub(crate) fn keep(&mut self, now: Duration, name: &str, keys: Vec<Key>) {
        self.give_back(name);
        let kept = Kept {
            keys: keys.into(),
            taken: now,
        };
        self.kept.insert(name.to_owned(), kept);
    }

    /// Uses a kept turn: returns which limits it has counted already.
    pub(crate) fn claim(&mut self, now: Duration, name: &str) -> Vec<Key> {
        self.take_back_unused(now);
        self.kept
            .remove(name)
            .map(|kept| kept.keys.to_vec())
            .unwrap_or_default()
    }

    /// Gives a kept turn back.
    pub(crate) fn give_back(&mut self, name: &str) {
        if let Some(kept) = self.kept.remove(name) {
            for key in kept.keys.iter() {
                self.gauge(key).give_back(kept.taken);
            }
        }
    }

    /// Believes a figure of Azure's.
    pub(crate) fn lower(&mut self, now: Duration, key: &Key, remaining: u32) {
        self.gauge(key).lower_to(now, remaining);
    }

    /// Closes limits after a refusal. What was assumed is known from then on.
    pub(crate) fn close(&mut self, keys: &[Key], until: Duration) {
        for key in keys {
            self.proven.insert(key.row);
            self.gauge(key).close_until(until);
        }
    }

    /// Believes no longer what is only assumed of these limits, until Azure refuses.
    pub(crate) fn doubt(&mut self, keys: &[Key]) {
        self.doubted.extend(keys.iter().map(|key| key.row));
    }

    /// Returns how much is left of a limit: from nothing to all.
    pub(crate) fn share(&mut self, now: Duration, key: &Key) -> f64 {
        let gauge = self.gauge(key);
        match limit_of(key) {
            Limit::Unknown => 1.0,
            limit => f64::from(gauge.left(now)) / f64::from(limit.usable()),
        }
    }

    /// Returns somebody who waits.
    pub(crate) fn anybody(&self) -> Option<Ticket> {
        self.order
            .iter()
            .find_map(|keys| Some(self.lanes.get(keys)?.first_key_value()?.0.1))
    }

    fn take_back_unused(&mut self, now: Duration) {
        let over: Vec<String> = self
            .kept
            .iter()
            .filter(|(_, kept)| kept.taken + KEPT <= now)
            .map(|(name, _)| name.clone())
            .collect();
        for name in over {
            self.give_back(&name);
        }
    }

    fn drop_from(&mut self, keys: &Arc<[Key]>, due: Duration, ticket: Ticket) {
        if let Some(lane) = self.lanes.get_mut(keys) {
            lane.remove(&(due, ticket));
            if lane.is_empty() {
                self.lanes.remove(keys);
                self.order.retain(|known| known != keys);
            }
        }
    }

    fn gauge(&mut self, key: &Key) -> &mut Gauge {
        self.gauges
            .entry(key.clone())
            .or_insert_with(|| Gauge::new(limit_of(key)))
    }
}

fn limit_of(key: &Key) -> Limit {
    match key.row() {
        Some(row) => row.limit,
        None => {
            debug_assert_eq!(key.row, LEARNED);
            Limit::Unknown
        }
    }
}

#[cfg(test)]
mod tests;
