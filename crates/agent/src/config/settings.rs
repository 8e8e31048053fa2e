//! The configuration as used: typed values, defaults filled in, what one key says about another checked.

use super::destination::{self, Destination};
use super::kind::Value;
use super::problem::Problems;
use super::written::{Values, Written, default_of};
use exporter::transport::{ProxyEnvironment, Signal};
use model::Severity;
use regex::Regex;
use std::path::PathBuf;
use std::time::Duration;

/// Everything the agent is told.
#[derive(Clone)]
pub(crate) struct Settings {
    /// `None`: traces are not read.
    pub(crate) traces: Option<TraceSettings>,
    pub(crate) logs: Vec<LogSettings>,
    pub(crate) wait: Duration,
    pub(crate) export: Export,
    pub(crate) resource: Vec<(String, String)>,
    pub(crate) redact: bool,
    pub(crate) redact_patterns: Vec<Regex>,
    pub(crate) inventory: PathBuf,
    pub(crate) checkpoint: PathBuf,
    pub(crate) limits: Limits,
    pub(crate) telemetry: Telemetry,
}

/// The trace directory and what not to ship from it.
#[derive(Clone)]
pub(crate) struct TraceSettings {
    pub(crate) directory: PathBuf,
    /// Globs.
    pub(crate) drop: Vec<String>,
}

/// One log.
#[derive(Clone)]
pub(crate) struct LogSettings {
    pub(crate) path: PathBuf,
    /// As in the file: `"xensource"`, `"smlog"`, `"audit"`, `"syslog"` or `"regex"`.
    pub(crate) format: String,
    pub(crate) pattern: Option<Regex>,
    pub(crate) service_name: Option<String>,
    pub(crate) timezone: Option<chrono_tz::Tz>,
    pub(crate) min_severity: Option<Severity>,
    pub(crate) drop: Vec<Regex>,
    /// Globs.
    pub(crate) drop_modules: Vec<String>,
    pub(crate) start_at_end: bool,
}

/// The ways out; `None`: the signal is left out.
#[derive(Clone)]
pub(crate) struct Export {
    pub(crate) traces: Option<Destination>,
    pub(crate) logs: Option<Destination>,
    pub(crate) metrics: Option<Destination>,
}

/// Bounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) memory_bytes: u64,
    pub(crate) line_bytes: u64,
    pub(crate) open_files: u64,
    /// Zero: no bound.
    pub(crate) max_age: Duration,
    pub(crate) held_deleted_bytes: u64,
}

/// The agent about itself.
#[derive(Clone, Debug)]
pub(crate) struct Telemetry {
    pub(crate) log: String,
    pub(crate) socket: PathBuf,
}

impl Settings {
    /// The resource of the agent's own telemetry.
    pub(crate) fn own_resource(&self, service_name: Option<String>) -> Vec<(String, String)> {
        let name = service_name.filter(|name| !name.is_empty()).unwrap_or_else(|| "xapi-observer".to_owned());
        let own = [("service.name", name), ("service.version", env!("CARGO_PKG_VERSION").to_owned())];
        let own = own.into_iter().map(|(key, value)| (key.to_owned(), value));
        own.chain(self.resource.iter().cloned()).collect()
    }
}

/// One table's values, with defaults for the rest.
struct View<'v> {
    values: &'v Values,
}

impl View<'_> {
    fn value(&self, path: &str) -> Option<Value> {
        self.values.get(path).map(|found| found.value.clone()).or_else(|| default_of(path))
    }

    fn line(&self, path: &str) -> usize {
        self.values.get(path).map_or(0, |found| found.line)
    }

    fn text(&self, path: &str) -> Option<String> {
        match self.value(path)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    fn path(&self, path: &str) -> PathBuf {
        PathBuf::from(self.text(path).unwrap_or_default())
    }

    fn flag(&self, path: &str) -> bool {
        self.value(path) == Some(Value::Bool(true))
    }

    fn number(&self, path: &str) -> u64 {
        match self.value(path) {
            Some(Value::Number(number)) => number,
            _ => 0,
        }
    }

    fn duration(&self, path: &str) -> Duration {
        match self.value(path) {
            Some(Value::Duration(duration)) => duration,
            _ => Duration::ZERO,
        }
    }

    fn texts(&self, path: &str) -> Vec<String> {
        match self.value(path) {
            Some(Value::Texts(texts)) => texts,
            _ => Vec::new(),
        }
    }

    fn patterns(&self, path: &str) -> Vec<Regex> {
        self.texts(path).iter().filter_map(|text| Regex::new(text).ok()).collect()
    }
}

