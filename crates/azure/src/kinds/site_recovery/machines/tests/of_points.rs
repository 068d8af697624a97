//! Which recovery point is sent when the list of them does not come?

use super::*;

fn points(names: &[(&str, &str)]) -> Value {
    let point = |(name, at): &(&str, &str)| {
        json!({
            "id": format!("{}/recoveryPoints/{name}", id("vm-1")),
            "properties": {"recoveryPointTime": at, "recoveryPointType": "CrashConsistent"},
        })
    };
    json!({"value": names.iter().map(point).collect::<Vec<Value>>()})
}

fn unreadable() -> Arc<FakeAzure> {
    let azure = vault(&[machine("vm-1")]);
    let error = json!({"error": {"code": "AuthorizationFailed", "message": "not now"}});
    azure.on("GET", "/recoveryPoints", 403, error);
    accept(&azure, "/unplannedFailover");
    azure
}

/// The point that was sent, if one was.
fn sent_point(azure: &FakeAzure) -> Option<String> {
    let sent = &azure.changes()[0].body["properties"]["providerSpecificDetails"];
    let point = sent.get("recoveryPointId")?.as_str()?;
    Some(point.rsplit('/').next()?.to_owned())
}

#[tokio::test]
async fn a_failover_to_what_is_newest_goes_without_a_point_where_the_list_does_not_come() {
    let context = failover(json!({"recovery-point": "latest-processed"}));
    let found = assess(&vault(&[machine("vm-1")]), &context).await.unwrap();
    let azure = unreadable();
    let sent = begin(&azure, &context, &found.operations[0]).await;
    assert!(matches!(sent, Sent::Accepted { .. }), "{sent:?}");
    assert_eq!(sent_point(&azure), None, "Azure takes the latest");
}

#[tokio::test]
async fn the_point_that_was_picked_beforehand_serves_where_the_list_does_not_come() {
    let listed = vault(&[machine("vm-1")]);
    listed.on(
        "GET",
        "/recoveryPoints",
        200,
        points(&[("old", "2026-11-24T08:00:00Z"), ("new", "2026-11-24T08:05:00Z")]),
    );
    for (wish, picked) in [
        (json!("latest-crash-consistent"), "new"),
        (json!({"before": "2026-11-24T08:01:00Z"}), "old"),
    ] {
        let context = failover(json!({"recovery-point": wish}));
        let found = assess(&listed, &context).await.unwrap();
        let azure = unreadable();
        let sent = begin(&azure, &context, &found.operations[0]).await;
        assert!(matches!(sent, Sent::Accepted { .. }), "{sent:?}");
        assert_eq!(sent_point(&azure).as_deref(), Some(picked));
    }
}

#[tokio::test]
async fn a_point_that_was_the_newest_long_ago_is_not_taken_for_the_newest() {
    let listed = vault(&[machine("vm-1")]);
    let names = [("old", "1969-12-31T20:00:00Z")];
    listed.on("GET", "/recoveryPoints", 200, points(&names));
    for (wish, goes) in [
        (json!("latest-crash-consistent"), false),
        (json!({"before": "1969-12-31T21:00:00Z"}), true),
    ] {
        let context = failover(json!({"recovery-point": wish}));
        let mut found = assess(&listed, &context).await.unwrap();
        found.operations[0].payload["pinned"]["at"] = json!("1969-12-31T23:30:00Z");
        let azure = unreadable();
        let sent = begin(&azure, &context, &found.operations[0]).await;
        assert_eq!(matches!(sent, Sent::Accepted { .. }), goes, "{sent:?}");
        assert_eq!(azure.changes().len(), usize::from(goes));
    }
}
