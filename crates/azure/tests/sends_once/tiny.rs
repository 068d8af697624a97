//! A server written by hand, small enough that it cannot hide a second request.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What it does once it has read a whole request.
#[derive(Clone, Debug)]
pub(crate) enum Behaviour {
    /// Writes this and closes.
    Answer(String),
    /// Closes without a word.
    AnswerLost,
    /// Writes half an answer, then resets.
    ResetInMidAnswer,
}

/// The server and what it has seen.
pub(crate) struct Tiny {
    address: SocketAddr,
    raw: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Tiny {
    pub(crate) async fn start(behaviour: Behaviour) -> Tiny {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let raw = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let (seen, opened) = (raw.clone(), connections.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                opened.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, behaviour.clone(), seen.clone()));
            }
        });
        Tiny {
            address,
            raw,
            connections,
            task,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops listening and returns where it was.
    pub(crate) fn closed(self) -> String {
        self.task.abort();
        self.url()
    }

    /// Returns the first line of every request.
    pub(crate) fn requests(&self) -> Vec<String> {
        let raw = self.raw.lock().unwrap();
        raw.iter()
            .filter_map(|text| text.lines().next().map(str::to_owned))
            .collect()
    }

    /// Returns everything that was sent.
    pub(crate) fn raw(&self) -> String {
        self.raw.lock().unwrap().concat()
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Serves one connection, and goes on reading from it: a request sent again on it would be seen.
async fn serve(mut stream: TcpStream, behaviour: Behaviour, seen: Arc<Mutex<Vec<String>>>) {
    let Some(request) = read(&mut stream).await else {
        return;
    };
    seen.lock().unwrap().push(request);
    match behaviour {
        Behaviour::Answer(text) => {
            let _ = stream.write_all(text.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
        Behaviour::AnswerLost => {}
        Behaviour::ResetInMidAnswer => {
            let half = "HTTP/1.1 202 Accepted\r\ncontent-length: 500\r\n\r\n{\"half\":";
            let _ = stream.write_all(half.as_bytes()).await;
            // Unread input turns the close into a reset on this system; linger makes it one anywhere.
            let _ = stream.set_zero_linger();
        }
    }
}

/// Reads one request with its body, as raw text.
async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .and_then(|(_, value)| value.trim().parse::<usize>().ok())
                .unwrap_or(0);
            if body.len() >= length {
                return Some(text);
            }
        }
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}
