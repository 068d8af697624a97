//! Which limits does a call count against?

use super::table::{About, Counted, ROWS, Row, Scope};
use crate::arm::Method;

/// One limit of one scope.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The row of the table; past its end is what is only learned from refusals.
    pub(crate) row: usize,
    /// A folded id, of the subscription or of what is below it.
    pub(crate) scope: String,
}

/// The row of what no row knows.
pub(crate) const LEARNED: usize = ROWS.len();

impl Key {
    /// Returns the row, where it is one of the table's.
    pub(crate) fn row(&self) -> Option<&'static Row> {
        ROWS.get(self.row)
    }
}

/// A call, as far as limits look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    method: Method,
    subscription: String,
    kind: String,
    id: String,
    listed: bool,
}

impl Call {
    /// Takes a call apart; nothing where it is about no subscription, and has no limit that is known.
    pub fn of(method: Method, path: &str) -> Option<Call> {
        let folded = path.to_lowercase();
        let segments: Vec<&str> = folded.split('/').filter(|segment| !segment.is_empty()).collect();
        let ["subscriptions", subscription, ..] = segments.as_slice() else {
            return None;
        };
        let below = segments.iter().rposition(|segment| *segment == "providers");
        let (mut kind, mut listed) = (String::new(), false);
        if let Some(at) = below {
            kind.push_str(segments.get(at + 1).unwrap_or(&""));
            let pairs = segments.get(at + 2..).unwrap_or_default();
            listed = pairs.len() % 2 == 1 && method == Method::Get;
            for pair in pairs.chunks(2) {
                // The odd last segment of a change is an action.
                if pair.len() == 2 || listed {
                    kind.push('/');
                    kind.push_str(pair[0]);
                }
            }
        }
        Some(Call {
            method,
            subscription: (*subscription).to_owned(),
            kind,
            id: format!("/{}", segments.join("/")),
            listed,
        })
    }

    /// Makes the change that a resource waits for, before anybody knows its verb.
    pub fn change_of(target: &str) -> Option<Call> {
        let call = Call::of(Method::Post, target)?;
        let puts = ROWS.iter().any(|row| {
            row.verb == Counted::Puts && matches!(row.about, About::Type(kind) if kind == call.kind)
        });
        Some(Call {
            method: if puts { Method::Put } else { Method::Post },
            ..call
        })
    }

    /// Returns the limits that it counts against, ARM's own first.
    pub fn keys(&self) -> Vec<Key> {
        let mut keys: Vec<Key> = ROWS
            .iter()
            .enumerate()
            .filter(|(_, row)| self.is_counted(row.verb) && self.is_about(row.about))
            .map(|(place, row)| Key {
                row: place,
                scope: self.scope(row.scope),
            })
            .collect();
        keys.push(Key {
            row: LEARNED,
            scope: format!("{} {} {}", self.subscription, self.method, self.kind),
        });
        keys
    }

    /// Returns the folded id of the subscription.
    pub(crate) fn subscription(&self) -> &str {
        &self.subscription
    }

    fn is_counted(&self, verb: Counted) -> bool {
        match verb {
            Counted::Reads => self.method == Method::Get,
            Counted::Single => self.method == Method::Get && !self.listed,
            Counted::Lists => self.listed,
            Counted::Writes => matches!(self.method, Method::Put | Method::Patch | Method::Post),
            Counted::Puts => self.method == Method::Put,
            Counted::Deletes => self.method == Method::Delete,
            Counted::Changes => self.method != Method::Get,
        }
    }

    fn is_about(&self, about: About) -> bool {
        match about {
            About::Anything => true,
            About::Type(kind) => self.kind == kind,
            About::Below(start) => self.kind.starts_with(start),
            // A recovery point is read once for a change, and nobody polls it.
            About::Replication => {
                self.kind
                    .starts_with("microsoft.recoveryservices/vaults/replication")
                    && !self.kind.ends_with("/recoverypoints")
            }
        }
    }

    fn scope(&self, scope: Scope) -> String {
        match scope {
            Scope::Subscription => self.subscription.clone(),
            Scope::Resource => self.id.clone(),
            Scope::VaultAction => {
                let start = self.id.find("/vaults/").map_or(0, |at| at + "/vaults/".len());
                let end = self.id[start..].find('/').map_or(self.id.len(), |at| start + at);
                format!("{} {}", &self.id[..end], self.kind)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(method: Method, path: &str) -> Vec<(&'static str, String)> {
        let call = Call::of(method, path).unwrap();
        let keys = call.keys();
        keys.iter()
            .filter_map(|key| Some((key.row()?.name, key.scope.clone())))
            .collect()
    }

    fn rows(method: Method, path: &str) -> Vec<&'static str> {
        names(method, path).into_iter().map(|(name, _)| name).collect()
    }

    const GROUP: &str = "/subscriptions/S/resourceGroups/rg/providers";

    #[test]
    fn every_call_counts_against_the_limits_that_azure_names_for_it() {
        let cluster = format!("{GROUP}/Microsoft.ContainerService/managedClusters/c");
        assert_eq!(
            rows(Method::Put, &cluster),
            [
                "subscription writes",
                "writes by all principals",
                "AKS cluster puts"
            ]
        );
        assert_eq!(
            rows(Method::Put, &format!("{cluster}/agentPools/p")),
            ["subscription writes", "writes by all principals", "AKS pool puts"]
        );
        assert_eq!(
            rows(Method::Get, &cluster),
            [
                "subscription reads",
                "reads by all principals",
                "AKS cluster reads"
            ]
        );
        let status =
            "/subscriptions/s/providers/Microsoft.ContainerService/locations/West%20Europe/operations/1";
        assert_eq!(
            rows(Method::Get, status),
            [
                "subscription reads",
                "reads by all principals",
                "AKS operation statuses"
            ]
        );
        let account = format!("{GROUP}/Microsoft.Storage/storageAccounts/a");
        assert_eq!(
            rows(Method::Post, &format!("{account}/failover")),
            [
                "subscription writes",
                "writes by all principals",
                "storage writes of a second",
                "storage writes of an hour"
            ]
        );
        assert_eq!(
            rows(Method::Delete, &format!("{account}/objectReplicationPolicies/p"))[0],
            "subscription deletes"
        );
        assert_eq!(
            rows(Method::Get, &format!("{account}/objectReplicationPolicies"))[2],
            "storage lists"
        );
        assert_eq!(
            rows(
                Method::Get,
                &format!("{GROUP}/Microsoft.Network/privateDnsZones/z/A/www")
            )[2..],
            ["network reads", "Private DNS reads"]
        );
    }

    #[test]
    fn the_reads_of_a_vault_are_counted_by_action_whoever_asks() {
        let vault = format!("{GROUP}/Microsoft.RecoveryServices/vaults/V");
        let list = names(Method::Get, &format!("{vault}/replicationJobs"));
        let single = names(Method::Get, &format!("{vault}/replicationJobs/1"));
        let items = names(Method::Get, &format!("{vault}/replicationProtectedItems"));
        assert_eq!(list.last(), single.last());
        assert_ne!(list.last(), items.last());
        let points = format!(
            "{vault}/replicationFabrics/f/replicationProtectionContainers/c/replicationProtectedItems/i/recoveryPoints"
        );
        assert_eq!(
            rows(Method::Get, &points),
            ["subscription reads", "reads by all principals"]
        );
    }

    #[test]
    fn what_is_about_no_subscription_is_not_counted() {
        assert_eq!(Call::of(Method::Get, "/tenants"), None);
        assert_eq!(Call::change_of("https://hooks.example.test/x"), None);
    }
}
