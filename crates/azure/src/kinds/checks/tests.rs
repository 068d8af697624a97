use leeward_runbook::journey::Journey;
use serde_json::json;

use super::*;
use crate::{
    arm::Endpoint,
    credential::{Credential, CredentialKind, CredentialSettings},
    testing::{FakeAzure, FakePublic, context},
};

fn prover(public: &Arc<FakePublic>) -> Prover {
    let arm = FakeAzure::new().arm();
    Prover {
        public: public.clone(),
        clock: arm.clock().clone(),
        arm,
    }
}

async fn probe(public: &Arc<FakePublic>, kind: &str, settings: Value) -> Probe {
    prover(public).probe(kind, &settings).await
}

#[tokio::test]
async fn a_page_that_answers_as_it_should_passes() {
    let public = FakePublic::answering(200, "all is well");
    for (settings, passed, evidence) in [
        (
            json!({"url": "https://shop.example.test/health"}),
            true,
            "https://shop.example.test/health answers HTTP 200",
        ),
        (
            json!({"url": "https://shop.example.test/", "expect": [204, 503]}),
            false,
            "https://shop.example.test/ answers HTTP 200, not 204 or 503",
        ),
        (
            json!({"url": "https://shop.example.test/", "contains": "is well"}),
            true,
            "https://shop.example.test/ answers HTTP 200",
        ),
        (
            json!({"url": "https://shop.example.test/?key=1", "contains": "served by neu"}),
            false,
            "https://shop.example.test/?… answers HTTP 200 without `served by neu`",
        ),
        (
            json!({"url": "shop"}),
            false,
            "`url` is not an http or https address",
        ),
        (
            json!({"url": "https://shop.example.test/", "method": "POST"}),
            false,
            "`POST` is not a method that only reads",
        ),
    ] {
        let probe = probe(&public, "check.http", settings.clone()).await;
        assert_eq!(
            (probe.passed, probe.evidence.as_str()),
            (passed, evidence),
            "{settings}"
        );
    }
    assert!(public.requests().iter().all(|request| request.method == "GET"));
}

#[tokio::test]
async fn a_page_that_does_not_answer_has_not_passed() {
    let public = FakePublic::silent();
    let probe = probe(
        &public,
        "check.http",
        json!({"url": "https://shop.example.test/health"}),
    )
    .await;
    assert!(!probe.passed);
    assert_eq!(
        probe.evidence,
        "https://shop.example.test/health does not answer: nobody is there"
    );
}

#[tokio::test]
async fn a_port_is_knocked_at_and_nothing_is_said() {
    let public = FakePublic::answering(200, "");
    let open = probe(&public, "check.tcp", json!({"host": "10.20.4.10", "port": 5672})).await;
    assert_eq!(open.evidence, "10.20.4.10:5672 takes connections");
    assert!(open.passed && public.requests().is_empty());
    let shut = probe(
        &FakePublic::silent(),
        "check.tcp",
        json!({"host": "10.20.4.10", "port": 5672}),
    )
    .await;
    assert!(!shut.passed);
    for port in [json!(0), json!(65_536), json!("many"), Value::Null] {
        let probe = probe(&public, "check.tcp", json!({"host": "h", "port": port})).await;
        assert!(!probe.passed, "{port}");
    }
}

#[tokio::test]
async fn a_kind_that_cannot_be_probed_never_passes() {
    let probe = probe(
        &FakePublic::answering(200, ""),
        "check.smell",
        json!({"name": "shop"}),
    )
    .await;
    assert!(!probe.passed && probe.evidence.contains("check.smell"));
    assert!(!Prover::knows("check.smell"));
}

#[tokio::test]
async fn a_check_step_has_nothing_to_change() {
    let driver = CheckDriver(prover(&FakePublic::silent()));
    let context = context("check.tcp", Journey::Failover, json!({}), json!({}), json!({}));
    assert!(driver.assess(&context).await.unwrap().operations.is_empty());
    assert!(driver.targets(&context).is_empty());
}

