//! How is an event written down? As one object whose first entry, the tag, says which event it is.
//!
//! serde has this form of its own (`tag = "…"`), and reads it by way of a copy of the whole object,
//! since the tag could stand anywhere. An event holds another, so most of a record was copied twice
//! before it was understood. We write the tag first, so it is read first and the rest in one go. An
//! object whose tag stands elsewhere is read the long way round.

use std::fmt;

use serde::{
    Deserializer, Serialize, Serializer,
    de::{
        DeserializeSeed, EnumAccess, Error as _, IgnoredAny, MapAccess, VariantAccess, Visitor,
        value::MapAccessDeserializer,
    },
    forward_to_deserialize_any,
    ser::{Impossible, SerializeStruct, SerializeStructVariant},
};
use serde_json::{Map, Value};

/// Gives enums that serde derives with `remote = "Self"` the form with a tag.
macro_rules! tagged {
    ($($type:ty: $tag:literal;)*) => {$(
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                <$type>::serialize(self, $crate::tagged::Tagged { inner: to, tag: $tag })
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<$type, D::Error> {
                <$type>::deserialize($crate::tagged::Tagged { inner: from, tag: $tag })
            }
        }
    )*};
}
pub(crate) use tagged;

/// What an enum never asks of its serializer.
macro_rules! untagged {
    ($($method:ident($of:ty))*) => {$(
        fn $method(self, _value: $of) -> Result<S::Ok, S::Error> {
            Err(no_variant())
        }
    )*};
}

