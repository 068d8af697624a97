//! How are a question and its answer written on the wire? RFC 1035, as much of it as a check needs. Pure, and total:
//! no answer, however it is made, reads beyond its end or goes round in a circle.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Question, Said, Sort};

/// The longest name, in bytes on the wire.
const LONGEST_NAME: usize = 255;
/// How many pointers a name may follow; each leads backwards, and a name has at most 127 labels.
const MOST_POINTERS: usize = 127;
/// How many names a chain may lead through.
const LONGEST_CHAIN: usize = 16;
const HEAD: usize = 12;
const INTERNET: u16 = 1;
const CNAME: u16 = 5;
const RESPONSE: u16 = 0x8000;
const TRUNCATED: u16 = 0x0200;
const RECURSE: u16 = 0x0100;

fn number(sort: Sort) -> u16 {
    match sort {
        Sort::A => 1,
        Sort::Cname => CNAME,
        Sort::Txt => 16,
        Sort::Aaaa => 28,
    }
}

/// Writes a question.
pub(super) fn question(id: u16, question: &Question) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(HEAD + question.name.len() + 6);
    for word in [id, RECURSE, 1, 0, 0, 0] {
        out.extend(word.to_be_bytes());
    }
    let name = question.name.trim_end_matches('.');
    for label in name.split('.') {
        let length = u8::try_from(label.len())
            .ok()
            .filter(|length| (1..=63).contains(length));
        let length = length.filter(|_| label.is_ascii()).ok_or_else(|| {
            format!("`{name}` is no name that can be asked for: a label has 1 to 63 letters of ASCII (write others as `xn--…`)")
        })?;
        out.push(length);
        out.extend(label.as_bytes());
    }
    if out.len() - HEAD >= LONGEST_NAME {
        return Err(format!("`{name}` is too long"));
    }
    out.push(0);
    for word in [number(question.sort), INTERNET] {
        out.extend(word.to_be_bytes());
    }
    Ok(out)
}

/// What an answer is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// An answer to the question.
    Said(Said),
    /// The answer did not fit: it is to be asked for by TCP.
    Truncated,
    /// Something else: an answer to another question, or none at all. Whoever sent it is not listened to.
    Other,
}

/// Reads an answer to a question.
pub(super) fn answer(id: u16, question: &Question, bytes: &[u8]) -> Heard {
    read(id, question, bytes).unwrap_or(Heard::Other)
}

struct Record {
    name: String,
    kind: u16,
    ttl: u32,
    start: usize,
    length: usize,
}

fn read(id: u16, question: &Question, bytes: &[u8]) -> Option<Heard> {
    let flags = word(bytes, 2)?;
    if word(bytes, 0)? != id || flags & RESPONSE == 0 || word(bytes, 4)? != 1 {
        return None;
    }
    let (asked, mut at) = name(bytes, HEAD)?;
    let sort = number(question.sort);
    if !same(&asked, &question.name) || word(bytes, at)? != sort || word(bytes, at + 2)? != INTERNET {
        return None;
    }
    at += 4;
    if flags & TRUNCATED != 0 {
        return Some(Heard::Truncated);
    }
    let mut records = Vec::new();
    for _ in 0..word(bytes, 6)? {
        let (name, after) = name(bytes, at)?;
        let length = usize::from(word(bytes, after + 8)?);
        let start = after + 10;
        bytes.get(start..start + length)?;
        if word(bytes, after + 2)? == INTERNET {
            let ttl = bytes.get(after + 4..after + 8)?;
            records.push(Record {
                name,
                kind: word(bytes, after)?,
                ttl: u32::from_be_bytes(ttl.try_into().ok()?),
                start,
                length,
            });
        }
        at = start + length;
    }
    let mut said = Said {
        code: u8::try_from(flags & 0x000f).ok()?,
        ..Said::default()
    };
    let mut current = asked;
    for _ in 0..LONGEST_CHAIN {
        let own: Vec<&Record> = records.iter().filter(|one| same(&one.name, &current)).collect();
        let found = own.iter().filter(|one| one.kind == sort);
        for record in found {
            said.values.push(value(bytes, record, question.sort)?);
            said.ttl = Some(said.ttl.map_or(record.ttl, |least| least.min(record.ttl)));
        }
        let next = own.iter().find(|one| one.kind == CNAME);
        match next {
            Some(next) if said.values.is_empty() => {
                current = self::name(bytes, next.start)?.0;
                said.ttl = Some(said.ttl.map_or(next.ttl, |least| least.min(next.ttl)));
                said.through.push(current.clone());
            }
            _ => break,
        }
    }
    Some(Heard::Said(said))
}

