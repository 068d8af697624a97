//! Does it serve over HTTP what it answers in the process?

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use leeward_simulator::{Settings, Simulator, World, serve};
use serde_json::Value;
use support::*;
use tokio::net::{TcpListener, TcpStream};

async fn ask(address: &str, method: &str, target: &str, body: &str) -> Option<(u16, http::HeaderMap, Value)> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = http::Request::builder()
        .method(method)
        .uri(target)
        .header("host", address)
        .header("authorization", "Bearer pretend")
        .body(Full::new(bytes::Bytes::from(body.to_owned())))
        .unwrap();
    let answer = sender.send_request(request).await.ok()?;
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.ok()?.to_bytes();
    Some((
        parts.status.as_u16(),
        parts.headers,
        serde_json::from_slice(&body).unwrap_or(Value::Null),
    ))
}

#[tokio::test]
async fn a_hurried_world_is_moved_over_http() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let settings = Settings {
        speed: 3_600,
        ..Settings::seeded(1)
    };
    tokio::spawn(serve(
        listener,
        Simulator::new(World::derive(&blueprint()).unwrap(), settings),
    ));
    let failover = format!("{}/failover?api-version={SQL}", instance_group("neu"));
    let (status, headers, _) = ask(&address, "POST", &failover, "").await.unwrap();
    assert_eq!((status, headers["retry-after"].to_str().unwrap()), (202, "1"));
    let url = headers["azure-asyncoperation"].to_str().unwrap().to_owned();
    assert!(
        url.starts_with(&format!("http://{address}/subscriptions/")),
        "{url}"
    );
    let (_, _, now) = ask(&address, "POST", "/_simulator/advance", r#"{"by": "2m"}"#)
        .await
        .unwrap();
    assert_eq!(now["speed"], 3_600);
    let path = url.trim_start_matches(&format!("http://{address}")).to_owned();
    let (_, _, body) = ask(&address, "GET", &path, "").await.unwrap();
    assert_eq!(body["status"], "Succeeded");
    let reset = "[{ match: { path: '**/instanceFailoverGroups/*' }, verdict: reset }]";
    assert_eq!(
        ask(&address, "POST", "/_simulator/faults", reset)
            .await
            .unwrap()
            .2["added"],
        1
    );
    let view = format!("{}?api-version={SQL}", instance_group("weu"));
    assert!(ask(&address, "GET", &view, "").await.is_none());
    let (_, _, log) = ask(&address, "GET", "/_simulator/requests", "").await.unwrap();
    let log = log.as_array().unwrap();
    assert_eq!((log.len(), &log[2]["status"]), (3, &"reset".into()));
    assert!(log[1]["query"].as_str().unwrap().len() < 200);
    let (_, _, outcome) = ask(
        &address,
        "POST",
        "/_simulator/commands",
        r#"{"command": ["true"]}"#,
    )
    .await
    .unwrap();
    assert_eq!(outcome["exitCode"], 0);
    // The proxy's absolute form goes to the world outside; nobody listens there.
    let (status, _, _) = ask(&address, "GET", "http://shop.example.test/", "")
        .await
        .unwrap();
    assert_eq!(status, 502);
    let (_, _, world) = ask(&address, "GET", "/_simulator/world", "").await.unwrap();
    assert!(World::from_yaml(&world.to_string()).is_ok());
}
