//! Annotations: events, and in older writers the marks by which a span's kind is known.

use super::scalar::{Scalar, TakeObject, With};
use super::unique::Unique;
use model::{Event, KeyValue, NANOS_PER_MICRO, SpanKind, Value};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// One annotation, as far as it was read.
#[derive(Debug, Default)]
pub(super) struct Annotation<'a> {
    pub(super) micros: Option<u64>,
    pub(super) value: Option<Cow<'a, str>>,
}

impl<'de> TakeObject<'de> for Annotation<'de> {
    fn entry<A: MapAccess<'de>>(&mut self, key: Cow<'de, str>, map: &mut A) -> Result<(), A::Error> {
        match &*key {
            "timestamp" => {
                self.micros = map.next_value_seed(With(|value: Scalar<'_>| match value {
                    Scalar::Unsigned(micros) => Some(micros),
                    _ => None,
                }))?;
            }
            "value" => {
                self.value =
                    map.next_value_seed(With(|value: Scalar<'de>| value.into_text().ok().flatten()))?
            }
            _ => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }

    fn no_object(&mut self, _null: bool) {}
}

impl<'a> Annotation<'a> {
    /// The event, and its time in microseconds; `None` without a time that fits or without a value.
    pub(super) fn into_event(self) -> Option<(u64, Event<'a>)> {
        let micros = self.micros?;
        let time_unix_nano = micros.checked_mul(NANOS_PER_MICRO)?;
        let value = self.value?;
        let event = match json_event(&value) {
            Some(JsonEvent { name, attributes }) => Event { time_unix_nano, name: name.into(), attributes },
            None => Event { time_unix_nano, name: value, attributes: Vec::new() },
        };
        Some((micros, event))
    }
}

/// The kind that a core annotation tells (openzipkin/zipkin `V1SpanConverter`).
pub(super) fn core_kind(value: &str) -> Option<SpanKind> {
    match value {
        "cs" | "cr" => Some(SpanKind::Client),
        "sr" | "ss" => Some(SpanKind::Server),
        "ms" => Some(SpanKind::Producer),
        "mr" => Some(SpanKind::Consumer),
        _ => None,
    }
}

/// `{"<name>": {"<key>": <value>, …}}`: an event as opentelemetry-python's Zipkin exporter writes it
/// (`exporter/opentelemetry-exporter-zipkin-json/…/encoder/__init__.py`, `_extract_annotations_from_events`).
struct JsonEvent {
    name: String,
    attributes: Vec<KeyValue<'static>>,
}

fn json_event(value: &str) -> Option<JsonEvent> {
    if !value.starts_with('{') {
        return None;
    }
    serde_json::from_str::<JsonEvent>(value).ok().filter(|event| !event.name.is_empty())
}

impl<'de> Deserialize<'de> for JsonEvent {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct OneEntry;
        impl<'de> Visitor<'de> for OneEntry {
            type Value = JsonEvent;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with one entry")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonEvent, A::Error> {
                let entry = map.next_entry::<String, Attributes>()?;
                let (name, Attributes(attributes)) = entry.ok_or_else(|| A::Error::custom("no entry"))?;
                match map.next_key::<IgnoredAny>()? {
                    None => Ok(JsonEvent { name, attributes }),
                    Some(_) => Err(A::Error::custom("more than one entry")),
                }
            }
        }
        from.deserialize_map(OneEntry)
    }
}

struct Attributes(Vec<KeyValue<'static>>);

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Attributes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of attributes")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Attributes, A::Error> {
                let mut list = Unique::default();
                while let Some((key, json)) = map.next_entry::<String, &RawValue>()? {
                    attribute(key, json.get()).into_iter().for_each(|kv| list.put(kv));
                }
                Ok(Attributes(list.take()))
            }
        }
        from.deserialize_map(Entries)
    }
}

/// An attribute from its JSON value; a nested value stays as its text, null is none.
fn attribute(key: String, json: &str) -> Option<KeyValue<'static>> {
    let value = match serde_json::from_str::<Plain>(json) {
        Ok(Plain(value)) => value?,
        Err(_) => Value::Str(json.to_owned().into()),
    };
    (!key.is_empty()).then(|| KeyValue { key: key.into(), value })
}

struct Plain(Option<Value<'static>>);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        use serde::de::DeserializeSeed;
        Ok(Self(match With(|value: Scalar<'de>| value).deserialize(from)? {
            Scalar::Text(text) => Some(Value::Str(text.into_owned().into())),
            Scalar::Unsigned(number) => match i64::try_from(number) {
                Ok(number) => Some(Value::Int(number)),
                Err(_) => Some(Value::Str(number.to_string().into())),
            },
            Scalar::Negative(number) => Some(Value::Int(number)),
            Scalar::Float(number) => Some(Value::Double(number)),
            Scalar::Bool(truth) => Some(Value::Bool(truth)),
            Scalar::Null => None,
            Scalar::Nested => return Err(D::Error::custom("a nested value")),
        }))
    }
}

/// Takes the annotations of a span.
pub(super) trait TakeAnnotations<'de> {
    /// One annotation; `None` if the element is no object.
    fn annotation(&mut self, annotation: Annotation<'de>);

    /// `annotations` is neither an array nor null.
    fn no_array(&mut self);
}

/// Reads `annotations` into a [`TakeAnnotations`].
pub(super) struct AnnotationsSeed<'t, T>(pub(super) &'t mut T);

impl<'de, T: TakeAnnotations<'de>> serde::de::DeserializeSeed<'de> for AnnotationsSeed<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de, T: TakeAnnotations<'de>> Visitor<'de> for AnnotationsSeed<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of annotations")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut annotation = Annotation::default();
        while seq.next_element_seed(super::scalar::ObjectSeed(&mut annotation))?.is_some() {
            self.0.annotation(std::mem::take(&mut annotation));
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        super::scalar::pass_map(map)?;
        self.0.no_array();
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        self.0.no_array();
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.0.no_array();
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.0.no_array();
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.0.no_array();
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.0.no_array();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(value: &str) -> Event<'_> {
        Annotation { micros: Some(7), value: Some(value.into()) }.into_event().unwrap().1
    }

    #[test]
    fn plain_values_are_names() {
        for value in ["started", "", "{", "{}", "{\"a\":1}", "{\"a\":{},\"b\":{}}", "{\"\":{}}", "[1]"] {
            let expected = Event { time_unix_nano: 7000, name: value.into(), attributes: Vec::new() };
            assert_eq!(event(value), expected, "{value}");
        }
    }

    #[test]
    fn json_values_have_attributes() {
        let value =
            r#"{"x": {"s": "t\n", "i": -1, "f": 1.5, "b": true, "n": null, "l": [1, 2], "s": "last"}}"#;
        let event = event(value);
        assert_eq!(event.name, "x");
        let keys: Vec<&str> = event.attributes.iter().map(|kv| &*kv.key).collect();
        assert_eq!(keys, ["s", "i", "f", "b", "l"]);
        let values: Vec<Value<'_>> = event.attributes.into_iter().map(|kv| kv.value).collect();
        assert_eq!(
            values,
            [
                Value::Str("last".into()),
                Value::Int(-1),
                Value::Double(1.5),
                Value::Bool(true),
                Value::Str("[1, 2]".into())
            ]
        );
    }

    #[test]
    fn times_must_fit() {
        for micros in [None, Some(u64::MAX)] {
            assert!(Annotation { micros, value: Some("x".into()) }.into_event().is_none());
        }
        assert!(Annotation { micros: Some(1), value: None }.into_event().is_none());
    }
}
