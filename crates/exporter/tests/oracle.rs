//! The OpenTelemetry SDK as the oracle: the same spans and log records through its OTLP exporters and through ours
//! must decode to the same messages, but for what `oracle_support/exceptions.rs` lists.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod encode_support;
mod oracle_support;

use encode_support::{Rig, batch_of, generate, receipt};
use exporter::batch::HeldRecord;
use exporter::encode;
use model::{LogRecord, Now, Resource, Scope, Span, TraceContext};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use oracle_support::{exceptions, sdk};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use prost::Message;

type Joined = (LogRecord<'static>, Option<TraceContext>);

fn spans() -> impl Strategy<Value = Vec<Span<'static>>> {
    let origins = (vec(generate::resource(), 1..3), vec(generate::scope(), 1..3));
    let spans = vec((generate::span(), any::<Index>(), any::<Index>()), 1..6);
    (origins, spans).prop_map(|((resources, scopes), spans)| {
        let place = |(mut span, one, other): (Span<'static>, Index, Index)| {
            span.resource = one.get(&resources).clone();
            span.scope = other.get(&scopes).clone();
            span
        };
        spans.into_iter().map(place).collect()
    })
}

fn log_records() -> impl Strategy<Value = Vec<Joined>> {
    let contexts = prop::option::of(generate::trace_context());
    (vec(generate::resource(), 1..3), vec((generate::log_record(), contexts, any::<Index>()), 1..6)).prop_map(
        |(resources, records)| {
            let place = |(mut record, context, index): (LogRecord<'static>, Option<TraceContext>, Index)| {
                record.resource = index.get::<Resource<'static>>(&resources).clone();
                (record, context)
            };
            records.into_iter().map(place).collect()
        },
    )
}

fn our_traces(spans: &[Span<'_>]) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest::decode(batch_of(spans).body(0..spans.len())).unwrap()
}

fn our_logs(records: &[Joined]) -> ExportLogsServiceRequest {
    let mut rig = Rig::new(usize::MAX);
    for (record, context) in records {
        let mut encoded = Vec::new();
        encode::log_record(record, &mut encoded);
        let group = rig.groups.get(&record.resource, &Scope::default());
        let held = HeldRecord::new(&group, receipt(0), &encoded);
        rig.batcher.push_held(&held, context.as_ref(), Now::default());
    }
    let batch = rig.batches().pop().unwrap();
    ExportLogsServiceRequest::decode(batch.body(0..records.len())).unwrap()
}

proptest! {
    #[test]
    fn the_sdk_sends_the_same_spans(spans in spans()) {
        let mut theirs = exceptions::spans(sdk::traces(&spans));
        theirs.iter_mut().flat_map(|group| &mut group.records).for_each(exceptions::span);
        prop_assert_eq!(exceptions::spans(vec![our_traces(&spans)]), theirs);
    }

    #[test]
    fn the_sdk_sends_the_same_log_records(records in log_records()) {
        let mut theirs = exceptions::log_records(sdk::logs(&records));
        theirs.iter_mut().flat_map(|group| &mut group.records).for_each(exceptions::log_record);
        prop_assert_eq!(exceptions::log_records(vec![our_logs(&records)]), theirs);
    }
}
