//! What is counted agrees with the spans themselves.

use super::{SpanMetrics, SpanMetricsStatus};
use model::{KeyValue, NANOS_PER_SECOND, Now, Resource, Scope, Span, SpanId, SpanKind, Status, TraceId};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{HistogramDataPoint, metric};
use prost::Message;
use std::borrow::Cow;
use std::collections::BTreeMap;

const NOW: u64 = 1_772_500_000 * NANOS_PER_SECOND;

fn now() -> Now {
    Now { mono: std::time::Duration::from_secs(9), wall_unix_nano: NOW }
}

/// A span of `millis` that ends now.
fn span(service: &'static str, name: String, millis: u64) -> Span<'static> {
    Span {
        trace_id: TraceId::from_bytes([1; 16]).unwrap(),
        span_id: SpanId::from_bytes((millis + 1).to_be_bytes()).unwrap(),
        parent_id: None,
        name: Cow::Owned(name),
        kind: SpanKind::Server,
        start_unix_nano: NOW - millis * 1_000_000,
        end_unix_nano: NOW,
        status: Status::Unset,
        attributes: Vec::new(),
        events: Vec::new(),
        resource: Resource {
            attributes: vec![KeyValue::str("service.name", service), KeyValue::str("host.id", "h")],
        },
        scope: Scope::default(),
    }
}

/// All points of the durations, by service and operation; the calls' points must say the same.
fn points(metrics: &mut SpanMetrics) -> BTreeMap<String, HistogramDataPoint> {
    let body = metrics.take_request(now()).expect("numbers");
    let request = ExportMetricsServiceRequest::decode(body.as_slice()).expect("OTLP");
    let mut points = BTreeMap::new();
    for resource in request.resource_metrics {
        assert_eq!(resource.resource.unwrap().attributes.len(), 2);
        let metrics = &resource.scope_metrics[0].metrics;
        let (Some(metric::Data::Sum(calls)), Some(metric::Data::Histogram(durations))) =
            (&metrics[0].data, &metrics[1].data)
        else {
            panic!("two metrics")
        };
        assert!(calls.is_monotonic);
        for (call, point) in calls.data_points.iter().zip(&durations.data_points) {
            assert_eq!(call.attributes, point.attributes);
            let attributes: Vec<String> =
                point.attributes.iter().map(|kv| format!("{:?}", kv.value.as_ref().unwrap().value)).collect();
            points.insert(attributes.join(" "), point.clone());
        }
    }
    points
}

fn find<'p>(points: &'p BTreeMap<String, HistogramDataPoint>, words: &[&str]) -> &'p HistogramDataPoint {
    let found: Vec<_> =
        points.iter().filter(|(key, _)| words.iter().all(|word| key.contains(word))).collect();
    assert_eq!(found.len(), 1, "{words:?} in {:?}", points.keys());
    found[0].1
}

#[test]
fn counts_sums_and_buckets_agree_with_the_spans() {
    let mut metrics = SpanMetrics::new(now());
    assert_eq!(metrics.take_request(now()), None);
    for millis in [1, 2, 3, 700, 7_200_000] {
        metrics.observe(&span("xapi", "VM.start".to_owned(), millis), now());
    }
    let failed = Span { status: Status::Error("no".into()), ..span("xapi", "VM.start".to_owned(), 50) };
    metrics.observe(&failed, now());
    metrics.observe(&span("xenopsd", "VM.start".to_owned(), 1), now());
    let points = points(&mut metrics);
    assert_eq!(points.len(), 3);
    let good = find(&points, &["\"xapi\"", "STATUS_CODE_UNSET", "SPAN_KIND_SERVER", "VM.start"]);
    assert_eq!((good.count, good.sum), (5, Some(7_200_706.0)));
    let filled: Vec<(usize, u64)> =
        good.bucket_counts.iter().copied().enumerate().filter(|(_, count)| *count > 0).collect();
    assert_eq!(filled, [(0, 2), (1, 1), (9, 1), (22, 1)], "a bound belongs to its bucket");
    assert_eq!(good.bucket_counts.len(), good.explicit_bounds.len() + 1);
    assert_eq!(find(&points, &["STATUS_CODE_ERROR"]).count, 1);
    assert_eq!(find(&points, &["xenopsd"]).count, 1);
}

#[test]
fn the_exemplar_is_the_slowest_since_the_last_request() {
    let mut metrics = SpanMetrics::new(now());
    for millis in [5, 90, 40] {
        metrics.observe(&span("xapi", "VM.start".to_owned(), millis), now());
    }
    let exemplars = |metrics: &mut SpanMetrics| points(metrics).pop_first().unwrap().1.exemplars;
    let first = exemplars(&mut metrics);
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].span_id, 91_u64.to_be_bytes());
    assert_eq!(first[0].trace_id, [1; 16]);
    assert_eq!(exemplars(&mut metrics), []);
}

#[test]
fn old_spans_are_left_out_and_counted() {
    let mut metrics = SpanMetrics::new(now());
    let mut old = span("xapi", "VM.start".to_owned(), 1);
    old.end_unix_nano = NOW - 601 * NANOS_PER_SECOND;
    metrics.observe(&old, now());
    assert_eq!(metrics.take_request(now()), None);
    assert_eq!(metrics.status(), SpanMetricsStatus { too_old: 1, ..SpanMetricsStatus::default() });
}

#[test]
fn series_are_bounded_and_no_span_is_lost_by_it() {
    let mut metrics = SpanMetrics::new(now());
    for n in 0..5_000 {
        metrics.observe(&span("xapi", format!("name {n}"), 1), now());
    }
    let status = metrics.status();
    assert_eq!((status.series, status.spans, status.overflowed), (2_001, 5_000, 3_000));
    let points = points(&mut metrics);
    assert_eq!(find(&points, &["BoolValue(true)"]).count, 3_000);
    assert_eq!(points.values().map(|point| point.count).sum::<u64>(), 5_000);
}
