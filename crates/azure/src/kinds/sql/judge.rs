//! What do Azure SQL's codes and views mean for a switch? Tables, and nothing else.

use leeward_engine::work::{Observation, Outputs, Refusal};

use super::view::{GroupView, Replication, Role};
use crate::arm::ReadError;

/// "The side you ask is the primary already": it may be done, so it is looked at again.
pub(super) const ALREADY: &[&str] = &[
    "FailoverGroupFailoverRequestOnPrimary",
    "FailoverGroupNotSecondary",
    "InstanceFailoverGroupFailoverRequestOnPrimary",
    "InstanceFailoverGroupNotSecondary",
];

/// Refusals that pass by themselves, whatever status they come with.
pub(super) const BUSY: &[&str] = &[
    "ConflictingManagedInstanceOperation",
    "ConflictingServerOperation",
    "ConflictingSubscriptionOperation",
    "ConflictingSystemOperationInProgress",
    "DatabaseBeingAddedToFailoverGroup",
    "DatabaseBeingRemovedFromFailoverGroup",
    "FailoverGroupBusy",
    // The secondary rolls back to a consistent state first; then it may become primary.
    "GeoReplicationCannotBecomePrimaryDuringUndo",
    "InstanceFailoverGroupBusy",
    "ManagedInstanceFailoverThrottled",
    "ManagedInstanceIsBusy",
    "ManagedInstanceOperationInProgress",
    "ManagedInstanceStarting",
    "ManagedInstanceUpdateSloInProgress",
    "ManagementServiceDatabaseBusy",
    "OperationCancelled",
    "OperationInterrupted",
    "UpdateSloInProgress",
];

/// Refusals with a status that promises more than they keep: a person, or the next rung.
pub(super) const LASTING: &[&str] = &[
    "DatabaseBelongsToOtherFailoverGroup",
    "FailoverGroupAlreadySetup",
    "InvalidDatabaseStateForOperation",
    "InvalidOperationForDatabaseNotInReplicationRelationship",
    "ManagedInstanceContainsInaccessibleDatabases",
    "ManagedInstanceHasHybridLink",
    "SubscriptionDisabled",
];

/// Failures of an accepted switch after which another attempt is worth it. A planned switch that timed out
/// (`PlannedFailoverTimedOut`, `…ForDatabase`) is not one: the next rung is.
pub(super) const RETRYABLE: &[&str] = &[
    // Rolled back by Azure, which says "retry".
    "OperationTimedOut",
    "RequestTimeout",
    "TooManyRequests",
    "DatabaseUnavailable",
];

fn is(list: &[&str], code: &str) -> bool {
    list.iter().any(|known| known.eq_ignore_ascii_case(code))
}

/// Returns what SQL knows better about a refusal than its status tells.
pub(super) fn passing(refusal: &Refusal) -> Option<bool> {
    if is(ALREADY, &refusal.code) || is(BUSY, &refusal.code) {
        return Some(true);
    }
    is(LASTING, &refusal.code).then_some(false)
}

/// Returns whether a failed switch is worth another attempt.
pub(super) fn retryable(code: &str) -> bool {
    is(RETRYABLE, code) || is(BUSY, code)
}

/// Reads the goal "this side is primary" from this side alone.
pub(super) fn observe(what: &str, answer: Result<GroupView, ReadError>) -> Observation {
    let view = match answer {
        Ok(view) => view,
        Err(error) if error.is_missing() => {
            return Observation::Barred {
                evidence: format!("{what}: {error}"),
            };
        }
        Err(error) => {
            return Observation::CannotTell {
                reason: format!("{what}: {error}"),
            };
        }
    };
    let evidence = format!("{what} is {view}");
    match (view.role, view.replication) {
        // The way back, or the tail of our own: either way it is not over.
        (Role::Primary, Replication::Switching(_)) => Observation::Busy { evidence },
        // Whatever the replication says: after a forced switch it is `SUSPENDED` for a while.
        (Role::Primary, _) => Observation::Holds {
            evidence,
            // Nothing in the group tells who asked for it.
            ours: false,
            outputs: Outputs::new(),
        },
        (Role::Secondary, Replication::Switching(_)) => Observation::InMotion {
            evidence,
            ticket: None,
        },
        (Role::Secondary, Replication::Seeding(_)) => Observation::Busy { evidence },
        (Role::Secondary, _) => Observation::NotBegun { evidence },
        (Role::Other(_), _) => Observation::CannotTell { reason: evidence },
    }
}

