//! Durations and times for people.

use chrono::{DateTime, Utc};

/// Three significant digits: `850 ns`, `12.3 ms`, `1.20 s`, `2m05s`, `3h07m`.
pub(crate) fn duration(nanos: u64) -> String {
    let seconds = nanos / 1_000_000_000;
    match seconds {
        0 if nanos < 1_000 => format!("{nanos} ns"),
        0 if nanos < 1_000_000 => digits(nanos, 1_000, "µs"),
        0 => digits(nanos, 1_000_000, "ms"),
        1..60 => digits(nanos, 1_000_000_000, "s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

fn digits(nanos: u64, unit: u64, name: &str) -> String {
    let (whole, rest) = (nanos / unit, nanos % unit);
    match whole {
        0..10 => format!("{whole}.{:02} {name}", rest * 100 / unit),
        10..100 => format!("{whole}.{} {name}", rest * 10 / unit),
        _ => format!("{whole} {name}"),
    }
}

fn time(unix_nano: u64) -> DateTime<Utc> {
    DateTime::from_timestamp_nanos(i64::try_from(unix_nano).unwrap_or(i64::MAX))
}

/// `20:46:15`, in UTC.
pub(crate) fn clock_time(unix_nano: u64) -> String {
    time(unix_nano).format("%H:%M:%S").to_string()
}

/// `2026-03-01 20:46:15 UTC`.
pub(crate) fn date_time(unix_nano: u64) -> String {
    time(unix_nano).format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits() {
        for (nanos, expected) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_500, "1.50 µs"),
            (31_200_000, "31.2 ms"),
            (999_999_999, "999 ms"),
            (14_249_000_000, "14.2 s"),
            (125_000_000_000, "2m05s"),
            (11_220_000_000_000, "3h07m"),
            (u64::MAX, "5124095h34m"),
        ] {
            assert_eq!(duration(nanos), expected);
        }
    }

    #[test]
    fn times_are_utc() {
        assert_eq!(clock_time(1_772_397_975_000_000_007), "20:46:15");
        assert_eq!(date_time(1_772_397_975_000_000_007), "2026-03-01 20:46:15 UTC");
        assert_eq!(date_time(0), "1970-01-01 00:00:00 UTC");
    }
}
