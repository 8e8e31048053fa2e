//! What a request says, read with prost: which records are in it, and in which trace.

use super::script::{record_of_span, records_in};
use crate::engine::Signal;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use prost::Message;

/// One record of a request.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// Its number; more where a full disk had glued two lines together.
    pub(super) records: Vec<u32>,
    pub(super) trace: Option<u128>,
}

/// The records of a request.
pub(super) fn decode(signal: Signal, body: &[u8]) -> Vec<Seen> {
    match signal {
        Signal::Traces => spans(body),
        Signal::Logs => lines(body),
    }
}

fn spans(body: &[u8]) -> Vec<Seen> {
    let request = ExportTraceServiceRequest::decode(body).expect("a traces request");
    let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
    let seen = |span: &opentelemetry_proto::tonic::trace::v1::Span| {
        let id = span.span_id.as_slice().try_into().map(u64::from_be_bytes).unwrap_or_default();
        Seen { records: record_of_span(id).into_iter().collect(), trace: trace_id(&span.trace_id) }
    };
    scopes.flat_map(|scope| scope.spans).map(|span| seen(&span)).collect()
}

fn lines(body: &[u8]) -> Vec<Seen> {
    let request = ExportLogsServiceRequest::decode(body).expect("a logs request");
    let scopes = request.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
    scopes.flat_map(|scope| scope.log_records).map(line).collect()
}

fn line(record: LogRecord) -> Seen {
    let records = match record.body.and_then(|body| body.value) {
        Some(Value::StringValue(text)) => records_in(&text).collect(),
        _ => Vec::new(),
    };
    Seen { records, trace: trace_id(&record.trace_id) }
}

fn trace_id(bytes: &[u8]) -> Option<u128> {
    bytes.try_into().map(u128::from_be_bytes).ok()
}
