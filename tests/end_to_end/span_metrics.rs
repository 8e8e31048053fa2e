//! The metrics of spans, as they arrive.

use crate::harness::{Rig, stop};
use testkit::collector::MetricRow;

#[test]
fn what_was_counted_is_sent_at_the_latest_when_it_ends() {
    let mut rig = Rig::new();
    rig.sandbox.set("metrics.enabled", "true");
    let agent = rig.run();
    rig.write_spans(1..9);
    rig.wait_spans(1..9);
    stop(&agent);
    let metrics: Vec<MetricRow> = rig.collector.read(|state| {
        let wanted = |metric: &&MetricRow| metric.name.starts_with("traces.span.metrics.");
        state.metrics().iter().filter(wanted).cloned().collect()
    });
    let names: Vec<_> = metrics.iter().map(|metric| (metric.name.as_str(), metric.kind)).collect();
    assert_eq!(names, [("traces.span.metrics.calls", "sum"), ("traces.span.metrics.duration", "histogram")]);
    let counted: f64 = metrics[0].points.iter().map(|(_, number)| number).sum();
    assert!((counted - 8.0).abs() < f64::EPSILON, "{counted}");
}
