//! How do machines of Azure move with Site Recovery? The vault is asked for everything, and it is
//! never in the region that failed.

use async_trait::async_trait;
use leeward_engine::{
    id::AttemptKey,
    port::{Context, Driver, DriverError},
    work::{Assessment, Loss, Observation, Operation, Outputs, Phase, Progress, Refusal, Sent, Ticket},
};
use leeward_runbook::journey::Journey;
use serde_json::{Value, json};

use super::{
    choice::{self, Unit, impossible},
    item::Item,
    job, look, loss,
    operations::{self, Member, Settings},
    plan::{self, Plan},
    shared::Lists,
    turn, undo,
    vault::{API, Vault},
    verb::PointWish,
};
use crate::arm::{Arm, ArmPath, Method, ReadError, Request, lro, path::folded, refusal};

/// Drives `azure.site-recovery.virtual-machines` and `azure.site-recovery.recovery-plan`: a plan is one way to say which
/// machines move, and who moves them.
pub(super) struct Machines {
    pub(super) arm: Arm,
    pub(super) lists: Lists,
}

/// What the vault says about a step's machines.
struct Found {
    all: Vec<Item>,
    chosen: Vec<Item>,
    /// The recovery plan that the step names, if it names one instead of machines.
    plan: Option<Plan>,
}

impl Machines {
    pub(super) fn new(arm: Arm) -> Machines {
        Machines {
            arm,
            lists: Lists::default(),
        }
    }

    async fn find(&self, context: &Context, vault: &Vault) -> Result<Found, DriverError> {
        let arm = self.arm.for_step(context);
        let unread = |error: ReadError| error.into_driver_error(vault.what());
        if let Some(name) = plan_of(&context.settings) {
            let plan = vault.plan(&arm, name).await.map_err(unread)?;
            let all = vault.items(&arm).await.map_err(unread)?;
            let pinned = plan::pinned(&context.settings);
            let chosen = plan::chosen(&plan, &all, &pinned, &vault.what())?;
            return Ok(Found {
                all,
                chosen,
                plan: Some(plan),
            });
        }
        let names = choice::names(&context.settings)?;
        let all = vault.items(&arm).await.map_err(unread)?;
        let chosen = choice::choose(&names, &all, &vault.what())?;
        Ok(Found {
            all,
            chosen,
            plan: None,
        })
    }

    async fn units(&self, context: &Context, vault: &Vault, found: &Found) -> Result<Vec<Unit>, DriverError> {
        let arm = self.arm.for_step(context);
        if let Some(plan) = &found.plan {
            return plan::units(plan, &found.chosen);
        }
        let groups = choice::groups(&found.chosen, &found.all)?;
        let named = crate::kinds::settings::optional_text(&context.settings, "recovery-plan");
        let plans: Vec<Plan> = match named {
            Some(name) => vault.plan(&arm, name).await.map(|plan| vec![plan]),
            None if groups.is_empty() => Ok(Vec::new()),
            None => vault.plans(&arm).await,
        }
        .map_err(|error| error.into_driver_error(format!("recovery plans of {}", vault.what())))?;
        choice::units(&found.chosen, &groups, &plans, named.is_some())
    }

    /// Reckons one row a machine. Only a point that may lie far behind is looked up for it.
    async fn losses(
        &self,
        context: &Context,
        vault: &Vault,
        chosen: &[Item],
    ) -> Result<Vec<Loss>, DriverError> {
        let settings = Settings::read(context)?;
        let arm = self.arm.for_step(context);
        let now = arm.clock().now().wall;
        let step = context.step.id.as_str();
        let outage = context.outage_since;
        let mut rows = Vec::new();
        for item in chosen {
            let cancels = settings.cancel && item.has_failed_over() && item.from == settings.to;
            if context.plan.journey == Journey::Failback && cancels {
                rows.push(loss::of_cancelling(step, item, now));
                continue;
            }
            let changes = matches!(settings.point, PointWish::Before(_)) && undo::may_change(item, &settings);
            if item.runs_in() == Some(settings.to.as_str()) && !changes {
                continue;
            }
            if !settings.point.may_lie_far_behind() {
                rows.push(loss::of(step, item, now, outage, None));
                continue;
            }
            rows.push(match vault.points(&arm, &item.id).await {
                Ok(points) => match settings.point.pick(&points) {
                    // A change of point loses what the machine wrote where it runs now, too.
                    Some((_, at)) if changes => loss::of(step, item, now, None, Some(at)),
                    Some((_, at)) => loss::of(step, item, now, outage, Some(at)),
                    None => loss::unknown(
                        step,
                        item,
                        format!(
                            "{} has no recovery point that is {}",
                            item.machine, settings.point
                        ),
                    ),
                },
                Err(error) => loss::unknown(
                    step,
                    item,
                    format!("the recovery points were not readable: {error}"),
                ),
            });
        }
        Ok(rows)
    }

