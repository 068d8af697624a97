//! What can a person do about a refusal of Azure's own gate? Azure says what is locked or missing; this says what next.

/// Returns Azure's message with what to do next behind it, where the code is one of ARM's own gates.
pub(crate) fn explained(code: &str, message: &str) -> String {
    match next(code, message) {
        Some(next) => format!("{message} — {next}"),
        None => message.to_owned(),
    }
}

/// Returns whether a code denies a permission.
pub(crate) fn denies(code: &str) -> bool {
    ["AuthorizationFailed", "LinkedAuthorizationFailed"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(code))
}

/// The words of these messages are an inference (well known, not sourced): what is not found in them is left out.
fn next(code: &str, message: &str) -> Option<String> {
    if code.eq_ignore_ascii_case("ScopeLocked") {
        let scopes = quoted(message, "locked:");
        return Some(match scopes.first() {
            Some(_) => {
                let all: Vec<String> = scopes.iter().map(|scope| super::locks::find_command(scope)).collect();
                format!(
                    "a lock refuses it and lasts until somebody removes it: find it with {}, remove it with `az lock delete --ids ID`, then `leeward retry`",
                    all.join(" and ")
                )
            }
            None => "a lock refuses it and lasts until somebody removes it (`az lock list`, `az lock delete`), then `leeward retry`".to_owned(),
        });
    }
    if !denies(code) {
        return None;
    }
    // What is linked is what is missing: on the resource itself the action is allowed.
    let action =
        first(message, "permission to perform action(s) '").or_else(|| first(message, "perform action '"))?;
    let scope = first(message, "linked scope(s) '").or_else(|| first(message, "over scope '"));
    let over = scope.map(|scope| format!(" over {scope}")).unwrap_or_default();
    let who = first(message, "object id '");
    let who = who.map(|who| format!(" ({who})")).unwrap_or_default();
    Some(format!(
        "missing: {action}{over}: give the identity that Leeward acts as{who} a role with this action there, then `leeward retry`; a role takes up to 10 minutes"
    ))
}

fn first<'a>(message: &'a str, before: &str) -> Option<&'a str> {
    let at = message.find(before)? + before.len();
    let rest = message.get(at..)?;
    let found = &rest[..rest.find('\'')?];
    (!found.is_empty()).then_some(found)
}

/// Returns the ids in quotes behind a word.
fn quoted<'a>(message: &'a str, behind: &str) -> Vec<&'a str> {
    let Some(at) = message.find(behind) else {
        return Vec::new();
    };
    let rest = &message[at + behind.len()..];
    let found = rest.split('\'').skip(1).step_by(2).flat_map(|ids| ids.split(','));
    found.map(str::trim).filter(|id| id.starts_with('/')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locked_scope_is_told_with_how_to_find_the_lock_and_remove_it() {
        let message = "The scope '/subscriptions/s/resourceGroups/rg/providers/x/y/z' cannot perform write operation because following scope(s) are locked: '/subscriptions/s/resourceGroups/rg'. Please remove the lock and try again.";
        let told = explained("ScopeLocked", message);
        assert!(told.starts_with(message), "{told}");
        assert!(
            told.contains("az lock list --subscription s --resource-group rg"),
            "{told}"
        );
        assert!(
            told.contains("az lock delete --ids") && told.contains("leeward retry"),
            "{told}"
        );
        let bare = explained("ScopeLocked", "locked");
        assert!(bare.contains("az lock list"), "{bare}");
    }

    #[test]
    fn a_denial_names_the_action_and_the_scope_that_are_missing() {
        let message = "The client 'c' with object id 'o-1' does not have authorization to perform action 'Microsoft.Sql/servers/failoverGroups/failover/action' over scope '/subscriptions/s/x' or the scope is invalid.";
        let told = explained("AuthorizationFailed", message);
        assert!(
            told.contains(
                "missing: Microsoft.Sql/servers/failoverGroups/failover/action over /subscriptions/s/x"
            ),
            "{told}"
        );
        assert!(told.contains("o-1"), "{told}");
        let linked = "The client has permission to perform action 'A/write' on scope '/s/a', however the client does not have permission to perform action(s) 'B/join/action' on the linked scope(s) '/s/b'.";
        let told = explained("LinkedAuthorizationFailed", linked);
        assert!(told.contains("missing: B/join/action over /s/b:"), "{told}");
    }

    #[test]
    fn what_says_nothing_more_is_left_as_it_is() {
        for (code, message) in [
            ("AuthorizationFailed", "no"),
            ("FailoverGroupBusy", "locked: '/x'"),
            ("AuthorizationFailed", "perform action 'half"),
        ] {
            assert_eq!(explained(code, message), message);
        }
    }
}
