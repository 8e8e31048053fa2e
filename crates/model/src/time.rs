//! The clock, as it is passed in.

use std::time::Duration;

/// Nanoseconds in a microsecond.
pub const NANOS_PER_MICRO: u64 = 1_000;
/// Nanoseconds in a second.
pub const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// The two clocks, read once for each turn of a loop. No state machine reads a clock itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Since the program started; never goes back. For delays and deadlines.
    pub mono: Duration,
    /// Nanoseconds since the epoch; may jump. For comparing with times in the data.
    pub wall_unix_nano: u64,
}

impl Now {
    /// Wall-clock seconds since the epoch.
    #[must_use]
    pub fn unix_seconds(&self) -> u64 {
        self.wall_unix_nano / NANOS_PER_SECOND
    }
}
