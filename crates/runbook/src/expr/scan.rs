//! How an expression is bounded, and how its dashed names are made palatable to CEL.
//!
//! CEL's parser recurses, so nothing reaches it that has not been counted here.

use super::{ExprError, MOST_BYTES, MOST_NESTING, MOST_TOKENS};

/// Names whose members may hold dashes.
const ROOTS: [&str; 6] = ["steps", "params", "parameters", "source", "target", "env"];

/// An expression that is safe to hand to CEL.
#[derive(Debug)]
pub(super) struct Scanned {
    /// The text for CEL: dashed members in backticks, `region-down` as `region_down`.
    pub(super) text: String,
    /// The path, where the whole expression is nothing but one: `["target", "address"]`.
    pub(super) path: Option<Vec<String>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Nothing,
    Word,
    Dot,
    Other,
}

/// Bounds and rewrites one expression.
pub(super) fn scan(source: &str) -> Result<Scanned, ExprError> {
    if source.len() > MOST_BYTES {
        return Err(ExprError::TooLong {
            length: source.len(),
            most: MOST_BYTES,
        });
    }
    if source.trim().is_empty() {
        return Err(ExprError::Syntax {
            message: "it is empty".to_owned(),
        });
    }
    let mut scanner = Scanner {
        source,
        at: 0,
        text: String::with_capacity(source.len() + 16),
        path: Some(Vec::new()),
        open: Vec::new(),
        tokens: 0,
        last: Last::Nothing,
        in_path: false,
    };
    while scanner.step()? {}
    let complete = scanner.last == Last::Word;
    Ok(Scanned {
        text: scanner.text,
        path: scanner.path.filter(|path| complete && !path.is_empty()),
    })
}

struct Scanner<'a> {
    source: &'a str,
    at: usize,
    text: String,
    path: Option<Vec<String>>,
    /// For each open bracket whether a path goes on behind its closing.
    open: Vec<bool>,
    tokens: usize,
    last: Last,
    in_path: bool,
}

impl Scanner<'_> {
    fn step(&mut self) -> Result<bool, ExprError> {
        let rest = &self.source[self.at..];
        let Some(first) = rest.chars().next() else {
            return Ok(false);
        };
        if first.is_whitespace() {
            self.at += first.len_utf8();
            self.text.push(' ');
            return Ok(true);
        }
        self.tokens += 1;
        if self.tokens > MOST_TOKENS {
            return Err(ExprError::TooMany { most: MOST_TOKENS });
        }
        let member = self.in_path && self.last == Last::Dot;
        match first {
            '"' | '\'' => self.string(0),
            'r' | 'R' | 'b' | 'B' if string_prefix(rest).is_some() => {
                self.string(string_prefix(rest).unwrap_or_default())
            }
            first if first.is_ascii_alphabetic() || first == '_' => {
                self.word(member);
                Ok(true)
            }
            first if first.is_ascii_digit() && member => {
                self.word(member);
                Ok(true)
            }
            first if first.is_ascii_digit() => {
                let length = rest
                    .bytes()
                    .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'.')
                    .count();
                self.copy(length);
                self.other();
                Ok(true)
            }
            first => self.sign(first),
        }
    }

    fn copy(&mut self, length: usize) {
        self.text.push_str(&self.source[self.at..self.at + length]);
        self.at += length;
    }

    fn other(&mut self) {
        self.path = None;
        self.in_path = false;
        self.last = Last::Other;
    }

    fn word(&mut self, member: bool) {
        let rest = &self.source[self.at..];
        let bytes = rest.as_bytes();
        let plain = |at: usize| {
            bytes
                .get(at)
                .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        };
        let mut length = 0;
        while plain(length) || (member && bytes.get(length) == Some(&b'-') && plain(length + 1)) {
            length += 1;
        }
        let mut word = &rest[..length];
        let root = self.last != Last::Dot;
        if root && word == "region" && rest.starts_with("region-down") && !plain("region-down".len()) {
            word = "region_down";
            length = word.len();
        }
        if self.last == Last::Word {
            self.path = None;
        }
        if root {
            self.in_path = ROOTS.contains(&word);
        }
        let call = rest[length..].trim_start().starts_with('(');
        if call {
            self.path = None;
        }
        if let Some(path) = &mut self.path {
            path.push(word.to_owned());
        }
        if member && !call {
            // Quoted even without a dash: a step may be called `in` or `package`, CEL's own words.
            self.text.push('`');
            self.text.push_str(word);
            self.text.push('`');
        } else {
            self.text.push_str(word);
        }
        self.at += length;
        self.last = Last::Word;
    }

    fn sign(&mut self, sign: char) -> Result<bool, ExprError> {
        match sign {
            '.' => {
                if self.last != Last::Word {
                    self.path = None;
                }
                self.last = Last::Dot;
            }
            '?' if self.last == Last::Dot => self.path = None,
            '(' | '[' | '{' => {
                if self.open.len() == MOST_NESTING {
                    return Err(ExprError::TooDeep { most: MOST_NESTING });
                }
                self.open.push(self.in_path && sign == '[');
                self.other();
            }
            ')' | ']' | '}' => {
                self.other();
                self.in_path = self.open.pop().unwrap_or_default();
            }
            '`' => {
                return Err(ExprError::Syntax {
                    message: "names are written without backticks".to_owned(),
                });
            }
            _ => self.other(),
        }
        self.copy(sign.len_utf8());
        Ok(true)
    }

    fn string(&mut self, prefix: usize) -> Result<bool, ExprError> {
        let rest = &self.source[self.at..];
        let raw = rest[..prefix].contains(['r', 'R']);
        let Some(length) = string_length(&rest[prefix..], raw) else {
            return Err(ExprError::Syntax {
                message: "a text is not closed".to_owned(),
            });
        };
        self.copy(prefix + length);
        self.other();
        Ok(true)
    }
}

