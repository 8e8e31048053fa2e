//! Which second a line was written in.
//!
//! For: turning timestamps that lack the year, the zone and, in one hour of the year, half of what tells the time,
//! into seconds since the epoch. Promises: the answer depends on the text, the zone and one [`TimeMark`] alone, so
//! that a reader that starts in mid-file with the mark that stood there gives every line the same time as before.
//! Leaves to others: keeping the mark beside the position in the file.
//!
//! - Year: the one that puts the line nearest to the line before it; for the first, nearest to the file's
//!   modification time and at most a day after it.
//! - The repeated hour at the end of summer time: the first pass until local time steps back, then the second. A step
//!   back of at most [`JITTER_SECONDS`] is no such step: programs stamp their lines themselves, and two of them may
//!   swap at the edge of a second.
//! - The skipped hour at its beginning: read with the offset from before.

use super::stamp::{Fraction, Stamp};
use super::zone::{Seconds, Zone};
use chrono::{Datelike, NaiveDate, NaiveDateTime};
use model::NANOS_PER_SECOND;

/// How far lines of one log may stand behind the line before them without that being the end of summer time.
const JITTER_SECONDS: i64 = 2;

/// How far after a file's modification time its first line may be.
const AFTER_MODIFICATION_SECONDS: i64 = 86_400;

/// What is known of time before a line: the second of the line before it, or nothing.
///
/// Kept with a position in a file; as a number, 0 is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeMark(u64);

impl TimeMark {
    /// Nothing is known: the stream's first line.
    pub const NONE: Self = Self(0);

    fn at(second: i64) -> Self {
        Self(u64::try_from(second).map_or(1, |second| second + 1))
    }

    /// Seconds since the epoch of the line before.
    #[must_use]
    pub fn second(self) -> Option<i64> {
        self.0.checked_sub(1).and_then(|second| i64::try_from(second).ok())
    }
}

impl From<u64> for TimeMark {
    fn from(number: u64) -> Self {
        Self(number)
    }
}

impl From<TimeMark> for u64 {
    fn from(mark: TimeMark) -> Self {
        mark.0
    }
}

/// A line's time: the unit of time in which it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineTime {
    /// Seconds since the epoch; never before it.
    pub second: i64,
    /// Nanoseconds into the second at which the unit begins, and the unit.
    pub fraction: Fraction,
}

impl LineTime {
    fn new(second: i64, fraction: Fraction) -> Self {
        Self { second: second.max(0), fraction }
    }

    /// The time with the line's place in its file as what the text leaves open: `start` modulo the unit.
    #[must_use]
    pub fn with_place(&self, start: u64) -> u64 {
        let unit = u64::from(self.fraction.unit.max(1));
        let second = u64::try_from(self.second).unwrap_or(0);
        second.saturating_mul(NANOS_PER_SECOND).saturating_add(u64::from(self.fraction.nanos) + start % unit)
    }
}

/// The time of one stream of lines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    mark: TimeMark,
    modified_unix: i64,
    /// The last answer: most lines share their second with the line before. Holds only while `mark` is its second.
    last: Option<(Stamp, LineTime)>,
}

impl Clock {
    pub(crate) fn new(modified_unix: i64) -> Self {
        Self { mark: TimeMark::NONE, modified_unix, last: None }
    }

    pub(crate) fn mark(&self) -> TimeMark {
        self.mark
    }

    pub(crate) fn restore(&mut self, mark: TimeMark) {
        self.mark = mark;
        self.last = None;
    }

    /// The time of the next line; of a line without a timestamp, that of the line before it.
    pub(crate) fn read(&mut self, stamp: Option<Stamp>, zone: &Zone) -> LineTime {
        let Some(stamp) = stamp else { return LineTime::new(self.reference(), Fraction::NONE) };
        if let Some((known, time)) = self.last
            && known == stamp
            && self.mark.second() == Some(time.second)
        {
            return time;
        }
        let time = LineTime::new(self.second(stamp, zone), stamp.fraction());
        self.mark = TimeMark::at(time.second);
        self.last = Some((stamp, time));
        time
    }

    /// The moment near which the next line is expected.
    fn reference(&self) -> i64 {
        self.mark.second().unwrap_or(self.modified_unix)
    }

    fn second(&self, stamp: Stamp, zone: &Zone) -> i64 {
        match stamp {
            Stamp::Absolute { second, .. } => second,
            Stamp::Local { second, .. } => self.pass(second, zone),
            Stamp::Yearless { month, day, time } => self.nearest(month, day, time, zone),
        }
    }

    /// Tries the years around the reference, the nearest first. A day that no near year has (30 February) is read as
    /// the reference itself.
    fn nearest(&self, month: u8, day: u8, time: chrono::NaiveTime, zone: &Zone) -> i64 {
        let reference = self.reference();
        let Some(here) = zone.local(reference) else { return reference };
        // 29 February may be eight years away: 1900 and 2100 have none.
        let reach = if (month, day) == (2, 29) { 8 } else { 1 };
        let latest = reference.saturating_add(AFTER_MODIFICATION_SECONDS);
        let dates = (-reach..=reach)
            .filter_map(|years| NaiveDate::from_ymd_opt(here.year() + years, month.into(), day.into()))
            .map(|date| date.and_time(time))
            .map(|local| (local.signed_duration_since(here).num_seconds().abs(), self.pass(local, zone)))
            .filter(|(_, second)| self.mark != TimeMark::NONE || *second <= latest);
        dates.min_by_key(|(distance, _)| *distance).map_or(reference, |(_, second)| second)
    }

    /// The second of a local time, in the pass of the repeated hour that the line before is in.
    fn pass(&self, local: NaiveDateTime, zone: &Zone) -> i64 {
        match zone.seconds(local) {
            Seconds::One(second) => second,
            Seconds::Twice(first, second) if self.in_second_pass(local, first, second, zone) => second,
            Seconds::Twice(first, _) => first,
        }
    }

    fn in_second_pass(&self, local: NaiveDateTime, first: i64, second: i64, zone: &Zone) -> bool {
        let Some(before) = self.mark.second() else { return false };
        let offset_before = zone.local(before).map(|there| there.and_utc().timestamp() - before);
        let offset_second = local.and_utc().timestamp() - second;
        let already = before >= first && offset_before == Some(offset_second);
        let stepped_back = before - first > JITTER_SECONDS && before < second;
        already || stepped_back
    }
}
