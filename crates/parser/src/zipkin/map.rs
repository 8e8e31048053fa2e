//! From a draft to a span: the mapping to OTLP's terms.

use super::Reason;
use super::context::Context;
use super::draft::Draft;
use crate::evidence::SpanFacts;
use model::{Event, KeyValue, NANOS_PER_MICRO, Scope, Span, Status, TaskId, Uuid};
use std::borrow::Cow;

/// A span with what the correlator needs beside it.
pub(super) struct Built<'a> {
    pub(super) span: Span<'a>,
    service: Cow<'a, str>,
    host: Option<Uuid>,
    start_unix_micros: u64,
    end_unix_micros: u64,
    task: Option<TaskId>,
    names_task: bool,
}

impl<'a> Built<'a> {
    /// The span and its facts; the facts don't hang on the span, so it can be changed while they are read.
    pub(super) fn parts(&mut self) -> (&mut Span<'a>, SpanFacts<'_>) {
        let facts = SpanFacts {
            host: self.host,
            service: &self.service,
            trace_id: self.span.trace_id,
            span_id: self.span.span_id,
            parent_id: self.span.parent_id,
            start_unix_micros: self.start_unix_micros,
            end_unix_micros: self.end_unix_micros,
            task: self.task,
            names_task: self.names_task,
        };
        (&mut self.span, facts)
    }

    /// Hands the buffers back for the next span.
    pub(super) fn recycle(self, draft: &mut Draft<'a>) {
        let Span { attributes, mut events, resource, .. } = self.span;
        draft.tags.attributes.give_back(attributes);
        draft.resource.give_back(resource.attributes);
        events.clear();
        draft.events = events;
    }
}

impl<'a> Draft<'a> {
    /// The span, or the first reason why there is none.
    pub(super) fn build(&mut self, context: &'a Context) -> Result<Built<'a>, Reason> {
        self.check()?;
        let trace_id = self.trace_id.ok_or(Reason::TraceId)?;
        let span_id = self.span_id.ok_or(Reason::SpanId)?;
        let times = self.times()?;
        let end_unix_nano = times.end_unix_nano;
        self.add_endpoints();
        let status = self.status();
        self.add_description();
        self.add_exception(end_unix_nano);
        let (origin, resource) = context.resource(self);
        let span = Span {
            trace_id,
            span_id,
            parent_id: self.parent_id,
            name: std::mem::take(&mut self.name),
            kind: self.kind.or(self.core_kind).unwrap_or_default(),
            start_unix_nano: times.start_unix_nano,
            end_unix_nano,
            status,
            attributes: self.tags.attributes.take(),
            events: std::mem::take(&mut self.events),
            resource,
            scope: self.scope(),
        };
        Ok(Built {
            span,
            service: origin.service,
            host: origin.host,
            start_unix_micros: times.start_unix_micros,
            end_unix_micros: times.end_unix_micros,
            task: self.tags.task,
            names_task: self.tags.names_task,
        })
    }

    fn check(&self) -> Result<(), Reason> {
        match self.reason {
            Some(reason) => Err(reason),
            None if self.tags.bad => Err(Reason::Tag),
            None => Ok(()),
        }
    }

    fn times(&self) -> Result<Times, Reason> {
        let (start, end) = match (self.timestamp, self.range) {
            (Some(start), _) => (start, start.checked_add(self.length()).ok_or(Reason::Duration)?),
            (None, Some(range)) => range,
            (None, None) => return Err(Reason::Timestamp),
        };
        Ok(Times {
            start_unix_micros: start,
            end_unix_micros: end,
            start_unix_nano: start.checked_mul(NANOS_PER_MICRO).ok_or(Reason::Timestamp)?,
            end_unix_nano: end.checked_mul(NANOS_PER_MICRO).ok_or(Reason::Duration)?,
        })
    }

    /// XAPI measures with a clock that may be set back: a negative duration is none.
    fn length(&self) -> u64 {
        self.duration.and_then(|micros| u64::try_from(micros).ok()).unwrap_or(0)
    }

    /// What the tags say themselves wins.
    fn add_endpoints(&mut self) {
        let Self { local, remote, tags, .. } = self;
        let list = &mut tags.attributes;
        let texts = [
            ("network.local.address", local.address()),
            ("network.peer.address", remote.address()),
            ("service.peer.name", remote.service.take()),
        ];
        let ports = [("network.local.port", local.port), ("network.peer.port", remote.port)];
        for (key, value) in texts {
            value.into_iter().for_each(|text| list.put_if_absent(KeyValue::str(key, text)));
        }
        for (key, value) in ports {
            value.into_iter().for_each(|port| list.put_if_absent(KeyValue::int(key, port)));
        }
    }

    /// A tag `error` of any value is a failure; success is only what the file calls so.
    fn status(&mut self) -> Status<'a> {
        let code = self.tags.status_code.take();
        let says = |name: &str| code.as_ref().is_some_and(|code| code.eq_ignore_ascii_case(name));
        match self.tags.error.take() {
            Some(error) => Status::Error(self.message(error)),
            None if says("ERROR") => Status::Error(self.message(Cow::Borrowed("true"))),
            None if says("OK") => Status::Ok,
            None if says("UNSET") => Status::Unset,
            None => {
                let unknown = code.map(|code| KeyValue::str("otel.status_code", code));
                unknown.into_iter().for_each(|kv| self.tags.attributes.put(kv));
                Status::Unset
            }
        }
    }

    fn message(&mut self, error: Cow<'a, str>) -> Cow<'a, str> {
        let exception = self.tags.exception.text("exception.message").filter(|text| !text.is_empty());
        match exception {
            Some(message) => message.clone(),
            None if error != "true" => error,
            None => self.tags.status_description.take().unwrap_or_default(),
        }
    }

    /// A description that the status has no use for stays an attribute.
    fn add_description(&mut self) {
        let unused = self.tags.status_description.take().filter(|text| !text.is_empty());
        let unused = unused.map(|text| KeyValue::str("otel.status_description", text));
        unused.into_iter().for_each(|kv| self.tags.attributes.put(kv));
    }

    fn add_exception(&mut self, end_unix_nano: u64) {
        let attributes = self.tags.exception.take();
        if !attributes.is_empty() {
            self.events.push(Event { time_unix_nano: end_unix_nano, name: "exception".into(), attributes });
        }
    }

    fn scope(&mut self) -> Scope<'a> {
        let tags = &mut self.tags;
        Scope {
            name: tags.scope_name.take().or_else(|| tags.library_name.take()).unwrap_or_default(),
            version: tags.scope_version.take().or_else(|| tags.library_version.take()).unwrap_or_default(),
        }
    }
}

struct Times {
    start_unix_micros: u64,
    end_unix_micros: u64,
    start_unix_nano: u64,
    end_unix_nano: u64,
}
