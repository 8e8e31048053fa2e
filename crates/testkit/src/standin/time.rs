//! Simulated time, and the ways XAPI and rsyslog write it.

use chrono::{DateTime, FixedOffset, Local, Offset, TimeZone, Utc};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Microseconds in a second.
pub const SECOND: u64 = 1_000_000;
/// Microseconds in a millisecond.
pub const MILLI: u64 = 1_000;

/// A moment: microseconds since the epoch, simulated or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SimTime(pub u64);

impl SimTime {
    /// The end of time.
    pub const MAX: Self = Self(u64::MAX);

    /// This many seconds after the epoch.
    #[must_use]
    pub fn from_seconds(seconds: u64) -> Self {
        Self(seconds * SECOND)
    }

    /// The machine's clock.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "the stand-in is a program of its own and has a clock")]
    pub fn now() -> Self {
        Self::from(SystemTime::now())
    }

    /// Later by this many microseconds.
    #[must_use]
    pub fn plus(self, micros: u64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// Earlier by this many microseconds, not before the epoch.
    #[must_use]
    pub fn minus(self, micros: u64) -> Self {
        Self(self.0.saturating_sub(micros))
    }

    /// Microseconds since `earlier`; 0 if that is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Whole seconds since the epoch.
    #[must_use]
    pub fn second(self) -> u64 {
        self.0 / SECOND
    }

    /// For file times.
    #[must_use]
    pub fn to_system(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_micros(self.0)
    }

    fn utc(self) -> DateTime<Utc> {
        i64::try_from(self.0).ok().and_then(DateTime::from_timestamp_micros).unwrap_or_default()
    }
}

impl From<SystemTime> for SimTime {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }
}

/// The zone of a host's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// As this process has it (`TZ`, `/etc/localtime`).
    Local,
    /// East of Greenwich, in seconds.
    Fixed(i32),
}

impl Zone {
    fn offset(self, at: DateTime<Utc>) -> FixedOffset {
        match self {
            Self::Local => Local.offset_from_utc_datetime(&at.naive_utc()).fix(),
            Self::Fixed(seconds) => FixedOffset::east_opt(seconds).unwrap_or_else(|| Utc.fix()),
        }
    }
}

/// `Mmm dd HH:MM:SS`, the day padded with a blank: rsyslog's traditional form.
#[must_use]
pub(super) fn syslog(at: SimTime, zone: Zone) -> String {
    let utc = at.utc();
    utc.with_timezone(&zone.offset(utc)).format("%b %e %H:%M:%S").to_string()
}

/// `2026-02-19T20:46:15.393923` and this zone: `-00:00` from OCaml's Ptime, `+00:00` from Python.
#[must_use]
pub(super) fn file_name(at: SimTime, zone: &str) -> String {
    format!("{}{zone}", at.utc().format("%Y-%m-%dT%H:%M:%S%.6f"))
}

/// `20260430T20:26:40.123Z`, as the bracket of an audit line has it.
#[must_use]
pub(super) fn bracket(at: SimTime) -> String {
    at.utc().format("%Y%m%dT%H:%M:%S%.3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::{SimTime, Zone, bracket, file_name, syslog};

    #[test]
    fn moments_are_written_as_each_program_does() {
        let at = SimTime(1_772_311_212_000_007);
        assert_eq!(syslog(at, Zone::Fixed(0)), "Feb 28 20:40:12");
        assert_eq!(syslog(at, Zone::Fixed(4 * 3600)), "Mar  1 00:40:12");
        assert_eq!(file_name(at, "-00:00"), "2026-02-28T20:40:12.000007-00:00");
        assert_eq!(bracket(at), "20260228T20:40:12.000Z");
    }
}
