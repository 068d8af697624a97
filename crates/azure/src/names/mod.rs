//! What does a resolver say of a name? One question, one resolver, nothing remembered.
//!
//! # Why no library
//! A resolver library remembers answers, goes round its servers until one of them answers, and falls back from one way
//! to another. A check wants the opposite: what this very server says now, and that it says nothing where it does not.
//! What is left is one small message each way, four sorts of records, and a second try by TCP.

mod ask;
mod message;

use std::{fmt, net::SocketAddr, str::FromStr};

pub(crate) use ask::{ask, system};

/// The sorts of records that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// An IPv4 address.
    A,
    /// An IPv6 address.
    Aaaa,
    /// Another name.
    Cname,
    /// A text.
    Txt,
}

impl Sort {
    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Sort::A => "A",
            Sort::Aaaa => "AAAA",
            Sort::Cname => "CNAME",
            Sort::Txt => "TXT",
        }
    }
}

impl fmt::Display for Sort {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

impl FromStr for Sort {
    type Err = String;

    fn from_str(word: &str) -> Result<Sort, String> {
        let all = [Sort::A, Sort::Aaaa, Sort::Cname, Sort::Txt];
        let found = all.into_iter().find(|sort| sort.word() == word);
        found.ok_or_else(|| format!("`{word}` is no sort of record: A, AAAA, CNAME or TXT"))
    }
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name.
    pub name: String,
    /// The sort of record.
    pub sort: Sort,
}

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolver {
    /// Whatever this machine asks by itself, its own list of hosts included.
    System,
    /// The server at an address.
    At(SocketAddr),
}

impl fmt::Display for Resolver {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Resolver::System => out.write_str("system"),
            Resolver::At(address) if address.port() == PORT => write!(out, "{}", address.ip()),
            Resolver::At(address) => write!(out, "{address}"),
        }
    }
}

/// The port of DNS.
const PORT: u16 = 53;

impl FromStr for Resolver {
    type Err = String;

    /// Reads `system`, an address, or an address with a port. A name would itself have to be resolved.
    fn from_str(text: &str) -> Result<Resolver, String> {
        let text = text.trim();
        if text == "system" {
            return Ok(Resolver::System);
        }
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Resolver::At(address));
        }
        match text.trim_matches(['[', ']']).parse() {
            Ok(address) => Ok(Resolver::At(SocketAddr::new(address, PORT))),
            Err(_) => Err(format!(
                "`{text}` is no resolver: write an address, an address with its port, or `system`"
            )),
        }
    }
}

/// What a resolver said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The response code: 0 is well, 3 is "no such name".
    pub code: u8,
    /// The names that it led through, in order.
    pub through: Vec<String>,
    /// What it has of that sort; empty where it has none.
    pub values: Vec<String>,
    /// How long it may be remembered, in seconds: the least of all that it led through. Not every way tells.
    pub ttl: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resolver_is_an_address_with_or_without_a_port_or_this_machines_own() {
        for (text, shown) in [
            ("system", "system"),
            ("8.8.8.8", "8.8.8.8"),
            ("127.0.0.1:5353", "127.0.0.1:5353"),
            ("2001:4860:4860::8888", "2001:4860:4860::8888"),
            ("[::1]:5353", "[::1]:5353"),
            ("[::1]", "::1"),
        ] {
            assert_eq!(text.parse::<Resolver>().unwrap().to_string(), shown);
        }
        for text in ["", "dns.google", "8.8.8.8:x", "8.8.8"] {
            assert!(text.parse::<Resolver>().is_err(), "{text}");
        }
    }
}
