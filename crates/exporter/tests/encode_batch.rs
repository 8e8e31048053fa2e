//! Requests: what is in them, in which order, how large they are, and whose they are.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic fails the test")]

mod encode_support;

use encode_support::{Rig, batch_of, generate, messages, receipt};
use exporter::batch::{Batch, Groups, HeldRecord};
use exporter::encode;
use model::{KeyValue, LogRecord, Now, Resource, Scope, Span, TraceContext};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1 as trace;
use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message;
use std::ops::Range;
use std::sync::Arc;

/// A few resources and scopes, so that records share them.
fn spans(most: usize) -> impl Strategy<Value = Vec<Span<'static>>> {
    let origins = vec((generate::resource(), generate::scope()), 1..4);
    (origins, vec((generate::span(), any::<prop::sample::Index>()), 1..most)).prop_map(|(origins, spans)| {
        let place = |(mut span, index): (Span<'static>, prop::sample::Index)| {
            let (resource, scope) = index.get(&origins).clone();
            span.resource = resource;
            span.scope = scope;
            span
        };
        spans.into_iter().map(place).collect()
    })
}

/// The request that `spans` should make: groups in order of their first record in `all`.
fn expected(all: &[Span<'_>], part: &[Span<'_>]) -> ExportTraceServiceRequest {
    let mut request = ExportTraceServiceRequest::default();
    let mut seen: Vec<(&Resource<'_>, &Scope<'_>)> = Vec::new();
    for origin in all.iter().map(|span| (&span.resource, &span.scope)) {
        if !seen.contains(&origin) {
            seen.push(origin);
        }
    }
    for (resource, scope) in seen {
        let own = part.iter().filter(|span| (&span.resource, &span.scope) == (resource, scope));
        let spans: Vec<trace::Span> = own.map(messages::span).collect();
        if !spans.is_empty() {
            let scope = Some(messages::scope(scope));
            let scope_spans = vec![trace::ScopeSpans { scope, spans, ..Default::default() }];
            let resource = Some(messages::resource(resource));
            request.resource_spans.push(trace::ResourceSpans { resource, scope_spans, ..Default::default() });
        }
    }
    request
}

fn receipts(batch: &Batch, range: Range<usize>) -> Vec<(u64, usize)> {
    batch.receipts(range).map(|(receipt, count)| (receipt.start, count)).collect()
}

proptest! {
    #[test]
    fn any_part_is_a_whole_request(spans in spans(12), from in 0usize..12, to in 0usize..14) {
        let batch = batch_of(&spans);
        let all = batch.body(0..spans.len());
        prop_assert_eq!(all.len(), batch.size());
        prop_assert_eq!(&all[..], expected(&spans, &spans).encode_to_vec());
        let part = spans.get(from..to.min(spans.len())).unwrap_or_default();
        prop_assert_eq!(&batch.body(from..to)[..], expected(&spans, part).encode_to_vec());
    }

    #[test]
    fn requests_keep_to_their_size(spans in spans(40), max_request in 100usize..40_000) {
        let mut rig = Rig::new(max_request);
        for (at, span) in (0..).zip(&spans) {
            rig.span(span, receipt(at));
        }
        let mut next = 0;
        for batch in rig.batches() {
            let body = batch.body(0..batch.len());
            prop_assert_eq!(body.len(), batch.size());
            prop_assert!(body.len() <= max_request || batch.len() == 1);
            let part = &spans[next..next + batch.len()];
            prop_assert_eq!(&body[..], expected(part, part).encode_to_vec());
            next += batch.len();
            let one_more = spans.get(..next + 1).map(|until| &until[next - batch.len()..]);
            if let Some(part) = one_more {
                prop_assert!(expected(part, part).encoded_len() > max_request || batch.size() >= max_request);
            }
        }
        prop_assert_eq!(next, spans.len());
        prop_assert!(rig.batcher.is_empty());
    }

    #[test]
    fn records_are_kept_exactly(spans in spans(12)) {
        let batch = batch_of(&spans);
        for (at, span) in spans.iter().enumerate() {
            let record = batch.record(at).unwrap();
            prop_assert_eq!(record.bytes, messages::span(span).encode_to_vec());
            prop_assert_eq!(record.group, &Groups::new().get(&span.resource, &span.scope));
        }
        prop_assert!(batch.record(spans.len()).is_none());
    }

    #[test]
    fn held_lines_leave_with_their_context(
        record in generate::log_record(),
        context in prop::option::of(generate::trace_context()),
    ) {
        let message = context.as_ref().map_or_else(|| messages::log_record(&record), |c| messages::joined(&record, c));
        let request = held_and_sent(&record, context.as_ref());
        let resource = &request.resource_logs[0];
        prop_assert_eq!(resource.resource.as_ref(), Some(&messages::resource(&record.resource)));
        prop_assert_eq!(&resource.scope_logs[0].log_records, &[message]);
    }
}

