//! Timestamps as text.
//!
//! For: reading the four forms that occur. `Mmm dd HH:MM:SS` (rsyslog's traditional template), RFC 3339 (its other
//! one), `YYYYMMDDTHH:MM:SS.mmmZ` (inside the bracket, xen-api `ocaml/libs/log/debug.ml`), and, for configured
//! formats, seconds since the epoch. Promises: no zone and no year is added here. Leaves to others: what second it was
//! (`clock`).

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use model::NANOS_PER_SECOND;

/// A timestamp as its text says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// Local time without a year, in whole seconds.
    Yearless {
        /// 1 to 12.
        month: u8,
        /// 1 to 31; not checked against the month, as the year is unknown.
        day: u8,
        /// The time of day.
        time: NaiveTime,
    },
    /// Local time with a year.
    Local {
        /// Date and time, in whole seconds.
        second: NaiveDateTime,
        /// The rest.
        fraction: Fraction,
    },
    /// A moment.
    Absolute {
        /// Seconds since the epoch.
        second: i64,
        /// The rest.
        fraction: Fraction,
    },
}

/// What stands after the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fraction {
    /// Nanoseconds into the second.
    pub nanos: u32,
    /// The unit of the last digit, in nanoseconds: 10⁹ without digits, 10⁶ with three.
    pub unit: u32,
}

impl Fraction {
    /// No digits after the second.
    pub const NONE: Self = Self { nanos: 0, unit: 1_000_000_000 };

    /// Reads `.123` or `,123` off the front; digits after the ninth are passed over.
    fn take(text: &mut &[u8]) -> Self {
        let Some(b'.' | b',') = text.first() else { return Self::NONE };
        let digits = text.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count();
        let mut fraction = Self::NONE;
        for digit in text.iter().skip(1).take(digits.min(9)) {
            fraction.unit /= 10;
            fraction.nanos += u32::from(digit - b'0') * fraction.unit;
        }
        if digits > 0 {
            *text = text.get(1 + digits..).unwrap_or_default();
        }
        fraction
    }
}

impl Stamp {
    /// The unit of the text, in nanoseconds.
    #[must_use]
    pub fn fraction(&self) -> Fraction {
        match self {
            Self::Yearless { .. } => Fraction::NONE,
            Self::Local { fraction, .. } | Self::Absolute { fraction, .. } => *fraction,
        }
    }

    /// Reads a timestamp off the front of a line: the text, what it says, and what follows its blank.
    #[must_use]
    pub fn take(line: &[u8]) -> Option<(&[u8], Self, &[u8])> {
        if line.first()?.is_ascii_alphabetic() {
            let (text, rest) = line.split_at_checked(TRADITIONAL)?;
            let rest = if rest.is_empty() { rest } else { rest.strip_prefix(b" ")? };
            return Some((text, traditional(text)?, rest));
        }
        let end = memchr::memchr(b' ', line).unwrap_or(line.len());
        let (text, rest) = line.split_at_checked(end)?;
        Some((text, iso(text)?, rest.strip_prefix(b" ").unwrap_or(rest)))
    }

    /// Reads a text that is a timestamp and nothing else, in any of the forms.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        traditional(text).or_else(|| iso(text)).or_else(|| epoch(text))
    }
}

/// The length of `Mmm dd HH:MM:SS`.
const TRADITIONAL: usize = 15;

fn traditional(text: &[u8]) -> Option<Stamp> {
    let (&month, rest) = text.split_first_chunk::<3>()?;
    let (&[b' ', tens, ones, b' '], rest) = rest.split_first_chunk::<4>()? else { return None };
    let tens = if tens == b' ' { b'0' } else { tens };
    let day = two([tens, ones]).filter(|day| (1..=31).contains(day))?;
    let (time, rest) = time_of_day(rest)?;
    rest.is_empty().then_some(Stamp::Yearless { month: month_number(month)?, day, time })
}

fn month_number(name: [u8; 3]) -> Option<u8> {
    Some(match &name {
        b"Jan" => 1,
        b"Feb" => 2,
        b"Mar" => 3,
        b"Apr" => 4,
        b"May" => 5,
        b"Jun" => 6,
        b"Jul" => 7,
        b"Aug" => 8,
        b"Sep" => 9,
        b"Oct" => 10,
        b"Nov" => 11,
        b"Dec" => 12,
        _ => return None,
    })
}

fn two(digits: [u8; 2]) -> Option<u8> {
    let [tens, ones] = digits;
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| (tens - b'0') * 10 + (ones - b'0'))
}

/// `HH:MM:SS`, and what follows. A leap second is the second before it.
fn time_of_day(text: &[u8]) -> Option<(NaiveTime, &[u8])> {
    let (&[h1, h2, b':', m1, m2, b':', s1, s2], rest) = text.split_first_chunk::<8>()? else { return None };
    let second = two([s1, s2]).filter(|second| *second <= 60)?.min(59);
    let (hour, minute) = (two([h1, h2])?, two([m1, m2])?);
    Some((NaiveTime::from_hms_opt(hour.into(), minute.into(), second.into())?, rest))
}

