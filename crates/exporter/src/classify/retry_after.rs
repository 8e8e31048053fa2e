//! The header `Retry-After` (RFC 9110 §10.2.3): seconds, or an HTTP date in any of its three forms.

use std::time::{Duration, UNIX_EPOCH};

use model::Now;

/// The longest a server may make us wait.
pub const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// When the server wants to be asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// After this time from now.
    In(Duration),
    /// At this wall-clock second since the epoch; a time before it counts as 0.
    At(u64),
}

impl RetryAfter {
    /// Reads the header's value; `None` for anything that is neither seconds nor a date.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let value = value.trim();
        if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
            // More digits than fit is a very long time, not garbage.
            let seconds = value.parse().unwrap_or(u64::MAX);
            return Some(Self::In(Duration::from_secs(seconds)));
        }
        let date = httpdate::parse_http_date(value).ok()?;
        Some(Self::At(date.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())))
    }

    /// The time to wait from `now` on, at most [`LONGEST_WAIT`]; zero for a date that is over.
    #[must_use]
    pub fn delay(self, now: Now) -> Duration {
        let wait = match self {
            Self::In(wait) => wait,
            Self::At(at) => {
                let at = Duration::from_secs(at);
                at.saturating_sub(Duration::from_nanos(now.wall_unix_nano))
            }
        };
        wait.min(LONGEST_WAIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1994-11-06T08:49:37Z, the RFC's own example.
    const EXAMPLE: u64 = 784_111_777;

    #[test]
    fn reads_seconds_and_dates_and_nothing_else() {
        let cases = [
            ("3", Some(RetryAfter::In(Duration::from_secs(3)))),
            (" 120 ", Some(RetryAfter::In(Duration::from_secs(120)))),
            ("99999999999999999999999", Some(RetryAfter::In(Duration::from_secs(u64::MAX)))),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(RetryAfter::At(EXAMPLE))),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(RetryAfter::At(EXAMPLE))),
            ("Sun Nov  6 08:49:37 1994", Some(RetryAfter::At(EXAMPLE))),
            ("", None),
            ("-3", None),
            ("1.5", None),
            ("soon", None),
            ("Sun, 99 Nov 1994", None),
        ];
        for (value, expected) in cases {
            assert_eq!(RetryAfter::parse(value), expected, "{value:?}");
        }
    }

    #[test]
    fn waits_no_longer_than_the_cap_and_never_before_the_date() {
        let now = Now { mono: Duration::ZERO, wall_unix_nano: (EXAMPLE - 5) * 1_000_000_000 + 500_000_000 };
        let cases = [
            (RetryAfter::In(Duration::from_secs(3)), Duration::from_secs(3)),
            (RetryAfter::In(Duration::from_secs(31_536_000)), LONGEST_WAIT),
            (RetryAfter::At(EXAMPLE), Duration::from_millis(4_500)),
            (RetryAfter::At(EXAMPLE - 60), Duration::ZERO),
            (RetryAfter::At(EXAMPLE + 31_536_000), LONGEST_WAIT),
        ];
        for (after, expected) in cases {
            assert_eq!(after.delay(now), expected, "{after:?}");
        }
    }
}
