//! Which roles do the identities need that Azure makes anew for a cluster, and over what?
//!
//! They are those of the captured cluster's own identities, as Azure lists them now or as the capture holds them under
//! `roleAssignments`. Rights are given only where the runbook says so; an identity that was made beforehand has its own.

use std::collections::BTreeSet;

use leeward_engine::{
    id::{AttemptKey, OperationId},
    port::Context,
    work::{Observation, Operation, Phase, Sent},
};
use leeward_runbook::journey::Journey;
use serde_json::Value;

use super::{
    capture::{pools, text},
    plan::Plan,
    view,
    work::{Payload, operation, rung},
};
use crate::{
    arm::{Arm, Request, path::folded, refusal},
    governance::roles::{API, RoleAssignment},
    kinds::settings,
};

/// A role that a captured identity has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Role {
    /// Which of the cluster's identities: `cluster`, `nodes`, or an add-on by its name.
    pub(super) who: String,
    /// Over what, on the side that takes over.
    pub(super) scope: String,
    /// The definition's id.
    pub(super) role: String,
}

/// Where a cluster shows an identity's principal.
fn pointer(who: &str) -> String {
    match who {
        "cluster" => "/identity/principalId".to_owned(),
        "nodes" => "/properties/identityProfile/kubeletidentity/objectId".to_owned(),
        addon => format!("/properties/addonProfiles/{addon}/identity/objectId"),
    }
}

/// The identities of a captured cluster that Azure makes anew, with their captured principals.
fn principals(plan: &Plan) -> Vec<(String, String)> {
    let capture = &plan.capture;
    let addons = capture
        .pointer("/properties/addonProfiles")
        .and_then(Value::as_object);
    let mut all = Vec::new();
    // Made beforehand, it has its roles; they are nothing of this cluster's.
    if plan.side.identity.is_none() {
        all.push("cluster".to_owned());
    }
    all.push("nodes".to_owned());
    all.extend(addons.into_iter().flat_map(|addons| addons.keys().cloned()));
    all.into_iter()
        .filter_map(|who| {
            let principal = capture.pointer(&pointer(&who))?.as_str()?.to_owned();
            Some((who, principal))
        })
        .collect()
}

/// Whether the runbook says that roles are given.
fn asked_for(context: &Context) -> bool {
    settings::optional_text(&context.settings, "roles") == Some("recreate")
}

/// Returns the roles to be given, with what a person should know. Best effort: whoever cannot be asked is told of.
pub(super) async fn wanted(arm: &Arm, context: &Context, plan: &Plan) -> (Vec<Role>, Vec<String>) {
    let captured = listed(&plan.capture["roleAssignments"]);
    let mut warnings = Vec::new();
    if !asked_for(context) {
        if !captured.is_empty() {
            warnings.push(
                "the capture holds roles of identities that Azure makes anew; they are not given: `roles: recreate` does"
                    .to_owned(),
            );
        }
        return (Vec::new(), warnings);
    }
    if context.plan.journey == Journey::Drill {
        warnings.push("a drill gives no roles: what needs them does not run in it".to_owned());
        return (Vec::new(), warnings);
    }
    let (mut roles, mut known) = (Vec::new(), BTreeSet::new());
    for (who, principal) in principals(plan) {
        let request = Request::get(
            format!(
                "/subscriptions/{}/providers/Microsoft.Authorization/roleAssignments",
                plan.subscription
            ),
            API,
        )
        .query("$filter", format!("principalId eq '{principal}'"));
        let mut all = captured.clone();
        match arm.list(&request).await {
            Ok(list) => all.extend(list.iter().filter_map(assignment)),
            Err(error) => warnings.push(format!(
                "the roles of the captured {who} identity could not be read: {error}; those that the capture holds are given"
            )),
        }
        for (_, scope, role) in all.iter().filter(|(of, ..)| of.eq_ignore_ascii_case(&principal)) {
            let name = role.rsplit('/').next().unwrap_or_default().to_lowercase();
            match mapped(scope, context, plan) {
                Mapped::To(scope) if known.insert((who.clone(), folded(&scope), name.clone())) => roles.push(Role {
                    who: who.clone(),
                    scope,
                    role: role.clone(),
                }),
                Mapped::To(_) | Mapped::Azures => {}
                Mapped::Nobody => warnings.push(format!(
                    "the role {name} over {scope} is not given: it lies on the other side; name both under `role-scopes`"
                )),
            }
        }
    }
    if !roles.is_empty() {
        warnings.push(format!(
            "{} roles are given to the identities that Azure makes; it can take 60 minutes until a cluster heeds its own, \
             10 until others do; roles in other subscriptions are not seen",
            roles.len()
        ));
    }
    (roles, warnings)
}

/// Reads a list of assignments, as Azure or its command line writes it: principal, scope, role.
fn listed(list: &Value) -> Vec<(String, String, String)> {
    let list = list.as_array().into_iter().flatten();
    list.filter_map(assignment).collect()
}

/// Reads one assignment: principal, scope, role.
pub(super) fn assignment(one: &Value) -> Option<(String, String, String)> {
    let fields = one.get("properties").unwrap_or(one);
    // What holds under a condition is not ours to give.
    if text(fields, "condition").is_some() {
        return None;
    }
    let part = |name: &str| text(fields, name).map(str::to_owned);
    Some((part("principalId")?, part("scope")?, part("roleDefinitionId")?))
}

enum Mapped {
    /// This is the same thing on the side that takes over.
    To(String),
    /// Azure gives the role by itself: it lies in the group of the nodes.
    Azures,
    /// It lies on the other side, and nobody said what stands for it here.
    Nobody,
}