fn value(bytes: &[u8], record: &Record, sort: Sort) -> Option<String> {
    let data = bytes.get(record.start..record.start + record.length)?;
    Some(match sort {
        Sort::A => Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?).to_string(),
        Sort::Aaaa => Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?).to_string(),
        Sort::Cname => name(bytes, record.start)?.0,
        Sort::Txt => {
            let (mut text, mut rest) = (Vec::new(), data);
            while let Some((length, more)) = rest.split_first() {
                let (part, left) = more.split_at_checked(usize::from(*length))?;
                text.extend_from_slice(part);
                rest = left;
            }
            String::from_utf8_lossy(&text).into_owned()
        }
    })
}

/// Reads a name, and returns where what follows it begins.
fn name(bytes: &[u8], start: usize) -> Option<(String, usize)> {
    let (mut text, mut at, mut after, mut pointers) = (String::new(), start, None, 0);
    loop {
        let length = usize::from(*bytes.get(at)?);
        match length {
            0 => break,
            1..=63 => {
                let label = bytes.get(at + 1..at + 1 + length)?;
                if !text.is_empty() {
                    text.push('.');
                }
                text.extend(label.iter().map(|byte| match byte {
                    // What is no letter of a name is not shown as one.
                    b'!'..=b'~' if *byte != b'.' => char::from(byte.to_ascii_lowercase()),
                    _ => '?',
                }));
                at += 1 + length;
            }
            192.. => {
                after = after.or(Some(at + 2));
                pointers += 1;
                let to = (length & 0x3f) << 8 | usize::from(*bytes.get(at + 1)?);
                // A pointer leads back to where something has stood already.
                if to >= at || pointers > MOST_POINTERS {
                    return None;
                }
                at = to;
            }
            _ => return None,
        }
        if text.len() > LONGEST_NAME {
            return None;
        }
    }
    Some((text, after.unwrap_or(at + 1)))
}

