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
    /// What the index of tasks takes at most; some 43 bytes a task.
    pub task_bytes: usize,
    /// What the spans that were seen lately take at most; some 80 bytes a span.
    pub span_bytes: usize,
}

impl Default for Settings {
    /// 75 s, and 16 MiB in all.
    fn default() -> Self {
        Self::within(Duration::from_secs(75), 16 << 20)
    }
}

impl Settings {
    /// This wait, and bounds that take `bytes` together. Of 16 MiB, 8.5 are for 200,000 open tasks, 3.5 for 45,000
    /// spans, 4 for held lines.
    #[must_use]
    pub fn within(wait: Duration, bytes: usize) -> Self {
        let (held_bytes, span_bytes) = (bytes / 4, bytes / 32 * 7);
        Self { wait, held_bytes, task_bytes: bytes - held_bytes - span_bytes, span_bytes }
    }
}
