//! The configuration as used: typed values, defaults filled in, what one key says about another checked.

use super::destination::{self, Destination};
use super::kind::Value;
use super::logs::{self, LogSettings};
use super::problem::{Place, Problems};
use super::written::{Found, Values, Written, default_of};
use exporter::transport::{ProxyEnvironment, Signal};
use regex::Regex;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Everything the agent is told.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Header values or a proxy's password stand in the file itself.
    pub(crate) secrets_in_file: bool,
    /// `None`: traces are not read.
    pub(crate) traces: Option<TraceSettings>,
    pub(crate) attach_logs: AttachLogs,
    pub(crate) logs: Vec<LogSettings>,
    /// The logs are those of the configuration, not the default.
    pub(crate) logs_given: bool,
    pub(crate) wait: Duration,
    pub(crate) export: Export,
    pub(crate) resource: Vec<(String, String)>,
    pub(crate) redact: bool,
    pub(crate) redact_patterns: Vec<Regex>,
    pub(crate) inventory: PathBuf,
    pub(crate) checkpoint: PathBuf,
    pub(crate) limits: Limits,
    /// Where Zipkin spans are taken over HTTP; `None`: nowhere.
    pub(crate) zipkin: Option<SocketAddr>,
    /// Rate, errors and durations of spans are counted and sent.
    pub(crate) span_metrics: bool,
    pub(crate) telemetry: Telemetry,
}

/// The trace directory and what not to ship from it.
#[derive(Clone, Debug)]
pub(crate) struct TraceSettings {
    pub(crate) directory: PathBuf,
    /// Globs.
    pub(crate) drop: Vec<String>,
}

/// Which log lines become events of their spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum AttachLogs {
    #[default]
    Off,
    /// Those of severity error and above.
    Errors,
    All,
}

impl AttachLogs {
    fn of(text: Option<&str>) -> Self {
        match text {
            Some("errors") => Self::Errors,
            Some("all") => Self::All,
            _ => Self::Off,
        }
    }
}

/// The ways out; `None`: the signal is left out.
#[derive(Clone, Debug)]
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
    /// Its metrics are sent.
    pub(crate) export: bool,
    /// `None`: Prometheus can't ask.
    pub(crate) prometheus: Option<SocketAddr>,
}

impl Settings {
    /// Whether there are spans to read, from files or over HTTP.
    pub(crate) fn reads_spans(&self) -> bool {
        self.traces.is_some() || self.zipkin.is_some()
    }

    /// Whether logs are read: to be sent, or for spans' events.
    pub(crate) fn reads_logs(&self) -> bool {
        self.export.logs.is_some() || self.attach_logs != AttachLogs::Off
    }

    /// The resource of the agent's own telemetry; what it says of itself and its host wins over `resource.attributes`.
    pub(crate) fn own_resource(
        &self,
        service_name: Option<String>,
        host: Vec<(&'static str, String)>,
    ) -> Vec<(String, String)> {
        let name = service_name.filter(|name| !name.is_empty()).unwrap_or_else(|| "xapi-observer".to_owned());
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let mut own = vec![("service.name", name), ("service.version", version)];
        own.extend(host);
        let others = self.resource.iter().filter(|(key, _)| own.iter().all(|(own, _)| own != key)).cloned();
        let others: Vec<_> = others.collect();
        own.into_iter().map(|(key, value)| (key.to_owned(), value)).chain(others).collect()
    }
}

/// One table's values, with defaults for the rest.
pub(super) struct View<'v> {
    pub(super) values: &'v Values,
}

impl View<'_> {
    fn value(&self, path: &str) -> Option<Value> {
        self.values.get(path).map(|found| found.value.clone()).or_else(|| default_of(path))
    }

    /// Where the key was written.
    pub(super) fn place(&self, path: &str) -> Place {
        self.values.get(path).map(|found| found.place.clone()).unwrap_or_default()
    }

    pub(super) fn text(&self, path: &str) -> Option<String> {
        match self.value(path)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
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

    pub(super) fn texts(&self, path: &str) -> Vec<String> {
        match self.value(path) {
            Some(Value::Texts(texts)) => texts,
            _ => Vec::new(),
        }
    }

    pub(super) fn patterns(&self, path: &str) -> Vec<Regex> {
        self.texts(path).iter().filter_map(|text| Regex::new(text).ok()).collect()
    }
}

/// The settings of what is written. Mistakes between keys go to `problems`.
pub(super) fn resolve(written: &Written, proxies: &ProxyEnvironment, problems: &mut Problems) -> Settings {
    let view = View { values: &written.values };
    let settings = Settings {
        secrets_in_file: written.values.values().any(is_secret_in_file),
        traces: view.flag("traces.enabled").then(|| TraceSettings {
            directory: view.path("traces.directory"),
            drop: view.texts("traces.drop"),
        }),
        attach_logs: AttachLogs::of(view.text("traces.attach_logs").as_deref()),
        logs: logs::resolve(written, problems),
        logs_given: written.logs.is_some(),
        wait: view.duration("correlation.wait"),
        export: export(written, proxies, problems),
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
            export: view.flag("telemetry.export"),
            prometheus: view.text("telemetry.prometheus").and_then(|text| text.parse().ok()),
        },
        zipkin: view.text("zipkin.listen").and_then(|text| text.parse().ok()),
        span_metrics: view.flag("metrics.enabled"),
    };
    check(&view, &settings, problems);
    settings
}

