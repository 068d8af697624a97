//! What does one side say about its failover group? Read tolerantly: the words are free text.

use std::fmt;

use serde_json::Value;

use crate::arm::reply::cut;

/// A failover group as one of its two sides shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupView {
    pub(crate) role: Role,
    pub(crate) replication: Replication,
    /// Ids of its databases as this side names them; empty for groups of instances.
    pub(crate) databases: Vec<String>,
    /// The instance of this side, for groups of instances.
    pub(crate) instance: Option<String>,
    /// The instance of the other side, for groups of instances.
    pub(crate) partner: Option<String>,
    /// `Automatic` means that Microsoft may switch the group by itself.
    pub(crate) automatic: bool,
}

/// Which role a side says it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Primary,
    Secondary,
    /// Nothing, or a word that is not known.
    Other(String),
}

/// How replication goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Replication {
    /// `CATCH_UP`, `Synchronizing`.
    Healthy(String),
    /// `SEEDING`, `PENDING`: no switch is possible.
    Seeding(String),
    /// `SUSPENDED`: the sides do not hear each other; or a forced switch has just ended.
    Suspended(String),
    /// A switch is in motion.
    Switching(String),
    /// A word that is not known; it proves nothing.
    Other(String),
}

impl GroupView {
    /// Reads the body of a group.
    pub(crate) fn read(body: &Value) -> GroupView {
        let text = |name: &str| {
            body.pointer(name)
                .and_then(Value::as_str)
                .map(cut)
                .unwrap_or_default()
        };
        let role = Role::read(text("/properties/replicationRole"));
        let pair = |name: &str| {
            let found = text(&format!("/properties/managedInstancePairs/0/{name}"));
            (!found.is_empty()).then_some(found)
        };
        // The pair is exchanged with the roles: whoever is primary stands in front.
        let (front, behind) = (pair("primaryManagedInstanceId"), pair("partnerManagedInstanceId"));
        let (instance, partner) = match role {
            Role::Primary => (front, behind),
            Role::Secondary => (behind, front),
            Role::Other(_) => (None, None),
        };
        let listed = body.pointer("/properties/databases").and_then(Value::as_array);
        GroupView {
            replication: Replication::read(text("/properties/replicationState")),
            databases: listed
                .into_iter()
                .flatten()
                .filter_map(|id| id.as_str().map(str::to_owned))
                .collect(),
            automatic: text("/properties/readWriteEndpoint/failoverPolicy").eq_ignore_ascii_case("automatic"),
            role,
            instance,
            partner,
        }
    }
}

impl Role {
    fn read(word: String) -> Role {
        match word.to_ascii_lowercase().as_str() {
            "primary" => Role::Primary,
            "secondary" => Role::Secondary,
            _ => Role::Other(word),
        }
    }

    /// Returns the role in words.
    pub(crate) fn word(&self) -> &str {
        match self {
            Role::Primary => "primary",
            Role::Secondary => "secondary",
            Role::Other(word) => word,
        }
    }
}

impl Replication {
    /// Reads a word, tolerantly.
    pub(crate) fn read(word: String) -> Replication {
        let folded: String = word
            .chars()
            .filter(|c| c.is_ascii_alphanumeric())
            .collect::<String>()
            .to_ascii_lowercase();
        match folded.as_str() {
            "catchup" | "synchronizing" | "synchronized" => Replication::Healthy(word),
            "seeding" | "pending" => Replication::Seeding(word),
            "suspended" => Replication::Suspended(word),
            other if other.contains("failover") => Replication::Switching(word),
            _ => Replication::Other(word),
        }
    }

    /// Returns the word as it was read.
    pub(crate) fn word(&self) -> &str {
        match self {
            Replication::Healthy(word)
            | Replication::Seeding(word)
            | Replication::Suspended(word)
            | Replication::Switching(word)
            | Replication::Other(word) => word,
        }
    }
}

impl fmt::Display for GroupView {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = match &self.role {
            Role::Primary => "Primary",
            Role::Secondary => "Secondary",
            Role::Other(word) if word.is_empty() => "no role",
            Role::Other(word) => word,
        };
        let state = match self.replication.word() {
            "" => "no replication state",
            word => word,
        };
        write!(out, "{role}, {state}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{examples, recording};

    fn read(role: &str, state: &str) -> GroupView {
        GroupView::read(&json!({"properties": {"replicationRole": role, "replicationState": state}}))
    }

    #[test]
    fn a_word_that_nobody_has_seen_before_proves_nothing() {
        assert_eq!(read("Tertiary", "").role, Role::Other("Tertiary".to_owned()));
        assert!(matches!(
            read("Primary", "NEW_WORD").replication,
            Replication::Other(_)
        ));
        assert_eq!(
            GroupView::read(&json!(null)).to_string(),
            "no role, no replication state"
        );
    }

    #[test]
    fn the_words_of_both_the_interface_and_the_documents_are_known() {
        assert!(matches!(
            read("secondary", "CATCH_UP").replication,
            Replication::Healthy(_)
        ));
        assert!(matches!(
            read("Secondary", "Synchronizing").replication,
            Replication::Healthy(_)
        ));
        assert!(matches!(
            read("Secondary", "Failover in progress").replication,
            Replication::Switching(_)
        ));
        assert!(matches!(
            read("Secondary", "SEEDING").replication,
            Replication::Seeding(_)
        ));
        assert!(matches!(
            read("Primary", "SUSPENDED").replication,
            Replication::Suspended(_)
        ));
    }

    #[test]
    fn every_recorded_group_has_a_role_and_a_healthy_state() {
        let mut groups = 0;
        for exchange in recording("sql-mi-failover-group") {
            let body = &exchange["responseBody"];
            if body["type"] != "Microsoft.Sql/locations/instanceFailoverGroups" {
                continue;
            }
            groups += 1;
            let view = GroupView::read(body);
            assert!(!matches!(view.role, Role::Other(_)), "{body}");
            assert!(matches!(view.replication, Replication::Healthy(_)), "{body}");
        }
        assert!(groups > 10 || recording("sql-mi-failover-group").is_empty());
    }

    #[test]
    fn the_official_example_reads() {
        let folder = "sql/resource-manager/Microsoft.Sql/preview/2023-08-01-preview/examples";
        if let Some(example) = examples(folder, "InstanceFailoverGroupGet.json") {
            let view = GroupView::read(&example["responses"]["200"]["body"]);
            assert_eq!(view.role, Role::Primary);
        }
    }
}
