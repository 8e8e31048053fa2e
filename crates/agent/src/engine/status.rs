//! How the agent is, at one moment: for `status`, for its own metrics, for tests.

use super::tally::SignalTally;
use crate::span_metrics::SpanMetricsStatus;
use serde::Serialize;
use std::collections::BTreeMap;

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
    /// Logs, and trace files that are not drained.
    pub(crate) files: Vec<FileStatus>,
    /// Trace files all of whose records are settled.
    pub(crate) drained_files: u64,
    pub(crate) signals: BTreeMap<&'static str, SignalStatus>,
    pub(crate) correlation: CorrelationStatus,
    pub(crate) memory: MemoryStatus,
    /// `None`: `metrics.enabled` is false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) span_metrics: Option<SpanMetricsStatus>,
}

/// Whose lines and spans these are.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct HostStatus {
    pub(crate) name: String,
    pub(crate) uuid: Option<String>,
    pub(crate) name_label: Option<String>,
    pub(crate) pool_uuid: Option<String>,
}

/// One file.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FileStatus {
    pub(crate) path: String,
    /// `reading`, `settled`, `waiting` … as the watcher names it.
    pub(crate) state: String,
    /// Settled up to here, in bytes of the uncompressed stream.
    pub(crate) offset: u64,
    /// Bytes known to be in it; of a compressed file, bytes on disk.
    pub(crate) size: u64,
    /// Bytes not settled yet.
    pub(crate) lag_bytes: u64,
    /// Seconds since the time of the oldest line that is not settled.
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
}

/// Bytes by what they are for.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct MemoryStatus {
    pub(crate) limit_bytes: u64,
    pub(crate) held_lines_bytes: u64,
    pub(crate) evidence_bytes: u64,
    pub(crate) requests_bytes: u64,
}
