//! From the parser's events to the marked tree, and everything that can be wrong on the way.

use std::{collections::HashMap, sync::Arc};

use granit_parser::{Event, Marker, Parser, ScalarStyle};

use super::{
    Content, Entry, MOST_BY_ALIAS, MOST_BYTES, MOST_DEPTH, MOST_NODES, MOST_TROUBLES, Node, Scalar, Span,
};

/// Something wrong with the text as YAML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What.
    pub bad: Bad,
    /// Where.
    pub span: Span,
}

/// What can be wrong with a text as YAML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bad {
    /// More bytes than are read.
    TooLarge {
        /// How many there are.
        bytes: usize,
    },
    /// Not UTF-8.
    NotText,
    /// Not YAML, in the parser's words.
    Syntax(String),
    /// Nested too deep.
    TooDeep,
    /// Too many values.
    TooMany,
    /// Aliases that multiply.
    AliasBomb,
    /// An alias of something that is not there, or of what it stands in.
    BadAlias(String),
    /// The same key twice in one map.
    DuplicateKey {
        /// The key.
        key: String,
        /// Where it stands first.
        first: Span,
    },
    /// A list or map as a key.
    KeyNotText,
    /// A tag such as `!!str`.
    Tag(String),
    /// A merge key, `<<`.
    MergeKey,
    /// A second document behind `---`.
    SecondDocument,
}

/// Reads a text. The tree is missing where the text breaks off; troubles that leave the tree
/// whole (a duplicate key) come beside it.
pub fn read(bytes: &[u8]) -> (Option<Node>, Vec<Trouble>) {
    let mut builder = Builder::default();
    match builder.read(bytes) {
        true => (builder.root, builder.troubles),
        false => (None, builder.troubles),
    }
}

/// Reads a text of any number of documents. Where it breaks off, those before the place are there.
pub fn read_all(bytes: &[u8]) -> (Vec<Node>, Vec<Trouble>) {
    let mut builder = Builder {
        many: true,
        ..Builder::default()
    };
    if builder.read(bytes) {
        builder.done.extend(builder.root.take());
    }
    (builder.done, builder.troubles)
}

/// Tells line and column of the place behind these bytes.
fn locate(before: &[u8]) -> Span {
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let from = before
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    let column = String::from_utf8_lossy(&before[from..]).chars().count() + 1;
    let end = small(before.len());
    Span {
        line: small(line),
        column: small(column),
        start: end,
        end,
    }
}

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn at(start: Marker, end: Marker) -> Span {
    let from = small(start.byte_offset().unwrap_or_default());
    Span {
        line: small(start.line()),
        column: small(start.col() + 1),
        start: from,
        end: small(end.byte_offset().unwrap_or_default()).max(from),
    }
}

#[derive(Default)]
struct Builder {
    /// Whether more than one document is taken; those before the last are in `done`.
    many: bool,
    done: Vec<Node>,
    root: Option<Node>,
    open: Vec<Frame>,
    anchors: HashMap<usize, (Node, usize)>,
    troubles: Vec<Trouble>,
    documents: usize,
    nodes: usize,
    by_alias: usize,
}

struct Frame {
    span: Span,
    anchor: usize,
    size: usize,
    of: Of,
}

enum Of {
    List(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        /// Where each key stands, once there are too many to look through.
        seen: HashMap<Arc<str>, Span>,
        key: Option<Key>,
    },
}

/// So many bytes of a text count as one more value where aliases repeat it.
const BYTES_A_VALUE: usize = 1024;

/// So many keys are looked through faster than a table of them is made.
const FEW: usize = 16;

/// A key that waits for its value; one that cannot be kept still takes its value away.
enum Key {
    Good(Arc<str>, Span),
    Bad,
}