/// Judges the way home of a drill: what home says, beside what the side says that the drill switched to.
///
/// As long as either shows a switch under way, nothing is over: the first one may still be on its way, and home reads
/// Primary until it has arrived.
pub(super) fn home(
    (own, answer): (&str, Result<GroupView, ReadError>),
    (what, there): (&str, Result<GroupView, ReadError>),
) -> Observation {
    let filling = matches!(&answer, Ok(view) if matches!(view.replication, Replication::Seeding(_)));
    let seen = match observe(own, answer) {
        Observation::Holds { evidence, .. } if filling => return Observation::Busy { evidence },
        seen => seen,
    };
    let there = match there {
        Ok(there) => there,
        Err(error) => {
            return Observation::CannotTell {
                reason: format!("{what}: {error}"),
            };
        }
    };
    let both = |evidence: String| format!("{evidence}; {what} is {there}");
    let moves = matches!(
        there.replication,
        Replication::Switching(_) | Replication::Seeding(_)
    );
    match (seen, &there.role) {
        (
            Observation::Holds {
                evidence,
                ours,
                outputs,
            },
            Role::Secondary,
        ) if !moves => Observation::Holds {
            evidence: both(evidence),
            ours,
            outputs,
        },
        (Observation::NotBegun { evidence }, Role::Primary) if !moves => Observation::NotBegun {
            evidence: both(evidence),
        },
        // Both or neither call themselves primary, or one of them is on its way.
        (Observation::Holds { evidence, .. } | Observation::NotBegun { evidence }, _) => Observation::Busy {
            evidence: both(evidence),
        },
        (seen, _) => seen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::read_json;

    #[test]
    fn every_code_that_is_judged_here_is_one_that_azure_lists() {
        let Some(listed) = read_json("derived/sql-error-codes.json") else {
            return;
        };
        // Named by other sources: the two conflicts by the facts, from the documentation.
        let elsewhere = [
            "ConflictingManagedInstanceOperation",
            "ConflictingSubscriptionOperation",
        ];
        for code in [ALREADY, BUSY, LASTING, RETRYABLE].concat() {
            assert!(
                listed["codes"].get(code).is_some() || elsewhere.contains(&code),
                "{code} is in no list"
            );
        }
    }

    #[test]
    fn no_code_is_judged_twice() {
        let mut all = [ALREADY, BUSY, LASTING, RETRYABLE].concat();
        all.sort_unstable();
        assert!(all.windows(2).all(|pair| pair[0] != pair[1]), "{all:?}");
    }

    #[test]
    fn every_listed_conflict_of_a_switch_has_been_thought_of() {
        let Some(listed) = read_json("derived/sql-error-codes.json") else {
            return;
        };
        // Of creating, of keys and of names: none of them answers a switch in a way that waiting would help
        // or harm; as a 409 they are looked at again until the step's patience ends.
        let not_of_a_switch = |code: &str| {
            code.contains("Key")
                || code.contains("Already")
                || code.contains("InUse")
                || code.starts_with("Invalid")
        };
        let more = [
            "CannotCancelOperation",
            "DuplicateGeoDrRelation",
            "RemoteDatabaseExists",
        ];
        for operation in ["FailoverGroups_Failover", "InstanceFailoverGroups_Failover"] {
            let codes = listed["operations"][operation]["codes"].as_array().unwrap();
            for code in codes.iter().filter_map(|code| code.as_str()) {
                let conflict = listed["codes"][code]["http"] == 409;
                assert!(
                    !conflict
                        || is(BUSY, code)
                        || is(LASTING, code)
                        || not_of_a_switch(code)
                        || more.contains(&code),
                    "{operation}: {code}"
                );
            }
        }
    }
}