/// The settings of what is written. Mistakes between keys go to `problems`.
pub(super) fn resolve(written: &Written, proxies: &ProxyEnvironment, problems: &mut Problems) -> Settings {
    let view = View { values: &written.values };
    let settings = Settings {
        traces: view.flag("traces.enabled").then(|| TraceSettings {
            directory: view.path("traces.directory"),
            drop: view.texts("traces.drop"),
        }),
        logs: logs(written, problems),
        wait: view.duration("correlation.wait"),
        export: export(written, proxies, view.flag("telemetry.export"), problems),
        resource: match view.value("resource.attributes") {
            Some(Value::Map(attributes)) => attributes,
            _ => Vec::new(),
        },
        redact: view.flag("redact.enabled"),
        redact_patterns: view.patterns("redact.patterns"),
        inventory: view.path("host.inventory"),
        checkpoint: view.path("checkpoint.directory"),
        limits: Limits {
            memory_bytes: view.number("limits.memory"),
            line_bytes: view.number("limits.line"),
            open_files: view.number("limits.open_files"),
            max_age: view.duration("limits.max_age"),
            held_deleted_bytes: view.number("limits.held_deleted"),
        },
        telemetry: Telemetry {
            log: view.text("telemetry.log").unwrap_or_default(),
            socket: view.path("telemetry.socket"),
        },
    };
    check(&view, &settings, problems);
    settings
}

fn export(
    written: &Written,
    proxies: &ProxyEnvironment,
    own_metrics: bool,
    problems: &mut Problems,
) -> Export {
    let traces = destination::resolve(written, Signal::Traces, proxies, problems);
    let logs = destination::resolve(written, Signal::Logs, proxies, problems);
    let has = |path: &str| written.values.contains_key(path);
    let only_others = has("export.traces.endpoint") && has("export.logs.endpoint") && !has("export.endpoint");
    let somewhere = has("export.metrics.endpoint") || !only_others;
    let metrics = destination::resolve(written, Signal::Metrics, proxies, problems)
        .filter(|_| own_metrics && somewhere);
    Export { traces, logs, metrics }
}

/// The entries of `[[logs]]`; without any, the default one. `logs = []` asks for none.
fn logs(written: &Written, problems: &mut Problems) -> Vec<LogSettings> {
    let default = vec![(0, Values::new())];
    let entries = written.logs.as_ref().unwrap_or(&default);
    let mut seen: Vec<PathBuf> = Vec::new();
    let mut list = Vec::new();
    for (line, values) in entries {
        let log = log(*line, &View { values }, problems);
        if let Some(other) = seen.iter().find(|other| overlap(&log.path, other)) {
            let message = format!(
                "{} is read already as {} or its rotated sibling",
                log.path.display(),
                other.display()
            );
            problems.add(*line, "logs[].path", message);
        }
        seen.push(log.path.clone());
        list.push(log);
    }
    list
}

/// Whether one of the two names could be a rotated sibling of the other.
fn overlap(a: &std::path::Path, b: &std::path::Path) -> bool {
    let sibling = |of: &std::path::Path, other: &std::path::Path| {
        let rest = other.to_str().zip(of.to_str()).and_then(|(other, of)| other.strip_prefix(of));
        rest.is_some_and(|rest| rest.starts_with('.') || rest.starts_with('-'))
    };
    a == b || sibling(a, b) || sibling(b, a)
}

fn log(line: usize, view: &View<'_>, problems: &mut Problems) -> LogSettings {
    let format = view.text("logs[].format").unwrap_or_default();
    let pattern = view.text("logs[].pattern").and_then(|text| Regex::new(&text).ok());
    match (format.as_str(), &pattern) {
        ("regex", None) => problems.add(
            line,
            "logs[].pattern",
            "is needed by format \"regex\": a regular expression with named groups",
        ),
        ("regex", Some(pattern)) if pattern.capture_names().flatten().next().is_none() => {
            problems.add(
                view.line("logs[].pattern"),
                "logs[].pattern",
                "has no named group, such as (?<body>.*)",
            );
        }
        ("regex", _) | (_, None) => {}
        _ => problems.add(view.line("logs[].pattern"), "logs[].pattern", "is for format \"regex\" alone"),
    }
    LogSettings {
        path: view.path("logs[].path"),
        format,
        pattern,
        service_name: view.text("logs[].service_name"),
        timezone: view.text("logs[].timezone").and_then(|name| name.parse().ok()),
        min_severity: view.text("logs[].min_severity").and_then(|name| Severity::parse(&name)),
        drop: view.patterns("logs[].drop"),
        drop_modules: view.texts("logs[].drop_modules"),
        start_at_end: view.text("logs[].start_at").as_deref() == Some("end"),
    }
}

fn check(view: &View<'_>, settings: &Settings, problems: &mut Problems) {
    if let Some(traces) = &settings.traces {
        for log in settings.logs.iter().filter(|log| log.path.starts_with(&traces.directory)) {
            let message = format!("{} lies in traces.directory", log.path.display());
            problems.add(view.line("traces.directory"), "logs[].path", message);
        }
        if settings.checkpoint.starts_with(&traces.directory) {
            let line = view.line("checkpoint.directory");
            problems.add(
                line,
                "checkpoint.directory",
                "lies in traces.directory, which XAPI trims and we watch",
            );
        }
    }
    if settings.limits.line_bytes > 4 * settings.limits.memory_bytes {
        let message = "is more than four times limits.memory; such a line could never be held";
        problems.add(view.line("limits.line"), "limits.line", message);
    }
}
