use std::sync::Arc;

use leeward_runbook::journey::Journey;

use super::*;
use crate::testing::{self, FakeAzure, FakePublic, key};

const APP: &str = "/sites/shop/config/appsettings";
const ENDPOINT: &str = "https://stneu.blob.core.windows.net/";

fn context(consumers: Value) -> Context {
    testing::context(
        "azure.storage.object-replication",
        Journey::Failover,
        json!({"subscription": "sub-1", "consumers": consumers}),
        json!({"account": "stweu", "resource-group": "rg-weu"}),
        json!({"account": "stneu", "resource-group": "rg-neu"}),
    )
}

fn one(consumer: Value) -> Result<Consumer, DriverError> {
    read(&context(json!([consumer])), Some(ENDPOINT)).map(|mut all| all.remove(0))
}

fn plane(azure: &Arc<FakeAzure>) -> DataPlane {
    DataPlane::new(azure.arm(), FakePublic::silent())
}

fn setting(value: Option<&str>) -> Value {
    let mut inner = json!({"app": "shop", "name": "BLOBS"});
    if let Some(value) = value {
        inner["value"] = json!(value);
    }
    json!({"app-setting": inner})
}

#[tokio::test]
async fn the_other_settings_of_an_app_are_written_back_and_told_nowhere() {
    let azure = FakeAzure::new();
    let all = json!({"properties": {"BLOBS": "https://stweu/", "DATABASE": "Password=hunter22"}});
    azure.on("POST", &format!("{APP}/list"), 200, all.clone());
    azure.on("PUT", APP, 200, all);
    let consumer = one(setting(None)).unwrap();
    let seen = consumer.observe(&azure.arm(), &plane(&azure)).await;
    assert!(matches!(seen, Observation::NotBegun { .. }), "{seen:?}");
    let sent = consumer.begin(&azure.arm(), &plane(&azure), &key("switch")).await;
    let put = azure.seen().into_iter().rfind(|one| one.method == "PUT").unwrap();
    assert_eq!(
        put.body,
        json!({"properties": {"BLOBS": ENDPOINT, "DATABASE": "Password=hunter22"}})
    );
    assert!(
        put.path
            .contains("/resourceGroups/rg-neu/providers/Microsoft.Web/sites/shop")
    );
    let told = format!("{seen:?} {sent:?} {}", json!(consumer));
    assert!(matches!(sent, Sent::Finished { .. }), "{sent:?}");
    assert!(!told.contains("hunter22") && !told.contains("stweu"), "{told}");
}

#[tokio::test]
async fn settings_that_cannot_be_read_are_never_replaced() {
    for answer in [
        (403, json!({"error": {"code": "X", "message": "m"}})),
        (200, json!({})),
    ] {
        let azure = FakeAzure::new();
        azure.on("POST", &format!("{APP}/list"), answer.0, answer.1);
        let consumer = one(setting(None)).unwrap();
        let sent = consumer.begin(&azure.arm(), &plane(&azure), &key("switch")).await;
        assert!(matches!(sent, Sent::NotSent { .. }), "{sent:?}");
        assert!(azure.changes().iter().all(|one| one.method == "POST"));
    }
}

#[tokio::test]
async fn a_secret_is_opened_when_it_is_used_and_named_by_its_reference_until_then() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("connection");
    std::fs::write(&path, "AccountName=stneu;AccountKey=c2VjcmV0\n").unwrap();
    let reference = format!("file:{}", path.display());
    let consumer = one(setting(Some(&reference))).unwrap();
    let operation = consumer.operation(0, &[OperationId::new("cut/p-1")], json!(consumer));
    let told = serde_json::to_string(&operation).unwrap();
    assert!(told.contains("file:") && !told.contains("AccountKey"), "{told}");
    assert_eq!(operation.id.as_str(), "switch/app-setting/1");
    assert_eq!(operation.after[0].as_str(), "cut/p-1");
    let azure = FakeAzure::new();
    azure.on("POST", &format!("{APP}/list"), 200, json!({"properties": {}}));
    azure.on("PUT", APP, 200, json!({"properties": {}}));
    let seen = consumer.observe(&azure.arm(), &plane(&azure)).await;
    let sent = consumer.begin(&azure.arm(), &plane(&azure), &key("switch")).await;
    let told = format!("{seen:?} {sent:?}");
    assert!(!told.contains("AccountKey"), "{told}");
    let put = azure.seen().into_iter().rfind(|one| one.method == "PUT").unwrap();
    assert_eq!(
        put.body["properties"]["BLOBS"],
        "AccountName=stneu;AccountKey=c2VjcmV0"
    );
    // Written out it would stand in the plan and in the journal.
    let open = one(setting(Some("AccountName=stneu;AccountKey=c2VjcmV0")))
        .unwrap_err()
        .to_string();
    assert!(open.contains("env:NAME") && !open.contains("c2VjcmV0"), "{open}");
}

#[tokio::test]
async fn a_consumer_that_is_not_there_is_told_before_a_move_and_stops_nothing() {
    let azure = FakeAzure::new();
    azure.on("POST", &format!("{APP}/list"), 200, json!({"properties": {}}));
    let all = [
        one(setting(None)).unwrap(),
        one(json!({"key-vault-secret": {"vault": "kv-shop", "name": "media"}})).unwrap(),
    ];
    let told = warnings(&all, &azure.arm(), &plane(&azure)).await;
    assert_eq!(told[0], "shop has no setting BLOBS: it will be made");
    assert!(
        told[1].starts_with("a consumer cannot be read: the secret media of kv-shop"),
        "{told:?}"
    );
}

#[test]
fn a_record_of_the_sort_cname_leads_to_the_host_of_the_accounts_blobs() {
    let record = |kind: &str| json!({"dns-record": {"zone": "shop.example.test", "resource-group": "rg-dns", "name": "media", "type": kind}});
    let Consumer::DnsRecord {
        record: held, path, ..
    } = one(record("CNAME")).unwrap()
    else {
        panic!("no record");
    };
    assert_eq!(held.values, ["stneu.blob.core.windows.net"]);
    assert!(path.ends_with("/rg-dns/providers/Microsoft.Network/dnsZones/shop.example.test/CNAME/media"));
    assert!(one(record("A")).is_err(), "an account has no address that stays");
    assert!(one(json!({})).is_err());
}
