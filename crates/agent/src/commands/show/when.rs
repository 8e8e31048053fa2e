//! Times as people write them.

use chrono::{DateTime, NaiveDate, NaiveDateTime};

/// Reads `2026-03-01T20:46:15Z`, `2026-03-01 20:46:15`, `2026-03-01 20:46` and `2026-03-01`, in UTC where the text says no
/// zone. Nanoseconds since the epoch.
///
/// # Errors
/// What is allowed.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let zoned = DateTime::parse_from_rfc3339(text).map(|time| time.to_utc());
    let plain = || {
        let forms = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"];
        let time = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
        let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0);
        time.or_else(day).map(|time| time.and_utc())
    };
    let nanos = zoned.ok().or_else(plain).and_then(|time| time.timestamp_nanos_opt());
    nanos.and_then(|nanos| u64::try_from(nanos).ok()).ok_or_else(|| {
        "expected a time such as 2026-03-01, \"2026-03-01 20:46\" or 2026-03-01T20:46:15+01:00; without a zone it is UTC"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn times_read_as_people_write_them() {
        let second = 1_772_397_975_u64;
        for (text, expected) in [
            ("2026-03-01T20:46:15Z", Some(second)),
            ("2026-03-01T21:46:15+01:00", Some(second)),
            ("2026-03-01 20:46:15", Some(second)),
            ("2026-03-01T20:46", Some(second - 15)),
            ("2026-03-01 20:46", Some(second - 15)),
            ("2026-03-01", Some(second - 15 - 46 * 60 - 20 * 3600)),
            ("yesterday", None),
            ("2026-13-01", None),
            ("1969-01-01", None),
        ] {
            assert_eq!(parse(text).ok(), expected.map(|second| second * 1_000_000_000), "{text}");
        }
    }
}
