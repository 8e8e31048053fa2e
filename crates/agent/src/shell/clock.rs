//! The one place where clocks are read.

use model::Now;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Both clocks; the monotonic one counts from its making.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the shell is where the clock is read")]
    pub(crate) fn start() -> Self {
        Self { start: Instant::now() }
    }

    #[expect(clippy::disallowed_methods, reason = "the shell is where the clock is read")]
    pub(crate) fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { mono: self.start.elapsed(), wall_unix_nano: u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX) }
    }
}

/// Microseconds of the system's monotonic clock, which systemd compares with its own.
pub(crate) fn boot_micros() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1000)
}
