use std::time::Duration;

use async_trait::async_trait;

use super::*;
use crate::{
    seams::{CommandLine, CommandOutcome, PublicError, PublicReply, PublicRequest},
    testing::FakeAzure,
};

struct Nobody;

#[async_trait]
impl PublicWire for Nobody {
    async fn http(&self, _: &PublicRequest) -> Result<PublicReply, PublicError> {
        Err(PublicError::not_sent("nobody"))
    }

    async fn connect(&self, _: &str, _: u16, _: Duration) -> Result<(), PublicError> {
        Err(PublicError::not_sent("nobody"))
    }
}

#[async_trait]
impl CommandRunner for Nobody {
    async fn run(&self, _: &CommandLine) -> CommandOutcome {
        CommandOutcome::NotStarted {
            reason: "nobody".to_owned(),
        }
    }
}

#[tokio::test]
async fn every_driver_is_found_by_its_name() {
    let registry = Registry::new(&Seams {
        arm: FakeAzure::new().arm(),
        public: Arc::new(Nobody),
        clusters: Arc::new(crate::seams::PretendedClusters::new(Arc::new(Nobody))),
        commands: Arc::new(Nobody),
    });
    for kind in [
        "azure.sql.managed-instance-failover-group",
        "azure.traffic-manager.profile",
    ] {
        assert!(registry.kinds().contains(&kind), "{kind}");
    }
    for kind in registry.kinds() {
        assert!(registry.of(kind).is_some());
    }
    assert!(registry.of("azure.no.such").is_none());
}

#[test]
fn every_kind_of_the_language_has_a_driver_and_the_other_way_round() {
    let registry = Registry::new(&Seams {
        arm: FakeAzure::new().arm(),
        public: Arc::new(Nobody),
        clusters: Arc::new(crate::seams::PretendedClusters::new(Arc::new(Nobody))),
        commands: Arc::new(Nobody),
    });
    for kind in leeward_runbook::kinds::catalogue() {
        // Gates are the machine's own.
        let driven = !kind.name.starts_with("gate.");
        assert_eq!(registry.kinds().contains(&kind.name), driven, "{}", kind.name);
    }
    for kind in registry.kinds() {
        assert!(leeward_runbook::kinds::find(kind).is_some(), "{kind}");
    }
}
