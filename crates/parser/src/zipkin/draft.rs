//! A span as it is being read: every field that was there, and the first thing that was wrong.

use super::annotation::{Annotation, AnnotationsSeed, TakeAnnotations, core_kind};
use super::context::HostCache;
use super::endpoint::Endpoint;
use super::scalar::{ObjectSeed, Scalar, TakeObject, With};
use super::tags::Tags;
use super::{Reason, hex, quick};
use model::{Event, SpanId, SpanKind, TraceId};
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess};
use std::borrow::Cow;

/// The fields of one span. The buffers in it are used again for the next.
#[derive(Debug, Default)]
pub(super) struct Draft<'a> {
    pub(super) trace_id: Option<TraceId>,
    pub(super) span_id: Option<SpanId>,
    pub(super) parent_id: Option<SpanId>,
    pub(super) name: Cow<'a, str>,
    pub(super) kind: Option<SpanKind>,
    /// By the core annotations.
    pub(super) core_kind: Option<SpanKind>,
    /// Microseconds since the epoch; absent where the file has 0 or null.
    pub(super) timestamp: Option<u64>,
    /// Microseconds.
    pub(super) duration: Option<i64>,
    /// The annotations' first and last time, in microseconds.
    pub(super) range: Option<(u64, u64)>,
    pub(super) local: Endpoint<'a>,
    pub(super) remote: Endpoint<'a>,
    pub(super) tags: Tags<'a>,
    pub(super) events: Vec<Event<'a>>,
    pub(super) host: HostCache,
    /// The first thing that was wrong.
    pub(super) reason: Option<Reason>,
    /// It has the keys `traceId` and `id`, whatever their values: it was meant to be a span.
    pub(super) claims: [bool; 2],
}

impl<'a> Draft<'a> {
    /// Reads the value that `json` begins with; its length in bytes.
    ///
    /// # Errors
    /// If it is no well-formed JSON: how many bytes it took to see that.
    pub(super) fn read(&mut self, json: &'a str) -> Result<usize, usize> {
        self.reset();
        match quick::read(self, json) {
            Some(length) => Ok(length),
            None => self.read_in_full(json),
        }
    }

    /// The same, however it is written.
    pub(super) fn read_in_full(&mut self, json: &'a str) -> Result<usize, usize> {
        self.reset();
        let mut from = serde_json::Deserializer::from_str(json);
        let read = ObjectSeed(self).deserialize(&mut from);
        let length = from.into_iter::<IgnoredAny>().byte_offset();
        read.map(|()| length).map_err(|_| length)
    }

    /// Whether it was meant to be a span, rather than some other object.
    pub(super) fn is_meant(&self) -> bool {
        self.claims == [true; 2]
    }

    fn reset(&mut self) {
        (self.trace_id, self.span_id, self.parent_id) = (None, None, None);
        (self.kind, self.core_kind) = (None, None);
        (self.timestamp, self.duration, self.range) = (None, None, None);
        (self.reason, self.claims) = (None, [false; 2]);
        self.name = Cow::Borrowed("");
        self.local = Endpoint::default();
        self.remote = Endpoint::default();
        self.tags.reset();
        self.events.clear();
    }

    fn wrong(&mut self, reason: Reason) {
        self.reason.get_or_insert(reason);
    }

    /// Takes a field that is no object or array.
    #[inline]
    pub(super) fn set(&mut self, key: &str, value: Scalar<'a>) {
        match key {
            "kind" => self.kind = kind(&value),
            "duration" => self.set_duration(&value),
            "timestamp" => self.set_time(&value),
            "name" => self.set_name(value),
            "parentId" => self.set_parent(&value),
            "traceId" => {
                self.claims[0] = true;
                self.trace_id = id(&value, hex::trace_id);
            }
            "id" => {
                self.claims[1] = true;
                self.span_id = id(&value, hex::span_id);
            }
            // `debug` and `shared` are advice to a sampling collector: nothing about the operation.
            _ => {}
        }
    }

