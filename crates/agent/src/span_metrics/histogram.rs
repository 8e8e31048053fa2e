//! Durations in buckets.

use std::time::Duration;

/// Upper bounds in milliseconds. Up to 15 s they are the connector's own; above, XAPI's operations take minutes, and a
/// migration hours.
pub(super) const BOUNDS_MS: [f64; 22] = [
    2.0,
    4.0,
    6.0,
    8.0,
    10.0,
    50.0,
    100.0,
    200.0,
    400.0,
    800.0,
    1_000.0,
    1_400.0,
    2_000.0,
    5_000.0,
    10_000.0,
    15_000.0,
    30_000.0,
    60_000.0,
    120_000.0,
    300_000.0,
    900_000.0,
    3_600_000.0,
];

/// How many took how long.
#[derive(Clone, Debug, Default)]
pub(super) struct Histogram {
    /// One more than bounds: the last is what is above them all.
    pub(super) buckets: [u64; BOUNDS_MS.len() + 1],
    pub(super) sum_ms: f64,
    pub(super) count: u64,
}

impl Histogram {
    pub(super) fn observe(&mut self, duration: Duration) {
        let millis = millis(duration);
        let bucket = BOUNDS_MS.partition_point(|bound| *bound < millis);
        if let Some(bucket) = self.buckets.get_mut(bucket) {
            *bucket += 1;
        }
        self.sum_ms += millis;
        self.count += 1;
    }
}

pub(super) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
