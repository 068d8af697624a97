//! How does a principal get a role, once and for ever the same? By a name that follows from who, what and where.

use std::time::Duration;

use jiff::Timestamp;
use leeward_engine::{
    id::{AttemptKey, OperationId},
    port::DriverError,
    work::{Observation, Operation, Outputs, Phase, Refusal, Rung, Sent},
};
use leeward_runbook::kind::RepeatClass;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::denied;
use crate::arm::{Arm, ArmPath, Method, ReadError, Request, lro, path::folded};

/// The version that every request asks for.
pub const API: &str = "2022-04-01";

/// How long an assignment may take to be heeded everywhere.
pub const SPREADS: Duration = Duration::from_secs(600);

/// How long the assignment of a cluster's own identity may take.
pub const SPREADS_TO_CLUSTERS: Duration = Duration::from_secs(3600);

/// 30 s to send, 60 s on the way, 60 s unseen, and a margin.
const SETTLING: Duration = Duration::from_secs(180);

/// Somebody has a role over something: the same three always make the same assignment.
///
/// It can stand in an operation's payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RoleAssignment {
    scope: String,
    principal: String,
    role: String,
    #[serde(default)]
    holder: Holder,
}

/// What sort of principal it is. Azure is always told: of a fresh one it cannot find out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Holder {
    /// An application or a managed identity.
    #[default]
    ServicePrincipal,
    /// A person.
    User,
    /// A group of people or applications.
    Group,
}

impl RoleAssignment {
    /// Makes one of a scope, a principal's object id and a role: the GUID of its definition, or the whole id.
    pub fn new(scope: &str, principal: &str, role: &str) -> Result<RoleAssignment, DriverError> {
        let scope = ArmPath::resource(scope)
            .build()
            .map_err(|bad| DriverError::Impossible {
                reason: bad.to_string(),
            })?;
        if let Err(error) = Uuid::parse_str(principal) {
            let reason = format!("`{principal}` is not the object id of a principal: {error}");
            return Err(DriverError::Impossible { reason });
        }
        if Uuid::parse_str(last(role)).is_err() {
            let reason = format!("`{role}` does not name a role: its definition's GUID is wanted");
            return Err(DriverError::Impossible { reason });
        }
        Ok(RoleAssignment {
            scope,
            principal: principal.to_owned(),
            role: role.to_owned(),
            holder: Holder::ServicePrincipal,
        })
    }

    /// Returns the same for another sort of principal.
    #[must_use]
    pub fn held_by(self, holder: Holder) -> RoleAssignment {
        RoleAssignment { holder, ..self }
    }

    /// Returns its name: the GUID that follows from scope, principal and role, however they are spelled.
    pub fn name(&self) -> Uuid {
        let of = format!(
            "leeward:role-assignment {} {} {}",
            folded(&self.scope),
            self.principal.to_lowercase(),
            last(&self.role).to_lowercase()
        );
        Uuid::new_v5(&Uuid::NAMESPACE_URL, of.as_bytes())
    }

    /// Returns over what.
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// Returns its own id.
    pub fn id(&self) -> String {
        format!("{}/{}", self.list(), self.name())
    }

    /// Returns the PUT that makes it. A second one says the same.
    pub fn request(&self) -> Request {
        Request::new(Method::Put, self.id(), API).body(json!({"properties": {
            "roleDefinitionId": self.definition(),
            "principalId": self.principal,
            "principalType": self.holder,
        }}))
    }

    /// Returns the operation that makes it, with itself as payload.
    pub fn operation(&self, id: impl Into<String>, phase: Phase) -> Operation {
        Operation {
            id: OperationId::new(id),
            target: folded(&self.id()),
            goal: format!(
                "{} has the role {} over {}",
                self.principal,
                last(&self.role),
                self.scope
            ),
            after: Vec::new(),
            phase,
            rungs: vec![Rung::new("only", RepeatClass::Repeatable, SETTLING)],
            observable: true,
            payload: json!(self),
        }
    }

    /// Reads whether it is there, under this name or any other.
    pub async fn observe(&self, arm: &Arm) -> Observation {
        match self.find(arm).await {
            Ok(Some(found)) => Observation::Holds {
                evidence: format!("{} is assigned", found.id),
                // The name is nobody else's; what was there before has another one, or ours from an earlier run.
                ours: false,
                outputs: Outputs::new(),
            },
            Ok(None) => Observation::NotBegun {
                evidence: format!(
                    "{} has no role {} over {}",
                    self.principal,
                    last(&self.role),
                    self.scope
                ),
            },
            // The scope itself is not there yet, or no longer.
            Err(error) if error.is_missing() => Observation::Barred {
                evidence: error.to_string(),
            },
            Err(error) => Observation::CannotTell {
                reason: error.to_string(),
            },
        }
    }

