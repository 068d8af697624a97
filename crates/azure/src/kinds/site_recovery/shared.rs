//! Which list of a vault answers many at once? Its reads are limited by action, single ones and lists together, so a
//! thousand machines cannot each be asked about.
//!
//! A few are asked about singly, as ever. Beyond that one list of protected items serves every look of the moment,
//! and one list of jobs, at most every thirty seconds, every poll. A job that the list does not have is not gone: it
//! is read singly, and so are the last few once a list shows that the others are over.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use leeward_engine::work::Progress;
use serde_json::Value;
use tokio::time::Instant;

use super::{item::Item, job, operations::Member, vault::Vault};
use crate::{
    arm::{Arm, Method, ReadError},
    pace::{Call, Crowd, Shared, here},
};

/// As many are asked about singly.
const FEW: usize = 4;
/// How soon the last few are asked about singly, when a list shows that they are the last.
const SOON: Duration = Duration::from_secs(5);
/// How often the jobs of a vault are listed.
const JOBS_EVERY: Duration = Duration::from_secs(30);
/// How old a list of items may be before a send, which must follow a look of the last five seconds.
const BEFORE_A_SEND: Duration = Duration::from_secs(2);
/// How old it may be otherwise, while the limit is hardly used …
const USUALLY: Duration = Duration::from_secs(1);
/// … and when half of it is.
const SPARINGLY: Duration = Duration::from_secs(30);

/// The shared lists of every vault.
#[derive(Default)]
pub(super) struct Lists {
    vaults: Mutex<HashMap<String, Arc<OfVault>>>,
}

struct OfVault {
    items: Shared<Result<Arc<Items>, ReadError>>,
    jobs: Shared<Result<Arc<Jobs>, ReadError>>,
    looked_at: Crowd,
    polled: Crowd,
    changed: Mutex<HashMap<String, Instant>>,
}

/// The jobs of one list.
struct Jobs {
    by_name: HashMap<String, Value>,
    /// How many of them have not come to an end.
    running: usize,
}

impl Jobs {
    fn of(list: Vec<Value>) -> Jobs {
        let named = |job: Value| Some((job.get("name")?.as_str()?.to_lowercase(), job));
        let by_name: HashMap<String, Value> = list.into_iter().filter_map(named).collect();
        let runs = |job: &&Value| matches!(job::read(Ok((*job).clone())), Progress::Running { .. });
        let running = by_name.values().filter(runs).count();
        Jobs { by_name, running }
    }
}

/// The protected items of one list.
pub(super) struct Items {
    by_name: HashMap<String, Item>,
}

impl Items {
    /// Returns the item of that name.
    pub(super) fn of(&self, name: &str) -> Option<Item> {
        self.by_name.get(&name.to_lowercase()).cloned()
    }
}

impl Lists {
    fn of(&self, vault: &Vault) -> Arc<OfVault> {
        self.vaults
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(vault.key())
            .or_insert_with(|| {
                Arc::new(OfVault {
                    items: Shared::new(),
                    jobs: Shared::new(),
                    looked_at: Crowd::default(),
                    polled: Crowd::default(),
                    changed: Mutex::default(),
                })
            })
            .clone()
    }

    /// Returns whether the list is to serve a look at one machine.
    pub(super) fn serves_look(&self, arm: &Arm, vault: &Vault, member: &Member) -> bool {
        self.of(vault).looked_at.enter(&member.name).0 > FEW || is_scarce(arm, Some(member.id.clone()))
    }

