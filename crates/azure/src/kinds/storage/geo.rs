//! How does a geo-redundant account change regions? Through the provider in the region where it
//! was made, whatever has happened there; and never twice, for a second planned move goes back.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use leeward_engine::{
    id::{AttemptKey, OperationId},
    port::{Context, Driver, DriverError, SourceRegion},
    work::{Assessment, Figure, Loss, Observation, Operation, Phase, Progress, Rung, Sent, Ticket},
};
use leeward_runbook::{journey::Journey, kind::RepeatClass};
use serde_json::{Value, json};

use super::{
    API,
    account::{Account, Stats},
    canary::{self, Arrival, Canary},
};
use crate::{
    arm::{Arm, ArmError, Method, ReadError, Request, folded_region, lro, path::folded, refusal},
    data_plane::{Blobs, DataPlane},
    kinds::settings,
};

mod ladder;

/// Sending, the way and staying invisible take up to 150 s.
const SETTLING: Duration = Duration::from_secs(180);
/// How long the provider is asked once its region was declared gone.
const BRIEF: Duration = Duration::from_secs(10);
/// How long the other copy itself is asked then.
const THERE: Duration = Duration::from_secs(5);
const RESTORE: &str = "restore-redundancy";

/// Drives `azure.storage.geo-failover`.
pub(super) struct Geo {
    arm: Arm,
    plane: DataPlane,
}

impl Geo {
    pub(super) fn new(arm: Arm, plane: DataPlane) -> Geo {
        Geo { arm, plane }
    }

    fn path(context: &Context) -> Result<String, DriverError> {
        settings::group_path(context, &context.target)?
            .provider("Microsoft.Storage")
            .pair("storageAccounts", settings::name(&context.settings, "account")?)
            .build()
            .map_err(settings::impossible)
    }

    fn what(context: &Context) -> String {
        let name = settings::optional_text(&context.settings, "account").unwrap_or_default();
        format!("storage account {name}")
    }

    /// Says why the provider may not be asked, where it may not: it lives in the region that failed.
    fn closed(context: &Context) -> Option<String> {
        (context.source_region == SourceRegion::Closed).then(|| {
            format!(
                "the storage provider does not fail over: it stays in the account's region, and the outage of {} is declared",
                context.plan.source.region
            )
        })
    }

    async fn read(&self, context: &Context, stats: bool) -> Result<Account, ReadError> {
        if let Some(reason) = Geo::closed(context) {
            return Err(ReadError::unreachable(reason));
        }
        let path = Geo::path(context).map_err(|error| ReadError::unreachable(error.to_string()))?;
        let arm = self.arm.for_step(context);
        let reading = async {
            let account = Account::read(&arm.read(&Request::get(&path, API)).await?.body);
            // Without a second copy the expansion is an error.
            if !stats || !account.is_geo() {
                return Ok(account);
            }
            let expanded = Request::get(&path, API).query("$expand", "geoReplicationStats");
            match arm.read(&expanded).await {
                Ok(reply) => Ok(Account::read(&reply.body)),
                // The redundancy is shown before, or after, it is there: the account itself was readable.
                Err(ReadError::Answered(error)) if error.status == 400 => Ok(account),
                Err(error) => Err(error),
            }
        };
        if context.source_region == SourceRegion::Open {
            return reading.await;
        }
        tokio::time::timeout(BRIEF, reading).await.unwrap_or_else(|_| {
            Err(ReadError::unreachable(format!(
                "no answer within {} s",
                BRIEF.as_secs()
            )))
        })
    }

    async fn account(&self, context: &Context) -> Result<Account, DriverError> {
        Geo::path(context)?;
        self.read(context, true)
            .await
            .map_err(|error| error.into_driver_error(Geo::what(context)))
    }

