//! The one table of all keys: path, kind, default and what it is for.
//!
//! The reader, the sample file and the reference are made from it. A path is written with dots; `logs[]` is an
//! entry of the array of tables.

use super::kind::Kind;
use std::time::Duration;

/// A key of the configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    /// Dotted path, such as `export.tls.ca_file`.
    pub(crate) path: &'static str,
    pub(crate) kind: Kind,
    /// The default as TOML text; `Err` holds an example for a key without one.
    pub(crate) default: Result<&'static str, &'static str>,
    /// One line for the sample file.
    pub(crate) doc: &'static str,
}

const fn key(path: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Key {
    Key { path, kind, default: Ok(default), doc }
}

const fn optional(path: &'static str, kind: Kind, example: &'static str, doc: &'static str) -> Key {
    Key { path, kind, default: Err(example), doc }
}

const fn seconds(min_ms: u64, max_s: u64) -> Kind {
    Kind::Duration { min: Duration::from_millis(min_ms), max: Duration::from_secs(max_s) }
}

const fn bytes(min: u64, max: u64) -> Kind {
    Kind::Size { min, max }
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const DAY: u64 = 86_400;

const PROTOCOLS: Kind = Kind::OneOf(&["http/protobuf", "http/json", "grpc"]);
const COMPRESSIONS: Kind = Kind::OneOf(&["gzip", "zstd", "none"]);
const FORMATS: Kind = Kind::OneOf(&["xensource", "smlog", "audit", "syslog", "regex"]);
const SEVERITIES: Kind = Kind::OneOf(&["debug", "info", "warn", "error", "critical"]);

/// The keys, in the order of the sample file.
pub(crate) const KEYS: &[Key] = &[
    key("traces.enabled", Kind::Bool, "true", "read XAPI's trace files"),
    key(
        "traces.directory",
        Kind::Path,
        "\"/var/log/dt\"",
        "with everything below it; may appear, vanish and come back",
    ),
    key(
        "traces.drop",
        Kind::Globs,
        "[\"Tracing.*\"]",
        "span names (globs) not to ship, with those below them in the same line of the file",
    ),
    key(
        "traces.attach_logs",
        Kind::OneOf(&["off", "errors", "all"]),
        "\"off\"",
        "which lines become events of their span too, if they are there when it is sent: for backends without logs",
    ),
    key(
        "logs[].path",
        Kind::Path,
        "\"/var/log/xensource.log\"",
        "rotated and compressed siblings (.1, .2.gz …) belong to it",
    ),
    key("logs[].format", FORMATS, "\"xensource\"", "what its lines look like"),
    optional(
        "logs[].pattern",
        Kind::Pattern,
        "'^(?<time>\\S+) (?<severity>\\w+) (?<body>.*)$'",
        "for \"regex\": named groups; others become attributes",
    ),
    optional("logs[].service_name", Kind::Text, "\"sm\"", "where the line itself doesn't say"),
    optional(
        "logs[].timezone",
        Kind::Zone,
        "\"Europe/Paris\"",
        "of the times in the log; the host's own by default",
    ),
    optional("logs[].min_severity", SEVERITIES, "\"info\"", "lines below it are not shipped"),
    key(
        "logs[].drop",
        Kind::Patterns,
        "[]",
        "lines that match one of these are not shipped, but counted, and still teach the correlator",
    ),
    key("logs[].drop_modules", Kind::Globs, "[]", "nor are lines of these modules (globs)"),
    key(
        "logs[].start_at",
        Kind::OneOf(&["beginning", "end"]),
        "\"beginning\"",
        "where to begin in the live file of a log never seen before",
    ),
    key(
        "correlation.wait",
        seconds(0, 3600),
        "\"75s\"",
        "how old a line may get before it goes without its span; \"0s\" ships at once",
    ),
    key(
        "export.endpoint",
        Kind::Url,
        "\"http://127.0.0.1:4318\"",
        "http/…: /v1/traces, /v1/logs, /v1/metrics are appended; grpc: only scheme, host and port count, default port 4317",
    ),
    key("export.protocol", PROTOCOLS, "\"http/protobuf\"", "how OTLP travels"),
    key("export.compression", COMPRESSIONS, "\"gzip\"", "of requests"),
    key("export.timeout", seconds(100, 600), "\"10s\"", "for one request"),
    key("export.max_delay", seconds(0, 60), "\"1s\"", "the longest a record waits for its request to fill"),
    key(
        "export.max_request",
        bytes(16 * KIB, 64 * MIB),
        "\"4MiB\"",
        "encoded, before compression; less where limits.memory leaves less room",
    ),
    key(
        "export.headers",
        Kind::Map,
        "{}",
        "e.g. { \"X-Scope-OrgID\" = \"dom0\" }; a value \"file:/path\" is read from that file",
    ),
    optional(
        "export.proxy",
        Kind::Proxy,
        "\"http://proxy:3128\"",
        "else HTTPS_PROXY, HTTP_PROXY, NO_PROXY; for HTTP and gRPC",
    ),
    optional(
        "export.tls.ca_file",
        Kind::Path,
        "\"/etc/xapi-observer/ca.pem\"",
        "for https: who may sign the server's certificate; the system's authorities by default",
    ),
    optional(
        "export.tls.cert_file",
        Kind::Path,
        "\"/etc/xapi-observer/client.pem\"",
        "the client's certificate",
    ),
    optional("export.tls.key_file", Kind::Path, "\"/etc/xapi-observer/client.key\"", "the client's key"),
    optional(
        "export.tls.server_name",
        Kind::Text,
        "\"collector.example\"",
        "the name to expect in the server's certificate",
    ),
    key(
        "resource.attributes",
        Kind::Map,
        "{}",
        "added to every record's resource; what the line, the span or the host says wins",
    ),
    key(
        "redact.enabled",
        Kind::Bool,
        "true",
        "values of keys such as password, secret, token are replaced by [redacted]",
    ),
    key(
        "redact.patterns",
        Kind::Patterns,
        "[]",
        "further regular expressions; what they match is replaced by [redacted]",
    ),
    key("host.inventory", Kind::Path, "\"/etc/xensource-inventory\"", "INSTALLATION_UUID is the host uuid"),
    key(
        "checkpoint.directory",
        Kind::Path,
        "\"/var/lib/xapi-observer\"",
        "positions in the files, and what was refused",
    ),
    key(
        "limits.memory",
        bytes(8 * MIB, 4 * GIB),
        "\"32MiB\"",
        "lines, held lines, task index, span window, requests, decoder windows: all together",
    ),
    key("limits.line", bytes(64 * KIB, GIB), "\"16MiB\"", "a longer line is skipped and counted"),
    key("limits.open_files", Kind::Count { min: 16, max: 65_536 }, "256", "descriptors kept open at most"),
    key(
        "limits.max_age",
        seconds(0, 3650 * DAY),
        "\"6d\"",
        "at a start without a checkpoint, older lines and trace files are passed over and counted; \"0s\": all",
    ),
    key(
        "limits.held_deleted",
        bytes(0, GIB),
        "\"64MiB\"",
        "bytes of deleted files that open descriptors may keep on disk",
    ),
    key("metrics.enabled", Kind::Bool, "false", "rate, errors and durations of spans, by operation"),
    optional(
        "zipkin.listen",
        Kind::Address,
        "\"127.0.0.1:9411\"",
        "take Zipkin spans over HTTP, at /api/v2/spans; off by default: no open port",
    ),
    key(
        "telemetry.log",
        Kind::OneOf(&["error", "warn", "info", "debug", "trace"]),
        "\"info\"",
        "the agent's own log, on stderr",
    ),
    key(
        "telemetry.socket",
        Kind::Path,
        "\"/run/xapi-observer/control.sock\"",
        "where `xapi-observer status` asks",
    ),
    key("telemetry.export", Kind::Bool, "true", "its own metrics, by the same delivery"),
    optional(
        "telemetry.prometheus",
        Kind::Address,
        "\"127.0.0.1:9464\"",
        "its own metrics as Prometheus text, at /metrics; off by default: no open port",
    ),
];

/// The sections that repeat `[export]` for one signal alone.
pub(crate) const SIGNALS: [&str; 3] = ["traces", "logs", "metrics"];

/// The key of `path`. A signal's own section (`export.logs.timeout`) has the keys of `[export]`, and `enabled`.
pub(crate) fn find(path: &str) -> Option<Key> {
    let general = |path: &str| KEYS.iter().find(|key| key.path == path).copied();
    general(path).or_else(|| {
        let (signal, rest) = path.strip_prefix("export.")?.split_once('.')?;
        if !SIGNALS.contains(&signal) {
            return None;
        }
        match rest {
            "enabled" => Some(key("export.*.enabled", Kind::Bool, "true", "false leaves the signal out")),
            _ => general(&format!("export.{rest}")),
        }
    })
}

/// Every path that may be written, for the nearest one to a mistake.
pub(crate) fn all_paths() -> Vec<String> {
    let mut paths: Vec<String> = KEYS.iter().map(|key| key.path.to_owned()).collect();
    for signal in SIGNALS {
        paths.push(format!("export.{signal}.enabled"));
        let keys = KEYS.iter().filter_map(|key| key.path.strip_prefix("export."));
        paths.extend(keys.map(|rest| format!("export.{signal}.{rest}")));
    }
    paths
}

/// Every table that may be written: the sections, `logs`, and the keys that are tables themselves.
pub(crate) fn tables() -> Vec<String> {
    let mut tables = vec!["logs".to_owned()];
    for path in all_paths() {
        let sections = path.match_indices('.').filter_map(|(dot, _)| path.get(..dot));
        tables.extend(sections.filter(|section| !section.contains('[')).map(str::to_owned));
        if find(&path).is_some_and(|key| key.kind == Kind::Map) {
            tables.push(path);
        }
    }
    tables.sort();
    tables.dedup();
    tables
}
