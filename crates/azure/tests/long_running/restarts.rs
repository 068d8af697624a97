//! A ticket outlives the process that was given it, and a poll outlives its connection.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use leeward_azure::arm::{Method, Request, lro};
use leeward_engine::work::{Progress, Sent};
use lro::{Ended, Poller};
use serde_json::json;

use crate::{
    script::{RESOURCE, SOON, client},
    support::{Reaction, Server, answer},
};

fn changes(server: &Server) -> usize {
    let seen = server.seen();
    seen.iter().filter(|seen| seen.method() == "POST").count()
}

#[tokio::test]
async fn an_operation_is_found_again_by_its_ticket_alone_after_a_restart() {
    let polls = Arc::new(Mutex::new(0));
    let count = polls.clone();
    let server = Server::start(move |seen| {
        if seen.method() == "POST" {
            let host = seen.header("host").unwrap().to_owned();
            let url = format!("http://{host}/subscriptions/s/operations/1?s=sig");
            return answer(
                "202 Accepted",
                &[("Azure-AsyncOperation", &url), ("Retry-After", "0")],
                "",
            );
        }
        let mut polls = count.lock().unwrap();
        *polls += 1;
        let word = if *polls < 4 { "InProgress" } else { "Succeeded" };
        answer("200 OK", &[SOON], &json!({"status": word}).to_string())
    })
    .await;
    let first = client(&server);
    let key = lro::one_off(&first, Duration::from_secs(30));
    let Sent::Accepted { ticket } =
        lro::begin(&first, &Request::new(Method::Post, RESOURCE, "1"), &key).await
    else {
        panic!("not accepted");
    };
    let mut kept = serde_json::to_string(&ticket).unwrap();
    loop {
        // Each poll by a client that knows nothing but what was written down.
        let arm = client(&server);
        let mut poller = Poller::new(&arm, serde_json::from_str(&kept).unwrap());
        let polled = poller.step().await;
        kept = serde_json::to_string(poller.ticket()).unwrap();
        if matches!(polled.progress, Progress::Succeeded { .. }) {
            break;
        }
    }
    assert_eq!((changes(&server), *polls.lock().unwrap()), (1, 4));
}

#[tokio::test]
async fn a_connection_that_breaks_under_a_poll_is_not_a_failed_operation() {
    let polls = Arc::new(Mutex::new(0));
    let count = polls.clone();
    let server = Server::start(move |seen| {
        let host = seen.header("host").unwrap().to_owned();
        if seen.method() == "POST" {
            let url = format!("http://{host}/subscriptions/s/operations/1");
            return answer("202 Accepted", &[("Azure-AsyncOperation", &url), SOON], "");
        }
        let mut polls = count.lock().unwrap();
        *polls += 1;
        match *polls {
            1 => Reaction::Lose,
            2 => answer("200 OK", &[], r#"{"status":"Succeeded"}"#),
            _ => Reaction::Half,
        }
    })
    .await;
    let arm = client(&server);
    let key = lro::one_off(&arm, Duration::from_secs(30));
    let request = Request::new(Method::Post, RESOURCE, "1");
    let Sent::Accepted { ticket } = lro::begin(&arm, &request, &key).await else {
        panic!("not accepted");
    };
    let ended = Poller::new(&arm, ticket).wait(|_, _| {}).await;
    assert!(matches!(ended, Ended::Succeeded { .. }), "{ended:?}");
    assert_eq!(changes(&server), 1);
}
