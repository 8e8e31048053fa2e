//! Prometheus' text format 0.0.4.
//!
//! Names as OpenTelemetry's rules make them (specification `compatibility/prometheus_and_openmetrics.md`): dots become
//! `_`, the unit is appended as a word, a counter ends in `_total`, a ratio in `_ratio`; units in braces are no units.
//! The resource is the metric `target_info`.

use super::instruments::{INSTRUMENTS, Instrument, Kind};
use crate::engine::Status;
use std::fmt::Write as _;

/// All metrics of this moment.
pub(super) fn text(status: &Status, resource: &[(String, String)]) -> String {
    let mut text = String::new();
    let labels: Vec<(String, &str)> =
        resource.iter().map(|(key, value)| (label(key), value.as_str())).collect();
    let labels = labels.iter().map(|(key, value)| (key.as_str(), *value));
    let _ = writeln!(text, "# HELP target_info Target metadata\n# TYPE target_info gauge");
    sample(&mut text, "target_info", labels, 1.0);
    for instrument in INSTRUMENTS {
        let name = name(&instrument);
        let kind = if is_counter(&instrument) { "counter" } else { "gauge" };
        let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} {kind}", instrument.about);
        (instrument.read)(status, &mut |number, labels| {
            sample(&mut text, &name, labels.iter().copied(), number);
        });
    }
    text
}

fn is_counter(instrument: &Instrument) -> bool {
    matches!(instrument.kind, Kind::Counter | Kind::Seconds)
}

/// The metric's name for Prometheus.
pub(super) fn name(instrument: &Instrument) -> String {
    let unit = match (instrument.unit, instrument.kind) {
        ("By", _) => "_bytes",
        ("s", _) => "_seconds",
        ("1", Kind::Ratio) => "_ratio",
        _ => "",
    };
    let total = if is_counter(instrument) { "_total" } else { "" };
    format!("{}{unit}{total}", label(instrument.name))
}

/// A name of the letters that Prometheus takes.
fn label(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

fn sample<'l>(text: &mut String, name: &str, labels: impl Iterator<Item = (&'l str, &'l str)>, number: f64) {
    let labels: Vec<String> = labels.map(|(key, value)| format!("{key}=\"{}\"", escaped(value))).collect();
    let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
    let _ = writeln!(text, "{name}{labels} {number}");
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_have_units_and_totals() {
        let all: Vec<String> = INSTRUMENTS.iter().map(name).collect();
        for expected in [
            "xapi_observer_read_lines_total",
            "xapi_observer_read_size_bytes_total",
            "xapi_observer_lag_size_bytes",
            "xapi_observer_lag_time_seconds",
            "xapi_observer_correlation_joined_ratio",
            "xapi_observer_correlation_wait_time_seconds_total",
            "process_cpu_time_seconds_total",
            "process_unix_file_descriptor_count",
        ] {
            assert!(all.iter().any(|name| name == expected), "no {expected} in {all:?}");
        }
    }

    #[test]
    fn the_page_has_these_names_too() {
        let page = include_str!("../../../../../docs/telemetry.md");
        let described: BTreeSet<String> = page
            .split('`')
            .filter(|word| word.starts_with("xapi_observer_") || word.starts_with("process_"))
            .map(str::to_owned)
            .collect();
        assert_eq!(described, INSTRUMENTS.iter().map(name).collect(), "left: docs/telemetry.md");
    }

    #[test]
    fn the_text_is_as_prometheus_reads_it() {
        let status = crate::engine::status::tests::full();
        let resource = [("service.name".to_owned(), "a \"b\"\\\n".to_owned())];
        let text = text(&status, &resource);
        assert!(text.contains("\ntarget_info{service_name=\"a \\\"b\\\"\\\\\\n\"} 1\n"), "{text}");
        let lost = "xapi_observer_lost_size_bytes_total{signal=\"logs\",reason=\"deleted\"} 7\n";
        assert!(text.contains(lost), "{text}");
        assert!(text.contains("# TYPE xapi_observer_lost_size_bytes_total counter\n"), "{text}");
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, number) = line.rsplit_once(' ').unwrap();
            assert!(number.parse::<f64>().is_ok() && !name.is_empty(), "{line}");
        }
    }
}
