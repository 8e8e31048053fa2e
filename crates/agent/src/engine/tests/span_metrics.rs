//! Metrics of spans agree with the spans that arrived.

use super::{Sim, clock, hours, service, value};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::{metric, number_data_point};
use prost::Message;
use std::collections::BTreeMap;
use std::time::Duration;

/// Calls by service, of the only agent.
fn calls(sim: &mut Sim) -> BTreeMap<String, i64> {
    let now = clock(sim.now, sim.agents[0].started);
    let body = sim.agents[0].engine.take_span_metrics(now).expect("numbers");
    let request = ExportMetricsServiceRequest::decode(body.as_slice()).expect("OTLP");
    let mut calls = BTreeMap::new();
    for resource in request.resource_metrics {
        let service = service(&resource.resource.expect("a resource").attributes);
        let Some(metric::Data::Sum(sum)) = &resource.scope_metrics[0].metrics[0].data else {
            panic!("a sum")
        };
        for point in &sum.data_points {
            assert_eq!(value(&point.attributes, "service.name"), Some(&Value::StringValue(service.clone())));
            let Some(number_data_point::Value::AsInt(count)) = point.value else { panic!("a count") };
            *calls.entry(service.clone()).or_default() += count;
        }
    }
    calls
}

#[test]
fn metrics_agree_with_the_spans_that_arrived() {
    let options = hours(3, 6_000, 6_000, 1);
    let end = options.end;
    let mut sim = Sim::new(options, "[metrics]\nenabled = true\n");
    sim.run_until(end, Duration::from_secs(20));
    sim.finish();
    let mut arrived: BTreeMap<String, i64> = BTreeMap::new();
    sim.arrived.spans.iter().for_each(|span| *arrived.entry(span.service.to_string()).or_default() += 1);
    let status = sim.agents[0].engine.status(clock(sim.now, sim.agents[0].started));
    let metrics = status.span_metrics.expect("they are on");
    assert_eq!(metrics.too_old, 0);
    assert_eq!(metrics.spans, sim.arrived.spans.len() as u64);
    assert!(metrics.series < 1_000, "{}", metrics.series);
    assert_eq!(calls(&mut sim), arrived);
}

#[test]
fn a_backlog_belongs_into_no_rate_of_today() {
    let options = hours(3, 2_000, 2_000, 3);
    let end = options.end;
    let mut sim = Sim::new(options, "[metrics]\nenabled = true\n");
    sim.standin.step(end).expect("the stand-in writes");
    sim.now = end;
    sim.finish();
    let status = sim.agents[0].engine.status(clock(sim.now, sim.agents[0].started));
    let metrics = status.span_metrics.expect("they are on");
    assert_eq!(metrics.too_old + metrics.spans, sim.arrived.spans.len() as u64);
    assert!(metrics.too_old > 1_500, "{}", metrics.too_old);
}
