//! What the dashboards, alerts and data sources under `examples/` ask for is what arrives.

use super::{Signal, Sim, hours};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use regex::Regex;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Of a record itself, or as Loki and Prometheus name it.
const RECORD_FIELDS: [&str; 4] = ["trace_id", "span_id", "severity_text", "severity_number"];
/// Written by XAPI, not by the stand-in (xen-api, on spans of `dispatch:system.isAlive`).
const OF_XAPI_ALONE: [&str; 1] = ["xs.span.arg.vm.uuid"];
const METRIC_LABELS: [&str; 3] = ["le", "job", "instance"];

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

/// A query, and which data source is asked.
struct Query {
    source: String,
    text: String,
}

fn queries() -> Vec<Query> {
    let mut queries = Vec::new();
    let folder = examples().join("stack/grafana/dashboards");
    for file in std::fs::read_dir(folder).expect("dashboards").map(|file| file.expect("a file").path()) {
        let board: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&file).expect("a dashboard")).expect("JSON");
        let panels = board["panels"].as_array().expect("panels");
        for target in panels.iter().flat_map(|panel| panel["targets"].as_array().expect("targets")) {
            let text = target["expr"].as_str().or(target["query"].as_str()).unwrap_or_default();
            let source = target["datasource"]["type"].as_str().expect("a data source");
            queries.push(Query { source: source.to_owned(), text: text.to_owned() });
        }
        for variable in board["templating"]["list"].as_array().expect("variables") {
            if let Some(text) = variable["query"]["query"].as_str() {
                queries.push(Query { source: "prometheus".to_owned(), text: text.to_owned() });
            }
        }
    }
    let alerts = std::fs::read_to_string(examples().join("stack/alerts.yaml")).expect("alerts");
    let alerts = alerts.lines().filter_map(|line| line.trim().strip_prefix("expr: "));
    queries.extend(alerts.map(|text| Query { source: "prometheus".to_owned(), text: text.to_owned() }));
    queries
}

fn found<'t>(pattern: &str, text: &'t str) -> Vec<&'t str> {
    let pattern = Regex::new(pattern).expect("a pattern");
    let group = |captures: regex::Captures<'t>| captures.get(1).map(|group| group.as_str());
    pattern.captures_iter(text).filter_map(group).collect()
}

/// Names of attributes that arrived, with dots.
#[derive(Default)]
struct Arrived {
    on_spans: BTreeSet<String>,
    on_lines: BTreeSet<String>,
    /// Start and end by id.
    spans: HashMap<Vec<u8>, (u64, u64)>,
    /// Span id and time.
    lines: Vec<(Vec<u8>, u64)>,
}

fn keys(attributes: &[KeyValue]) -> impl Iterator<Item = String> + '_ {
    attributes.iter().map(|kv| kv.key.clone())
}

fn of_resource(resource: &Option<Resource>) -> Vec<String> {
    resource.iter().flat_map(|resource| keys(&resource.attributes)).collect()
}

impl Arrived {
    fn of(sim: &Sim) -> Self {
        let mut arrived = Self::default();
        for (signal, body) in sim.arrived.bodies.as_ref().expect("bodies are kept") {
            match signal {
                Signal::Traces => {
                    arrived.traces(ExportTraceServiceRequest::decode(body.as_ref()).expect("OTLP"))
                }
                Signal::Logs => arrived.logs(ExportLogsServiceRequest::decode(body.as_ref()).expect("OTLP")),
            }
        }
        arrived
    }

    fn traces(&mut self, request: ExportTraceServiceRequest) {
        for group in request.resource_spans {
            self.on_spans.extend(of_resource(&group.resource));
            for span in group.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                self.on_spans.extend(keys(&span.attributes));
                let times = (span.start_time_unix_nano, span.end_time_unix_nano);
                self.spans.insert([span.trace_id, span.span_id].concat(), times);
            }
        }
    }

    fn logs(&mut self, request: ExportLogsServiceRequest) {
        for group in request.resource_logs {
            self.on_lines.extend(of_resource(&group.resource));
            for record in group.scope_logs.into_iter().flat_map(|scope| scope.log_records) {
                self.on_lines.extend(keys(&record.attributes));
                if !record.span_id.is_empty() {
                    self.lines.push(([record.trace_id, record.span_id].concat(), record.time_unix_nano));
                }
            }
        }
    }
}

fn arrived() -> Arrived {
    let options = hours(4, 6_000, 12_000, 1);
    let end = options.end;
    let mut sim = Sim::new(options, "");
    sim.arrived.bodies = Some(Vec::new());
    sim.run_until(end, Duration::from_secs(20));
    sim.finish();
    Arrived::of(&sim)
}