/// A serializer or deserializer of enums that puts the variant's name under a tag.
pub(crate) struct Tagged<T> {
    pub(crate) inner: T,
    pub(crate) tag: &'static str,
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Tagged<D> {
    type Error = D::Error;

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let tag = self.tag;
        self.inner.deserialize_map(Reading { tag, visitor })
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, D::Error> {
        Err(D::Error::custom("only an enum has a tag"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct Reading<V> {
    tag: &'static str,
    visitor: V,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Reading<V> {
    type Value = V::Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "an object with `{}`", self.tag)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<V::Value, A::Error> {
        match map.next_key_seed(Key(self.tag))? {
            Some(None) => self.visitor.visit_enum(TagFirst(map)),
            Some(Some(first)) => {
                let mut rest = Map::new();
                rest.insert(first, map.next_value()?);
                while let Some((key, value)) = map.next_entry()? {
                    rest.insert(key, value);
                }
                let Some(tag) = rest.remove(self.tag) else {
                    return Err(A::Error::missing_field(self.tag));
                };
                let tagged = std::iter::once((self.tag.to_owned(), tag)).chain(rest);
                let again = Tagged {
                    inner: Value::Object(tagged.collect()),
                    tag: self.tag,
                };
                again
                    .deserialize_enum("", &[], self.visitor)
                    .map_err(A::Error::custom)
            }
            None => Err(A::Error::missing_field(self.tag)),
        }
    }
}

/// Reads a key: nothing where it is the tag.
struct Key(&'static str);

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Option<String>, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Option<String>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Option<String>, E> {
        Ok((key != self.0).then(|| key.to_owned()))
    }
}

/// An object whose tag's key was read, and nothing else of it.
struct TagFirst<A>(A);

impl<'de, A: MapAccess<'de>> EnumAccess<'de> for TagFirst<A> {
    type Error = A::Error;
    type Variant = TagFirst<A>;

    fn variant_seed<V: DeserializeSeed<'de>>(mut self, seed: V) -> Result<(V::Value, TagFirst<A>), A::Error> {
        Ok((self.0.next_value_seed(seed)?, self))
    }
}

impl<'de, A: MapAccess<'de>> VariantAccess<'de> for TagFirst<A> {
    type Error = A::Error;

    fn unit_variant(mut self) -> Result<(), A::Error> {
        while self.0.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, A::Error> {
        seed.deserialize(MapAccessDeserializer::new(self.0))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, _visitor: V) -> Result<V::Value, A::Error> {
        Err(A::Error::custom("a tuple has no names"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        visitor.visit_map(self.0)
    }
}

impl<S: Serializer> Serializer for Tagged<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Impossible<S::Ok, S::Error>;
    type SerializeTuple = Impossible<S::Ok, S::Error>;
    type SerializeTupleStruct = Impossible<S::Ok, S::Error>;
    type SerializeTupleVariant = Impossible<S::Ok, S::Error>;
    type SerializeMap = Impossible<S::Ok, S::Error>;
    type SerializeStruct = Impossible<S::Ok, S::Error>;
    type SerializeStructVariant = Fields<S::SerializeStruct>;

    fn serialize_unit_variant(
        self,
        name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        let mut fields = self.inner.serialize_struct(name, 1)?;
        fields.serialize_field(self.tag, variant)?;
        fields.end()
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Fields<S::SerializeStruct>, S::Error> {
        let mut fields = self.inner.serialize_struct(name, len + 1)?;
        fields.serialize_field(self.tag, variant)?;
        Ok(Fields(fields))
    }

    untagged! {
        serialize_bool(bool) serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64) serialize_f32(f32)
        serialize_f64(f64) serialize_char(char) serialize_str(&str) serialize_bytes(&[u8])
        serialize_unit_struct(&'static str)
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        Err(no_variant())
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        Err(no_variant())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _value: &T) -> Result<S::Ok, S::Error> {
        Err(no_variant())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _value: &T,
    ) -> Result<S::Ok, S::Error> {
        Err(no_variant())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _value: &T,
    ) -> Result<S::Ok, S::Error> {
        Err(no_variant())
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        Err(no_variant())
    }

    fn serialize_tuple(self, _len: usize) -> Result<Self::SerializeTuple, S::Error> {
        Err(no_variant())
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        Err(no_variant())
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        Err(no_variant())
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        Err(no_variant())
    }

    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<Self::SerializeStruct, S::Error> {
        Err(no_variant())
    }
}

fn no_variant<E: serde::ser::Error>() -> E {
    E::custom("only a variant with named fields has a tag")
}

/// The fields behind a tag.
pub(crate) struct Fields<F>(F);

impl<F: SerializeStruct> SerializeStructVariant for Fields<F> {
    type Ok = F::Ok;
    type Error = F::Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), F::Error> {
        self.0.serialize_field(key, value)
    }

    fn skip_field(&mut self, key: &'static str) -> Result<(), F::Error> {
        self.0.skip_field(key)
    }

    fn end(self) -> Result<F::Ok, F::Error> {
        self.0.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::event::{AttemptEnd, Event, OperationEvent, StepEvent};

    fn read(text: &str) -> Event {
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn the_tag_is_written_first_and_read_wherever_it_stands() {
        let change = StepEvent::CheckPassed {
            check: 1,
            evidence: "200".to_owned(),
        };
        let event = Event::Step {
            step: crate::id::StepId::new("web"),
            change,
        };
        let text = r#"{"event":"step","step":"web","change":{"step-event":"check-passed","check":1,"evidence":"200"}}"#;
        assert_eq!(serde_json::to_string(&event).ok().as_deref(), Some(text));
        assert_eq!(read(text), event);
        let shuffled = r#"{"step":"web","change":{"check":1,"step-event":"check-passed","evidence":"200"},"event":"step"}"#;
        assert_eq!(read(shuffled), event);
        assert_eq!(serde_json::from_value::<Event>(json!({"change": {"evidence": "200", "check": 1, "step-event": "check-passed"}, "step": "web", "event": "step"})).ok(), Some(event));
    }

    #[test]
    fn an_event_without_fields_an_unknown_one_and_unknown_fields_are_read() {
        assert_eq!(read(r#"{"event":"paused"}"#), Event::Paused);
        assert_eq!(read(r#"{"event":"paused","mood":[1,{"a":2}]}"#), Event::Paused);
        assert_eq!(
            read(r#"{"event":"teleported","to":{"planet":"mars"}}"#),
            Event::Foreign
        );
        assert_eq!(read(r#"{"to":"mars","event":"teleported"}"#), Event::Foreign);
        let cancelled = Event::Cancelled {
            reason: "no".to_owned(),
        };
        assert_eq!(
            read(r#"{"event":"cancelled","mood":"low","reason":"no"}"#),
            cancelled
        );
    }

    #[test]
    fn what_may_be_left_out_is_filled_in() {
        let finished: OperationEvent = serde_json::from_str(r#"{"operation-event":"finished"}"#)
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            finished,
            OperationEvent::Finished {
                warnings: Vec::new(),
                outputs: Default::default()
            }
        );
        let end: AttemptEnd = serde_json::from_str(r#"{"end":"lost","reason":"404"}"#)
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            end,
            AttemptEnd::Lost {
                reason: "404".to_owned()
            }
        );
    }

    #[test]
    fn what_is_no_event_is_refused_with_a_reason() {
        let bad = |text: &str| serde_json::from_str::<Event>(text).map_err(|error| error.to_string());
        let told = [
            bad("{}"),
            bad(r#"{"step":"web"}"#),
            bad(r#"{"event":7}"#),
            bad(r#"{"event":"cancelled"}"#),
            bad(r#""paused""#),
            bad("null"),
        ];
        insta::assert_debug_snapshot!(told);
    }
}
