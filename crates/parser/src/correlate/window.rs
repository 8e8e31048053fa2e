//! The time in which a line was written.

use crate::evidence::LineEvidence;
use model::{NANOS_PER_MICRO, NANOS_PER_SECOND};

/// A stretch of time in nanoseconds since the epoch, the end not included: a line's whole second, or its finer unit
/// where the text has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its first nanosecond.
    pub start_unix_nano: i64,
    /// The first one after it.
    pub end_unix_nano: i64,
}

impl Window {
    /// The unit of time in which the line was written.
    #[must_use]
    pub fn of(line: &LineEvidence<'_>) -> Self {
        let second = line.second_unix.saturating_mul(NANOS_PER_SECOND as i64);
        let start = second.saturating_add(i64::from(line.second_nanos));
        Self {
            start_unix_nano: start,
            end_unix_nano: start.saturating_add(i64::from(line.unit_nanos.max(1))),
        }
    }

    /// Whether a span from `start_micros` to `end_micros` has time in common with it.
    ///
    /// A span that ends where the window begins has none, one without duration at that moment has.
    #[must_use]
    pub fn meets(&self, start_micros: u64, end_micros: u64) -> bool {
        let (start, end) = (nanos(start_micros), nanos(end_micros));
        start < self.end_unix_nano && (end > self.start_unix_nano || start >= self.start_unix_nano)
    }
}

fn nanos(micros: u64) -> i64 {
    i64::try_from(micros.saturating_mul(NANOS_PER_MICRO)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_meets_what_it_shares_time_with() {
        let second = Window { start_unix_nano: 5_000_000_000, end_unix_nano: 6_000_000_000 };
        let cases = [
            (5_000_000, 5_000_000, true),
            (4_000_000, 5_000_000, false),
            (4_000_000, 5_000_001, true),
            (5_999_999, 9_000_000, true),
            (6_000_000, 6_000_000, false),
            (0, u64::MAX, true),
        ];
        for (start, end, expected) in cases {
            assert_eq!(second.meets(start, end), expected, "{start} {end}");
        }
    }
}