/// Metrics and their labels, as the page about them gives them for Prometheus.
fn prometheus_names() -> (BTreeSet<String>, BTreeSet<String>) {
    let page = include_str!("../../../../../docs/telemetry.md");
    let words: Vec<&str> = page.split('`').collect();
    let mut metrics: BTreeSet<String> = words
        .iter()
        .filter(|word| word.starts_with("xapi_observer_"))
        .map(|word| (*word).to_owned())
        .collect();
    for (name, suffixes) in [
        ("traces.span.metrics.calls", &["_total"][..]),
        (
            "traces.span.metrics.duration",
            &["_milliseconds_bucket", "_milliseconds_sum", "_milliseconds_count"],
        ),
    ] {
        assert!(words.contains(&name), "{name}");
        metrics.extend(suffixes.iter().map(|suffix| name.replace('.', "_") + suffix));
    }
    let labels = words.iter().map(|word| word.replace('.', "_"));
    (metrics, labels.chain(METRIC_LABELS.map(str::to_owned)).collect())
}

#[test]
fn prometheus_is_asked_for_metrics_that_are_sent() {
    let (metrics, labels) = prometheus_names();
    let mut asked = 0;
    for Query { text, .. } in queries().into_iter().filter(|query| query.source == "prometheus") {
        for metric in found(r"\b((?:xapi_observer|traces_span_metrics)_\w+)", &text) {
            assert!(metrics.contains(metric), "{metric} in {text}");
            asked += 1;
        }
        let of_selectors = found(r#"(\w+)\s*(?:=~|!=|!~|=)\s*""#, &text);
        let of_groups = found(r"by \(([^)]*)\)", &text);
        let of_groups = of_groups.iter().flat_map(|list| list.split(',')).map(str::trim);
        for label in of_selectors.into_iter().chain(of_groups) {
            assert!(labels.contains(label), "label {label} in {text}");
        }
    }
    assert!(asked > 30, "{asked}");
}

#[test]
fn loki_and_tempo_are_asked_for_attributes_that_arrive() {
    let arrived = arrived();
    let underscored: BTreeSet<String> = arrived.on_lines.iter().map(|key| key.replace('.', "_")).collect();
    let (mut lines, mut spans) = (0, 0);
    for Query { source, text } in queries() {
        match source.as_str() {
            "loki" => {
                let of_groups = found(r"by \(([^)]*)\)", &text);
                let of_groups = of_groups.iter().flat_map(|list| list.split(',')).map(str::trim);
                let of_filters = found(r#"(\w+)\s*(?:=~|!=|!~|>=|=)\s*["0-9]"#, &text);
                for name in of_filters.into_iter().chain(of_groups) {
                    let known = RECORD_FIELDS.contains(&name) || underscored.contains(name);
                    assert!(known, "{name} in {text}; arrived: {underscored:?}");
                    lines += 1;
                }
            }
            "tempo" => {
                for name in found(r"(?:span|resource)\.([a-z][a-z0-9_.]*[a-z0-9])", &text) {
                    let known = arrived.on_spans.contains(name) || OF_XAPI_ALONE.contains(&name);
                    assert!(known, "{name} in {text}; arrived: {:?}", arrived.on_spans);
                    spans += 1;
                }
            }
            _ => {}
        }
    }
    assert!(lines > 8 && spans > 5, "{lines} {spans}");
}

/// Lines have whole seconds, so one may seem older or younger than its span. Loki's range has its start in it, not its end.
#[test]
fn from_a_span_its_lines_are_in_the_window_that_is_asked() {
    const SHIFT: u64 = 2_000_000_000;
    for file in ["stack/grafana/datasources.yaml", "scale/datasources.yaml"] {
        let text = std::fs::read_to_string(examples().join(file)).expect("data sources");
        assert!(text.contains("spanStartTimeShift: \"-2s\"\n        spanEndTimeShift: \"2s\""), "{file}");
    }
    let arrived = arrived();
    let mut outside_unshifted = 0;
    for (span, time) in &arrived.lines {
        let (start, end) = arrived.spans.get(span).expect("the span arrived");
        assert!((start - SHIFT..end + SHIFT).contains(time), "{start} {time} {end}");
        outside_unshifted += u64::from(!(*start..*end).contains(time));
    }
    assert!(arrived.lines.len() > 2_000, "{}", arrived.lines.len());
    assert!(outside_unshifted > 0, "the shift is needed");
}