/// Says over what a role is to be given here: what the runbook names, this side's subnet, network, cluster or group for
/// the captured one, and anything that lies elsewhere as it is.
fn mapped(scope: &str, context: &Context, plan: &Plan) -> Mapped {
    let own = folded(scope);
    let within = |place: &str| {
        let place = folded(place);
        own == place || own.starts_with(&format!("{place}/"))
    };
    if let Some(to) = named(scope, context) {
        return Mapped::To(to);
    }
    let group = |name: &str| format!("/subscriptions/{}/resourceGroups/{name}", plan.subscription);
    let nodes = plan
        .capture
        .pointer("/properties/nodeResourceGroup")
        .and_then(Value::as_str);
    if nodes.is_some_and(|nodes| within(&group(nodes))) {
        return Mapped::Azures;
    }
    for subnet in pools(&plan.capture)
        .iter()
        .filter_map(|pool| text(pool, "vnetSubnetID"))
    {
        let Some(here) = &plan.side.subnet else { break };
        let network = |id: &str| id.split("/subnets/").next().unwrap_or_default().to_owned();
        if own == folded(subnet) {
            return Mapped::To(here.clone());
        }
        if own == folded(&network(subnet)) {
            return Mapped::To(network(here));
        }
    }
    let cluster = text(&plan.capture, "id");
    if let (Some(true), Ok(id)) = (cluster.map(|cluster| own == folded(cluster)), plan.id()) {
        return Mapped::To(id);
    }
    let source = settings::optional_text(&context.source, "resource-group").map(group);
    let here = settings::optional_text(&context.target, "resource-group").map(group);
    match (source, here) {
        (Some(source), Some(here)) if folded(&source) == folded(&here) => Mapped::To(scope.to_owned()),
        (Some(source), Some(here)) if own == folded(&source) => Mapped::To(here),
        (Some(source), _) if within(&source) => Mapped::Nobody,
        _ => Mapped::To(scope.to_owned()),
    }
}

/// Looks a scope up among those that the runbook names for both sides; the longest that fits counts.
fn named(scope: &str, context: &Context) -> Option<String> {
    let table = |side: &Value| side.get("role-scopes").and_then(Value::as_object).cloned();
    let (source, here) = (table(&context.source)?, table(&context.target)?);
    let own = folded(scope);
    let fits = source.iter().filter_map(|(name, from)| {
        let (from, to) = (from.as_str()?, here.get(name)?.as_str()?);
        let rest = own.strip_prefix(&folded(from))?;
        (rest.is_empty() || rest.starts_with('/')).then_some((from.len(), to))
    });
    let (length, to) = fits.max_by_key(|(length, _)| *length)?;
    Some(format!("{to}{}", scope.get(length..).unwrap_or_default()))
}

/// Returns the operations that give roles, once the cluster stands.
pub(super) fn operations(plan: &Plan, roles: &[Role], create: &OperationId) -> Vec<Operation> {
    let last = |id: &str| id.rsplit('/').next().unwrap_or_default().to_lowercase();
    let mut names = BTreeSet::new();
    roles
        .iter()
        .map(|Role { who, scope, role }| {
            let (over, definition) = (last(scope), last(role));
            let short = definition.get(..8).unwrap_or(&definition);
            let mut name = format!("role/{who}/{over}-{short}");
            while !names.insert(name.clone()) {
                name.push('+');
            }
            let goal = format!(
                "the {who} identity of {} has the role {definition} over {scope}",
                plan.side.name
            );
            let payload = Payload::Role {
                who: who.clone(),
                scope: scope.clone(),
                role: role.clone(),
            };
            let mut made = operation(name, plan, scope, goal, Phase::Main, vec![rung("only")], payload);
            made.after = vec![create.clone()];
            made
        })
        .collect()
}

/// Makes the assignment of a cluster that stands: its identity's principal is known only now.
fn of(
    cluster: Option<&Value>,
    plan: &Plan,
    role: (&str, &str, &str),
    run: Option<&str>,
) -> Result<RoleAssignment, Box<Observation>> {
    let (who, scope, role) = role;
    let name = &plan.side.name;
    let barred = |evidence: String| Box::new(Observation::Barred { evidence });
    let cluster = cluster.ok_or_else(|| barred(format!("there is no cluster {name}")))?;
    if !view::is_ours(cluster, &plan.mapped.digest, run) {
        return Err(barred(format!("the cluster {name} is not ours")));
    }
    let principal = cluster.pointer(&pointer(who)).and_then(Value::as_str);
    let principal = principal.ok_or_else(|| {
        Box::new(Observation::CannotTell {
            reason: format!("{name} shows no {who} identity"),
        })
    })?;
    RoleAssignment::new(scope, principal, role).map_err(|error| barred(error.to_string()))
}

/// Reads whether an identity has its role.
pub(super) async fn observe(
    arm: &Arm,
    cluster: Option<&Value>,
    plan: &Plan,
    role: (&str, &str, &str),
    run: Option<&str>,
) -> Observation {
    match of(cluster, plan, role, run) {
        Ok(assignment) => assignment.observe(arm).await,
        Err(seen) => *seen,
    }
}

/// Gives an identity its role.
pub(super) async fn begin(
    arm: &Arm,
    cluster: Option<&Value>,
    plan: &Plan,
    role: (&str, &str, &str),
    run: Option<&str>,
    key: &AttemptKey,
) -> Sent {
    match of(cluster, plan, role, run) {
        Ok(assignment) => assignment.begin(arm, key).await,
        Err(seen) => match *seen {
            Observation::CannotTell { reason } => Sent::NotSent { reason },
            Observation::Barred { evidence } => refusal::refused_here("NotOurs", evidence),
            other => refusal::refused_here("NotOurs", format!("{other:?}")),
        },
    }
}
