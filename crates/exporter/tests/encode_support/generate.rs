//! Spans and log records of every shape the model allows.

use model::{
    Correlation, Event, KeyValue, LogRecord, Resource, Scope, Severity, Span, SpanId, SpanKind, Status,
    TraceContext, TraceId, Value,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// Empty, plain, Unicode, and long enough that a length takes two or three bytes.
pub(crate) fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[a-z.]{1,12}",
        "\\PC{0,40}",
        (120usize..140).prop_map(|length| "x".repeat(length)),
        (16_370usize..16_390).prop_map(|length| "é".repeat(length / 2)),
    ]
}

fn value() -> impl Strategy<Value = Value<'static>> {
    prop_oneof![
        text().prop_map(|text| Value::Str(text.into())),
        any::<i64>().prop_map(Value::Int),
        (-3i64..200).prop_map(Value::Int),
        any::<bool>().prop_map(Value::Bool),
        any::<i32>().prop_map(|sixteenths| Value::Double(f64::from(sixteenths) / 16.0)),
        Just(Value::Double(0.0)),
    ]
}

/// Distinct keys, in order, none empty.
pub(crate) fn attributes(most: usize) -> impl Strategy<Value = Vec<KeyValue<'static>>> {
    prop::collection::btree_map("[a-z]{1,6}(\\.[a-zé]{1,4}){0,2}", value(), 0..=most)
        .prop_map(|map| map.into_iter().map(|(key, value)| KeyValue { key: key.into(), value }).collect())
}

pub(crate) fn trace_id() -> impl Strategy<Value = TraceId> {
    any::<[u8; 16]>().prop_filter_map("zero", TraceId::from_bytes)
}

pub(crate) fn span_id() -> impl Strategy<Value = SpanId> {
    any::<[u8; 8]>().prop_filter_map("zero", SpanId::from_bytes)
}

fn kind() -> impl Strategy<Value = SpanKind> {
    use SpanKind::{Client, Consumer, Internal, Producer, Server};
    prop::sample::select(vec![Internal, Server, Client, Producer, Consumer])
}

fn status() -> impl Strategy<Value = Status<'static>> {
    prop_oneof![
        Just(Status::Unset),
        Just(Status::Ok),
        text().prop_map(|message| Status::Error(message.into())),
    ]
}

/// Up to the year 2200; the SDK's clock type can't hold much more.
pub(crate) fn time() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 0..7_258_118_400_000_000_000u64]
}

fn event() -> impl Strategy<Value = Event<'static>> {
    (time(), text(), attributes(3)).prop_map(|(time_unix_nano, name, attributes)| Event {
        time_unix_nano,
        name: name.into(),
        attributes,
    })
}

pub(crate) fn resource() -> impl Strategy<Value = Resource<'static>> {
    attributes(6).prop_map(|attributes| Resource { attributes })
}

pub(crate) fn scope() -> impl Strategy<Value = Scope<'static>> {
    ("[a-z]{0,6}", "[0-9.]{0,5}")
        .prop_map(|(name, version)| Scope { name: name.into(), version: version.into() })
}

pub(crate) fn span() -> impl Strategy<Value = Span<'static>> {
    let ids = (trace_id(), span_id(), option::of(span_id()));
    let times = (time(), time());
    let rest = (text(), kind(), status(), attributes(12), vec(event(), 0..4));
    (ids, times, rest, resource(), scope()).prop_map(|(ids, times, rest, resource, scope)| Span {
        trace_id: ids.0,
        span_id: ids.1,
        parent_id: ids.2,
        name: rest.0.into(),
        kind: rest.1,
        start_unix_nano: times.0.min(times.1),
        end_unix_nano: times.0.max(times.1),
        status: rest.2,
        attributes: rest.3,
        events: rest.4,
        resource,
        scope,
    })
}

fn severity() -> impl Strategy<Value = (Option<Severity>, &'static str)> {
    use Severity::{Audit, Critical, Debug, Error, Info, Warn};
    prop::sample::select(vec![
        (None, ""),
        (None, "odd"),
        (Some(Debug), "debug"),
        (Some(Info), " info"),
        (Some(Audit), "audit"),
        (Some(Warn), "warn"),
        (Some(Error), "error"),
        (Some(Critical), "critical"),
    ])
}

/// The severity's text is a constant, as the SDK asks.
pub(crate) fn log_record() -> impl Strategy<Value = LogRecord<'static>> {
    (time(), severity(), text(), attributes(8), resource()).prop_map(
        |(time, severity, body, attributes, resource)| LogRecord {
            time_unix_nano: time,
            severity: severity.0,
            severity_text: severity.1.into(),
            body: body.into(),
            attributes,
            resource,
        },
    )
}

pub(crate) fn trace_context() -> impl Strategy<Value = TraceContext> {
    let correlation = prop::sample::select(vec![Correlation::Context, Correlation::Task, Correlation::Link]);
    (trace_id(), option::of(span_id()), option::of(span_id()), correlation).prop_map(
        |(trace_id, span_id, traceparent_span_id, correlation)| TraceContext {
            trace_id,
            span_id,
            traceparent_span_id,
            correlation,
        },
    )
}