    /// Says what is wrong with the vault's own place. It is worth a word, never a stop.
    async fn vault_warning(&self, context: &Context, vault: &Vault) -> Option<String> {
        match vault.region(&self.arm.for_step(context)).await {
            Ok(Some(region)) if region == crate::arm::folded_region(&context.plan.source.region) => {
                Some(format!(
                    "{} lies in {region}, the region that the machines leave: it may fail with them",
                    vault.what()
                ))
            }
            Ok(_) => None,
            Err(error) => Some(format!("where {} lies was not readable: {error}", vault.what())),
        }
    }

    async fn assess_move(&self, context: &Context, vault: &Vault) -> Result<Assessment, DriverError> {
        let settings = Settings::read(context)?;
        let within = Settings::within(context)?;
        let found = self.find(context, vault).await?;
        let units = self.units(context, vault, &found).await?;
        let mut warnings: Vec<String> = self.vault_warning(context, vault).await.into_iter().collect();
        let mut all = Vec::new();
        for unit in &units {
            if unit.plan.is_some() && matches!(settings.point, PointWish::Before(_)) {
                return Err(impossible(format!(
                    "`recovery-point`: the recovery plan {} takes a kind of point, never one of a certain time: those are taken by machines that move alone",
                    unit.name
                )));
            }
            if context.plan.journey == Journey::Failback && undo::shall_cancel(unit, &settings) {
                warnings.push(format!(
                    "the failover of {} was not committed: it is cancelled, and what was written since is lost",
                    unit.name
                ));
                all.push(undo::cancel(unit, &settings, within));
                continue;
            }
            let other = match (settings.point, unit.members.as_slice()) {
                (PointWish::Before(_), [item]) if undo::may_change(item, &settings) => {
                    self.other_point(context, vault, item, settings.point).await?
                }
                _ => None,
            };
            if let (Some(point), [item]) = (other, unit.members.as_slice()) {
                let change = undo::change_point(unit, item, &settings, &point, within);
                if settings.commit {
                    let mut commit = operations::commit(unit, &settings, Phase::AfterRecovery);
                    commit.after.push(change.id.clone());
                    all.extend([change, commit]);
                } else {
                    all.push(change);
                }
                continue;
            }
            let pinned = self.pinned(context, vault, unit, settings.point).await;
            operations::failover(context, unit, &settings, within, pinned, &mut all);
            if operations::has_leftover(unit) {
                warnings.push(format!(
                    "a test failover of {} stands about and is cleaned up first",
                    unit.name
                ));
            }
        }
        if let Some(plan) = &found.plan {
            warnings.extend(plan.warnings());
        }
        if !settings.commit {
            warnings.push(
                "`commit: by-hand`: until a person commits, the recovery points stay and replication cannot be turned round"
                    .to_owned(),
            );
        }
        if !settings.shutdown {
            warnings.push(
                "`source: leave`: a machine that still runs at the source goes on writing beside its copy"
                    .to_owned(),
            );
        }
        for item in &found.chosen {
            if item.health.eq_ignore_ascii_case("critical") {
                let mut words = format!("the replication of {} is {}", item.machine, item.health);
                if !item.troubles.is_empty() {
                    words.push_str(&format!(" ({})", item.troubles.join("; ")));
                }
                warnings.push(words);
            }
        }
        let at_least = match settings.at_least {
            Some(wanted) if wanted > found.chosen.len() => {
                return Err(impossible(format!(
                    "`at-least: {wanted}` of {} machines can never be reached",
                    found.chosen.len()
                )));
            }
            // A whole plan is one operation, and it counts its machines itself.
            Some(_) if matches!(units.as_slice(), [unit] if unit.plan.is_some() && settings.by_plan) => None,
            // The engine counts the moves and not the clean-ups before them.
            Some(wanted) => Some(choice::operations_for(wanted, &units)),
            None => None,
        };
        Ok(Assessment {
            summary: summary(&found.chosen),
            operations: all,
            at_least,
            losses: self.losses(context, vault, &found.chosen).await?,
            warnings,
            outputs: outputs(&found.chosen),
        })
    }

