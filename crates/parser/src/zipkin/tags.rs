//! Tags, sorted as they come: resource, scope, status, exception, and what stays an attribute.
//!
//! OCaml writes an association list as an object, so a key may come twice: the last counts. The keys are those of
//! xen-api `ocaml/libs/tracing/`, `ocaml/xapi/context.ml` and opentelemetry-python v1.12.0.

use super::percent;
use super::scalar::{Scalar, TakeObject, With};
use super::unique::Unique;
use model::{KeyValue, TaskId};
use serde::de::MapAccess;
use std::borrow::Cow;

/// The tags of one span.
#[derive(Debug, Default)]
pub(super) struct Tags<'a> {
    pub(super) service: Option<Cow<'a, str>>,
    pub(super) host_uuid: Option<Cow<'a, str>>,
    pub(super) host_name: Option<Cow<'a, str>>,
    pub(super) pool_uuid: Option<Cow<'a, str>>,
    /// `telemetry.sdk.*`.
    pub(super) sdk: Unique<'a>,
    pub(super) scope_name: Option<Cow<'a, str>>,
    pub(super) scope_version: Option<Cow<'a, str>>,
    pub(super) library_name: Option<Cow<'a, str>>,
    pub(super) library_version: Option<Cow<'a, str>>,
    pub(super) status_code: Option<Cow<'a, str>>,
    pub(super) status_description: Option<Cow<'a, str>>,
    pub(super) error: Option<Cow<'a, str>>,
    /// `exception.*`.
    pub(super) exception: Unique<'a>,
    pub(super) task: Option<TaskId>,
    pub(super) names_task: bool,
    pub(super) attributes: Unique<'a>,
    /// The tags at hand are resource values that observer.py has not decoded.
    encoded: bool,
    /// `tags` was neither an object nor null, or a value had parts.
    pub(super) bad: bool,
}

impl<'a> Tags<'a> {
    /// Makes ready for the next span, keeping the buffers.
    pub(super) fn reset(&mut self) {
        for text in [
            &mut self.service,
            &mut self.host_uuid,
            &mut self.host_name,
            &mut self.pool_uuid,
            &mut self.scope_name,
            &mut self.scope_version,
            &mut self.library_name,
            &mut self.library_version,
            &mut self.status_code,
            &mut self.status_description,
            &mut self.error,
        ] {
            *text = None;
        }
        for list in [&mut self.sdk, &mut self.exception, &mut self.attributes] {
            list.reset();
        }
        (self.task, self.names_task, self.encoded, self.bad) = (None, false, false, false);
    }

    /// Takes one tag.
    #[inline]
    pub(super) fn take(&mut self, key: Cow<'a, str>, value: Scalar<'a>) {
        match value {
            Scalar::Text(text) => self.put(key, text),
            Scalar::Null => {}
            other => match other.into_text() {
                Ok(text) => self.put(key, text.unwrap_or_default()),
                Err(()) => self.bad = true,
            },
        }
    }

    #[inline]
    fn put(&mut self, key: Cow<'a, str>, value: Cow<'a, str>) {
        let value = self.decoded(&key, value);
        match &*key {
            "service.name" => self.service = Some(value),
            "xs.host.uuid" => self.host_uuid = Some(value),
            "xs.host.name" => self.host_name = Some(value),
            "xs.pool.uuid" => self.pool_uuid = Some(value),
            "error" => self.error = Some(value),
            "xs.xapi.task.id" => {
                self.task = TaskId::parse(value.as_bytes());
                self.attributes.put(KeyValue::str(key, value));
            }
            "xs.xapi.task.name" => {
                self.names_task = true;
                self.attributes.put(KeyValue::str(key, value));
            }
            dotted if dotted.starts_with("otel.") => self.otel(key, value),
            dotted if dotted.starts_with("exception.") => self.exception.put(KeyValue::str(key, value)),
            dotted if dotted.starts_with("telemetry.sdk.") => self.sdk.put(KeyValue::str(key, value)),
            _ => self.attributes.put(attribute(key, value)),
        }
    }

    fn otel(&mut self, key: Cow<'a, str>, value: Cow<'a, str>) {
        let place = match &*key {
            "otel.scope.name" => &mut self.scope_name,
            "otel.scope.version" => &mut self.scope_version,
            "otel.library.name" => &mut self.library_name,
            "otel.library.version" => &mut self.library_version,
            "otel.status_code" => &mut self.status_code,
            "otel.status_description" => &mut self.status_description,
            _ => return self.attributes.put(attribute(key, value)),
        };
        *place = Some(value);
    }

