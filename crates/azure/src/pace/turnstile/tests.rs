use proptest::prelude::*;

use super::*;
use crate::{
    arm::Method,
    pace::{
        call::Call,
        rank::{Purpose, Rank},
    },
};

const PATHS: [&str; 4] = [
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql/servers/a/failoverGroups/f",
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/c",
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a",
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.RecoveryServices/vaults/v/replicationJobs",
];

const METHODS: [Method; 3] = [Method::Get, Method::Put, Method::Delete];

/// One who comes.
#[derive(Clone, Debug)]
struct Comer {
    after: u64,
    path: usize,
    method: usize,
    purpose: Purpose,
    slack: u64,
}

fn comers() -> impl Strategy<Value = Vec<Comer>> {
    let purpose = prop_oneof![
        Just(Purpose::Change),
        Just(Purpose::Look),
        Just(Purpose::Assess),
        Just(Purpose::LatePoll),
        Just(Purpose::EarlyPoll)
    ];
    let one = (0_u64..400, 0..PATHS.len(), 0..METHODS.len(), purpose, 0_u64..600).prop_map(
        |(after, path, method, purpose, slack)| Comer {
            after: if after > 60 { 0 } else { after * 100 },
            path,
            method,
            purpose,
            slack,
        },
    );
    prop::collection::vec(one, 1..500)
}

struct Went {
    at: Duration,
    keys: Vec<Key>,
}

/// Plays everybody through a turnstile and checks, at each moment, that nobody was passed over.
fn play(comers: &[Comer]) -> Vec<Went> {
    let mut turnstile = Turnstile::default();
    let mut now = Duration::ZERO;
    let mut coming: Vec<(Duration, &Comer)> = Vec::new();
    let mut at = Duration::ZERO;
    for comer in comers {
        at += Duration::from_millis(comer.after);
        coming.push((at, comer));
    }
    let mut coming = coming.into_iter().peekable();
    let mut inside: HashMap<Ticket, (Arc<[Key]>, Duration)> = HashMap::new();
    let mut went = Vec::new();
    for _ in 0..1_000_000 {
        while let Some((_, comer)) = coming.next_if(|(at, _)| *at <= now) {
            let call = Call::of(METHODS[comer.method], PATHS[comer.path]).unwrap();
            let rank = Rank {
                purpose: comer.purpose,
                slack: Duration::from_secs(comer.slack),
            };
            let ticket = turnstile.join(now, call.keys(), rank);
            inside.insert(ticket, turnstile.waiting[&ticket].clone());
        }
        let decided = turnstile.decide(now);
        for ticket in decided.go {
            let (keys, due) = inside.remove(&ticket).unwrap();
            let passed_over = inside
                .iter()
                .find(|(other, (theirs, before))| *theirs == keys && (*before, **other) < (due, ticket));
            assert!(
                passed_over.is_none(),
                "{passed_over:?} was passed over by {ticket:?}"
            );
            went.push(Went {
                at: now,
                keys: keys.to_vec(),
            });
        }
        let arrives = coming.peek().map(|(at, _)| *at);
        now = match (decided.next, arrives) {
            (Some(next), Some(arrives)) => next.min(arrives),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => break,
        };
    }
    assert!(inside.is_empty(), "{} wait for ever", inside.len());
    went
}