    /// Says what is seen to stand in the way of a failover, where Azure says that there is something. Best effort: what
    /// cannot be read is left out.
    async fn blockers(&self, context: &Context, account: &Account) -> Vec<String> {
        let mut found: Vec<String> = account.unmovable.iter().map(|why| (*why).to_owned()).collect();
        if let Some(stats) = &account.stats {
            if !stats.is_live() {
                found.push(format!("its other copy is {}", stats.status));
            }
            if stats.synced.is_none() {
                found.push("its last sync time is not known, as of a new account".to_owned());
            }
        }
        if let Ok(path) = Geo::path(context) {
            let list = Request::get(format!("{path}/objectReplicationPolicies"), API);
            let reading = tokio::time::timeout(BRIEF, async {
                let arm = self.arm.for_step(context);
                arm.list(&list).await
            });
            if let Ok(Ok(policies)) = reading.await
                && !policies.is_empty()
            {
                found.push(format!(
                    "it takes part in object replication ({}), and such accounts do not fail over",
                    policies.len()
                ));
            }
        }
        found
    }

    fn loss(&self, context: &Context, account: Result<&Account, String>) -> Loss {
        let name = settings::optional_text(&context.settings, "account").unwrap_or_default();
        let stats = account.as_ref().ok().and_then(|account| account.stats.as_ref());
        let synced = stats.and_then(|stats| stats.synced);
        let live = stats.is_some_and(Stats::is_live);
        let (figure, source) = match (&account, synced) {
            (Err(reason), _) => (Figure::Unknown, reason.clone()),
            (Ok(_), Some(at)) if live => {
                let until = context
                    .outage_since
                    .unwrap_or_else(|| self.arm.clock().now().wall);
                let source = match context.outage_since {
                    Some(outage) => format!(
                        "the time from the last sync of the other copy (lastSyncTime) to the declared outage of {outage}"
                    ),
                    None => "the time since the last sync of the other copy (lastSyncTime)".to_owned(),
                };
                (
                    Figure::UpTo(Duration::try_from(until.duration_since(at)).unwrap_or(Duration::ZERO)),
                    source,
                )
            }
            (Ok(_), _) => (
                Figure::Unknown,
                format!(
                    "the other copy is {}: its last sync does not count",
                    stats.map_or("not there", |stats| stats.status.as_str())
                ),
            ),
        };
        Loss {
            store: format!("{}/{name}", context.step.id),
            // A planned move synchronises fully first and loses nothing.
            by_rung: BTreeMap::from([("unplanned".to_owned(), figure)]),
            source,
            as_of: synced,
        }
    }

    /// Asks the other copy itself how far it is, where the provider may not be asked: it lies in the region that takes
    /// over. Best effort, and briefly: what it does not say stays unknown.
    async fn told_there(&self, context: &Context, loss: Loss) -> Loss {
        let blobs = Blobs {
            plane: &self.plane,
            account: settings::optional_text(&context.settings, "account").unwrap_or_default(),
            tenant: settings::optional_text(&context.settings, "tenant"),
        };
        let Ok(Ok((status, Some(synced)))) = tokio::time::timeout(THERE, blobs.statistics()).await else {
            return loss;
        };
        if !status.eq_ignore_ascii_case("live") {
            return loss;
        }
        let until = context
            .outage_since
            .unwrap_or_else(|| self.arm.clock().now().wall);
        let lost = Duration::try_from(until.duration_since(synced)).unwrap_or(Duration::ZERO);
        Loss {
            by_rung: BTreeMap::from([("unplanned".to_owned(), Figure::UpTo(lost))]),
            source: format!(
                "the time from the last sync to the outage, as the other copy itself says; {}",
                loss.source
            ),
            as_of: Some(synced),
            ..loss
        }
    }

