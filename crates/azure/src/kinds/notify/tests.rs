use leeward_engine::work::Sent;
use leeward_runbook::journey::Journey;
use serde_json::json;

use super::*;
use crate::testing::{FakePublic, context, key};

fn driver(public: &Arc<FakePublic>, form: Form) -> Notify {
    Notify {
        public: public.clone(),
        form,
    }
}

fn webhook(journey: Journey, with: Value) -> Context {
    context("notify.webhook", journey, with, json!({}), json!({}))
}

async fn send(driver: &Notify, context: &Context) -> Sent {
    let operation = driver.assess(context).await.unwrap().operations.remove(0);
    assert!(!operation.observable);
    assert_eq!(operation.rungs[0].repeat, RepeatClass::OneShot);
    driver.begin(context, &operation, "only", &key("send")).await
}

fn warnings(sent: Sent) -> Vec<String> {
    match sent {
        Sent::Finished { warnings, .. } => warnings,
        other => panic!("a message must never block: {other:?}"),
    }
}

#[tokio::test]
async fn a_message_is_posted_once_with_the_journey_and_the_run() {
    let public = FakePublic::answering(202, "");
    let with =
        json!({"url": "https://hooks.example.test/x", "message": "we move", "headers": {"X-Team": "ops"}});
    let sent = send(&driver(&public, Form::Webhook), &webhook(Journey::Failover, with)).await;
    assert!(warnings(sent).is_empty());
    let requests = public.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].method, "POST");
    let body: Value = serde_json::from_slice(requests[0].body.as_deref().unwrap()).unwrap();
    assert_eq!(
        body,
        json!({"text": "we move", "runbook": "test", "journey": "failover", "run": "r-1"})
    );
    assert!(
        requests[0]
            .headers
            .contains(&("X-Team".to_owned(), "ops".to_owned()))
    );
    assert_eq!(requests[0].send_before, Some(key("send").send_before));
}

#[tokio::test]
async fn a_drill_says_that_it_is_one() {
    let public = FakePublic::answering(200, "");
    let with = json!({"url": "https://status.example.test/api", "state": "resolved", "title": "Move", "message": "done"});
    let page = driver(&public, Form::StatusPage);
    send(&page, &webhook(Journey::Drill, with)).await;
    let own = json!({"url": "https://hooks.example.test/x", "body": {"summary": "we move", "level": 3}});
    send(&driver(&public, Form::Webhook), &webhook(Journey::Drill, own)).await;
    let bodies: Vec<Value> = public
        .requests()
        .iter()
        .map(|request| serde_json::from_slice(request.body.as_deref().unwrap()).unwrap())
        .collect();
    assert_eq!(bodies[0]["title"], "[drill] Move");
    assert_eq!(bodies[0]["message"], "[drill] done");
    assert_eq!(bodies[0]["state"], "resolved");
    assert_eq!(bodies[1], json!({"summary": "[drill] we move", "level": 3}));
    assert!(
        public.requests()[1]
            .headers
            .contains(&("leeward-journey".to_owned(), "drill".to_owned()))
    );
}

#[tokio::test]
async fn a_message_that_fails_in_any_way_is_a_warning_and_no_more() {
    let with = json!({"url": "https://hooks.example.test/x", "message": "m"});
    for public in [
        FakePublic::silent(),
        FakePublic::losing(),
        FakePublic::answering(500, ""),
    ] {
        let sent = send(
            &driver(&public, Form::Webhook),
            &webhook(Journey::Failover, with.clone()),
        )
        .await;
        assert_eq!(warnings(sent).len(), 1);
    }
    let unknown = json!({"url": "env:LEEWARD_NO_SUCH_VARIABLE", "message": "m"});
    let public = FakePublic::answering(200, "");
    let sent = send(
        &driver(&public, Form::Webhook),
        &webhook(Journey::Failover, unknown),
    )
    .await;
    assert!(warnings(sent)[0].contains("not sent"));
    assert!(public.requests().is_empty());
}

#[tokio::test]
async fn a_secret_address_is_opened_at_its_use_and_told_to_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hook");
    std::fs::write(&file, "https://hooks.example.test/hunter22").unwrap();
    let with = json!({"url": format!("file:{}", file.display()), "message": "m"});
    let public = FakePublic::answering(404, "");
    let driver = driver(&public, Form::Webhook);
    let context = webhook(Journey::Failover, with);
    let assessment = driver.assess(&context).await.unwrap();
    assert!(!format!("{assessment:?}").contains("hunter22"));
    let sent = send(&driver, &context).await;
    assert!(!format!("{sent:?}").contains("hunter22"));
    assert_eq!(public.requests()[0].url.path(), "/hunter22");
}
