//! The marked tree.

use std::sync::Arc;

use serde_json::{Map, Number, Value};

/// A stretch of the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The line it starts on, from 1.
    pub line: u32,
    /// The column it starts in, in characters from 1.
    pub column: u32,
    /// Its first byte.
    pub start: u32,
    /// The byte behind its last.
    pub end: u32,
}

/// A value and where it stands. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where.
    pub span: Span,
    /// What.
    pub content: Content,
}

/// What a value is.
#[derive(Clone, Debug)]
pub enum Content {
    /// A text, number, flag or nothing.
    Scalar(Scalar),
    /// A list.
    List(Arc<Vec<Node>>),
    /// A map, in the order of the text.
    Map(Arc<Vec<Entry>>),
}

/// A value without parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar {
    /// The text, quotes and escapes resolved.
    pub text: Arc<str>,
    /// Whether it was written without quotes, so that `true` and `5` are not text.
    pub plain: bool,
}

/// A key with its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: Arc<str>,
    /// Where the key stands.
    pub span: Span,
    /// The value.
    pub value: Node,
}

impl Scalar {
    /// Says whether nothing was written: an empty value, `~` or `null`.
    pub fn is_null(&self) -> bool {
        self.plain && matches!(&*self.text, "" | "~" | "null" | "Null" | "NULL")
    }

    /// Returns the flag that it is.
    pub fn as_flag(&self) -> Option<bool> {
        match &*self.text {
            "true" | "True" | "TRUE" if self.plain => Some(true),
            "false" | "False" | "FALSE" if self.plain => Some(false),
            _ => None,
        }
    }

    /// Returns the whole number that it is.
    pub fn as_whole(&self) -> Option<i64> {
        let digits = self.text.strip_prefix(['-', '+']).unwrap_or(&self.text);
        let whole = self.plain && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        self.text.parse().ok().filter(|_| whole)
    }

    /// Returns the number that it is, whole or not.
    pub fn as_number(&self) -> Option<Number> {
        if let Some(whole) = self.as_whole() {
            return Some(Number::from(whole));
        }
        let looks = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'e' | b'E');
        let numeric =
            self.plain && self.text.bytes().all(looks) && self.text.bytes().any(|byte| byte.is_ascii_digit());
        self.text
            .parse()
            .ok()
            .filter(|_| numeric)
            .and_then(Number::from_f64)
    }

    /// Returns it as JSON, by the core schema of YAML 1.2.
    pub fn to_json(&self) -> Value {
        if self.is_null() {
            Value::Null
        } else if let Some(flag) = self.as_flag() {
            Value::Bool(flag)
        } else if let Some(number) = self.as_number() {
            Value::Number(number)
        } else {
            Value::from(&*self.text)
        }
    }
}

impl Node {
    /// Returns the scalar that it is.
    pub fn as_scalar(&self) -> Option<&Scalar> {
        match &self.content {
            Content::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// Returns the items of the list that it is.
    pub fn as_list(&self) -> Option<&[Node]> {
        match &self.content {
            Content::List(items) => Some(items),
            _ => None,
        }
    }

    /// Returns the entries of the map that it is.
    pub fn as_map(&self) -> Option<&[Entry]> {
        match &self.content {
            Content::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// Returns the entry under a key, where it is a map and has one.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.as_map()?.iter().find(|entry| &*entry.key == key)
    }

    /// Returns the value under a key, where it is a map and has one.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// Says whether nothing was written.
    pub fn is_null(&self) -> bool {
        self.as_scalar().is_some_and(Scalar::is_null)
    }

    /// Says what it is, for people.
    pub fn describe(&self) -> String {
        match &self.content {
            Content::List(_) => "a list".to_owned(),
            Content::Map(_) => "a map".to_owned(),
            Content::Scalar(scalar) if scalar.is_null() => "nothing".to_owned(),
            Content::Scalar(scalar) if scalar.as_number().is_some() => {
                format!("the number `{}`", scalar.text)
            }
            Content::Scalar(scalar) => {
                let mut short: String = scalar.text.chars().take(40).collect();
                if short.len() < scalar.text.len() {
                    short.push('…');
                }
                format!("`{}`", short.escape_debug())
            }
        }
    }

    /// Returns it as JSON. The depth of a tree is bounded when it is read.
    pub fn to_json(&self) -> Value {
        match &self.content {
            Content::Scalar(scalar) => scalar.to_json(),
            Content::List(items) => Value::Array(items.iter().map(Node::to_json).collect()),
            Content::Map(entries) => Value::Object(
                entries
                    .iter()
                    .map(|entry| (entry.key.to_string(), entry.value.to_json()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }

    /// Calls back for every scalar below, itself included.
    pub fn each_scalar<'a>(&'a self, found: &mut dyn FnMut(&'a Scalar, Span)) {
        match &self.content {
            Content::Scalar(scalar) => found(scalar, self.span),
            Content::List(items) => items.iter().for_each(|item| item.each_scalar(found)),
            Content::Map(entries) => entries.iter().for_each(|entry| entry.value.each_scalar(found)),
        }
    }
}