/// Returns the length of `r`, `b`, `rb` or `br` where a text follows it.
fn string_prefix(text: &str) -> Option<usize> {
    let length = text
        .bytes()
        .take_while(|byte| matches!(byte, b'r' | b'R' | b'b' | b'B'))
        .count();
    (length <= 2 && matches!(text.as_bytes().get(length), Some(b'"' | b'\''))).then_some(length)
}

/// Returns the length of the quoted text that starts here, quotes included.
pub(super) fn string_length(text: &str, raw: bool) -> Option<usize> {
    let bytes = text.as_bytes();
    let quote = *bytes.first()?;
    let triple = bytes.get(1) == Some(&quote) && bytes.get(2) == Some(&quote);
    let mut at = if triple { 3 } else { 1 };
    loop {
        let byte = *bytes.get(at)?;
        if byte == b'\\' && !raw {
            at += 2;
        } else if byte != quote {
            at += 1;
        } else if !triple {
            return Some(at + 1);
        } else if bytes.get(at + 1) == Some(&quote) && bytes.get(at + 2) == Some(&quote) {
            return Some(at + 3);
        } else {
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dashed_member_reaches_cel_in_backticks_and_subtraction_stays() {
        let text = |source: &str| scan(source).expect(source).text;
        assert_eq!(
            text("steps.storefront-cluster.outputs.ingress-address"),
            "steps.`storefront-cluster`.`outputs`.`ingress-address`"
        );
        assert_eq!(text("params.a - 1"), "params.`a` - 1");
        assert_eq!(
            text("steps.a.outputs.b.startsWith('x-y')"),
            "steps.`a`.`outputs`.`b`.startsWith('x-y')"
        );
        assert_eq!(text("region-down && true"), "region_down && true");
        assert_eq!(text("a-b"), "a-b");
        assert_eq!(text("steps['a'].outputs.b-c"), "steps['a'].`outputs`.`b-c`");
    }

    #[test]
    fn a_lone_path_is_known_as_one() {
        let path = |source: &str| scan(source).expect(source).path;
        assert_eq!(
            path(" target.address "),
            Some(vec!["target".into(), "address".into()])
        );
        assert_eq!(path("target.address + 1"), None);
        assert_eq!(path("target."), None);
        assert_eq!(path("a b"), None);
        assert_eq!(path("a.b()"), None);
        assert_eq!(path("'x'"), None);
    }

    #[test]
    fn three_hundred_brackets_are_refused_before_the_parser_sees_them() {
        let deep = format!("{}1{}", "(".repeat(300), ")".repeat(300));
        assert_eq!(
            scan(&deep).map(|_| ()),
            Err(ExprError::TooDeep { most: MOST_NESTING })
        );
        assert!(matches!(scan(&"!".repeat(300)), Err(ExprError::TooMany { .. })));
        assert!(matches!(scan(&"a".repeat(5000)), Err(ExprError::TooLong { .. })));
    }
}
