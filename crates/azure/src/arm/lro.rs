//! Is it done yet? Azure's long-running operations, in every style, with tickets that survive a restart.
//!
//! # The front door
//! [`begin`] sends one change and reads what came of it: finished, refused, unknown, or accepted with a
//! [`Ticket`](leeward_engine::work::Ticket). A ticket is plain data: write it down, read it back after a
//! restart, on another machine. [`Poller`] takes one up and asks until there is an end.
//!
//! # How an answer is read
//! | what | rule |
//! |---|---|
//! | where to ask | `Azure-AsyncOperation`, with whatever 2xx; else `Location`; else, for PUT and PATCH, the resource's own `provisioningState`; else it is done |
//! | a status URL | the body's word decides, whatever the 2xx; `Succeeded`, `Failed`, `Canceled` and `Cancelled` are ends, in any case; every other word means running |
//! | a `Location` | 202 is running, another 2xx is done; a newer `Location` takes the place of the old one |
//! | `error` beside a success | a warning, carried up |
//! | when to ask again | `Retry-After` in seconds or as a date, `retry-after-ms`, `x-ms-retry-after-ms`, the seconds in an error's message; else the poller's own pace |
//! | a poll that fails | says nothing about the operation: asked again |
//! | 403, 404, 410, another host | the ticket is gone; look at the resource, never send again |
//! | the result | behind `Location`, in the resource, or nowhere: [`FinalState`] |
//!
//! # Example
//! A pretend Azure of a few lines stands in for the real one; point [`Endpoint`](super::Endpoint) at any other.
//! ```
//! # use std::{io::{Read, Write}, net::TcpListener, sync::Arc, time::Duration};
//! use leeward_azure::{
//!     arm::{Arm, Endpoint, Method, Request, SystemClock, lro},
//!     credential::Credential,
//! };
//! use leeward_engine::work::{Sent, Ticket};
//!
//! # let listener = TcpListener::bind("127.0.0.1:0")?;
//! # let url = format!("http://{}", listener.local_addr()?);
//! # let status = format!("{url}/subscriptions/s/operations/1");
//! # std::thread::spawn(move || {
//! #     let begun = format!("HTTP/1.1 202 Accepted\r\nAzure-AsyncOperation: {status}\r\nRetry-After: 0\r\ncontent-length: 0\r\n");
//! #     let body = |word: &str| format!("HTTP/1.1 200 OK\r\nretry-after-ms: 1\r\ncontent-length: {}\r\n", 13 + word.len())
//! #         + "connection: close\r\n\r\n" + &format!("{{\"status\": \"{word}\"}}").replace(": ", ":");
//! #     for answer in [begun + "connection: close\r\n\r\n", body("Moving"), body("succeeded")] {
//! #         let Ok((mut stream, _)) = listener.accept() else { return };
//! #         let mut head = [0; 4096];
//! #         let _ = stream.read(&mut head);
//! #         let _ = stream.write_all(answer.as_bytes());
//! #     }
//! # });
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let clock = Arc::new(SystemClock::new());
//! let arm = Arm::new(Endpoint::parse(&url)?, Credential::simulator(), None, clock)?;
//! let request = Request::new(
//!     Method::Post,
//!     "/subscriptions/s/resourceGroups/g/providers/P/t/n/failover",
//!     "2024-01-01",
//! );
//!
//! // One request, sent once, whatever happens.
//! let key = lro::one_off(&arm, Duration::from_secs(30));
//! let Sent::Accepted { ticket } = lro::begin(&arm, &request, &key).await else {
//!     panic!("finished, refused, or nobody knows");
//! };
//!
//! // The ticket goes to disk, and comes back after a restart.
//! let kept = serde_json::to_string(&ticket)?;
//! let ticket: Ticket = serde_json::from_str(&kept)?;
//!
//! let ended = lro::Poller::new(&arm, ticket).wait(|_, progress| println!("{progress:?}")).await;
//! assert!(matches!(ended, lro::Ended::Succeeded { .. }), "{ended:?}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod poller;
mod read;
mod result;
mod start;

pub use poller::{Ended, Pace, Poller};
pub use read::{read_location, read_resource, read_status};
pub use result::{FinalState, Polled, poll_once, poll_with_result};
pub use start::{begin, job_of, one_off, read_start};

#[cfg(test)]
mod tests;