impl Builder {
    /// Reads a text; false where it breaks off.
    fn read(&mut self, bytes: &[u8]) -> bool {
        let start = Span {
            line: 1,
            column: 1,
            start: 0,
            end: 0,
        };
        if bytes.len() > MOST_BYTES {
            let bad = Bad::TooLarge { bytes: bytes.len() };
            self.troubles.push(Trouble { bad, span: start });
            return false;
        }
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let span = locate(&bytes[..error.valid_up_to()]);
                self.troubles.push(Trouble {
                    bad: Bad::NotText,
                    span,
                });
                return false;
            }
        };
        let mut options = granit_parser::options! {
            flow_nesting_limit: MOST_DEPTH,
            block_nesting_limit: MOST_DEPTH,
            emit_unresolved_aliases: true,
        };
        options.set_emit_comments(false);
        for next in Parser::new_from_str_with_options(text, options) {
            let taken = match next {
                Ok((event, span)) => self.take(event, at(span.start, span.end), span.tag_span().is_some()),
                Err(error) => {
                    let kind = format!("{:?}", error.kind());
                    let bad = if kind.contains("Recursion") || kind.contains("Nesting") {
                        Bad::TooDeep
                    } else {
                        Bad::Syntax(error.info())
                    };
                    Err(Trouble {
                        bad,
                        span: at(*error.marker(), *error.marker()),
                    })
                }
            };
            if let Err(trouble) = taken {
                self.troubles.push(trouble);
                return false;
            }
            if self.troubles.len() > MOST_TROUBLES {
                return false;
            }
        }
        true
    }

    fn take(&mut self, event: Event<'_>, span: Span, tagged: bool) -> Result<(), Trouble> {
        if tagged && let Some(tag) = event.tag() {
            let bad = Bad::Tag(tag.original());
            self.troubles.push(Trouble { bad, span });
        }
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.many {
                    self.done.extend(self.root.take());
                    self.anchors.clear();
                } else if self.documents > 1 {
                    return Err(Trouble {
                        bad: Bad::SecondDocument,
                        span,
                    });
                }
            }
            Event::Scalar(text, style, anchor, _) => {
                let scalar = Scalar {
                    text: Arc::from(&*text),
                    plain: style == ScalarStyle::Plain,
                };
                // What an alias copies is text as well as values.
                let size = 1 + scalar.text.len() / BYTES_A_VALUE;
                let content = Content::Scalar(scalar);
                self.place(Node { span, content }, size, anchor)?;
            }
            Event::SequenceStart(_, anchor, _) => self.open(span, anchor, Of::List(Vec::new()))?,
            Event::MappingStart(_, anchor, _) => {
                let of = Of::Map {
                    entries: Vec::new(),
                    seen: HashMap::new(),
                    key: None,
                };
                self.open(span, anchor, of)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(frame) = self.open.pop() {
                    let content = match frame.of {
                        Of::List(items) => Content::List(Arc::new(items)),
                        Of::Map { entries, .. } => Content::Map(Arc::new(entries)),
                    };
                    let node = Node {
                        span: frame.span,
                        content,
                    };
                    self.place(node, frame.size, frame.anchor)?;
                }
            }
            Event::Alias(anchor) => {
                let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
                    return Err(Trouble {
                        bad: Bad::BadAlias("stands for a value that it is a part of".into()),
                        span,
                    });
                };
                self.by_alias = self.by_alias.saturating_add(size);
                if self.by_alias > MOST_BY_ALIAS {
                    return Err(Trouble {
                        bad: Bad::AliasBomb,
                        span,
                    });
                }
                self.place(node, size, 0)?;
            }
            Event::UnresolvedAlias(name) => {
                let bad = Bad::BadAlias(format!("`*{name}` has no anchor `&{name}` before it"));
                self.troubles.push(Trouble { bad, span });
                let content = Content::Scalar(Scalar {
                    text: Arc::from(""),
                    plain: true,
                });
                self.place(Node { span, content }, 1, 0)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, span: Span, anchor: usize, of: Of) -> Result<(), Trouble> {
        if self.open.len() >= MOST_DEPTH {
            return Err(Trouble {
                bad: Bad::TooDeep,
                span,
            });
        }
        self.open.push(Frame {
            span,
            anchor,
            size: 1,
            of,
        });
        Ok(())
    }

    fn place(&mut self, node: Node, size: usize, anchor: usize) -> Result<(), Trouble> {
        self.nodes += 1;
        let span = node.span;
        if self.nodes > MOST_NODES {
            return Err(Trouble {
                bad: Bad::TooMany,
                span,
            });
        }
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let Some(frame) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        frame.size = frame.size.saturating_add(size);
        match &mut frame.of {
            Of::List(items) => items.push(node),
            Of::Map { entries, seen, key } => match key.take() {
                Some(Key::Good(key, span)) => entries.push(Entry {
                    key,
                    span,
                    value: node,
                }),
                Some(Key::Bad) => {}
                None => *key = Some(key_of(&node, entries, seen, &mut self.troubles)),
            },
        }
        Ok(())
    }
}

