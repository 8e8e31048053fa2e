//! What the tests of the Zipkin reader share: items as owned values, and small spans.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test file uses a part of it")]

use model::{Event, KeyValue, Status, TaskId, Uuid, Value};
use parser::evidence::SpanFacts;
use parser::zipkin::{Context, DropRules, Item, Reason, read};

pub const XAPI: &str = include_str!("../data/zipkin-xapi.ndjson");

pub const SMAPI: &str = include_str!("../data/zipkin-smapi.ndjson");

pub const HOST: &str = "cb043a21-9c51-4418-a1e8-e7079ac6dc1a";

/// An item, owned.
#[derive(Debug, PartialEq)]
pub enum Got {
    Span(Box<model::Span<'static>>, Facts),
    Dropped(Facts),
    Bad(usize, Vec<u8>, Reason),
}

#[derive(Debug, PartialEq)]
pub struct Facts {
    pub host: Option<Uuid>,
    pub service: String,
    pub ids: (String, String, Option<String>),
    pub micros: (u64, u64),
    pub task: Option<TaskId>,
    pub names_task: bool,
}

impl Facts {
    pub fn of(facts: SpanFacts<'_>) -> Self {
        Self {
            host: facts.host,
            service: facts.service.to_owned(),
            ids: (
                facts.trace_id.to_string(),
                facts.span_id.to_string(),
                facts.parent_id.map(|id| id.to_string()),
            ),
            micros: (facts.start_unix_micros, facts.end_unix_micros),
            task: facts.task,
            names_task: facts.names_task,
        }
    }
}

pub fn owned_list(list: &[KeyValue<'_>]) -> Vec<KeyValue<'static>> {
    let value = |value: &Value<'_>| match value {
        Value::Str(text) => Value::Str(text.to_string().into()),
        Value::Int(number) => Value::Int(*number),
        Value::Bool(truth) => Value::Bool(*truth),
        Value::Double(number) => Value::Double(*number),
    };
    list.iter().map(|kv| KeyValue { key: kv.key.to_string().into(), value: value(&kv.value) }).collect()
}

pub fn owned(span: &model::Span<'_>) -> Box<model::Span<'static>> {
    let event = |event: &Event<'_>| Event {
        time_unix_nano: event.time_unix_nano,
        name: event.name.to_string().into(),
        attributes: owned_list(&event.attributes),
    };
    let status = match &span.status {
        Status::Error(message) => Status::Error(message.to_string().into()),
        Status::Ok => Status::Ok,
        Status::Unset => Status::Unset,
    };
    Box::new(model::Span {
        trace_id: span.trace_id,
        span_id: span.span_id,
        parent_id: span.parent_id,
        name: span.name.to_string().into(),
        kind: span.kind,
        start_unix_nano: span.start_unix_nano,
        end_unix_nano: span.end_unix_nano,
        status,
        attributes: owned_list(&span.attributes),
        events: span.events.iter().map(event).collect(),
        resource: model::Resource { attributes: owned_list(&span.resource.attributes) },
        scope: model::Scope {
            name: span.scope.name.to_string().into(),
            version: span.scope.version.to_string().into(),
        },
    })
}

pub fn context() -> Context {
    Context::new("dom0.example")
}

pub fn read_with(line: &[u8], context: &Context, drop: &[&str]) -> Vec<Got> {
    let mut got = Vec::new();
    let mut origin = None;
    read(line, context, &DropRules::new(drop.iter().copied()), |item| {
        got.push(match item {
            Item::Span { span, facts, raw, new_origin } => {
                assert!(raw.starts_with(b"{") && raw.ends_with(b"}"), "{raw:?}");
                let span = owned(span);
                let now = (span.resource.clone(), span.scope.clone());
                assert!(new_origin || origin.as_ref() == Some(&now), "{now:?} after {origin:?}");
                origin = Some(now);
                Got::Span(span, Facts::of(facts))
            }
            Item::Dropped { facts } => Got::Dropped(Facts::of(facts)),
            Item::Bad { offset, bytes, reason } => {
                assert_eq!(line.get(offset..offset + bytes.len()), Some(bytes), "offset and bytes agree");
                Got::Bad(offset, bytes.to_vec(), reason)
            }
        });
    });
    got
}

pub fn read_all(line: impl AsRef<[u8]>) -> Vec<Got> {
    read_with(line.as_ref(), &context(), &[])
}

pub fn spans(got: Vec<Got>) -> Vec<model::Span<'static>> {
    got.into_iter()
        .map(|got| match got {
            Got::Span(span, _) => *span,
            other => panic!("not a span: {other:?}"),
        })
        .collect()
}

pub fn names(got: &[Got]) -> Vec<String> {
    let name = |got: &Got| match got {
        Got::Span(span, _) => format!("+{}", span.name),
        Got::Dropped(facts) => format!("-{}", facts.ids.1.trim_start_matches('0')),
        Got::Bad(_, _, reason) => reason.as_str().to_owned(),
    };
    got.iter().map(name).collect()
}

/// A small good span.
pub fn span(name: &str, id: &str, parent: Option<&str>) -> String {
    let parent = parent.map(|id| format!("\"parentId\":\"{id}\",")).unwrap_or_default();
    format!(
        r#"{{"tags":{{}},"duration":1,"timestamp":5,"name":"{name}",{parent}"traceId":"a1","id":"{id}"}}"#
    )
}

pub fn one(json: &str) -> model::Span<'static> {
    let mut spans = spans(read_all(json));
    assert_eq!(spans.len(), 1, "{json}");
    spans.remove(0)
}

pub fn one_tagged(tags: &str) -> model::Span<'static> {
    one(&format!(r#"{{"traceId":"1","id":"2","timestamp":10,"duration":5,"tags":{{{tags}}}}}"#))
}

pub fn texts(pairs: &[(&'static str, &'static str)]) -> Vec<KeyValue<'static>> {
    pairs.iter().map(|(key, value)| KeyValue::str(*key, *value)).collect()
}
