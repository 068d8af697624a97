//! How does a SQL server speak? As much of its protocol as one login and plain statements need, no encryption.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::query::{Cell, Table};

/// Kinds of messages.
pub(super) const STATEMENT: u8 = 0x01;
pub(super) const LOGIN: u8 = 0x10;
pub(super) const HELLO: u8 = 0x12;
const ANSWER: u8 = 0x04;
/// The longest packet that is made.
const PACKET: usize = 4_096;
/// The longest message that is read.
const LONGEST: usize = 1 << 20;

/// Reads one message; nothing where the other side is gone.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<(u8, Vec<u8>)>> {
    let mut message = Vec::new();
    loop {
        let mut header = [0; 8];
        match stream.read_exact(&mut header).await {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        };
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let mut part = vec![0; length.saturating_sub(header.len())];
        stream.read_exact(&mut part).await?;
        message.extend(part);
        if message.len() > LONGEST {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the message is too long",
            ));
        }
        if header[1] & 1 == 1 {
            return Ok(Some((header[0], message)));
        }
    }
}

/// Writes one answer in packets.
pub(super) async fn write(stream: &mut (impl AsyncWrite + Unpin), body: &[u8]) -> io::Result<()> {
    let mut parts = body.chunks(PACKET - 8).peekable();
    let mut number = 1_u8;
    while let Some(part) = parts.next() {
        let last = u8::from(parts.peek().is_none());
        let length = u16::try_from(part.len() + 8).unwrap_or(u16::MAX).to_be_bytes();
        let header = [ANSWER, last, length[0], length[1], 0, 0, number, 0];
        stream.write_all(&header).await?;
        stream.write_all(part).await?;
        number = number.wrapping_add(1);
    }
    stream.flush().await
}

/// Returns the answer to a hello: a version, and that nothing is encrypted here.
pub(super) fn hello(asked: &[u8]) -> Vec<u8> {
    // Asked for a token's login, the server says that it takes one.
    let token = asked.split(|byte| *byte == 0xff).next().unwrap_or_default();
    let identity = token.chunks(5).any(|option| option.first() == Some(&6));
    let mut options: Vec<(u8, Vec<u8>)> = vec![(0, vec![16, 0, 0, 0, 0, 0]), (1, vec![2])];
    if identity {
        options.push((6, vec![1]));
    }
    let mut offset = u16::try_from(options.len() * 5 + 1).unwrap_or_default();
    let (mut table, mut data) = (Vec::new(), Vec::new());
    for (name, value) in options {
        let length = u16::try_from(value.len()).unwrap_or_default();
        table.push(name);
        table.extend(offset.to_be_bytes());
        table.extend(length.to_be_bytes());
        data.extend(value);
        offset += length;
    }
    table.push(0xff);
    table.extend(data);
    table
}

/// Returns the database that a login names.
pub(super) fn database(login: &[u8]) -> String {
    let number = |at: usize| {
        let bytes = login.get(at..at + 2);
        bytes.map_or(0, |bytes| usize::from(u16::from_le_bytes([bytes[0], bytes[1]])))
    };
    let (at, letters) = (number(68), number(70));
    text(login.get(at..at + letters * 2).unwrap_or_default())
}

/// Returns the statement of a message, without its headers.
pub(super) fn statement(message: &[u8]) -> String {
    let headers = message.get(..4).map_or(0, |bytes| {
        u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize
    });
    text(message.get(headers..).unwrap_or_default())
}

fn text(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    String::from_utf16_lossy(&units)
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A text with its length in letters, in one byte.
fn short(text: &str) -> Vec<u8> {
    let kept: String = text.chars().take(120).collect();
    let letters = u8::try_from(kept.encode_utf16().count()).unwrap_or(u8::MAX);
    let mut bytes = vec![letters];
    bytes.extend(utf16(&kept));
    bytes
}

fn done(rows: Option<u64>) -> Vec<u8> {
    let status: u16 = if rows.is_some() { 0x10 } else { 0 };
    let mut bytes = vec![0xfd];
    bytes.extend(status.to_le_bytes());
    bytes.extend(0_u16.to_le_bytes());
    bytes.extend(rows.unwrap_or_default().to_le_bytes());
    bytes
}

/// Returns the answer to a login that is taken.
pub(super) fn welcome() -> Vec<u8> {
    let mut ack = vec![1, 0x74, 0, 0, 4];
    ack.extend(short("Microsoft SQL Server"));
    ack.extend([16, 0, 0, 0]);
    let mut bytes = vec![0xad];
    bytes.extend(u16::try_from(ack.len()).unwrap_or_default().to_le_bytes());
    bytes.extend(ack);
    bytes.extend(done(None));
    bytes
}

/// Returns an error.
pub(super) fn refusal(number: u32, message: &str) -> Vec<u8> {
    let kept: String = message.chars().take(500).collect();
    let mut body = number.to_le_bytes().to_vec();
    body.extend([1, 16]);
    body.extend(
        u16::try_from(kept.encode_utf16().count())
            .unwrap_or_default()
            .to_le_bytes(),
    );
    body.extend(utf16(&kept));
    body.extend(short("pretended"));
    body.extend(short(""));
    body.extend(1_u32.to_le_bytes());
    let mut bytes = vec![0xaa];
    bytes.extend(u16::try_from(body.len()).unwrap_or_default().to_le_bytes());
    bytes.extend(body);
    let mut end = done(None);
    // The error bit.
    end[1] = 2;
    bytes.extend(end);
    bytes
}

/// Returns a set of rows.
pub(super) fn rows(table: &Table) -> Vec<u8> {
    let mut bytes = vec![0x81];
    bytes.extend(
        u16::try_from(table.columns.len())
            .unwrap_or_default()
            .to_le_bytes(),
    );
    for (place, name) in table.columns.iter().enumerate() {
        bytes.extend(0_u32.to_le_bytes());
        // It may be NULL.
        bytes.extend(1_u16.to_le_bytes());
        match table.numbers(place) {
            true => bytes.extend([0x26, 4]),
            false => {
                bytes.push(0xe7);
                bytes.extend(8_000_u16.to_le_bytes());
                bytes.extend([0x09, 0x04, 0xd0, 0x00, 0x34]);
            }
        }
        bytes.extend(short(name));
    }
    for row in &table.rows {
        bytes.push(0xd1);
        for (place, cell) in row.iter().enumerate() {
            match (cell, table.numbers(place)) {
                (Cell::Number(number), true) => {
                    bytes.push(4);
                    bytes.extend(number.to_le_bytes());
                }
                (_, true) => bytes.push(0),
                (Cell::Text(text), false) => {
                    let text = utf16(text);
                    bytes.extend(u16::try_from(text.len()).unwrap_or_default().to_le_bytes());
                    bytes.extend(text);
                }
                (_, false) => bytes.extend(u16::MAX.to_le_bytes()),
            }
        }
    }
    bytes.extend(done(Some(table.rows.len() as u64)));
    bytes
}
