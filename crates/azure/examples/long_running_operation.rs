//! Begins a long-running operation at any server, keeps its ticket, and polls it to its end.
//!
//! Without arguments it plays both sides: a pretend Azure on this machine, and its client.
//! ```text
//! cargo run -p leeward-azure --example long_running_operation
//! cargo run -p leeward-azure --example long_running_operation -- ENDPOINT METHOD PATH API-VERSION [BODY]
//! cargo run -p leeward-azure --example long_running_operation -- ENDPOINT --resume 'TICKET'
//! ```
//! Another machine than this one is asked as whoever is signed in to `az`.

#![allow(clippy::print_stdout, reason = "an example speaks to whoever runs it")]

use std::{
    error::Error,
    io::{Read, Write},
    net::TcpListener,
    sync::Arc,
    time::Duration,
};

use leeward_azure::{
    arm::{Arm, Endpoint, Method, Request, SystemClock, lro},
    credential::{Credential, CredentialKind, CredentialSettings},
};
use leeward_engine::work::{Sent, Ticket};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => {
            let path = "/subscriptions/s/resourceGroups/g/providers/P/t/n/failover";
            let request = Request::new(Method::Post, path, "2024-01-01");
            begin(&client(&pretend_azure()?)?, &request).await
        }
        [endpoint, "--resume", ticket] => {
            poll(
                &client(endpoint)?,
                serde_json::from_str(ticket)?,
                lro::FinalState::Status,
            )
            .await
        }
        [endpoint, method, path, version, body @ ..] => {
            let method = match *method {
                "PUT" => Method::Put,
                "PATCH" => Method::Patch,
                "DELETE" => Method::Delete,
                _ => Method::Post,
            };
            let mut request = Request::new(method, *path, *version);
            if let Some(body) = body.first() {
                request = request.body(serde_json::from_str(body)?);
            }
            begin(&client(endpoint)?, &request).await
        }
        _ => Err("ENDPOINT METHOD PATH API-VERSION [BODY], or ENDPOINT --resume TICKET".into()),
    }
}

fn client(endpoint: &str) -> Result<Arm, Box<dyn Error>> {
    let endpoint = Endpoint::parse(endpoint)?;
    let credential = match endpoint.is_loopback() {
        true => Credential::simulator(),
        false => Credential::new(CredentialSettings::of(CredentialKind::AzureCli))?,
    };
    Ok(Arm::new(
        endpoint,
        credential,
        None,
        Arc::new(SystemClock::new()),
    )?)
}

/// Sends the change once. What came of it decides what may be done next; sending it again is never among it.
async fn begin(arm: &Arm, request: &Request) -> Result<(), Box<dyn Error>> {
    let key = lro::one_off(arm, Duration::from_secs(30));
    match lro::begin(arm, request, &key).await {
        Sent::Accepted { ticket } => {
            println!(
                "accepted; to go on after a restart: --resume '{}'",
                serde_json::to_string(&ticket)?
            );
            poll(arm, ticket, lro::FinalState::of(request, None)).await
        }
        Sent::Finished { warnings, .. } => {
            println!("finished at once {warnings:?}");
            Ok(())
        }
        Sent::Refused(refusal) => Err(format!("refused: {}: {}", refusal.code, refusal.message).into()),
        Sent::NotSent { reason } => Err(format!("it never left this machine: {reason}").into()),
        Sent::Unanswered { reason } => {
            Err(format!("nobody knows whether it arrived; look at the resource first: {reason}").into())
        }
    }
}

async fn poll(arm: &Arm, ticket: Ticket, final_state: lro::FinalState) -> Result<(), Box<dyn Error>> {
    let mut poller = lro::Poller::new(arm, ticket).final_state(final_state);
    match poller.wait(|_, progress| println!("{progress:?}")).await {
        lro::Ended::Succeeded { warnings, result } => {
            println!("succeeded {warnings:?} {result:?}");
            Ok(())
        }
        ended => Err(format!("{ended:?}").into()),
    }
}

/// Serves one operation in the style of Azure SQL, and returns where.
fn pretend_azure() -> std::io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}", listener.local_addr()?);
    let own = url.clone();
    std::thread::spawn(move || {
        let mut polls = 0;
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut head = [0; 8192];
            let count = stream.read(&mut head).unwrap_or(0);
            let head = String::from_utf8_lossy(&head[..count]).into_owned();
            let (status, headers, body) = if head.starts_with("POST") {
                let headers = format!(
                    "Azure-AsyncOperation: {own}/subscriptions/s/operations/1?s=signed\r\nLocation: {own}/subscriptions/s/results/1\r\n"
                );
                ("202 Accepted", headers, r#"{"operation":"Failover"}"#)
            } else if head.contains("/operations/") {
                polls += 1;
                let body = match polls {
                    1 => r#"{"status":"InProgress","percentComplete":40}"#,
                    2 => r#"{"status":"AWordOfNextYear"}"#,
                    _ => r#"{"status":"Succeeded","error":{"code":"45031","message":"it was so already"}}"#,
                };
                ("200 OK", "retry-after-ms: 200\r\n".to_owned(), body)
            } else {
                (
                    "200 OK",
                    String::new(),
                    r#"{"name":"n","properties":{"replicationRole":"Primary"}}"#,
                )
            };
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\nRetry-After: 0\r\n{headers}\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    Ok(url)
}