    async fn assess_move(&self, context: &Context) -> Result<Assessment, DriverError> {
        let account = self.account(context).await?;
        let target = folded_region(&context.plan.target.region);
        let there = account.primary.as_deref() == Some(target.as_str());
        if !there && account.secondary.as_deref() != Some(target.as_str()) {
            return Err(DriverError::Impossible {
                reason: match &account.secondary {
                    Some(other) => format!("its other copy is in {other}, not in {target}"),
                    None => format!("it is {} and has no other copy to move to", account.sku),
                },
            });
        }
        let mut warnings = vec![
            "during the move both endpoints refuse reads and writes, usually for up to an hour".to_owned(),
        ];
        let barred = account
            .stats
            .as_ref()
            .is_some_and(|stats| stats.can_failover == Some(false));
        let blockers = match barred && !there && !account.moving {
            true => self.blockers(context, &account).await,
            false => Vec::new(),
        };
        let rungs = ladder::rungs(context, &account, &blockers)?;
        if let Some(reason) = ladder::passes(context, &account, &rungs) {
            return Err(DriverError::Refused {
                what: Geo::what(context),
                code: "CopyNotComplete".to_owned(),
                message: reason,
                passing: true,
            });
        }
        if rungs.iter().any(|rung| rung.lossy) {
            warnings.push(
                match account.stats.as_ref().and_then(|stats| stats.left_with.as_ref()) {
                    Some(sku) => {
                        format!("an unplanned move leaves the account without geo-redundancy, as {sku}")
                    }
                    None => "an unplanned move leaves the account without geo-redundancy".to_owned(),
                },
            );
        }
        if !there && account.stats.is_some() && !account.caught_up() {
            warnings.push(
                "its other copy is older than its last move: an unplanned move loses everything written since"
                    .to_owned(),
            );
        }
        Ok(Assessment {
            summary: format!("{} is {account}", Geo::what(context)),
            operations: vec![operation(
                "failover",
                Geo::path(context)?,
                format!("{} is written in {target}", Geo::what(context)),
                rungs,
                Value::Null,
            )],
            losses: if there {
                Vec::new()
            } else {
                vec![self.loss(context, Ok(&account))]
            },
            warnings,
            outputs: account.outputs(),
            ..Assessment::default()
        })
    }

    async fn assess_drill(&self, context: &Context) -> Result<Assessment, DriverError> {
        let account = self.account(context).await?;
        let mut warnings = Vec::new();
        let can = account.stats.as_ref().and_then(|stats| stats.can_failover);
        if can != Some(true) {
            warnings.push("a move now would be refused: canFailover is not true".to_owned());
        }
        let blockers = self.blockers(context, &account).await;
        warnings.extend(
            blockers
                .into_iter()
                .map(|why| format!("in the way of a move: {why}")),
        );
        let mut operations = Vec::new();
        if let Some(container) = settings::optional_text(&context.settings, "canary") {
            match self.canary(context, &account, container).await {
                Ok(canary) => operations = canary,
                Err(reason) => warnings.push(format!("no canary was sent: {reason}")),
            }
        }
        Ok(Assessment {
            summary: format!(
                "{} is {account}; {}",
                Geo::what(context),
                match operations.is_empty() {
                    true => "nothing is changed in a drill",
                    false => "a canary blob shows how far its copy is",
                }
            ),
            operations,
            warnings,
            outputs: account.outputs(),
            ..Assessment::default()
        })
    }

    /// Returns the operations of a canary; the reason why there is none.
    async fn canary(
        &self,
        context: &Context,
        account: &Account,
        container: &str,
    ) -> Result<Vec<Operation>, String> {
        if context.source_region != SourceRegion::Open || context.plan.region_down {
            return Err(format!(
                "the outage of {} is declared",
                context.plan.source.region
            ));
        }
        if !account.can_be_read_there() {
            return Err(format!("the other copy of {} cannot be read", account.sku));
        }
        let canary = Canary {
            account: settings::optional_text(&context.settings, "account")
                .unwrap_or_default()
                .to_owned(),
            container: container.to_owned(),
            arrives: Arrival::Secondary,
            blob: canary::name(context, ""),
            tenant: settings::optional_text(&context.settings, "tenant").map(str::to_owned),
        };
        let path = Geo::path(context).map_err(|error| error.to_string())?;
        match canary.barred(&self.plane).await {
            Some(reason) => Err(reason),
            None => Ok(canary.operations(&path, |work| json!(work))),
        }
    }

    async fn assess_reprotect(&self, context: &Context) -> Result<Assessment, DriverError> {
        let account = self.account(context).await?;
        let mut operations = Vec::new();
        if !account.is_geo() {
            let wanted = settings::optional_text(&context.settings, "redundancy");
            let sku = account
                .restored_sku(wanted)
                .map_err(|reason| DriverError::Impossible { reason })?;
            operations.push(operation(
                RESTORE,
                Geo::path(context)?,
                format!("{} keeps a copy in another region", Geo::what(context)),
                vec![Rung::new("only", RepeatClass::Repeatable, SETTLING)],
                json!({"sku": sku}),
            ));
        }
        Ok(Assessment {
            summary: format!("{} is {account}", Geo::what(context)),
            warnings: match (&account.stats, operations.is_empty()) {
                (Some(stats), true) if !stats.is_live() => vec![format!(
                    "its other copy is {}: a failover back before it is complete loses what is not copied yet",
                    stats.status
                )],
                (_, true) => Vec::new(),
                (_, false) => vec![
                    "the whole account is copied anew, which is refused while it holds archived blobs; a failover back before that is complete loses what is not copied yet".to_owned(),
                ],
            },
            operations,
            outputs: account.outputs(),
            ..Assessment::default()
        })
    }
}

