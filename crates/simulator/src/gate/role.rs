//! May the caller do it?
//!
//! A caller of whom the world says nothing may do everything, as it always was. Of one that it names, what is allowed
//! is what the world grants and what has been assigned since, once that has spread. What is asked of data, not of
//! ARM, stays out.

use http::Method;
use serde_json::{Value, json};

use super::caller::{Caller, caller};
use crate::{
    arm::{Answer, ArmRequest},
    provider::{
        Context,
        authorization::{ASSIGNMENTS, BuiltIn, built_in, effective, extended},
    },
    world::{Grant, fold_id},
};

/// What a role allows somewhere.
struct Held<'a> {
    actions: Vec<&'a str>,
    but: Vec<&'a str>,
    /// Folded, without a slash at its end; empty for everywhere.
    scope: String,
}

impl Held<'_> {
    fn covers(&self, target: &str) -> bool {
        self.scope.is_empty() || target == self.scope || target.starts_with(&format!("{}/", self.scope))
    }

    fn allows(&self, action: &str) -> bool {
        let any = |patterns: &[&str]| patterns.iter().any(|pattern| fits(pattern, action));
        any(&self.actions) && !any(&self.but)
    }
}

/// Refuses what a caller has no role for, in ARM's words.
pub(super) fn judge(context: &Context<'_>, request: &ArmRequest) -> Result<(), Answer> {
    if context.world.roles.is_empty() {
        return Ok(());
    }
    let who = caller(context, request);
    let (Some(action), true) = (action(request), named(context, &who)) else {
        return Ok(());
    };
    let target = request.path.key();
    let held = held(context, &who);
    if held
        .iter()
        .any(|held| held.covers(&target) && held.allows(&action))
    {
        return Ok(());
    }
    Err(Answer::gateway(
        403,
        "AuthorizationFailed",
        format!(
            "The client '{}' with object id '{}' does not have authorization to perform action '{action}' over scope \
             '{}' or the scope is invalid. If access was recently granted, please refresh your credentials.",
            who.client,
            who.object,
            request.path.id(),
        ),
    ))
}

/// Returns what the caller holds at the scope of a request, as ARM tells everybody of themselves.
pub(crate) fn permissions(context: &Context<'_>, request: &ArmRequest) -> Vec<Value> {
    let who = caller(context, request);
    if !named(context, &who) {
        return vec![json!({"actions": ["*"], "notActions": []})];
    }
    let target = fold_id(&request.path.scope);
    held(context, &who)
        .iter()
        .filter(|held| held.covers(&target))
        .map(|held| json!({"actions": held.actions, "notActions": held.but}))
        .collect()
}

/// Returns whether the world says anything of a caller.
fn named(context: &Context<'_>, who: &Caller) -> bool {
    context.world.roles.iter().any(|grant| who.is(&grant.principal))
}

/// Returns all that a caller holds now.
fn held<'a>(context: &'a Context<'_>, who: &Caller) -> Vec<Held<'a>> {
    let granted = context
        .world
        .roles
        .iter()
        .filter(|grant| who.is(&grant.principal) && counts(context, grant))
        .flat_map(|grant| {
            let scope = fold_id(&grant.scope);
            let role = grant.role.as_deref().and_then(built_in);
            let own = Held {
                actions: grant.actions.iter().map(String::as_str).collect(),
                but: grant.not_actions.iter().map(String::as_str).collect(),
                scope: scope.clone(),
            };
            role.map(|role| of(role, scope)).into_iter().chain([own])
        });
    let assigned = context
        .world
        .resources
        .values()
        .filter(|resource| resource.kind.eq_ignore_ascii_case(ASSIGNMENTS))
        .filter(|assignment| effective(assignment).is_none_or(|since| since <= context.now))
        .filter(|assignment| {
            assignment.body["properties"]["principalId"]
                .as_str()
                .is_some_and(|principal| who.is(principal))
        })
        .filter_map(|assignment| {
            let role = built_in(assignment.body["properties"]["roleDefinitionId"].as_str()?)?;
            Some(of(role, extended(&assignment.id)))
        });
    granted.chain(assigned).collect()
}

fn of(role: &'static BuiltIn, scope: String) -> Held<'static> {
    Held {
        actions: role.actions.to_vec(),
        but: role.but.to_vec(),
        scope,
    }
}

fn counts(context: &Context<'_>, grant: &Grant) -> bool {
    let start = context.world.start;
    let begun = grant
        .from
        .as_ref()
        .is_none_or(|from| from.resolve(start) <= context.now);
    begun
        && grant
            .until
            .as_ref()
            .is_none_or(|until| context.now < until.resolve(start))
}

/// Returns the action that a request asks for: `Microsoft.Sql/servers/failoverGroups/failover/action`; nothing for
/// what needs no role, such as the list of one's own subscriptions.
fn action(request: &ArmRequest) -> Option<String> {
    let path = &request.path;
    path.subscription.as_ref()?;
    let mut words: Vec<&str> = Vec::new();
    match &path.namespace {
        Some(namespace) => {
            words.push(namespace);
            words.extend(path.types.iter().map(String::as_str));
        }
        None => {
            words.push("Microsoft.Resources");
            let segments = path.raw.split('/').filter(|segment| !segment.is_empty());
            words.extend(segments.step_by(2));
        }
    }
    let last = match request.method {
        Method::GET | Method::HEAD => "read",
        Method::DELETE => "delete",
        Method::PUT | Method::PATCH => "write",
        _ => "action",
    };
    words.extend(path.tail.as_deref());
    words.push(last);
    Some(words.join("/"))
}

/// Returns whether an action is one that a pattern means: `*` is anything, letters have no case.
fn fits(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_lowercase(), action.to_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| action.strip_prefix(first)) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(place) => rest = &rest[place + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn an_action_fits_a_pattern_as_roles_write_them() {
        let switch = "Microsoft.Sql/servers/failoverGroups/failover/action";
        for pattern in [
            "*",
            "*/action",
            "microsoft.sql/servers/*",
            "Microsoft.Sql/*/failover/action",
            switch,
        ] {
            assert!(fits(pattern, switch), "{pattern}");
        }
        for pattern in [
            "*/read",
            "Microsoft.Sql/servers",
            "Microsoft.Storage/*",
            "",
            "*/failover",
        ] {
            assert!(!fits(pattern, switch), "{pattern}");
        }
        assert!(
            !fits("ab*ba", "aba"),
            "what stands before and behind must not overlap"
        );
    }
}