    async fn assess_drill(&self, context: &Context, vault: &Vault) -> Result<Assessment, DriverError> {
        let settings = Settings::read(context)?;
        let network = operations::drill_network(context, vault)?;
        let found = self.find(context, vault).await?;
        for item in &found.chosen {
            if item.network.as_deref().map(folded) == Some(folded(&network)) {
                return Err(impossible(format!(
                    "`drill-network` is the network that {} moves to on the bad day: a test machine there could take its address",
                    item.machine
                )));
            }
        }
        let units = self.units(context, vault, &found).await?;
        let now = self.arm.clock().now().wall;
        let mut all = Vec::new();
        for unit in &units {
            let from = all.len();
            operations::drill(context, unit, &settings, &network, now, &mut all);
            let mark = all.get(from).and_then(|test| operations::read(test).ok()?.mark);
            if let Some(mark) = mark {
                self.refuse_strangers(context, vault, &unit.members, &mark)
                    .await?;
            }
        }
        Ok(Assessment {
            summary: summary(&found.chosen),
            operations: all,
            warnings: self.vault_warning(context, vault).await.into_iter().collect(),
            outputs: outputs(&found.chosen),
            ..Assessment::default()
        })
    }

    async fn assess_reprotect(&self, context: &Context, vault: &Vault) -> Result<Assessment, DriverError> {
        let settings = Settings::read(context)?;
        let found = self.find(context, vault).await?;
        if found.plan.is_none() {
            choice::groups(&found.chosen, &found.all)?;
        }
        let (mut all, mut warnings) = (Vec::new(), Vec::new());
        for item in &found.chosen {
            turn::turn(context, vault, item, &settings, &mut all, &mut warnings)?;
        }
        Ok(Assessment {
            summary: summary(&found.chosen),
            operations: all,
            warnings,
            outputs: outputs(&found.chosen),
            ..Assessment::default()
        })
    }

    async fn members(
        &self,
        arm: &Arm,
        vault: &Vault,
        members: &[Member],
    ) -> Result<Vec<Option<Item>>, ReadError> {
        if let [one] = members
            && !self.lists.serves_look(arm, vault, one)
        {
            return Ok(vec![vault.item(arm, &one.id, &one.name).await?]);
        }
        let items = self.lists.items(arm, vault, members).await?;
        Ok(members.iter().map(|member| items.of(&member.name)).collect())
    }

    /// A plan's job may succeed in part. Then its machines are looked at, and where too many stay behind the operation
    /// failed, in the job's own words.
    async fn whole(&self, arm: &Arm, vault: &Vault, operation: &Operation, progress: Progress) -> Progress {
        let (Progress::Succeeded { warnings, .. }, Ok(payload)) = (&progress, operations::read(operation))
        else {
            return progress;
        };
        if warnings.is_empty() || payload.members.len() < 2 {
            return progress;
        }
        match self.members(arm, vault, &payload.members).await {
            Ok(items) => look::whole(&payload, &items, warnings).unwrap_or(progress),
            Err(_) => progress,
        }
    }
}

/// Returns the recovery plan that a step names instead of machines.
fn plan_of(settings: &Value) -> Option<&str> {
    crate::kinds::settings::optional_text(settings, "plan")
}

fn summary(items: &[Item]) -> String {
    let all: Vec<String> = items.iter().map(Item::to_string).collect();
    all.join("; ")
}

fn outputs(items: &[Item]) -> Outputs {
    let names: Vec<&str> = items.iter().map(|item| item.machine.as_str()).collect();
    Outputs::from([("machines".to_owned(), json!(names))])
}

/// The code of a verb that Azure does not allow now is not known: every 400 is looked at again
/// where it sounds like one.
fn passing(refusal: &Refusal) -> Option<bool> {
    let text = format!("{} {}", refusal.code, refusal.message).to_ascii_lowercase();
    (refusal.status == 400 && (text.contains("in progress") || text.contains("another operation")))
        .then_some(true)
}

/// Polls one job by its URL, else by its name: the signed URL may be gone, the job's name stays.
async fn poll_singly(arm: &Arm, vault: &Vault, name: &str, ticket: &Ticket) -> Progress {
    let by_url = match &ticket.status_url {
        Some(_) => Some(lro::poll_once(arm, ticket, &lro::FinalState::Status).await),
        None => None,
    };
    match by_url {
        None | Some(Progress::Gone { .. }) => job::read(vault.job(arm, name).await),
        Some(Progress::Succeeded {
            mut warnings,
            outputs,
        }) => {
            // Only the job tells that a success is a partial one.
            if let Ok(body) = vault.job(arm, name).await {
                for warning in job::warnings(&body) {
                    if !warnings.contains(&warning) {
                        warnings.push(warning);
                    }
                }
            }
            Progress::Succeeded { warnings, outputs }
        }
        Some(progress) => progress,
    }
}

