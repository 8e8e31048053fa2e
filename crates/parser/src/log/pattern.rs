//! Lines that a configured regular expression takes apart.
//!
//! Groups called `time`, `severity` and `body` are those; all others become attributes under their own names, but
//! for `trace_id` and `span_id`, which give the line's trace context: attributes of those names would hide the
//! record's own in Loki.

use crate::evidence::LineContext;
use model::{SpanId, TraceId};
use regex::bytes::{Captures, Regex};

/// A line's regular expression.
#[derive(Clone, Debug)]
pub struct LinePattern {
    regex: Regex,
}

/// What a line's regular expression found.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Groups<'a> {
    pub(crate) time: &'a [u8],
    pub(crate) severity: &'a [u8],
    /// The group `body`; without one, the whole line.
    pub(crate) body: &'a [u8],
    pub(crate) context: Option<LineContext>,
    pub(crate) others: Vec<(&'a str, &'a [u8])>,
}

impl LinePattern {
    /// Compiles the expression.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(pattern: &str) -> Result<Self, regex::Error> {
        Regex::new(pattern).map(|regex| Self { regex })
    }

    /// Takes a line apart; `None` if it does not match.
    pub(crate) fn groups<'a>(&'a self, line: &'a [u8]) -> Option<Groups<'a>> {
        let captures = self.regex.captures(line)?;
        let group = |name| captures.name(name).map(|found| found.as_bytes());
        let others = self.regex.capture_names().flatten().filter(|name| !is_own(name));
        Some(Groups {
            time: group("time").unwrap_or_default(),
            severity: group("severity").unwrap_or_default(),
            body: group("body").unwrap_or(line),
            context: context(&captures),
            others: others.filter_map(|name| Some((name, group(name)?))).collect(),
        })
    }
}

fn is_own(name: &str) -> bool {
    ["time", "severity", "body", "trace_id", "span_id"].contains(&name)
}

fn context(captures: &Captures<'_>) -> Option<LineContext> {
    let trace = captures.name("trace_id").filter(|found| found.len() == 32)?;
    let span = captures.name("span_id").filter(|found| found.len() == 16);
    let span_id = span.and_then(|found| SpanId::from_hex(found.as_bytes()).ok());
    Some(LineContext { trace_id: TraceId::from_hex(trace.as_bytes()).ok()?, span_id })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_taken() {
        let pattern = r"^(?<time>\S+) (?<severity>\w+) (?:t=(?<trace_id>\S+) )?(?<user>\w+): (?<body>.*)$";
        let pattern = LinePattern::new(pattern).unwrap();
        let groups = pattern.groups(b"2026-01-01T00:00:00Z warn me: text").unwrap();
        assert_eq!((groups.time, groups.severity), (b"2026-01-01T00:00:00Z".as_slice(), b"warn".as_slice()));
        assert_eq!((groups.body, groups.context), (b"text".as_slice(), None));
        assert_eq!(groups.others, [("user", b"me".as_slice())]);
        let line = b"x warn t=0a07bfbf3925e3d4776995171a9222cd me: text";
        assert!(pattern.groups(line).unwrap().context.is_some());
        assert_eq!(pattern.groups(b"other"), None);
        assert!(LinePattern::new("(").is_err());
    }
}
