//! The model as the messages of `opentelemetry-proto`, field by field: what our bytes must decode to.

use model::{KeyValue, LogRecord, Resource, Scope, Span, Status, TraceContext, Value};
use opentelemetry_proto::tonic::common::v1 as common;
use opentelemetry_proto::tonic::logs::v1 as logs;
use opentelemetry_proto::tonic::resource::v1 as resource;
use opentelemetry_proto::tonic::trace::v1 as trace;

pub(crate) fn value(value: &Value<'_>) -> common::AnyValue {
    use common::any_value::Value as Any;
    let any = match value {
        Value::Str(text) => Any::StringValue(text.to_string()),
        Value::Int(number) => Any::IntValue(*number),
        Value::Bool(truth) => Any::BoolValue(*truth),
        Value::Double(number) => Any::DoubleValue(*number),
    };
    common::AnyValue { value: Some(any) }
}

pub(crate) fn key_value(kv: &KeyValue<'_>) -> common::KeyValue {
    common::KeyValue { key: kv.key.to_string(), value: Some(value(&kv.value)), ..Default::default() }
}

pub(crate) fn attributes(attributes: &[KeyValue<'_>]) -> Vec<common::KeyValue> {
    attributes.iter().map(key_value).collect()
}

pub(crate) fn resource(resource: &Resource<'_>) -> resource::Resource {
    resource::Resource { attributes: attributes(&resource.attributes), ..Default::default() }
}

pub(crate) fn scope(scope: &Scope<'_>) -> common::InstrumentationScope {
    common::InstrumentationScope {
        name: scope.name.to_string(),
        version: scope.version.to_string(),
        ..Default::default()
    }
}

pub(crate) fn span(span: &Span<'_>) -> trace::Span {
    let event = |event: &model::Event<'_>| trace::span::Event {
        time_unix_nano: event.time_unix_nano,
        name: event.name.to_string(),
        attributes: attributes(&event.attributes),
        dropped_attributes_count: 0,
    };
    trace::Span {
        trace_id: span.trace_id.bytes().to_vec(),
        span_id: span.span_id.bytes().to_vec(),
        parent_span_id: span.parent_id.map_or_else(Vec::new, |id| id.bytes().to_vec()),
        name: span.name.to_string(),
        kind: span.kind as i32,
        start_time_unix_nano: span.start_unix_nano,
        end_time_unix_nano: span.end_unix_nano,
        attributes: attributes(&span.attributes),
        events: span.events.iter().map(event).collect(),
        status: status(&span.status),
        flags: 1,
        ..Default::default()
    }
}

fn status(status: &Status<'_>) -> Option<trace::Status> {
    let (code, message) = match status {
        Status::Unset => return None,
        Status::Ok => (trace::status::StatusCode::Ok, String::new()),
        Status::Error(message) => (trace::status::StatusCode::Error, message.to_string()),
    };
    Some(trace::Status { code: code.into(), message })
}

pub(crate) fn log_record(record: &LogRecord<'_>) -> logs::LogRecord {
    logs::LogRecord {
        time_unix_nano: record.time_unix_nano,
        severity_number: record.severity.map_or(0, |severity| severity.number().into()),
        severity_text: record.severity_text.to_string(),
        body: Some(value(&Value::Str(record.body.clone()))),
        attributes: attributes(&record.attributes),
        ..Default::default()
    }
}

/// The record with its trace context, as the contract of the product says.
pub(crate) fn joined(record: &LogRecord<'_>, context: &TraceContext) -> logs::LogRecord {
    let mut message = log_record(record);
    message.attributes.push(key_value(&KeyValue::str("xs.correlation", context.correlation.as_str())));
    if let Some(hint) = context.traceparent_span_id {
        message.attributes.push(key_value(&KeyValue::str("xs.traceparent.span_id", hint.to_string())));
    }
    message.flags = 1;
    message.trace_id = context.trace_id.bytes().to_vec();
    message.span_id = context.span_id.map_or_else(Vec::new, |id| id.bytes().to_vec());
    message
}