fn key_of(
    node: &Node,
    entries: &[Entry],
    seen: &mut HashMap<Arc<str>, Span>,
    troubles: &mut Vec<Trouble>,
) -> Key {
    let span = node.span;
    let Some(scalar) = node.as_scalar() else {
        troubles.push(Trouble {
            bad: Bad::KeyNotText,
            span,
        });
        return Key::Bad;
    };
    if scalar.plain && &*scalar.text == "<<" {
        troubles.push(Trouble {
            bad: Bad::MergeKey,
            span,
        });
        return Key::Bad;
    }
    // What was read with its value is among the entries; the table follows once they are many.
    if entries.len() > FEW {
        let missing = &entries[seen.len()..];
        seen.extend(missing.iter().map(|entry| (Arc::clone(&entry.key), entry.span)));
    }
    let first = match entries.len() > FEW {
        true => seen.get(&scalar.text).copied(),
        false => entries
            .iter()
            .find(|entry| entry.key == scalar.text)
            .map(|entry| entry.span),
    };
    if let Some(first) = first {
        let key = scalar.text.to_string();
        troubles.push(Trouble {
            bad: Bad::DuplicateKey { key, first },
            span,
        });
        return Key::Bad;
    }
    Key::Good(Arc::clone(&scalar.text), span)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bad(text: &[u8]) -> Vec<Bad> {
        read(text).1.into_iter().map(|trouble| trouble.bad).collect()
    }

    #[test]
    fn hostile_texts_end_in_one_clear_answer() {
        assert_eq!(bad("- ".repeat(100_000).as_bytes()), [Bad::TooDeep]);
        assert_eq!(bad("[".repeat(100_000).as_bytes()), [Bad::TooDeep]);
        assert_eq!(bad("{a: ".repeat(100_000).as_bytes()), [Bad::TooDeep]);
        let steps: String = (0..500)
            .map(|depth| format!("{}a:\n", " ".repeat(depth)))
            .collect();
        assert_eq!(bad(steps.as_bytes()), [Bad::TooDeep]);
        assert_eq!(
            bad(&vec![b' '; MOST_BYTES + 1]),
            [Bad::TooLarge {
                bytes: MOST_BYTES + 1
            }]
        );
        assert_eq!(bad(b"a: \xff\xfe"), [Bad::NotText]);
        assert!(matches!(bad(b"a: \x00\x01")[..], [Bad::Syntax(_)]));
        assert!(matches!(bad(b"a: [1, 2")[..], [Bad::Syntax(_)]));
    }

    #[test]
    fn a_small_alias_bomb_is_told_before_it_goes_off() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..20 {
            let last = format!("*a{}", level - 1);
            let list = [last.as_str(); 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{list}]\n"));
        }
        assert_eq!(bad(bomb.as_bytes()), [Bad::AliasBomb]);
    }

    #[test]
    fn a_duplicate_key_is_told_with_both_places_and_the_rest_is_read() {
        let (node, troubles) = read(b"a: 1\nb: 2\na: 3\n");
        let [
            Trouble {
                bad: Bad::DuplicateKey { key, first },
                span,
            },
        ] = &troubles[..]
        else {
            panic!("{troubles:?}");
        };
        assert_eq!((key.as_str(), first.line, span.line), ("a", 1, 3));
        assert_eq!(
            node.expect("a tree").to_json(),
            serde_json::json!({"a": 1, "b": 2})
        );
    }

    #[test]
    fn an_alias_of_itself_or_of_nothing_is_told() {
        assert!(matches!(bad(b"a: &a [*a]")[..], [Bad::BadAlias(_)]));
        assert!(matches!(bad(b"a: *b\nc: 1")[..], [Bad::BadAlias(_)]));
        assert!(matches!(bad(b"a: !!str 1")[..], [Bad::Tag(_)]));
        assert!(matches!(bad(b"a: 1\n---\nb: 2")[..], [Bad::SecondDocument]));
        assert!(matches!(bad(b"[a]: 1")[..], [Bad::KeyNotText]));
    }

    #[test]
    fn several_documents_are_read_in_their_order_and_an_anchor_ends_with_its_own() {
        let (nodes, troubles) = read_all(b"a: &x 1\n---\n---\nb: 2\n...\n");
        assert_eq!(troubles, []);
        let found: Vec<_> = nodes.iter().map(Node::to_json).collect();
        assert_eq!(
            found,
            [
                serde_json::json!({"a": 1}),
                serde_json::Value::Null,
                serde_json::json!({"b": 2})
            ]
        );
        assert_eq!(nodes[2].span.line, 4);
        let (_, troubles) = read_all(b"a: &x 1\n---\nb: *x\n");
        assert!(matches!(troubles[0].bad, Bad::BadAlias(_)), "{troubles:?}");
        let (nodes, troubles) = read_all(b"a: 1\n---\nb: [\n");
        assert_eq!((nodes.len(), troubles.len()), (1, 1));
    }
}
