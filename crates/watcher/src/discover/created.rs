//! The creation time in a trace file's name.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// Nanoseconds since the epoch of the RFC 3339 time that ends the stem `…-2026-02-19T20:46:15.393923-00:00.ndjson`
/// (xen-api, `ocaml/libs/tracing/tracing_export.ml`; the Python exporter writes `+00:00`). `None`: there is none.
pub(crate) fn created_unix_nano(stem: &OsStr) -> Option<u64> {
    let name = stem.as_bytes();
    let t = name.iter().rposition(|&byte| byte == b'T')?;
    let date = std::str::from_utf8(name.get(t.checked_sub(10)?..t)?).ok()?;
    let time = std::str::from_utf8(name.get(t + 1..)?).ok()?;
    let [year, month, day] = numbers(date.split('-'))?;
    let [hour, minute, second] = numbers(time.get(..8)?.split(':'))?;
    let seconds = days(year, month, day)? * 86_400 + hour * 3600 + minute * 60 + second;
    u64::try_from(seconds).ok()?.checked_mul(1_000_000_000)?.checked_add(fraction(time.get(8..)?))
}

fn numbers<'a>(mut parts: impl Iterator<Item = &'a str>) -> Option<[i64; 3]> {
    let mut next = || parts.next()?.parse().ok();
    Some([next()?, next()?, next()?])
}

/// `.393923-00:00` → 393,923,000.
fn fraction(text: &str) -> u64 {
    let digits = text.strip_prefix('.').unwrap_or_default().bytes().take_while(u8::is_ascii_digit).take(9);
    let (value, count) =
        digits.fold((0, 0), |(value, n), digit| (value * 10 + u64::from(digit - b'0'), n + 1));
    value * 10u64.pow(9 - count)
}

/// Days since the epoch, in the proleptic Gregorian calendar: years counted from March.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    Some(year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_at_the_end_of_the_name_is_read() {
        let uuid = "6e7e2f49-3168-465e-a22c-93f68f1c31ab";
        for (name, expected) in [
            (format!("xapi-{uuid}-2026-02-19T20:46:15.393923-00:00.ndjson"), Some(1_771_533_975_393_923_000)),
            (
                format!("smapi-{uuid}-unknown-2026-11-21T01:48:34.485470+00:00.ndjson"),
                Some(1_795_225_714_485_470_000),
            ),
            ("a-1970-01-01T00:00:01Z.json".to_owned(), Some(1_000_000_000)),
            ("a-2000-02-29T00:00:00.5Z.json".to_owned(), Some(951_782_400_500_000_000)),
            ("a-2026-13-01T00:00:00Z.json".to_owned(), None),
            ("Tuesday.ndjson".to_owned(), None),
            ("T".to_owned(), None),
            ("none.ndjson".to_owned(), None),
        ] {
            assert_eq!(created_unix_nano(OsStr::new(&name)), expected, "{name}");
        }
    }
}