/// Counts in another way than the gauges do: every stretch between two calls, against the limit's own words.
fn within_limits(went: &[Went]) {
    let mut by_key: HashMap<&Key, Vec<Duration>> = HashMap::new();
    for one in went {
        for key in &one.keys {
            by_key.entry(key).or_default().push(one.at);
        }
    }
    for (key, moments) in by_key {
        for (first, from) in moments.iter().enumerate() {
            for (last, to) in moments.iter().enumerate().skip(first) {
                let count = (last - first + 1) as u128;
                let stretch = (*to - *from).as_nanos();
                match limit_of(key) {
                    Limit::Bucket { burst, every } => {
                        let allowed = u128::from(burst) + stretch / every.as_nanos();
                        assert!(count <= allowed, "{key:?}: {count} in {stretch} ns");
                    }
                    Limit::Window { most, length } if stretch < length.as_nanos() => {
                        assert!(count <= u128::from(most), "{key:?}: {count} in {stretch} ns");
                    }
                    Limit::Window { .. } | Limit::Unknown => {}
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn nobody_goes_over_a_limit_nobody_starves_and_the_urgent_go_first(comers in comers()) {
        let went = play(&comers);
        prop_assert_eq!(went.len(), comers.len());
        within_limits(&went);
    }
}

fn write() -> Vec<Key> {
    Call::of(Method::Post, PATHS[0]).unwrap().keys()
}

#[test]
fn a_poll_is_overtaken_only_for_as_long_as_it_can_spare() {
    let mut turnstile = Turnstile::default();
    let keys = || Call::of(Method::Get, PATHS[0]).unwrap().keys();
    let poll = Rank {
        purpose: Purpose::EarlyPoll,
        slack: Duration::from_secs(600),
    };
    for _ in 0..225 {
        turnstile.join(Duration::ZERO, keys(), Rank::plain(Purpose::Change));
    }
    turnstile.decide(Duration::ZERO);
    let ticket = turnstile.join(Duration::ZERO, keys(), poll);
    // Changes come as fast as the bucket fills, for ever.
    for tick in 1..40_000_u64 {
        let now = Duration::from_millis(40 * tick);
        turnstile.join(now, keys(), Rank::plain(Purpose::Change));
        if turnstile.decide(now).go.contains(&ticket) {
            assert!(now <= Rank::longest() + Duration::from_secs(1), "{now:?}");
            assert!(now >= Duration::from_secs(100), "{now:?}");
            return;
        }
    }
    panic!("it starved");
}

#[test]
fn a_turn_that_is_kept_is_counted_once_and_comes_back_unused() {
    let mut turnstile = Turnstile::default();
    let rank = Rank::plain(Purpose::Change);
    for _ in 0..190 {
        turnstile.join(Duration::ZERO, write(), rank);
    }
    assert_eq!(turnstile.decide(Duration::ZERO).go.len(), 190);
    turnstile.keep(Duration::ZERO, "one", write());
    turnstile.keep(Duration::ZERO, "two", write());
    assert_eq!(turnstile.claim(Duration::from_secs(1), "one"), write());
    assert_eq!(turnstile.claim(Duration::from_secs(1), "one"), []);
    // The other is never used: after a while somebody else has it.
    let left = |turnstile: &mut Turnstile, now| turnstile.gauge(&write()[0]).left(now);
    let before = left(&mut turnstile, KEPT);
    assert_eq!(turnstile.claim(KEPT, "two"), []);
    assert_eq!(left(&mut turnstile, KEPT), before + 1);
}

#[test]
fn an_assumed_limit_holds_up_polls_and_no_change_until_azure_confirms_it() {
    let mut turnstile = Turnstile::default();
    let keys = || Call::of(Method::Get, PATHS[3]).unwrap().keys();
    let poll = Rank::plain(Purpose::LatePoll);
    for second in 0..150 {
        turnstile.join(Duration::from_secs(second), keys(), poll);
        assert_eq!(turnstile.decide(Duration::from_secs(second)).go.len(), 1);
    }
    let now = Duration::from_secs(200);
    turnstile.join(now, keys(), poll);
    assert_eq!(turnstile.decide(now).go, []);
    turnstile.join(now, keys(), Rank::plain(Purpose::Change));
    assert_eq!(turnstile.decide(now).go.len(), 1);
    turnstile.close(&keys(), now + Duration::from_secs(324));
    turnstile.join(now, keys(), Rank::plain(Purpose::Change));
    assert_eq!(turnstile.decide(now).go, []);
}
