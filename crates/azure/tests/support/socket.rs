//! What a server on a raw socket reads, and how it answers, or does not. The acceptance tests take this file, too.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::net::SocketAddr;

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

/// What the server does with a request that it has read whole.
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
    /// Opens a way to an address and hands the bytes on, as a proxy does for CONNECT.
    Tunnel(SocketAddr),
}

/// A connection that can be broken off.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {
    fn reset(&self) {}
}

impl Stream for TcpStream {
    fn reset(&self) {
        let _ = self.set_zero_linger();
    }
}

impl Reaction {
    /// Does it, and returns whether the connection stays open.
    pub(crate) async fn on(self, stream: &mut impl Stream) -> bool {
        match self {
            Reaction::Answer(text) => {
                let _ = stream.write_all(text.as_bytes()).await;
                return true;
            }
            Reaction::AnswerThenClose(text) => {
                let _ = stream.write_all(text.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
            Reaction::Lose => {}
            Reaction::Half => {
                let half = "HTTP/1.1 202 Accepted\r\ncontent-length: 500\r\n\r\n{\"half\":";
                let _ = stream.write_all(half.as_bytes()).await;
                stream.reset();
            }
            Reaction::Tunnel(address) => {
                if let Ok(mut there) = TcpStream::connect(address).await {
                    let _ = stream
                        .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
                        .await;
                    let _ = tokio::io::copy_bidirectional(stream, &mut there).await;
                }
            }
        }
        false
    }
}

/// The text of an answer, with its length; each header ends its line.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
}

/// Reads one request with its body; what follows it stays in `rest`.
pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin), rest: &mut Vec<u8>) -> Option<String> {
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