fn same(one: &str, other: &str) -> bool {
    one.trim_end_matches('.')
        .eq_ignore_ascii_case(other.trim_end_matches('.'))
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    let pair = bytes.get(at..at + 2)?;
    Some(u16::from_be_bytes([pair[0], pair[1]]))
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asked(name: &str, sort: Sort) -> Question {
        Question {
            name: name.to_owned(),
            sort,
        }
    }

    pub(crate) fn written(name: &str) -> Vec<u8> {
        let mut out = Vec::new();
        for label in name.split('.') {
            out.push(u8::try_from(label.len()).unwrap());
            out.extend(label.as_bytes());
        }
        out.push(0);
        out
    }

    /// Answers a question with records: name, kind, seconds, data.
    pub(crate) fn reply(question: &[u8], flags: u16, records: &[(&str, u16, u32, Vec<u8>)]) -> Vec<u8> {
        let mut out = question.to_vec();
        out[2..4].copy_from_slice(&(RESPONSE | flags).to_be_bytes());
        out[6..8].copy_from_slice(&u16::try_from(records.len()).unwrap().to_be_bytes());
        for (name, kind, ttl, data) in records {
            match *name {
                // The name of the question, by pointer.
                "" => out.extend([0xc0, 12]),
                name => out.extend(written(name)),
            }
            for word in [*kind, INTERNET] {
                out.extend(word.to_be_bytes());
            }
            out.extend(ttl.to_be_bytes());
            out.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
            out.extend(data);
        }
        out
    }

    #[test]
    fn a_chain_of_names_is_followed_to_its_addresses_and_tells_the_least_time() {
        let question = asked("Shop.Example.Test.", Sort::A);
        let bytes = super::question(7, &question).unwrap();
        let records = [
            ("weu.shop.test", 1, 300, vec![10, 20, 0, 2]),
            ("", CNAME, 60, written("tm.shop.test")),
            ("tm.shop.test", CNAME, 30, written("weu.shop.test")),
            ("weu.shop.test", 1, 300, vec![10, 20, 0, 1]),
            ("else.test", 1, 1, vec![10, 9, 9, 9]),
        ];
        let Heard::Said(said) = answer(7, &question, &reply(&bytes, 0, &records)) else {
            panic!()
        };
        assert_eq!(said.through, ["tm.shop.test", "weu.shop.test"]);
        assert_eq!(said.values, ["10.20.0.2", "10.20.0.1"]);
        assert_eq!((said.code, said.ttl), (0, Some(30)));
    }

    #[test]
    fn every_sort_is_read() {
        for (sort, data, shown) in [
            (Sort::Aaaa, Ipv6Addr::LOCALHOST.octets().to_vec(), "::1"),
            (Sort::Cname, written("neu.shop.test"), "neu.shop.test"),
            (Sort::Txt, b"\x05hello\x06 world".to_vec(), "hello world"),
        ] {
            let question = asked("shop.test", sort);
            let bytes = super::question(9, &question).unwrap();
            let records = [("", number(sort), 5, data)];
            let heard = answer(9, &question, &reply(&bytes, 0, &records));
            let Heard::Said(said) = heard else {
                panic!("{heard:?}")
            };
            assert_eq!(said.values, [shown]);
        }
    }

    #[test]
    fn an_answer_to_another_question_is_not_listened_to() {
        let question = asked("shop.test", Sort::A);
        let bytes = super::question(7, &question).unwrap();
        let records = [("", 1, 5, vec![10, 0, 0, 1])];
        let right = reply(&bytes, 0, &records);
        assert!(matches!(answer(7, &question, &right), Heard::Said(_)));
        assert_eq!(answer(8, &question, &right), Heard::Other);
        assert_eq!(answer(7, &asked("other.test", Sort::A), &right), Heard::Other);
        assert_eq!(answer(7, &asked("shop.test", Sort::Txt), &right), Heard::Other);
        assert_eq!(
            answer(7, &question, &bytes),
            Heard::Other,
            "a question is no answer"
        );
        assert_eq!(
            answer(7, &question, &reply(&bytes, TRUNCATED, &[])),
            Heard::Truncated
        );
        let missing = answer(7, &question, &reply(&bytes, 3, &[]));
        assert!(matches!(missing, Heard::Said(said) if said.code == 3 && said.values.is_empty()));
    }

    #[test]
    fn a_name_that_points_at_itself_ends() {
        let question = asked("shop.test", Sort::Cname);
        let bytes = super::question(7, &question).unwrap();
        let whole = reply(&bytes, 0, &[("", CNAME, 5, vec![0, 0])]);
        let mut round = whole.clone();
        let at = round.len() - 2;
        round[at..].copy_from_slice(&(0xc000 | u16::try_from(at).unwrap()).to_be_bytes());
        assert_eq!(answer(7, &question, &round), Heard::Other);
        // A chain that goes in a circle ends as well.
        let question = asked("a.test", Sort::A);
        let bytes = super::question(7, &question).unwrap();
        let records = [
            ("a.test", CNAME, 5, written("b.test")),
            ("b.test", CNAME, 5, written("a.test")),
        ];
        let heard = answer(7, &question, &reply(&bytes, 0, &records));
        assert!(matches!(heard, Heard::Said(said) if said.values.is_empty()));
    }

    #[test]
    fn what_is_no_name_is_not_asked_for() {
        let long = "x".repeat(64);
        let many = ["abcdefgh"; 30].join(".");
        for name in ["", "a..b", long.as_str(), "bücher.test", many.as_str()] {
            assert!(super::question(1, &asked(name, Sort::A)).is_err(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_breaks_the_reader(noise in proptest::collection::vec(any::<u8>(), 0..300), cut in 0_usize..80) {
            let question = asked("shop.test", Sort::A);
            let head = super::question(7, &question).unwrap();
            let mut bytes = reply(&head, 0, &[]);
            bytes[6] = 0;
            bytes[7] = 3;
            bytes.extend(&noise);
            let _ = answer(7, &question, &bytes);
            bytes.truncate(cut);
            let _ = answer(7, &question, &bytes);
            let _ = answer(7, &question, &noise);
        }
    }
}