/// `YYYY-MM-DD` or `YYYYMMDD`, and what follows.
fn date(text: &[u8]) -> Option<(NaiveDate, &[u8])> {
    let (&[y1, y2, y3, y4], rest) = text.split_first_chunk::<4>()?;
    let year = i32::from(two([y1, y2])?) * 100 + i32::from(two([y3, y4])?);
    let (month, day, rest) = match rest {
        [b'-', m1, m2, b'-', d1, d2, rest @ ..] | [m1, m2, d1, d2, rest @ ..] => {
            (two([*m1, *m2])?, two([*d1, *d2])?, rest)
        }
        _ => return None,
    };
    Some((NaiveDate::from_ymd_opt(year, month.into(), day.into())?, rest))
}

/// RFC 3339 and the compact form; without a zone it is local time.
fn iso(text: &[u8]) -> Option<Stamp> {
    let (date, rest) = date(text)?;
    let rest = rest.strip_prefix(b"T").or_else(|| rest.strip_prefix(b" "))?;
    let (time, mut rest) = time_of_day(rest)?;
    let fraction = Fraction::take(&mut rest);
    let second = date.and_time(time);
    if rest.is_empty() {
        return Some(Stamp::Local { second, fraction });
    }
    Some(Stamp::Absolute { second: second.and_utc().timestamp() - offset(rest)?, fraction })
}

/// `Z`, `±HH:MM` or `±HHMM`: seconds east of Greenwich.
fn offset(text: &[u8]) -> Option<i64> {
    let (sign, digits) = match text {
        b"Z" | b"z" => return Some(0),
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let (h1, h2, m1, m2) = match digits {
        [h1, h2, b':', m1, m2] | [h1, h2, m1, m2] => (*h1, *h2, *m1, *m2),
        _ => return None,
    };
    let (hours, minutes) = (two([h1, h2])?, two([m1, m2])?);
    (hours < 24 && minutes < 60).then(|| sign * (i64::from(hours) * 3600 + i64::from(minutes) * 60))
}

/// Seconds since the epoch with at most nine digits after the point.
fn epoch(text: &[u8]) -> Option<Stamp> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (seconds, mut rest) = text.split_at_checked(digits)?;
    let second: i64 = std::str::from_utf8(seconds).ok()?.parse().ok()?;
    let fraction = Fraction::take(&mut rest);
    let latest = i64::try_from(u64::MAX / NANOS_PER_SECOND).unwrap_or(i64::MAX);
    (rest.is_empty() && second <= latest).then_some(Stamp::Absolute { second, fraction })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<String> {
        Stamp::parse(text.as_bytes()).map(|stamp| match stamp {
            Stamp::Yearless { month, day, time } => format!("{month}/{day} {time}"),
            Stamp::Local { second, fraction } => {
                format!("{second} local {}/{}", fraction.nanos, fraction.unit)
            }
            Stamp::Absolute { second, fraction } => format!("{second} {}/{}", fraction.nanos, fraction.unit),
        })
    }

    #[test]
    fn forms() {
        let cases = [
            ("Jun 10 13:32:30", "6/10 13:32:30"),
            ("Mar  1 00:40:12", "3/1 00:40:12"),
            ("Feb 29 23:59:60", "2/29 23:59:59"),
            ("2026-04-30T20:26:40+02:00", "1777573600 0/1000000000"),
            ("2026-04-30T20:26:40.123456+0200", "1777573600 123456000/1000"),
            ("2026-04-30T18:26:40.1234567891Z", "1777573600 123456789/1"),
            ("2026-04-30 20:26:40,250", "2026-04-30 20:26:40 local 250000000/1000000"),
            ("20131206T15:47:12.089Z", "1386344832 89000000/1000000"),
            ("1777573600.5", "1777573600 500000000/100000000"),
            ("0", "0 0/1000000000"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_timestamp() {
        let cases = [
            "",
            "Jun",
            "Jun 10 13:32",
            "Jux 10 13:32:30",
            "Jun 32 13:32:30",
            "Jun  0 13:32:30",
            "Jun 10 24:32:30",
            "Jun 10 13:32:61",
            "Jun 10 13:32:30x",
            "2026-02-30T00:00:00Z",
            "2026-02-20T00:00:00+25:00",
            "2026-02-20T00:00:00.",
            "2026-02-20T00:00:00 Z",
            "99999999999999999999",
            "18446744074",
            "12x",
        ];
        for text in cases {
            assert_eq!(shown(text), None, "{text}");
        }
    }

    #[test]
    fn it_is_taken_off_a_line() {
        let (text, _, rest) = Stamp::take(b"Jun 10 13:32:30 host xapi: x").unwrap();
        assert_eq!((text, rest), (b"Jun 10 13:32:30".as_slice(), b"host xapi: x".as_slice()));
        let (text, _, rest) = Stamp::take(b"2026-04-30T20:26:40Z host").unwrap();
        assert_eq!((text, rest), (b"2026-04-30T20:26:40Z".as_slice(), b"host".as_slice()));
        assert_eq!(Stamp::take(b"Jun 10 13:32:30host"), None);
    }
}
