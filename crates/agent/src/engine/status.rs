//! How the agent is, at one moment: for `status`, for its own metrics, for tests.

use super::tally::SignalTally;
use crate::span_metrics::SpanMetricsStatus;
use serde::Serialize;
use std::collections::BTreeMap;

/// What the service manager is told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Brief {
    /// See [`Status::degraded`].
    pub(crate) degraded: Vec<String>,
    /// See [`Status::signals`].
    pub(crate) signals: BTreeMap<&'static str, SignalStatus>,
}

/// Everything that can be asked of a running agent.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Status {
    pub(crate) version: &'static str,
    pub(crate) uptime_seconds: u64,
    /// What does not work as it should, in words; empty when all is well.
    pub(crate) degraded: Vec<String>,
    pub(crate) host: HostStatus,
    /// How changes in files are noticed: `notify` or `polling`.
    pub(crate) watching: &'static str,
    pub(crate) wakeups: WakeupStatus,
    /// Logs, and trace files that are not drained: the first thousand.
    pub(crate) files: Vec<FileStatus>,
    /// The other trace files that are not drained.
    pub(crate) more_files: MoreFiles,
    /// Trace files all of whose records are settled.
    pub(crate) drained_files: u64,
    pub(crate) signals: BTreeMap<&'static str, SignalStatus>,
    pub(crate) correlation: CorrelationStatus,
    pub(crate) memory: MemoryStatus,
    pub(crate) descriptors: DescriptorStatus,
    pub(crate) store: StoreStatus,
    pub(crate) process: ProcessStatus,
    /// Where Prometheus may ask; `None`: it is not configured.
    pub(crate) prometheus: Option<ListenerStatus>,
    /// Where Zipkin spans are taken; `None`: it is not configured.
    pub(crate) zipkin: Option<ListenerStatus>,
    /// `None`: `metrics.enabled` is false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) span_metrics: Option<SpanMetricsStatus>,
}

/// What the kernel told.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct WakeupStatus {
    /// Changes that it told of.
    pub(crate) events: u64,
    /// How often it lost some, and everything was looked at.
    pub(crate) overflows: u64,
}

/// Descriptors of watched files.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct DescriptorStatus {
    pub(crate) open: u64,
    pub(crate) limit: u64,
    /// Bytes of deleted files that they keep on disk.
    pub(crate) deleted_bytes: u64,
    pub(crate) deleted_limit_bytes: u64,
}

/// The checkpoint store.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct StoreStatus {
    /// `ok`; `degraded`: it was damaged at the start, and set aside; `unavailable`: positions are in memory only.
    pub(crate) state: &'static str,
    /// Why, where it is not `ok`.
    pub(crate) why: String,
}

/// What the process takes of the machine. Filled in by the shell.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct ProcessStatus {
    pub(crate) pid: u32,
    pub(crate) rss_bytes: u64,
    pub(crate) peak_rss_bytes: u64,
    pub(crate) descriptors: u64,
    /// User and system time.
    pub(crate) cpu_seconds: f64,
}

/// An address that is listened at.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ListenerStatus {
    pub(crate) address: String,
    /// `ok` or `degraded`.
    pub(crate) state: &'static str,
    /// Why it can't be had, where it is degraded.
    pub(crate) why: String,
}

/// Whose lines and spans these are.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct HostStatus {
    pub(crate) name: String,
    pub(crate) uuid: Option<String>,
    pub(crate) name_label: Option<String>,
    pub(crate) pool_uuid: Option<String>,
}

/// Files that are not shown each for itself: after a long pause there may be tens of thousands.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct MoreFiles {
    pub(crate) count: u64,
    /// Bytes not settled yet, of all of them.
    pub(crate) lag_bytes: u64,
    /// See [`FileStatus::oldest_seconds`]: the oldest of all.
    pub(crate) oldest_seconds: Option<u64>,
}

/// One file.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FileStatus {
    pub(crate) path: String,
    /// `traces` or `logs`.
    pub(crate) signal: &'static str,
    /// `reading`; `settled`: to its end; `deleted`: read from a descriptor that is still open.
    pub(crate) state: &'static str,
    /// Settled up to here, in bytes of the uncompressed stream.
    pub(crate) offset: u64,
    /// Bytes known to be in it; of a compressed file, bytes on disk.
    pub(crate) size: u64,
    /// Bytes not settled yet.
    pub(crate) lag_bytes: u64,
    /// How old the oldest record is that is not settled, in seconds. Of a log, by that line's own time; where it was
    /// not read yet, since the file's last change, which is then the least. Of a trace file, since it was made, or since
    /// its last change, if a part of it is settled.
    pub(crate) oldest_seconds: Option<u64>,
}

/// One signal's way out.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SignalStatus {
    /// Scheme, host, port and path.
    pub(crate) endpoint: String,
    /// `ok`, `retrying`, `blocked` or `refusing`.
    pub(crate) state: &'static str,
    /// Why, where it is not `ok`.
    pub(crate) why: String,
    /// Since when it is so, in seconds.
    pub(crate) since_seconds: Option<u64>,
    /// Memory of the records on their way out, and the share they may take.
    pub(crate) queue_bytes: u64,
    pub(crate) queue_limit_bytes: u64,
    pub(crate) tally: SignalTally,
}

