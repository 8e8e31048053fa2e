//! What the correlator may use.

use std::time::Duration;

/// Bounds and the wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How old a line may get before it goes without its trace. Zero: nothing is held, and each line goes with what is
    /// known when it is read.
    pub wait: Duration,
    /// What held lines may take before [`super::Correlator::is_full`]; a bound for the caller, which stops reading.
    pub held_bytes: usize,
    /// What the index of tasks takes at most; some 60 bytes a task.
    pub task_bytes: usize,
    /// What the spans that were seen lately take at most; some 80 bytes a span.
    pub span_bytes: usize,
}

impl Default for Settings {
    /// 75 s, and 24 MiB in all: room for 200,000 open tasks and 75,000 spans.
    fn default() -> Self {
        Self { wait: Duration::from_secs(75), held_bytes: 6 << 20, task_bytes: 12 << 20, span_bytes: 6 << 20 }
    }
}

impl Settings {
    /// The same wait, with its bounds scaled so that all together take `bytes`.
    #[must_use]
    pub fn within(wait: Duration, bytes: usize) -> Self {
        let quarter = bytes / 4;
        Self { wait, held_bytes: quarter, task_bytes: bytes - 2 * quarter, span_bytes: quarter }
    }
}
