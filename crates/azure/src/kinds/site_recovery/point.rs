//! Which recovery point does a machine take, and what if the list of them does not come?

use std::time::Duration;

use leeward_engine::port::{Context, DriverError};
use serde_json::{Value, json};

use super::{
    choice::{Unit, impossible},
    item::Item,
    machines::Machines,
    operations::{Payload, Pinned},
    vault::Vault,
    verb::PointWish,
};
use crate::arm::Arm;

/// How long the newest recovery point is looked up directly before a failover.
const LOOK_UP: Duration = Duration::from_secs(10);

/// How long the point that was newest when a machine was assessed is taken for the newest: a later one would lose less.
const PINNED: Duration = Duration::from_secs(15 * 60);

impl Machines {
    /// Returns the recovery point that a machine shall be changed to, where it stands on another one.
    pub(super) async fn other_point(
        &self,
        context: &Context,
        vault: &Vault,
        item: &Item,
        wish: PointWish,
    ) -> Result<Option<String>, DriverError> {
        let points = vault
            .points(&self.arm.for_step(context), &item.id)
            .await
            .map_err(|error| error.into_driver_error(format!("recovery points of {}", item.machine)))?;
        let (point, _) = wish.pick(&points).ok_or_else(|| {
            impossible(format!(
                "`recovery-point`: {} has no recovery point that is {wish}",
                item.machine
            ))
        })?;
        let name = |id: &str| id.rsplit('/').next().unwrap_or_default().to_lowercase();
        let stands = item.point.as_deref().map(name);
        Ok((stands != Some(name(&point))).then_some(point))
    }

    /// Picks the point of a machine that moves alone, where a failover without one would take another: the list may
    /// not come when the machine moves.
    pub(super) async fn pinned(
        &self,
        context: &Context,
        vault: &Vault,
        unit: &Unit,
        wish: PointWish,
    ) -> Option<Pinned> {
        let item = match (&unit.plan, unit.members.as_slice()) {
            (None, [item]) if !wish.goes_without() && !item.has_failed_over() => item,
            _ => return None,
        };
        let points = vault.points(&self.arm.for_step(context), &item.id).await.ok()?;
        let (id, _) = wish.pick(&points)?;
        let at = self.arm.clock().now().wall;
        Some(Pinned { id, at })
    }

    /// Puts the newest point into a failover. Where the list does not come now, the point that was picked when the
    /// machine was assessed serves, as long as it is sure to be the right one; a failover that takes what is newest
    /// goes without any, and Azure then takes the latest.
    pub(super) async fn with_point(
        &self,
        arm: &Arm,
        vault: &Vault,
        payload: &Payload,
        wish: PointWish,
    ) -> Result<Value, String> {
        let mut body = payload.body.clone().unwrap_or_default();
        let id = payload
            .members
            .first()
            .map(|member| member.id.as_str())
            .unwrap_or_default();
        let reason = match tokio::time::timeout(LOOK_UP, vault.points(arm, id)).await {
            Ok(Ok(points)) => {
                let (point, _) = wish
                    .pick(&points)
                    .ok_or_else(|| format!("there is no recovery point that is {wish}"))?;
                body["properties"]["providerSpecificDetails"]["recoveryPointId"] = json!(point);
                return Ok(body);
            }
            Ok(Err(error)) => format!("the recovery points were not readable: {error}"),
            Err(_) => "the recovery points did not come in time".to_owned(),
        };
        if wish.goes_without() {
            return Ok(body);
        }
        let now = arm.clock().now().wall;
        let right = |pinned: &&Pinned| {
            let age = Duration::try_from(now.duration_since(pinned.at)).unwrap_or(Duration::ZERO);
            age <= PINNED || matches!(wish, PointWish::Before(_))
        };
        match payload.pinned.as_ref().filter(right) {
            Some(pinned) => {
                body["properties"]["providerSpecificDetails"]["recoveryPointId"] = json!(pinned.id);
                Ok(body)
            }
            None => Err(reason),
        }
    }
}