/// What the correlator did.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct CorrelationStatus {
    /// Lines by what became of them: `context`, `task`, `link`, `no_id`, `no_evidence`, `ambiguous` …
    pub(crate) outcomes: BTreeMap<&'static str, u64>,
    /// Of the lines that have an id or a context: how many found their trace, from 0 to 1.
    pub(crate) joined_share: Option<f64>,
    pub(crate) held_lines: u64,
    pub(crate) evicted: BTreeMap<&'static str, u64>,
    /// Lines shipped, and the seconds they waited in all.
    pub(crate) waited_lines: u64,
    pub(crate) waited_seconds: f64,
    /// Lines that became events of their spans.
    pub(crate) attached_lines: u64,
    /// Lines that were to, and did not, by reason; empty while none is to.
    pub(crate) not_attached: BTreeMap<&'static str, u64>,
}

/// Bytes by what they are for.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct MemoryStatus {
    /// `limits.memory`.
    pub(crate) limit_bytes: u64,
    /// The share of held lines and evidence together.
    pub(crate) correlation_limit_bytes: u64,
    pub(crate) held_lines_bytes: u64,
    pub(crate) evidence_bytes: u64,
    pub(crate) requests_bytes: u64,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::Value;
    use std::collections::BTreeSet;

    /// A status in which nothing is empty.
    pub(crate) fn full() -> Status {
        let reasons = || BTreeMap::from([("deleted".to_owned(), 7)]);
        let tally = SignalTally {
            dropped: reasons(),
            refused: reasons(),
            set_aside: reasons(),
            resent: reasons(),
            passed_over_bytes: reasons(),
            lost_bytes: reasons(),
            ..SignalTally::default()
        };
        let signal = SignalStatus {
            endpoint: "http://c:4318/v1/logs".to_owned(),
            state: "retrying",
            why: "503".to_owned(),
            since_seconds: Some(61),
            queue_bytes: 1,
            queue_limit_bytes: 4,
            tally,
        };
        let file = FileStatus {
            path: "/var/log/xensource.log".to_owned(),
            signal: "logs",
            state: "reading",
            offset: 1,
            size: 3,
            lag_bytes: 2,
            oldest_seconds: Some(4),
        };
        let listener =
            ListenerStatus { address: "127.0.0.1:9464".to_owned(), state: "ok", why: String::new() };
        Status {
            version: "1",
            degraded: vec!["a disk is full".to_owned()],
            watching: "notify",
            files: vec![file],
            signals: BTreeMap::from([("logs", signal.clone()), ("traces", signal)]),
            correlation: CorrelationStatus {
                outcomes: BTreeMap::from([("task", 1)]),
                joined_share: Some(0.5),
                evicted: BTreeMap::from([("tasks", 1)]),
                not_attached: BTreeMap::from([("late", 1)]),
                ..CorrelationStatus::default()
            },
            store: StoreStatus { state: "ok", why: String::new() },
            prometheus: Some(listener.clone()),
            zipkin: Some(listener),
            span_metrics: Some(SpanMetricsStatus::default()),
            ..Status::default()
        }
    }

    /// Paths of all fields: names of reasons, outcomes and signals are data, and so are lists' places.
    fn paths(value: &Value, at: &str, found: &mut BTreeSet<String>) {
        const DATA: [&str; 10] = [
            "signals",
            "outcomes",
            "evicted",
            "not_attached",
            "dropped",
            "refused",
            "set_aside",
            "resent",
            "passed_over_bytes",
            "lost_bytes",
        ];
        let is_data = DATA.iter().any(|name| at.rsplit('.').next() == Some(name));
        match value {
            Value::Object(fields) => fields.iter().for_each(|(key, value)| {
                let key = if is_data { "*" } else { key };
                paths(value, &if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") }, found);
            }),
            Value::Array(items) if items.iter().any(Value::is_object) => {
                items.iter().for_each(|item| paths(item, &format!("{at}[]"), found));
            }
            _ => {
                found.insert(at.to_owned());
            }
        }
    }

    #[test]
    fn the_page_has_every_field() {
        let mut fields = BTreeSet::new();
        paths(&serde_json::to_value(full()).unwrap(), "", &mut fields);
        let page = include_str!("../../../../docs/telemetry.md");
        let section = page.split("## `status --json`").nth(1).unwrap();
        let first = |row: &'static str| row.strip_prefix("| `").and_then(|rest| rest.split(" |").next());
        let names = section.lines().filter_map(first).flat_map(|cell| cell.split('`'));
        let described: BTreeSet<String> =
            names.filter(|name| !name.trim_matches([',', ' ']).is_empty()).map(str::to_owned).collect();
        assert_eq!(described, fields, "left: docs/telemetry.md");
    }
}