/// Returns what an operation does with a canary, where it does.
fn work(operation: &Operation) -> Option<canary::Work> {
    serde_json::from_value(operation.payload.clone()).ok()
}

fn operation(id: &str, path: String, goal: String, rungs: Vec<Rung>, payload: Value) -> Operation {
    Operation {
        id: OperationId::new(id),
        target: folded(&path),
        goal,
        after: Vec::new(),
        phase: Phase::Main,
        rungs,
        observable: true,
        payload,
    }
}

fn observe(operation: &Operation, account: &Account, target: &str) -> Observation {
    let evidence = account.to_string();
    let holds = |evidence| Observation::Holds {
        evidence,
        // Nothing in an account tells who moved it.
        ours: false,
        outputs: account.outputs(),
    };
    if operation.id.as_str() == RESTORE {
        return match (account.is_geo(), account.moving || !account.settled) {
            (true, _) => holds(evidence),
            (false, true) => Observation::Busy { evidence },
            (false, false) => Observation::NotBegun { evidence },
        };
    }
    let there = account.primary.as_deref() == Some(target);
    match (&account.primary, account.moving) {
        (None, _) => Observation::CannotTell { reason: evidence },
        // On its way back, or the tail of our own: either way it is not over.
        (_, true) if there => Observation::Busy { evidence },
        (_, true) if account.secondary.as_deref() == Some(target) => Observation::InMotion {
            evidence,
            ticket: None,
        },
        (_, true) => Observation::Busy { evidence },
        (_, false) if there => holds(evidence),
        (_, false) if account.secondary.as_deref() != Some(target) => Observation::Barred {
            evidence: format!("it has no copy in {target}: {evidence}"),
        },
        (_, false) if !account.settled => Observation::Busy { evidence },
        (_, false) => Observation::NotBegun { evidence },
    }
}

/// Where a ticket keeps since when its status is refused while the account stands still.
const REFUSED_SINCE: &str = "refused-since";
/// When to look again at a status that is refused.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// Judges a `Location` that answers with an error of its own. That is a failure to read the status, not one of the
/// operation: the account decides, and only once it has stood still where it was for as long as a move may be unseen.
fn read_refused(ticket: &Ticket, error: ArmError, seen: Observation, now: Timestamp) -> Progress {
    let reason = format!(
        "its status is refused: HTTP {} {}: {}",
        error.status, error.code, error.message
    );
    let marked = |detail: Value| Ticket {
        detail,
        ..ticket.clone()
    };
    let since = ticket.detail.get(REFUSED_SINCE).and_then(Value::as_str);
    let since: Option<Timestamp> = since.and_then(|at| at.parse().ok());
    let running = |ticket: Option<Ticket>| Progress::Running {
        word: reason.clone(),
        percent: None,
        look_after: Some(LOOK_AGAIN),
        ticket,
    };
    match (seen, since) {
        (Observation::Holds { outputs, .. }, _) => Progress::Succeeded {
            warnings: vec![reason],
            outputs,
        },
        // What moves after all has not stood still since then.
        (Observation::InMotion { .. } | Observation::Busy { .. }, since) => {
            running(since.map(|_| marked(Value::Null)))
        }
        (Observation::CannotTell { .. }, _) => Progress::Unreadable {
            reason,
            look_after: Some(LOOK_AGAIN),
        },
        (Observation::NotBegun { .. } | Observation::Barred { .. }, None) => {
            running(Some(marked(json!({REFUSED_SINCE: now.to_string()}))))
        }
        (Observation::NotBegun { .. } | Observation::Barred { .. }, Some(since)) => {
            match now.duration_since(since) >= SignedDuration::from_secs(SETTLING.as_secs() as i64) {
                true => Progress::Failed {
                    code: error.code,
                    message: error.message,
                    retryable: false,
                },
                false => Progress::Unreadable {
                    reason,
                    look_after: Some(LOOK_AGAIN),
                },
            }
        }
    }
}

