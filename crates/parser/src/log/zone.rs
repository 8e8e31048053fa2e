//! Time zones: what local time is which second.

use chrono::offset::MappedLocalTime;
use chrono::{DateTime, FixedOffset, NaiveDateTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;

/// The zone in which a log's timestamps are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Zone {
    /// The host's own: `TZ`, else `/etc/localtime`.
    #[default]
    Local,
    /// A zone of the IANA data base.
    Named(Tz),
    /// Always the same distance from Greenwich.
    Fixed(FixedOffset),
}

/// What second a local time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seconds {
    /// This one.
    One(i64),
    /// It comes twice, when summer time ends.
    Twice(i64, i64),
}

impl Zone {
    /// Reads `Europe/Paris`, `UTC`, `local` or `+02:00`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("local") {
            return Some(Self::Local);
        }
        text.parse().map(Self::Named).or_else(|_| text.parse().map(Self::Fixed)).ok()
    }

    /// The local time at a second; `None` outside of the calendar.
    pub(crate) fn local(&self, unix: i64) -> Option<NaiveDateTime> {
        let utc = DateTime::from_timestamp(unix, 0)?.naive_utc();
        let offset = match self {
            Self::Local => chrono::Local.offset_from_utc_datetime(&utc).fix(),
            Self::Named(zone) => zone.offset_from_utc_datetime(&utc).fix(),
            Self::Fixed(offset) => *offset,
        };
        utc.checked_add_offset(offset)
    }

    /// The second of a local time. One that was skipped, when summer time began, is read with the offset from before.
    pub(crate) fn seconds(&self, local: NaiveDateTime) -> Seconds {
        let wall = local.and_utc().timestamp();
        match self.offsets(local) {
            MappedLocalTime::Single(offset) => Seconds::One(wall - offset),
            MappedLocalTime::Ambiguous(a, b) => Seconds::Twice(wall - a.max(b), wall - a.min(b)),
            MappedLocalTime::None => Seconds::One(wall - self.offset_before(local)),
        }
    }

    fn offsets(&self, local: NaiveDateTime) -> MappedLocalTime<i64> {
        let offsets = match self {
            Self::Local => chrono::Local.offset_from_local_datetime(&local),
            Self::Named(zone) => zone.offset_from_local_datetime(&local).map(|offset| offset.fix()),
            Self::Fixed(offset) => MappedLocalTime::Single(*offset),
        };
        offsets.map(|offset| i64::from(offset.local_minus_utc()))
    }

    /// The offset that held before a gap. No gap is longer than a day: Samoa's of 2011.
    fn offset_before(&self, gap: NaiveDateTime) -> i64 {
        let earlier = |hours| gap.checked_sub_signed(TimeDelta::hours(hours));
        (1..=25).filter_map(earlier).find_map(|local| self.offsets(local).earliest()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(zone: &str, local: &str, expected: Seconds) {
        let local = NaiveDateTime::parse_from_str(local, "%Y-%m-%d %H:%M:%S").unwrap();
        assert_eq!(Zone::parse(zone).unwrap().seconds(local), expected, "{zone} {local}");
    }

    #[test]
    fn local_times() {
        check("UTC", "2026-04-30 18:26:40", Seconds::One(1_777_573_600));
        check("Europe/Paris", "2026-04-30 20:26:40", Seconds::One(1_777_573_600));
        check("+02:00", "2026-04-30 20:26:40", Seconds::One(1_777_573_600));
        // 2026-03-29 02:00 CET becomes 03:00 CEST; 02:30 is 01:30 UTC by the clock that was not put forward.
        check("Europe/Paris", "2026-03-29 02:30:00", Seconds::One(1_774_747_800));
        // 2026-10-25 03:00 CEST becomes 02:00 CET.
        check("Europe/Paris", "2026-10-25 02:30:00", Seconds::Twice(1_792_888_200, 1_792_891_800));
        // Half an hour.
        check("Australia/Lord_Howe", "2026-04-05 01:45:00", Seconds::Twice(1_775_313_900, 1_775_315_700));
        // A whole day that never was.
        check("Pacific/Apia", "2011-12-30 12:00:00", Seconds::One(1_325_282_400));
    }

    /// Every second is found again from its local time; the host's own zone, whatever it is, among them.
    #[test]
    fn there_and_back() {
        for name in ["local", "UTC", "Europe/Paris", "America/St_Johns", "Australia/Lord_Howe", "-03:30"] {
            let zone = Zone::parse(name).unwrap();
            for unix in (1_767_225_600..1_798_761_600).step_by(1_777) {
                let fits = match zone.seconds(zone.local(unix).unwrap()) {
                    Seconds::One(second) => second == unix,
                    Seconds::Twice(first, second) => first < second && (first == unix || second == unix),
                };
                assert!(fits, "{name} {unix}");
            }
        }
    }

    #[test]
    fn names_that_are_no_zone() {
        for text in ["", "Mars/Olympus", "25:00"] {
            assert_eq!(Zone::parse(text), None, "{text}");
        }
    }
}