#[async_trait]
impl Driver for Machines {
    fn targets(&self, context: &Context) -> Vec<String> {
        let Ok(vault) = Vault::of(context) else {
            return Vec::new();
        };
        let plan = plan_of(&context.settings);
        let names = match plan {
            Some(_) => plan::pinned(&context.settings),
            None => choice::names(&context.settings).unwrap_or_default(),
        };
        let plan = plan.and_then(|plan| vault.claim_plan(plan));
        let machines = names.iter().filter_map(|name| vault.claim(name));
        plan.into_iter().chain(machines).collect()
    }

    async fn measure(&self, context: &Context) -> Result<Vec<Loss>, DriverError> {
        if !matches!(context.plan.journey, Journey::Failover | Journey::Failback) {
            return Ok(Vec::new());
        }
        let vault = Vault::of(context)?;
        let found = self.find(context, &vault).await?;
        self.losses(context, &vault, &found.chosen).await
    }

    async fn assess(&self, context: &Context) -> Result<Assessment, DriverError> {
        let vault = Vault::of(context)?;
        match context.plan.journey {
            Journey::Failover | Journey::Failback => self.assess_move(context, &vault).await,
            Journey::Drill => self.assess_drill(context, &vault).await,
            Journey::Reprotect => self.assess_reprotect(context, &vault).await,
        }
    }

    async fn observe(&self, context: &Context, operation: &Operation) -> Observation {
        let (payload, vault) = match (operations::read(operation), Vault::of(context)) {
            (Ok(payload), Ok(vault)) => (payload, vault),
            (Err(evidence), _) => return Observation::Barred { evidence },
            (_, Err(error)) => {
                return Observation::Barred {
                    evidence: error.to_string(),
                };
            }
        };
        let arm = self.arm.for_step(context);
        match self.members(&arm, &vault, &payload.members).await {
            Ok(items) => {
                let plan = match look::is_in_parts(&payload, &items) {
                    true => vault.plan_by_id(&arm, &payload.subject).await.ok(),
                    false => None,
                };
                let strangers = self.strangers(context, &vault, &payload, &items).await;
                look::observe(&payload, &items, plan.as_ref(), &strangers)
            }
            Err(error) => Observation::CannotTell {
                reason: format!("{}: {error}", vault.what()),
            },
        }
    }

    async fn begin(&self, context: &Context, operation: &Operation, _rung: &str, key: &AttemptKey) -> Sent {
        let (payload, vault) = match (operations::read(operation), Vault::of(context)) {
            (Ok(payload), Ok(vault)) => (payload, vault),
            (Err(error), _) => return refusal::refused_here("InvalidPayload", error),
            (_, Err(error)) => return refusal::refused_here("InvalidSettings", error.to_string()),
        };
        let arm = self.arm.for_step(context);
        let path = match ArmPath::resource(&payload.subject)
            .then(payload.verb.action())
            .build()
        {
            Ok(path) => path,
            Err(bad) => return refusal::refused_here("InvalidPath", bad.to_string()),
        };
        let body = match payload.point {
            Some(wish) => match self.with_point(&arm, &vault, &payload, wish).await {
                Ok(body) => Some(body),
                Err(reason) => return Sent::NotSent { reason },
            },
            None => payload.body.filter(|body| !body.is_null()),
        };
        let mut request = Request::new(Method::Post, path, API);
        request.body = body;
        // Before and after: a list that was under way meanwhile may tell either.
        self.lists.change(&vault, &payload.members);
        let answer = arm.change(&request, key).await;
        self.lists.change(&vault, &payload.members);
        match answer {
            Ok(reply) => lro::read_start(&request, &reply),
            Err(sent) => refusal::with_passing(sent, passing),
        }
    }

    async fn poll(&self, context: &Context, operation: &Operation, ticket: &Ticket) -> Progress {
        let arm = self.arm.for_step(context);
        let (Ok(vault), Some(name)) = (Vault::of(context), &ticket.job) else {
            return match ticket.status_url {
                Some(_) => lro::poll_once(&arm, ticket, &lro::FinalState::Status).await,
                None => Progress::Gone {
                    reason: "the ticket names no job".to_owned(),
                },
            };
        };
        let progress = match self.lists.poll(&arm, &vault, name).await {
            Some(progress) => progress,
            None => {
                let progress = poll_singly(&arm, &vault, name, ticket).await;
                if !matches!(progress, Progress::Running { .. } | Progress::Unreadable { .. }) {
                    self.lists.ended(&vault, name);
                }
                progress
            }
        };
        self.whole(&arm, &vault, operation, progress).await
    }
}

#[cfg(test)]
mod tests;
