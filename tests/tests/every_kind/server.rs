//! An Azure on a raw socket: reads are answered by a simulated world, changes as a test says.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use leeward_simulator::{Outcome, Simulator};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

pub(crate) use super::socket::{self, Reaction};

/// Writes an answer with its length.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Reaction {
    Reaction::Answer(socket::answer(status, headers, body))
}

/// What the answer of a read is turned into: its target, status, headers and body.
pub(crate) type Twist = Arc<dyn Fn(&str, u16, &mut String, &mut String) + Send + Sync>;

struct Shared {
    simulator: Simulator,
    reaction: Mutex<Reaction>,
    twist: Mutex<Option<Twist>>,
    raw: Mutex<Vec<String>>,
    connections: AtomicUsize,
}

/// The server and what it has seen.
pub(crate) struct Server {
    pub(crate) url: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start(simulator: Simulator) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            simulator,
            reaction: Mutex::new(Reaction::Lose),
            twist: Mutex::default(),
            raw: Mutex::default(),
            connections: AtomicUsize::new(0),
        });
        let inner = shared.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                inner.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, inner.clone()));
            }
        });
        Server { url, shared, task }
    }

    /// Says how changes are answered from now on.
    pub(crate) fn reacts(&self, reaction: Reaction) {
        *self.shared.reaction.lock().unwrap() = reaction;
    }

    /// Says what becomes of the answers to reads from now on.
    pub(crate) fn twists(&self, twist: Twist) {
        *self.shared.twist.lock().unwrap() = Some(twist);
    }

    /// Returns the requests for a change that arrived, and forgets everything seen.
    pub(crate) fn take_changes(&self) -> Vec<String> {
        let all = std::mem::take(&mut *self.shared.raw.lock().unwrap());
        all.into_iter().filter(|raw| !reads(raw)).collect()
    }

    /// Returns everything that arrived.
    pub(crate) fn raw(&self) -> Vec<String> {
        self.shared.raw.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

/// Returns whether a request only reads: a GET, or a POST that lists.
fn reads(raw: &str) -> bool {
    let mut words = raw.split(' ');
    let method = words.next().unwrap_or_default();
    let path = words
        .next()
        .unwrap_or_default()
        .split('?')
        .next()
        .unwrap_or_default();
    let last = path.rsplit('/').next().unwrap_or_default();
    method == "GET" || method == "HEAD" || (method == "POST" && last.starts_with("list"))
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let mut rest = Vec::new();
    while let Some(raw) = socket::read(&mut stream, &mut rest).await {
        shared.raw.lock().unwrap().push(raw.clone());
        if reads(&raw) {
            let Some(answer) = asked(&shared, &raw).await else {
                return;
            };
            let _ = stream.write_all(answer.as_bytes()).await;
            continue;
        }
        let reaction = shared.reaction.lock().unwrap().clone();
        if !reaction.on(&mut stream).await {
            return;
        }
    }
}

/// Asks the simulated world, and returns its answer as text.
async fn asked(shared: &Shared, raw: &str) -> Option<String> {
    let (head, body) = raw.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?, first.next()?);
    let host = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("host"))
        .map(|(_, value)| value)?;
    let mut request = http::Request::builder()
        .method(method)
        .uri(format!("http://{host}{target}"));
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        request = request.header(name, value);
    }
    let request = request.body(Bytes::from(body.to_owned())).ok()?;
    let Outcome::Answered(answer) = shared.simulator.handle(request).await else {
        return None;
    };
    let (parts, body) = answer.into_parts();
    let mut headers = String::new();
    for (name, value) in &parts.headers {
        if name != "content-length" && name != "transfer-encoding" {
            headers.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap_or_default()));
        }
    }
    let mut body = String::from_utf8_lossy(&body).into_owned();
    let twist = shared.twist.lock().unwrap().clone();
    if let Some(twist) = twist {
        twist(target, parts.status.as_u16(), &mut headers, &mut body);
    }
    Some(socket::answer(
        &format!("{} -", parts.status.as_u16()),
        &headers,
        &body,
    ))
}