fn held_and_sent(record: &LogRecord<'_>, context: Option<&TraceContext>) -> ExportLogsServiceRequest {
    let mut rig = Rig::new(usize::MAX);
    let mut encoded = Vec::new();
    encode::log_record(record, &mut encoded);
    let group = rig.groups.get(&record.resource, &Scope::default());
    let held = HeldRecord::new(&group, receipt(1), &encoded);
    assert!(held.size() >= encoded.len());
    rig.batcher.push_held(&held, context, Now::default());
    let batch = rig.batches().pop().unwrap();
    assert_eq!(receipts(&batch, 0..1), [(1, 1)]);
    ExportLogsServiceRequest::decode(batch.body(0..1)).unwrap()
}

#[test]
fn receipts_are_counted_in_runs() {
    let mut rig = Rig::new(usize::MAX);
    let span = any_span();
    for start in [10, 10, 10, 20, 30, 30, 10] {
        rig.span(&span, receipt(start));
    }
    let batch = rig.batches().pop().unwrap();
    let check = |range, expected: &[(u64, usize)]| assert_eq!(receipts(&batch, range), expected);
    check(0..7, &[(10, 3), (20, 1), (30, 2), (10, 1)]);
    check(0..99, &[(10, 3), (20, 1), (30, 2), (10, 1)]);
    check(1..5, &[(10, 2), (20, 1), (30, 1)]);
    check(3..4, &[(20, 1)]);
    check(2..2, &[]);
    check(8..9, &[]);
}

fn any_span() -> Span<'static> {
    let ids = (model::TraceId::from_bytes([1; 16]).unwrap(), model::SpanId::from_bytes([2; 8]).unwrap());
    Span {
        trace_id: ids.0,
        span_id: ids.1,
        parent_id: None,
        name: "VM.start".into(),
        kind: model::SpanKind::Server,
        start_unix_nano: 1_700_000_000_000_000_000,
        end_unix_nano: 1_700_000_000_000_000_123,
        status: model::Status::Error("no".into()),
        attributes: vec![KeyValue::int("n", -5)],
        events: Vec::new(),
        resource: resource_of("xapi"),
        scope: Scope::default(),
    }
}

fn resource_of(name: &str) -> Resource<'static> {
    Resource { attributes: vec![KeyValue::str("service.name", name.to_owned())] }
}

#[test]
fn groups_are_shared_and_bounded() {
    let mut groups = Groups::new();
    let scope = Scope::default();
    let first = groups.get(&resource_of("0"), &scope);
    for number in 1..3 * Groups::MAX_GROUPS {
        groups.get(&resource_of(&number.to_string()), &scope);
        assert!(Arc::ptr_eq(&first, &groups.get(&resource_of("0"), &scope)), "what is used stays");
    }
    assert_eq!(groups.len(), Groups::MAX_GROUPS);
    let large = resource_of(&"x".repeat(Groups::MAX_GROUP_BYTES / 2));
    for number in 0..100 {
        let mut resource = large.clone();
        resource.attributes.push(KeyValue::int("number", number));
        assert!(groups.get(&resource, &scope).is_interned());
        assert!(groups.bytes() <= Groups::MAX_BYTES);
    }
    let larger = resource_of(&"x".repeat(Groups::MAX_GROUP_BYTES));
    assert!(!groups.get(&larger, &scope).is_interned());
    assert_eq!(groups.get(&larger, &scope), groups.get(&larger, &scope));
}

#[test]
fn scope_and_resource_do_not_run_into_each_other() {
    let mut groups = Groups::new();
    let scope =
        |name: &'static str, version: &'static str| Scope { name: name.into(), version: version.into() };
    let one = groups.get(&resource_of("a"), &scope("b", ""));
    assert_ne!(one, groups.get(&resource_of("a"), &scope("", "b")));
    assert_ne!(one, groups.get(&resource_of("ab"), &scope("", "")));
    assert_ne!(one, groups.get(&Resource::default(), &scope("b", "")));
}

#[test]
fn an_evicted_group_is_still_one_in_its_request() {
    let mut rig = Rig::new(usize::MAX);
    let first = rig.span(&any_span(), receipt(0));
    for number in 0..2 * Groups::MAX_GROUPS {
        rig.groups.get(&resource_of(&number.to_string()), &Scope::default());
    }
    let again = rig.span(&any_span(), receipt(1));
    assert!(!Arc::ptr_eq(&first, &again), "it was let go and made anew");
    let batch = rig.batches().pop().unwrap();
    let request = ExportTraceServiceRequest::decode(batch.body(0..2)).unwrap();
    assert_eq!(request.resource_spans.len(), 1);
}
