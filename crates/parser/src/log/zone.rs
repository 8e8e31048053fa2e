//! Time zones: what local time is which second.
//!
//! Zones by name are those of the IANA database as jiff carries it: 0.2 MB of it, where chrono-tz's tables took 1.6 MB of the
//! program.

use chrono::offset::MappedLocalTime;
use chrono::{DateTime, FixedOffset, NaiveDateTime, Offset, TimeDelta, TimeZone as _};
use jiff::Timestamp;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use std::fmt;
use std::sync::{LazyLock, Mutex, PoisonError};

/// The zone in which a log's timestamps are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Zone {
    /// The host's own: `TZ`, else `/etc/localtime`.
    #[default]
    Local,
    /// A zone of the IANA database.
    Named(Iana),
    /// Always the same distance from Greenwich.
    Fixed(FixedOffset),
}

/// A zone of the IANA database. Shown as its name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Iana(&'static TimeZone);

static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The zones that were asked for. They stay: a program knows one or two, and the database keeps what it has read as well.
static ASKED: Mutex<Vec<Iana>> = Mutex::new(Vec::new());

impl Iana {
    /// The zone of this name; upper and lower case are the same.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        // jiff has a zone of its own, for when the system does not tell its zone.
        let zone = DATABASE.get(name).ok().filter(|zone| !zone.is_unknown())?;
        let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = asked.iter().find(|known| known.0.iana_name() == zone.iana_name()) {
            return Some(*known);
        }
        let zone = Self(Box::leak(Box::new(zone)));
        asked.push(zone);
        Some(zone)
    }

    /// The first zone, by name, that has each of these offsets, in seconds east of Greenwich, at its second.
    #[must_use]
    pub fn with_offsets(wanted: &[(i64, i64)]) -> Option<Self> {
        let fits = |name: &str| {
            let zone = DATABASE.get(name).ok()?;
            let all = wanted.iter().all(|(unix, offset)| offset_of(&zone, *unix) == Some(*offset));
            all.then(|| Self::named(name)).flatten()
        };
        DATABASE.available().find_map(|name| fits(name.as_str()))
    }

    /// The offsets that a local time has, which is given as the second that it were in Greenwich.
    fn offsets(self, wall: i64) -> Option<MappedLocalTime<i64>> {
        let local = jiff::tz::Offset::UTC.to_datetime(Timestamp::from_second(wall).ok()?);
        let seconds = |offset: jiff::tz::Offset| i64::from(offset.seconds());
        Some(match self.0.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => MappedLocalTime::Single(seconds(offset)),
            AmbiguousOffset::Fold { before, after } => {
                MappedLocalTime::Ambiguous(seconds(before), seconds(after))
            }
            AmbiguousOffset::Gap { before, .. } => MappedLocalTime::Single(seconds(before)),
        })
    }
}

fn offset_of(zone: &TimeZone, unix: i64) -> Option<i64> {
    Some(zone.to_offset(Timestamp::from_second(unix).ok()?).seconds().into())
}

impl fmt::Display for Iana {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.iana_name().unwrap_or_default())
    }
}

impl fmt::Debug for Iana {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
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
        Iana::named(text).map(Self::Named).or_else(|| text.parse().map(Self::Fixed).ok())
    }

    /// Seconds east of Greenwich at a second; 0 outside of the calendar.
    #[must_use]
    pub fn offset_at(&self, unix: i64) -> i64 {
        match self {
            Self::Local => {
                let utc = DateTime::from_timestamp(unix, 0).unwrap_or_default().naive_utc();
                chrono::Local.offset_from_utc_datetime(&utc).fix().local_minus_utc().into()
            }
            Self::Named(zone) => offset_of(zone.0, unix).unwrap_or(0),
            Self::Fixed(offset) => offset.local_minus_utc().into(),
        }
    }

    /// The second of a local time, which is given as the second that it were in Greenwich. Of two, the first; one that was
    /// skipped is read with the offset from before.
    #[must_use]
    pub fn first_second(&self, wall: i64) -> i64 {
        let local = DateTime::from_timestamp(wall, 0).unwrap_or_default().naive_utc();
        match self.seconds(local) {
            Seconds::One(second) | Seconds::Twice(second, _) => second,
        }
    }

    /// The local time at a second; `None` outside of the calendar.
    pub(crate) fn local(&self, unix: i64) -> Option<NaiveDateTime> {
        let utc = DateTime::from_timestamp(unix, 0)?.naive_utc();
        utc.checked_add_signed(TimeDelta::seconds(self.offset_at(unix)))
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
        match self {
            Self::Local => chrono::Local
                .offset_from_local_datetime(&local)
                .map(|offset| i64::from(offset.local_minus_utc())),
            Self::Named(zone) => {
                zone.offsets(local.and_utc().timestamp()).unwrap_or(MappedLocalTime::Single(0))
            }
            Self::Fixed(offset) => MappedLocalTime::Single(i64::from(offset.local_minus_utc())),
        }
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
    fn a_zone_is_found_by_its_offsets() {
        // 2026-01-15 and 2026-07-15, at noon.
        let (winter, summer) = (1_768_478_400, 1_784_116_800);
        let zone = Iana::with_offsets(&[(winter, 3600), (summer, 7200)]).map(Zone::Named).unwrap();
        assert_eq!((zone.offset_at(winter), zone.offset_at(summer)), (3600, 7200), "{zone:?}");
        assert_eq!(Iana::with_offsets(&[(winter, 1)]), None);
    }

    /// Rules go on behind the last change that the database lists.
    #[test]
    fn summer_time_of_later_years() {
        let zone = Zone::parse("Europe/Paris").unwrap();
        assert_eq!((zone.offset_at(2_540_000_000), zone.offset_at(2_556_000_000)), (7200, 3600));
    }

    #[test]
    fn names_are_shown_as_the_database_has_them() {
        assert_eq!(Iana::named("europe/PARIS").unwrap().to_string(), "Europe/Paris");
        assert_eq!(Iana::named("UTC"), Iana::named("utc"));
    }

    #[test]
    fn names_that_are_no_zone() {
        for text in ["", "Mars/Olympus", "Etc/Unknown", "25:00"] {
            assert_eq!(Zone::parse(text), None, "{text}");
        }
    }
}