    /// Returns the protected items, as fresh as whoever looks needs them.
    pub(super) async fn items(
        &self,
        arm: &Arm,
        vault: &Vault,
        members: &[Member],
    ) -> Result<Arc<Items>, ReadError> {
        let of_vault = self.of(vault);
        let since = {
            let changed = of_vault.changed.lock().unwrap_or_else(PoisonError::into_inner);
            let moments = members.iter().filter_map(|member| changed.get(&member.name));
            moments.max().copied()
        };
        let not_older = match here().before_send {
            true => BEFORE_A_SEND,
            false if is_scarce(arm, vault.list_path("replicationProtectedItems")) => SPARINGLY,
            false => USUALLY,
        };
        let read = || async {
            let items = vault.items(arm).await?;
            let by_name = items.into_iter().map(|item| (item.name.to_lowercase(), item));
            Ok(Arc::new(Items {
                by_name: by_name.collect(),
            }))
        };
        of_vault.items.get_since(not_older, since, read).await.0
    }

    /// Notes that something is sent about machines: a list from before says nothing about them.
    pub(super) fn change(&self, vault: &Vault, members: &[Member]) {
        let of_vault = self.of(vault);
        let mut changed = of_vault.changed.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        changed.extend(members.iter().map(|member| (member.name.clone(), now)));
    }

    /// Returns the jobs of a vault, at most so old as one list every thirty seconds lets them be, and their age.
    async fn jobs(of_vault: &OfVault, arm: &Arm, vault: &Vault) -> (Result<Arc<Jobs>, ReadError>, Duration) {
        let read = || async { Ok(Arc::new(Jobs::of(vault.jobs(arm).await?))) };
        of_vault.jobs.get(JOBS_EVERY, read).await
    }

    /// Reads the job that a machine names: singly for a few machines, by the list for many. Nothing where it cannot be
    /// read, or is younger than the list.
    pub(super) async fn job_of(
        &self,
        arm: &Arm,
        vault: &Vault,
        member: &Member,
        name: &str,
    ) -> Option<Value> {
        if !self.serves_look(arm, vault, member) {
            return vault.job(arm, name).await.ok();
        }
        let of_vault = self.of(vault);
        let (jobs, _) = Lists::jobs(&of_vault, arm, vault).await;
        jobs.ok()?.by_name.get(&name.to_lowercase()).cloned()
    }

    /// Polls a job by the list. Nothing where the job is to be asked about singly.
    pub(super) async fn poll(&self, arm: &Arm, vault: &Vault, name: &str) -> Option<Progress> {
        let of_vault = self.of(vault);
        let (polled, since) = of_vault.polled.enter(name);
        if polled <= FEW && !is_scarce(arm, vault.list_path("replicationOperationStatus")) {
            return None;
        }
        let (jobs, age) = Lists::jobs(&of_vault, arm, vault).await;
        // With everybody else at the next list, or alone, with the last few.
        let few = jobs.as_ref().is_ok_and(|jobs| jobs.running <= FEW);
        let next_list = JOBS_EVERY.saturating_sub(age).max(Duration::from_secs(1));
        let again = if few { next_list.min(SOON) } else { next_list };
        let body = match jobs {
            Ok(jobs) => match jobs.by_name.get(&name.to_lowercase()) {
                Some(body) => body.clone(),
                None if since < age => {
                    return Some(Progress::Unreadable {
                        reason: "the list of jobs is older than this job".to_owned(),
                        look_after: Some(again),
                    });
                }
                None => return None,
            },
            Err(error) => {
                return Some(Progress::Unreadable {
                    reason: error.to_string(),
                    look_after: Some(again),
                });
            }
        };
        Some(match job::read(Ok(body)) {
            Progress::Running {
                word,
                percent,
                ticket,
                ..
            } => Progress::Running {
                word,
                percent,
                ticket,
                look_after: Some(again),
            },
            end => {
                of_vault.polled.leave(name);
                end
            }
        })
    }

    /// Counts a job out that has ended.
    pub(super) fn ended(&self, vault: &Vault, name: &str) {
        self.of(vault).polled.leave(name);
    }
}

/// Returns whether half of a read's limit is used.
fn is_scarce(arm: &Arm, path: Option<String>) -> bool {
    path.and_then(|path| Call::of(Method::Get, &path))
        .is_some_and(|call| arm.pace().share_left(&call) < 0.5)
}
