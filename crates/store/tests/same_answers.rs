//! Memory and SQLite give the same answers, whatever they are asked in whatever order.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]
#![allow(dead_code, reason = "the kit serves the contract suite first")]

#[path = "promises/kit.rs"]
mod kit;

use std::{collections::BTreeMap, sync::Arc};

use kit::{alive, at, command, dead, end_of, header, next, run};
use leeward_engine::port::{Journal, JournalStore, LeasePolicy};
use leeward_runbook::journey::Journey;
use leeward_store::{MemoryStore, Settings, SqliteStore};
use proptest::{collection::vec, prelude::*};

#[derive(Clone, Debug)]
enum Ask {
    Create { run: u8, drill: bool, dead: bool },
    Open { run: u8, take_over: bool, dead: bool },
    Append { run: u8, terminal: u8, count: usize },
    Heartbeat { run: u8, terminal: u8, second: i64 },
    Close { run: u8, terminal: u8 },
    Send { run: u8, id: u8 },
    Claim { run: u8, drill: bool, targets: Vec<u8> },
    Release { run: u8 },
}

fn ask() -> impl Strategy<Value = Ask> {
    let (run, terminal) = (0..3_u8, 0..3_u8);
    prop_oneof![
        (run.clone(), any::<bool>(), any::<bool>()).prop_map(|(run, drill, dead)| Ask::Create {
            run,
            drill,
            dead
        }),
        (run.clone(), any::<bool>(), any::<bool>()).prop_map(|(run, take_over, dead)| Ask::Open {
            run,
            take_over,
            dead
        }),
        (run.clone(), terminal.clone(), 0..4_usize).prop_map(|(run, terminal, count)| Ask::Append {
            run,
            terminal,
            count
        }),
        (run.clone(), terminal.clone(), 0..99_i64).prop_map(|(run, terminal, second)| Ask::Heartbeat {
            run,
            terminal,
            second
        }),
        (run.clone(), terminal).prop_map(|(run, terminal)| Ask::Close { run, terminal }),
        (run.clone(), 0..3_u8).prop_map(|(run, id)| Ask::Send { run, id }),
        (run.clone(), any::<bool>(), vec(0..4_u8, 0..3)).prop_map(|(run, drill, targets)| Ask::Claim {
            run,
            drill,
            targets
        }),
        run.prop_map(|run| Ask::Release { run }),
    ]
}

/// One store and the journals that were opened in it; older ones stay in hand, stale or not.
struct World {
    store: Arc<dyn JournalStore>,
    open: BTreeMap<u8, Vec<Box<dyn Journal>>>,
}

impl World {
    fn journal(&mut self, run: u8, terminal: u8) -> Option<&mut Box<dyn Journal>> {
        let open = self.open.get_mut(&run)?;
        let count = open.len();
        open.get_mut(usize::from(terminal) % count)
    }

    /// Asks, and returns the answer in words.
    async fn answer(&mut self, ask: &Ask) -> String {
        let journey = |drill: bool| if drill { Journey::Drill } else { Journey::Failover };
        let holder = |is_dead: bool| if is_dead { dead("ada") } else { alive("grace") };
        let name = |number: u8| number.to_string();
        match ask.clone() {
            Ask::Create { run, drill, dead } => {
                let made = header(&name(run), journey(drill));
                match self.store.create(&made, &[], &holder(dead)).await {
                    Ok(journal) => {
                        let epoch = journal.epoch();
                        self.open.entry(run).or_default().push(journal);
                        format!("made, epoch {epoch}")
                    }
                    Err(error) => format!("{error:?}"),
                }
            }
            Ask::Open {
                run: number,
                take_over,
                dead,
            } => {
                let policy = if take_over {
                    LeasePolicy::TakeOver
                } else {
                    LeasePolicy::IfFree
                };
                match self.store.open(&run(&name(number)), &holder(dead), policy).await {
                    Ok(mut opened) => {
                        let said = format!(
                            "{} {:?} {:?}",
                            opened.journal.epoch(),
                            opened.journal.read(1).await,
                            opened.previous
                        );
                        self.open.entry(number).or_default().push(opened.journal);
                        said
                    }
                    Err(error) => format!("{error:?}"),
                }
            }
            Ask::Append { run, terminal, count } => {
                let Some(journal) = self.journal(run, terminal) else {
                    return String::new();
                };
                let mut chain = end_of(&journal.read(1).await.unwrap());
                if chain.epoch > journal.epoch() {
                    // A stale writer believes in the past; it must be fenced before that is looked at.
                    chain = leeward_engine::record::Chain::default();
                }
                let records = next(&mut chain, journal.epoch(), count);
                format!("{:?}", journal.append(&records).await)
            }
            Ask::Heartbeat {
                run,
                terminal,
                second,
            } => match self.journal(run, terminal) {
                Some(journal) => format!("{:?}", journal.heartbeat(at(second)).await),
                None => String::new(),
            },
            Ask::Close { run, terminal } => match self.journal(run, terminal) {
                Some(journal) => format!("{:?}", journal.close().await),
                None => String::new(),
            },
            Ask::Send { run: number, id } => {
                format!(
                    "{:?}",
                    self.store.send(&run(&name(number)), &command(&name(id))).await
                )
            }
            Ask::Claim {
                run: number,
                drill,
                targets,
            } => {
                let targets: Vec<String> = targets.into_iter().map(name).collect();
                let run = run(&name(number));
                let claimed = self.store.claim(&run, journey(drill), &targets, at(5));
                format!("{:?}", claimed.await)
            }
            Ask::Release { run: number } => format!("{:?}", self.store.release(&run(&name(number))).await),
        }
    }

    /// Tells everything that can be seen.
    async fn all(&mut self) -> String {
        let mut told = format!("{:?} {:?}", self.store.runs().await, self.store.claims().await);
        for number in 0..3_u8 {
            told += &format!("{:?}", self.store.read(&run(&number.to_string()), 1).await);
            if let Some(journal) = self.journal(number, 0) {
                told += &format!("{:?}", journal.inbox().await);
            }
        }
        told
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_rehearsal_journal_answers_as_the_real_one_does(asks in vec(ask(), 1..60)) {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings { now: Arc::new(|| at(1)), ..Settings::default() };
        let file = SqliteStore::open_with(folder.path().join("journal.db"), settings).unwrap();
        let mut memory = World { store: Arc::new(MemoryStore::with_clock(|| at(1))), open: BTreeMap::new() };
        let mut sqlite = World { store: Arc::new(file), open: BTreeMap::new() };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            for (number, ask) in asks.iter().enumerate() {
                let (one, two) = (memory.answer(ask).await, sqlite.answer(ask).await);
                assert_eq!(one, two, "answer {number} to {ask:?}");
            }
            assert_eq!(memory.all().await, sqlite.all().await);
        });
    }
}
