//! From a draft to a span: the mapping to OTLP's terms.

use super::Reason;
use super::context::Context;
use super::draft::Draft;
use crate::evidence::SpanFacts;
use model::{
    Event, KeyValue, NANOS_PER_MICRO, Resource, Scope, Span, SpanId, SpanKind, Status, TaskId, TraceId, Uuid,
};
use std::borrow::Cow;

/// A resource has about so many attributes.
const USUAL: usize = 12;

/// A span with what the correlator needs beside it. One is filled again and again, for its buffers.
#[derive(Debug)]
pub(super) struct Built<'a> {
    pub(super) span: Span<'a>,
    pub(super) service: Cow<'a, str>,
    pub(super) host: Option<Uuid>,
    start_unix_micros: u64,
    end_unix_micros: u64,
    task: Option<TaskId>,
    names_task: bool,
    /// Resource or scope are others than those of the span that was handed out last.
    pub(super) new_origin: bool,
}

impl<'a> Built<'a> {
    fn new(trace_id: TraceId, span_id: SpanId) -> Self {
        let span = Span {
            trace_id,
            span_id,
            parent_id: None,
            name: Cow::default(),
            kind: SpanKind::default(),
            start_unix_nano: 0,
            end_unix_nano: 0,
            status: Status::default(),
            attributes: Vec::new(),
            events: Vec::new(),
            resource: Resource { attributes: Vec::with_capacity(USUAL) },
            scope: Scope::default(),
        };
        let service = Cow::default();
        Self {
            span,
            service,
            host: None,
            start_unix_micros: 0,
            end_unix_micros: 0,
            task: None,
            names_task: false,
            new_origin: true,
        }
    }

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
}

impl<'a> Draft<'a> {
    /// Fills `slot` with the span; else says the first reason why there is none.
    pub(super) fn build<'s>(
        &mut self,
        context: &'a Context,
        slot: &'s mut Option<Built<'a>>,
    ) -> Result<&'s mut Built<'a>, Reason> {
        self.check()?;
        let trace_id = self.trace_id.ok_or(Reason::TraceId)?;
        let span_id = self.span_id.ok_or(Reason::SpanId)?;
        let times = self.times()?;
        let built = slot.get_or_insert_with(|| Built::new(trace_id, span_id));
        let span = &mut built.span;
        (span.trace_id, span.span_id, span.parent_id) = (trace_id, span_id, self.parent_id);
        (span.start_unix_nano, span.end_unix_nano) = (times.start_unix_nano, times.end_unix_nano);
        span.name = std::mem::take(&mut self.name);
        span.kind = self.kind.or(self.core_kind).unwrap_or_default();
        built.new_origin |= self.fill(span);
        context.originate(self, built);
        (built.start_unix_micros, built.end_unix_micros) = (times.start_unix_micros, times.end_unix_micros);
        (built.task, built.names_task) = (self.tags.task, self.tags.names_task);
        Ok(built)
    }

    /// What comes from tags, endpoints and annotations. Whether the scope is another one than before.
    fn fill(&mut self, span: &mut Span<'a>) -> bool {
        self.add_endpoints();
        span.status = self.status();
        self.add_description();
        self.add_exception(span.end_unix_nano);
        let scope = self.scope();
        let new_scope = span.scope != scope;
        span.scope = scope;
        self.tags.attributes.swap_into(&mut span.attributes);
        span.events.clear();
        std::mem::swap(&mut span.events, &mut self.events);
        new_scope
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