    /// Decodes the values of SMAPI's resource.
    ///
    /// opentelemetry-python's Zipkin exporter writes a span's own attributes, then its resource, whose first key is
    /// `telemetry.sdk.language`, then `otel.…`: only what stands between is percent-encoded.
    #[inline]
    fn decoded(&mut self, key: &str, value: Cow<'a, str>) -> Cow<'a, str> {
        match key {
            "telemetry.sdk.language" => self.encoded = value == "python",
            key if self.encoded => self.encoded = !key.starts_with("otel."),
            _ => {}
        }
        if self.encoded && !key.starts_with("xs.span.") { percent::decode(value) } else { value }
    }
}

impl<'de> TakeObject<'de> for Tags<'de> {
    fn entry<A: MapAccess<'de>>(&mut self, key: Cow<'de, str>, map: &mut A) -> Result<(), A::Error> {
        map.next_value_seed(With(|value: Scalar<'de>| self.take(key, value)))
    }

    fn no_object(&mut self, null: bool) {
        self.bad |= !null;
    }
}

/// The attribute of a tag: an integer where the key says so and the text is one, else the text.
#[inline]
pub(super) fn attribute<'a>(key: Cow<'a, str>, value: Cow<'a, str>) -> KeyValue<'a> {
    // OTLP forbids an empty key; the value is kept under a name that says what it was.
    let key = if key.is_empty() { Cow::Borrowed("tag") } else { key };
    match is_count(&key).then(|| integer(&value)).flatten() {
        Some(number) => KeyValue::int(key, number),
        None => KeyValue::str(key, value),
    }
}

/// Ports, sizes, counts and `span.depth`.
fn is_count(key: &str) -> bool {
    const ENDS: [&str; 4] = [".port", ".size", ".count", "_count"];
    // Most keys are told by their last letter.
    matches!(key.as_bytes().last(), Some(b't' | b'e' | b'h'))
        && (matches!(key, "span.depth" | "size" | "port" | "count")
            || ENDS.iter().any(|end| key.ends_with(end)))
}

/// The integer that `text` writes in the one usual way: no plus, no leading zeros.
fn integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let usual = match digits.as_bytes() {
        [b'0'] => text.len() == 1,
        [b'1'..=b'9', ..] => true,
        _ => false,
    };
    usual.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Value;

    #[test]
    fn counts_are_integers() {
        let cases = [
            ("span.depth", "5", Value::Int(5)),
            ("network.peer.port", "443", Value::Int(443)),
            ("http.request.body.size", "0", Value::Int(0)),
            ("xs.tracing.spans_table.count", "-12", Value::Int(-12)),
            ("otel.dropped_events_count", "1", Value::Int(1)),
            ("span.depth", "05", Value::Str("05".into())),
            ("span.depth", "+5", Value::Str("+5".into())),
            ("span.depth", "-0", Value::Str("-0".into())),
            ("span.depth", "-", Value::Str("-".into())),
            ("span.depth", "", Value::Str("".into())),
            ("size", "99999999999999999999", Value::Str("99999999999999999999".into())),
            ("xs.xapi.task.uuid", "5", Value::Str("5".into())),
            ("account", "5", Value::Str("5".into())),
        ];
        for (key, text, expected) in cases {
            assert_eq!(attribute(key.into(), text.into()).value, expected, "{key} {text}");
        }
    }

    #[test]
    fn only_the_resource_block_of_python_is_decoded() {
        let mut tags = Tags::default();
        for (key, value) in [
            ("xs.host.name", "a%20b"),
            ("telemetry.sdk.language", "python"),
            ("xs.observer.name", "c%20d"),
            ("xs.span.arg.x", "e%20f"),
            ("otel.library.name", "g%20h"),
            ("later", "i%20j"),
        ] {
            tags.put(key.into(), value.into());
        }
        assert_eq!(tags.host_name.as_deref(), Some("a%20b"));
        assert_eq!(tags.library_name.as_deref(), Some("g%20h"));
        let values: Vec<_> =
            tags.attributes.take().iter().filter_map(|kv| kv.as_str().map(str::to_owned)).collect();
        assert_eq!(values, ["c d", "e%20f", "i%20j"]);
    }
}