/// Values of headers are tokens, and before the `@` of a proxy stands a password.
fn is_secret_in_file(found: &Found) -> bool {
    let secret = match &found.value {
        Value::Map(pairs) => pairs.iter().any(|(_, value)| !value.starts_with("file:")),
        Value::Text(text) => text.contains("://") && text.contains('@'),
        _ => false,
    };
    secret && matches!(found.place, Place::Line(_))
}

fn export(written: &Written, proxies: &ProxyEnvironment, problems: &mut Problems) -> Export {
    let mut resolve = |signal| destination::resolve(written, signal, proxies, problems);
    let (traces, logs) = (resolve(Signal::Traces), resolve(Signal::Logs));
    let metrics = resolve(Signal::Metrics);
    let has = |path: &str| written.values.contains_key(path);
    // Where each signal that is sent has its own endpoint, there is none for metrics but their own.
    let own_ways = (traces.is_none() || has("export.traces.endpoint"))
        && (logs.is_none() || has("export.logs.endpoint"))
        && (traces.is_some() || logs.is_some());
    let somewhere = has("export.metrics.endpoint") || has("export.endpoint") || !own_ways;
    let flag = |path: &str| View { values: &written.values }.flag(path);
    let wanted = flag("telemetry.export") || flag("metrics.enabled");
    Export { traces, logs, metrics: metrics.filter(|_| wanted && somewhere) }
}

fn check(view: &View<'_>, settings: &Settings, problems: &mut Problems) {
    check_paths(view, settings, problems);
    check_resource(view, settings, problems);
    check_span_metrics(view, settings, problems);
    check_attach(view, settings, problems);
    if settings.redact_patterns.iter().any(|pattern| pattern.is_match("")) {
        let message = "an expression matches the empty text, and so would be found everywhere";
        problems.add(&view.place("redact.patterns"), "redact.patterns", message);
    }
    if settings.limits.line_bytes > 4 * settings.limits.memory_bytes {
        let message = "is more than four times limits.memory; such a line could never be held";
        problems.add(&view.place("limits.line"), "limits.line", message);
    }
}

fn check_paths(view: &View<'_>, settings: &Settings, problems: &mut Problems) {
    let traces = settings.traces.as_ref().map(|traces| &traces.directory);
    let within = |path: &std::path::Path| traces.is_some_and(|traces| path.starts_with(traces));
    for log in settings.logs.iter().filter(|log| within(&log.path)) {
        let message = format!("{} lies in traces.directory", log.path.display());
        problems.add(&view.place("traces.directory"), "logs[].path", message);
    }
    if within(&settings.checkpoint) {
        let message = "lies in traces.directory, which XAPI trims and we watch";
        problems.add(&view.place("checkpoint.directory"), "checkpoint.directory", message);
    }
    if settings.telemetry.socket.as_os_str().len() > SOCKET_PATH_BYTES {
        let message =
            format!("is longer than {SOCKET_PATH_BYTES} bytes, the most that a socket's path may have");
        problems.add(&view.place("telemetry.socket"), "telemetry.socket", message);
    }
}

/// unix(7): `sun_path` has 108 bytes, one of them for the end.
const SOCKET_PATH_BYTES: usize = 107;

/// Metrics of spans need spans, and a way out.
fn check_span_metrics(view: &View<'_>, settings: &Settings, problems: &mut Problems) {
    let reads = settings.reads_spans() && settings.export.traces.is_some();
    let message = match &settings.export.metrics {
        _ if !settings.span_metrics => return,
        _ if !reads => {
            "spans are counted as they are sent: it needs traces.enabled and export.traces.enabled"
        }
        None => "there is no endpoint for metrics: set endpoint in [export.metrics], and leave it enabled",
        Some(_) => return,
    };
    problems.add(&view.place("metrics.enabled"), "metrics.enabled", message);
}

/// Events need spans that are sent, and lines that wait for them.
fn check_attach(view: &View<'_>, settings: &Settings, problems: &mut Problems) {
    let message = if settings.attach_logs == AttachLogs::Off {
        return;
    } else if !settings.reads_spans() || settings.export.traces.is_none() {
        "lines become events of spans that are sent: it needs traces.enabled and export.traces.enabled"
    } else if settings.wait.is_zero() {
        "with correlation.wait = \"0s\" no line waits for its span"
    } else {
        return;
    };
    problems.add(&view.place("traces.attach_logs"), "traces.attach_logs", message);
}

/// Keys that a backend refuses, or that hide something else there.
fn check_resource(view: &View<'_>, settings: &Settings, problems: &mut Problems) {
    for (key, _) in &settings.resource {
        let problem = match key.as_str() {
            "service.name" => "each span and line says its own; it can't be set here",
            "trace_id" | "span_id" => "would hide the record's own in Loki",
            key if !key.contains(|c: char| c.is_ascii_alphanumeric()) => "is no name of an attribute",
            _ => continue,
        };
        problems.add(
            &view.place("resource.attributes"),
            "resource.attributes",
            format!("{key:?}: {problem}"),
        );
    }
}
