//! What the stand-in is told to be.

use super::time::{SECOND, SimTime, Zone};

/// What stands in the bracket's second field (xen-api `ocaml/libs/log/debug.ml` through the years).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum F2 {
    /// The hostname: XenServer and XCP-ng up to 8.0.
    Hostname,
    /// Nothing: XCP-ng 8.1 to 8.3.
    Empty,
    /// The trace context, where one is known: xapi 26.8 and later.
    Traceparent,
    /// Host by host another one.
    Mixed,
}

/// How full trace files are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all: `compress-tracing-files = false`.
    Off,
    /// By the zstd library.
    Library,
    /// By the `zstd` program, as XAPI does.
    Program,
}

/// Who rotates the logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// Nobody, or somebody else.
    Off,
    /// The stand-in, when a log passes this size: rename to `.1`, `.1` to `.2.gz`, and so on.
    Size(u64),
    /// The stand-in, each time this many simulated microseconds have passed.
    Every(u64),
}

/// Everything that decides what is written. The same options give the same bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// The seed of everything.
    pub seed: u64,
    /// Hosts of the pool, each with a directory of its own.
    pub hosts: u16,
    /// Simulated begin.
    pub start: SimTime,
    /// No operation begins after it, and all but the last flushes are over by it.
    pub end: SimTime,
    /// Spans to write from `start` to `end`, spread evenly; `None`: go on at `rate`.
    pub spans: Option<u64>,
    /// Calls to make, and of these, spread evenly, so many that fail; `None`: as many as there is time for, and as they
    /// come.
    pub calls: Option<(u64, u64)>,
    /// Operations a simulated second, over all hosts, where `spans` doesn't say.
    pub rate: f64,
    /// Log lines for each span, over all.
    pub lines_per_span: f64,
    /// Share of operations that take 10 to 60 minutes.
    pub long_share: f64,
    /// Share of operations whose task's own span is never written.
    pub rootless_share: f64,
    /// Share of flushes that do not come, so that spans are written late.
    pub late_share: f64,
    /// Share of the time in which a second observer writes every span again.
    pub doubled_share: f64,
    /// Mean microseconds between restarts of each service of each host; `None`: no restarts.
    pub restarts: Option<u64>,
    /// Whether the tracer's own spans are written, as XAPI does.
    pub tracer_spans: bool,
    /// Whether `audit.log` is written too.
    pub audit: bool,
    /// What the bracket's second field holds.
    pub f2: F2,
    /// The logs' zone.
    pub zone: Zone,
    /// `export_interval`, in microseconds.
    pub flush_interval: u64,
    /// `max_observer_file_size`, in bytes.
    pub file_size: u64,
    /// How full trace files are compressed.
    pub compression: Compression,
    /// Microseconds from the creation of a `.zst` (and the original's removal) until it is whole. Below
    /// `flush_interval`.
    pub compression_delay: u64,
    /// `export-chunk-size`: spans in one line of a trace file.
    pub chunk: usize,
    /// Who rotates the logs.
    pub rotation: Rotation,
    /// Microseconds for which lines still go to the renamed file.
    pub rotation_linger: u64,
    /// Rotated siblings kept.
    pub keep: u32,
    /// Whether a ledger is kept; it takes about 100 bytes of memory for each span and line.
    pub ledger: bool,
    /// Give files the simulated time as mtime when they are left: for corpora written in no time.
    pub set_times: bool,
}

impl Default for Options {
    /// One busy XCP-ng 8.3 host, from now on without an end.
    fn default() -> Self {
        Self {
            seed: 1,
            hosts: 1,
            start: SimTime::from_seconds(1_772_400_000),
            end: SimTime::MAX,
            spans: None,
            calls: None,
            rate: 0.1,
            lines_per_span: 2.0,
            long_share: 0.06,
            rootless_share: 0.0,
            late_share: 0.0,
            doubled_share: 0.0,
            restarts: None,
            tracer_spans: true,
            audit: false,
            f2: F2::Empty,
            zone: Zone::Fixed(0),
            flush_interval: 30 * SECOND,
            file_size: 1 << 20,
            compression: Compression::Library,
            compression_delay: 0,
            chunk: 10_000,
            rotation: Rotation::Off,
            rotation_linger: 0,
            keep: 30,
            ledger: true,
            set_times: false,
        }
    }
}

impl Options {
    /// A corpus of about this many spans and lines, as of `hours` before `end`.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "a ratio")]
    pub fn bulk(seed: u64, spans: u64, lines: u64, hours: u64, end: SimTime) -> Self {
        Self {
            seed,
            start: end.minus(hours * 3600 * SECOND),
            end,
            spans: Some(spans),
            lines_per_span: lines as f64 / spans.max(1) as f64,
            set_times: true,
            ..Self::default()
        }
    }

    /// With everything that makes joining hard: late, doubled and missing spans, restarts.
    #[must_use]
    pub fn adverse(self) -> Self {
        Self {
            rootless_share: 0.03,
            late_share: 0.1,
            doubled_share: 0.2,
            restarts: Some(3600 * SECOND),
            ..self
        }
    }
}
