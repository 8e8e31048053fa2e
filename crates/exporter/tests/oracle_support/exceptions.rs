//! Everything in which the SDK's messages may differ from ours, in one place, with reasons. Nothing else may.
//!
//! Differences of single fields are removed from the SDK's messages; each function first asserts that the SDK really
//! does what is said of it, so an exception that is no longer needed fails the test.
//!
//! What the SDK can't be given at all is left out by the generators instead: a severity text that is no constant
//! (`set_severity_text` takes `&'static str`), and times past the year 2200.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{Span, SpanFlags, Status};
use prost::Message;

/// Records of one origin. See [`spans`] for why requests are compared in this form.
#[derive(Debug, PartialEq)]
pub(crate) struct Group<T> {
    pub(crate) resource: Resource,
    pub(crate) scope: InstrumentationScope,
    pub(crate) records: Vec<T>,
}

/// The SDK sets "it is known whether the parent is remote" on each span; a trace file doesn't say, so we don't.
fn flags(span: &mut Span) {
    let known = SpanFlags::ContextHasIsRemoteMask as u32;
    assert_eq!(span.flags & known, known);
    span.flags &= !known;
}

/// The SDK writes a status without code and message where there is none; we leave it out, which means the same.
fn status(span: &mut Span) {
    assert!(span.status.is_some());
    span.status = span.status.take().filter(|status| *status != Status::default());
}

/// The SDK panics without an observed time; ours stays unset, for it would differ when a line is sent again.
fn observed_time(record: &mut LogRecord) {
    assert_ne!(record.observed_time_unix_nano, 0);
    record.observed_time_unix_nano = 0;
}

/// The SDK's trace context always has a span id: zeros where there is none. An id of zeros is invalid in OTLP.
fn no_span(record: &mut LogRecord) {
    if record.span_id == [0; 8] {
        record.span_id.clear();
    }
}

/// The SDK's resource is a hash map: its attributes come in any order.
fn resource_order(resource: &mut Resource) {
    resource.attributes.sort_by(|one, other| one.key.cmp(&other.key));
}

pub(crate) fn span(span: &mut Span) {
    flags(span);
    status(span);
}

pub(crate) fn log_record(record: &mut LogRecord) {
    observed_time(record);
    no_span(record);
}

/// The SDK sends one resource a request, with its scopes in the order of a hash map; we send many resources, each with
/// one scope. Both are taken apart into groups, sorted by their origin; the records keep their order in each.
pub(crate) fn spans(requests: Vec<ExportTraceServiceRequest>) -> Vec<Group<Span>> {
    let resources = requests.into_iter().flat_map(|request| request.resource_spans);
    sorted(resources.flat_map(|one| {
        let resource = one.resource.unwrap_or_default();
        one.scope_spans.into_iter().map(move |scope| (resource.clone(), scope.scope, scope.spans))
    }))
}

/// As [`spans`].
pub(crate) fn log_records(requests: Vec<ExportLogsServiceRequest>) -> Vec<Group<LogRecord>> {
    let resources = requests.into_iter().flat_map(|request| request.resource_logs);
    sorted(resources.flat_map(|one| {
        let resource = one.resource.unwrap_or_default();
        one.scope_logs.into_iter().map(move |scope| (resource.clone(), scope.scope, scope.log_records))
    }))
}

fn sorted<T>(
    groups: impl Iterator<Item = (Resource, Option<InstrumentationScope>, Vec<T>)>,
) -> Vec<Group<T>> {
    let mut groups: Vec<Group<T>> = groups
        .map(|(mut resource, scope, records)| {
            resource_order(&mut resource);
            Group { resource, scope: scope.unwrap_or_default(), records }
        })
        .collect();
    groups.sort_by_key(|group| (group.resource.encode_to_vec(), group.scope.encode_to_vec()));
    groups
}