    fn set_time(&mut self, value: &Scalar<'_>) {
        self.timestamp = match value {
            Scalar::Unsigned(0) | Scalar::Null => None,
            Scalar::Unsigned(micros) => Some(*micros),
            _ => return self.wrong(Reason::Timestamp),
        };
    }

    fn set_duration(&mut self, value: &Scalar<'_>) {
        self.duration = match value {
            Scalar::Null => None,
            Scalar::Negative(micros) => Some(*micros),
            Scalar::Unsigned(micros) => match i64::try_from(*micros) {
                Ok(micros) => Some(micros),
                Err(_) => return self.wrong(Reason::Duration),
            },
            _ => return self.wrong(Reason::Duration),
        };
    }

    fn set_name(&mut self, value: Scalar<'a>) {
        match value.into_text() {
            Ok(name) => self.name = name.unwrap_or_default(),
            Err(()) => self.wrong(Reason::Name),
        }
    }

    fn set_parent(&mut self, value: &Scalar<'_>) {
        self.parent_id = match value {
            Scalar::Null => None,
            Scalar::Text(text) => match hex::span_id(text) {
                Some(id) => Some(id),
                None => return self.wrong(Reason::ParentId),
            },
            _ => return self.wrong(Reason::ParentId),
        };
    }

    fn endpoint<'de, A: MapAccess<'de>>(endpoint: &mut Endpoint<'de>, map: &mut A) -> Result<bool, A::Error> {
        *endpoint = Endpoint::default();
        map.next_value_seed(ObjectSeed(endpoint))?;
        Ok(endpoint.bad)
    }
}

impl<'de> TakeObject<'de> for Draft<'de> {
    fn entry<A: MapAccess<'de>>(&mut self, key: Cow<'de, str>, map: &mut A) -> Result<(), A::Error> {
        match &*key {
            "tags" => map.next_value_seed(ObjectSeed(&mut self.tags))?,
            "annotations" => map.next_value_seed(AnnotationsSeed(self))?,
            "localEndpoint" => {
                if Self::endpoint(&mut self.local, map)? {
                    self.wrong(Reason::Endpoint);
                }
            }
            "remoteEndpoint" => {
                if Self::endpoint(&mut self.remote, map)? {
                    self.wrong(Reason::Endpoint);
                }
            }
            "kind" | "duration" | "timestamp" | "name" | "parentId" | "traceId" | "id" => {
                map.next_value_seed(With(|value: Scalar<'de>| self.set(&key, value)))?;
            }
            _ => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }

    fn no_object(&mut self, _null: bool) {
        self.wrong(Reason::NotASpan);
    }
}

impl<'de> TakeAnnotations<'de> for Draft<'de> {
    fn annotation(&mut self, annotation: Annotation<'de>) {
        if let Some(kind) = annotation.value.as_deref().and_then(core_kind) {
            self.core_kind.get_or_insert(kind);
        }
        let Some((micros, event)) = annotation.into_event() else {
            return self.wrong(Reason::Annotation);
        };
        let (first, last) = self.range.unwrap_or((micros, micros));
        self.range = Some((first.min(micros), last.max(micros)));
        self.events.push(event);
    }

    fn no_array(&mut self) {
        self.wrong(Reason::Annotation);
    }
}

fn id<T>(value: &Scalar<'_>, read: impl Fn(&str) -> Option<T>) -> Option<T> {
    match value {
        Scalar::Text(text) => read(text),
        _ => None,
    }
}

fn kind(value: &Scalar<'_>) -> Option<SpanKind> {
    let Scalar::Text(text) = value else { return None };
    const KINDS: [(&str, SpanKind); 4] = [
        ("SERVER", SpanKind::Server),
        ("CLIENT", SpanKind::Client),
        ("PRODUCER", SpanKind::Producer),
        ("CONSUMER", SpanKind::Consumer),
    ];
    KINDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, kind)| *kind)
}