/// A wire whose other end somebody listens to, with no simulator behind it.
struct Overheard(std::sync::Mutex<Option<tokio::io::DuplexStream>>);

#[async_trait]
impl PublicWire for Overheard {
    async fn http(
        &self,
        _: &crate::seams::PublicRequest,
    ) -> Result<crate::seams::PublicReply, crate::seams::PublicError> {
        Err(crate::seams::PublicError::not_sent("nobody"))
    }

    async fn connect(&self, _: &str, _: u16, _: Duration) -> Result<(), crate::seams::PublicError> {
        Ok(())
    }

    async fn dial(
        &self,
        _: &str,
        _: u16,
        _: Duration,
    ) -> Result<crate::seams::Line, crate::seams::PublicError> {
        let (ours, theirs) = tokio::io::duplex(4_096);
        *self.0.lock().unwrap() = Some(theirs);
        Ok(crate::seams::Line {
            bytes: Box::new(ours),
            pretended: false,
        })
    }
}

#[tokio::test]
async fn the_token_of_the_run_is_not_sent_to_a_server_that_is_not_azures() {
    use tokio::io::AsyncReadExt;
    let wire = Arc::new(Overheard(std::sync::Mutex::new(None)));
    let arm = FakeAzure::new().arm();
    let prover = Prover {
        public: wire.clone(),
        clock: arm.clock().clone(),
        arm,
    };
    let settings = json!({"server": "db.example.test", "database": "orders"});
    let probe = prover.probe("check.sql", &settings).await;
    assert!(
        !probe.passed && probe.evidence.contains("is not sent there"),
        "{probe:?}"
    );
    let mut theirs = wire.0.lock().unwrap().take().unwrap();
    let mut heard = Vec::new();
    theirs.read_to_end(&mut heard).await.unwrap();
    assert!(heard.is_empty(), "{} bytes left", heard.len());
}

#[tokio::test]
async fn a_check_of_a_database_asks_for_its_token_in_the_tenant_that_it_names() {
    // This credential knows one tenant, and says so of any other: nobody is asked for it.
    let settings = CredentialSettings::of(CredentialKind::ManagedIdentity);
    let arm = Arm::new(
        Endpoint::parse("https://management.azure.com").unwrap(),
        Credential::new(settings).unwrap(),
        Some(FakeAzure::new()),
        crate::testing::TestClock::new(),
    )
    .unwrap();
    let prover = Prover {
        public: Arc::new(Overheard(std::sync::Mutex::new(None))),
        clock: arm.clock().clone(),
        arm,
    };
    let settings = json!({"server": "fog.database.windows.net", "database": "orders", "tenant": "t-other"});
    let probe = prover.probe("check.sql", &settings).await;
    assert!(
        !probe.passed && probe.evidence.contains("`t-other` is asked for"),
        "{probe:?}"
    );
}

#[tokio::test]
async fn a_check_of_a_database_only_reads_and_says_what_is_missing() {
    let public = FakePublic::silent();
    for (settings, reason) in [
        (json!({"database": "orders"}), "`server` is missing"),
        (json!({"server": "s"}), "`database` is missing"),
        (
            json!({"server": "s", "database": "d", "user": "reader"}),
            "belong together",
        ),
        (
            json!({"server": "s", "database": "d", "statement": "DROP TABLE orders"}),
            "only reads",
        ),
        (
            json!({"server": "s", "database": "d", "port": 0}),
            "is not a port",
        ),
        (json!({"server": "s", "database": "d"}), "does not answer"),
    ] {
        let probe = probe(&public, "check.sql", settings.clone()).await;
        assert!(
            !probe.passed && probe.evidence.contains(reason),
            "{settings}: {probe:?}"
        );
    }
    assert!(Prover::knows("check.sql"));
}