    /// Sends it. That somebody else made the same assignment under another name is a success.
    pub async fn begin(&self, arm: &Arm, key: &AttemptKey) -> Sent {
        let request = self.request();
        match arm.change(&request, key).await {
            Ok(reply) => lro::read_start(&request, &reply),
            Err(Sent::Refused(refusal)) if exists(refusal.status, &refusal.code) => Sent::Finished {
                outputs: Outputs::new(),
                warnings: Vec::new(),
            },
            // `PrincipalNotFound` of a fresh identity passes: `refusal` knows.
            Err(sent) => sent,
        }
    }

    /// Returns how much longer a denial may be nothing but its spreading; nothing where it is not there, or old enough.
    pub async fn spreads_for(&self, arm: &Arm, now: Timestamp, within: Duration) -> Option<Duration> {
        let made = self.find(arm).await.ok()??.made?;
        let age = Duration::try_from(now.duration_since(made)).unwrap_or_default();
        within.checked_sub(age).filter(|left| !left.is_zero())
    }

    /// Lets a denial pass for as long as it may be nothing but the spreading of a role that the step itself gave.
    pub fn while_it_spreads(sent: Sent, left: Option<Duration>) -> Sent {
        match (sent, left) {
            (Sent::Refused(refusal), Some(left)) if denied::denies(&refusal.code) => Sent::Refused(Refusal {
                passing: true,
                // The engine tries a few times only: half of what is left each time covers most of it.
                retry_after: Some((left / 2).max(Duration::from_secs(30))),
                ..refusal
            }),
            (sent, _) => sent,
        }
    }

    async fn find(&self, arm: &Arm) -> Result<Option<Found>, ReadError> {
        match arm.read(&Request::get(self.id(), API)).await {
            Ok(reply) => return Ok(self.met_by(&reply.body)),
            Err(error) if error.is_missing() => {}
            Err(error) => return Err(error),
        }
        let filter = format!("principalId eq '{}'", self.principal);
        let all = arm
            .list(&Request::get(self.list(), API).query("$filter", filter))
            .await?;
        Ok(all.iter().find_map(|one| self.met_by(one)))
    }

    /// Reads an assignment that means the same: for that principal, of that role, over that scope or one around it.
    fn met_by(&self, one: &Value) -> Option<Found> {
        let text = |pointer: &str| one.pointer(pointer).and_then(Value::as_str);
        let same = |this: &str, that: &str| this.eq_ignore_ascii_case(that);
        let id = text("/id")?;
        // Where the scope is not said, the id begins with it.
        let scope = match text("/properties/scope") {
            Some(scope) => folded(scope),
            None => folded(id)
                .split("/providers/microsoft.authorization/roleassignments/")
                .next()?
                .to_owned(),
        };
        let own = folded(&self.scope);
        let around = own == scope || own.starts_with(&format!("{scope}/"));
        // What holds under a condition may not hold for us.
        let plain = text("/properties/condition").is_none();
        let meant = around
            && plain
            && same(text("/properties/principalId")?, &self.principal)
            && same(last(text("/properties/roleDefinitionId")?), last(&self.role));
        let made = text("/properties/createdOn").and_then(|at| at.parse().ok());
        meant.then(|| Found {
            id: id.to_owned(),
            made,
        })
    }

    fn list(&self) -> String {
        format!("{}/providers/Microsoft.Authorization/roleAssignments", self.scope)
    }

    fn definition(&self) -> String {
        if self.role.contains('/') {
            return self.role.clone();
        }
        let of = format!("/providers/Microsoft.Authorization/roleDefinitions/{}", self.role);
        let mut segments = self.scope.split('/').skip(1);
        match (segments.next(), segments.next()) {
            (Some(word), Some(id)) if word.eq_ignore_ascii_case("subscriptions") => {
                format!("/subscriptions/{id}{of}")
            }
            _ => of,
        }
    }
}

/// An assignment that is there.
struct Found {
    id: String,
    made: Option<Timestamp>,
}

/// Returns whether a refusal says that the role is assigned already.
fn exists(status: u16, code: &str) -> bool {
    status == 409 && code.eq_ignore_ascii_case("RoleAssignmentExists")
}

fn last(id: &str) -> &str {
    id.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
