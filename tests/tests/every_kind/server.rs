//! An Azure on a raw socket: reads are answered by a simulated world, changes as a test says.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use leeward_simulator::{Outcome, Simulator};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What is done with a request for a change, once it was read whole.
#[derive(Clone, Debug)]
pub(crate) enum Reaction {
    /// Answers and keeps the connection open.
    Answer(String),
    /// Answers as if the connection stayed open, then closes it.
    AnswerThenClose(String),
    /// Closes without a word.
    Lose,
    /// Writes half an answer, then resets.
    Half,
}

/// Writes an answer with its length.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Reaction {
    Reaction::Answer(text(status, headers, body))
}

/// The text of an answer.
pub(crate) fn text(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
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
    while let Some(raw) = read(&mut stream, &mut rest).await {
        shared.raw.lock().unwrap().push(raw.clone());
        if reads(&raw) {
            let Some(answer) = asked(&shared, &raw).await else {
                return;
            };
            let _ = stream.write_all(answer.as_bytes()).await;
            continue;
        }
        let reaction = shared.reaction.lock().unwrap().clone();
        match reaction {
            Reaction::Answer(text) => {
                let _ = stream.write_all(text.as_bytes()).await;
            }
            Reaction::AnswerThenClose(text) => {
                let _ = stream.write_all(text.as_bytes()).await;
                let _ = stream.shutdown().await;
                return;
            }
            Reaction::Lose => return,
            Reaction::Half => {
                let half = "HTTP/1.1 202 Accepted\r\ncontent-length: 500\r\n\r\n{\"half\":";
                let _ = stream.write_all(half.as_bytes()).await;
                let _ = stream.set_zero_linger();
                return;
            }
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
    Some(text(&format!("{} -", parts.status.as_u16()), &headers, &body))
}

/// Reads one request with its body; what follows it stays in `rest`.
async fn read(stream: &mut TcpStream, rest: &mut Vec<u8>) -> Option<String> {
    let mut chunk = [0; 8192];
    loop {
        if let Some(end) = rest.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&rest[..end]).into_owned();
            let length = head
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .and_then(|(_, value)| value.trim().parse::<usize>().ok())
                .unwrap_or(0);
            let whole = end + 4 + length;
            if rest.len() >= whole {
                let taken: Vec<u8> = rest.drain(..whole).collect();
                return Some(String::from_utf8_lossy(&taken).into_owned());
            }
        }
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => rest.extend_from_slice(&chunk[..count]),
        }
    }
}