#[async_trait]
impl Driver for Geo {
    fn targets(&self, context: &Context) -> Vec<String> {
        Geo::path(context).map(|path| folded(&path)).into_iter().collect()
    }

    async fn measure(&self, context: &Context) -> Result<Vec<Loss>, DriverError> {
        if !matches!(context.plan.journey, Journey::Failover | Journey::Failback) {
            return Ok(Vec::new());
        }
        if let Some(reason) = Geo::closed(context) {
            let loss = self.loss(context, Err(reason));
            return Ok(vec![self.told_there(context, loss).await]);
        }
        let account = self.account(context).await?;
        if account.primary.as_deref() == Some(folded_region(&context.plan.target.region).as_str()) {
            return Ok(Vec::new());
        }
        Ok(vec![self.loss(context, Ok(&account))])
    }

    async fn assess(&self, context: &Context) -> Result<Assessment, DriverError> {
        match context.plan.journey {
            Journey::Failover | Journey::Failback => self.assess_move(context).await,
            Journey::Drill => self.assess_drill(context).await,
            Journey::Reprotect => self.assess_reprotect(context).await,
        }
    }

    async fn observe(&self, context: &Context, operation: &Operation) -> Observation {
        if let Some(work) = work(operation) {
            let now = self.arm.clock().now().wall;
            return canary::observe(&work, &context.run.0, &self.plane, now).await;
        }
        match self.read(context, false).await {
            Ok(account) => observe(operation, &account, &folded_region(&context.plan.target.region)),
            Err(error) if error.is_missing() => Observation::Barred {
                evidence: error.to_string(),
            },
            Err(error) => Observation::CannotTell {
                reason: error.to_string(),
            },
        }
    }

    async fn begin(&self, context: &Context, operation: &Operation, rung: &str, key: &AttemptKey) -> Sent {
        if let Some(work) = work(operation) {
            return canary::begin(&work, &context.run.0, &self.plane, key).await;
        }
        if let Some(reason) = Geo::closed(context) {
            return Sent::NotSent { reason };
        }
        let path = match Geo::path(context) {
            Ok(path) => path,
            Err(error) => return refusal::refused_here("InvalidSettings", error.to_string()),
        };
        let request = match (operation.id.as_str(), rung) {
            (RESTORE, _) => Request::new(Method::Patch, path, API)
                .body(json!({"sku": {"name": operation.payload["sku"]}})),
            (_, "planned") => {
                Request::new(Method::Post, format!("{path}/failover"), API).query("failoverType", "Planned")
            }
            (_, "unplanned") => Request::new(Method::Post, format!("{path}/failover"), API),
            (_, other) => {
                return refusal::refused_here("UnknownRung", format!("an account has no rung `{other}`"));
            }
        };
        match self.arm.for_step(context).change(&request, key).await {
            Ok(reply) => lro::read_start(&request, &reply),
            // Typical of a new account; it comes with the first sync.
            Err(sent) => refusal::with_passing(sent, |refusal| {
                (refusal.code == "LastSyncTimeUnavailable").then_some(true)
            }),
        }
    }

    async fn poll(&self, context: &Context, operation: &Operation, ticket: &Ticket) -> Progress {
        if let Some(canary::Work::Send(_)) = work(operation) {
            return canary::progress(self.observe(context, operation).await);
        }
        let arm = self.arm.for_step(context);
        let (None, Some(url)) = (&ticket.status_url, &ticket.location) else {
            return lro::poll_once(&arm, ticket, &lro::FinalState::Status).await;
        };
        match arm.follow(url).await {
            Err(ReadError::Answered(error)) if matches!(error.status, 400 | 405..=407 | 409 | 411..=428) => {
                let seen = self.observe(context, operation).await;
                read_refused(ticket, error, seen, arm.clock().now().wall)
            }
            answer => lro::read_location(ticket, answer),
        }
    }
}

#[cfg(test)]
mod tests;
