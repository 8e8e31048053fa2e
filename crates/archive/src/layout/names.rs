//! The names that XAPI, rsyslog and logrotate give.
//!
//! The suffix of a compression is passed over, whichever it is: what a file is packed with is told by its bytes.

use model::Uuid;
use std::cmp::Reverse;

/// Where a file stands in its log's family. The order is the order of reading: oldest first, the live file last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rotation {
    /// logrotate's `dateext`: `-20260219`, `-20260219-1771533975`; the digits of the day, and those behind it.
    Dated(u64, u64),
    /// `.1`, `.2.gz`: the greater, the older.
    Numbered(Reverse<u32>),
    /// The file that is written to.
    Live,
}

/// A log's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogName {
    /// The name of the live file: `xensource.log`.
    pub log: String,
    /// Which of the family it is.
    pub rotation: Rotation,
}

impl LogName {
    /// The name without a compression: `xensource.log.2`.
    #[must_use]
    pub fn plain(&self) -> String {
        match self.rotation {
            Rotation::Live => self.log.clone(),
            Rotation::Numbered(Reverse(number)) => format!("{}.{number}", self.log),
            Rotation::Dated(day, 0) => format!("{}-{day:08}", self.log),
            Rotation::Dated(day, time) => format!("{}-{day:08}-{time}", self.log),
        }
    }
}

/// The name without the suffix of a compression.
fn unpacked(name: &str) -> &str {
    [".gz", ".zst", ".bz2", ".xz"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
}

/// Whether a file of this name is a trace file: `*.ndjson`, or `*.json` of XAPI before 23.30, which must have a host's uuid in
/// its name to be told from other JSON (xen-api, `ocaml/libs/tracing/tracing_export.ml`).
pub(super) fn is_trace(name: &str) -> bool {
    let name = unpacked(name);
    let ends = |end: &str| name.len() > end.len() && name.ends_with(end);
    ends(".ndjson") || (ends(".json") && trace_host(name).is_some())
}

/// The host in a trace file's name: the last text in it that is a uuid.
#[must_use]
pub fn trace_host(name: &str) -> Option<Uuid> {
    let starts = (0..=name.len().checked_sub(36)?).rev();
    starts.filter_map(|at| name.get(at..at + 36)).find_map(Uuid::parse)
}

/// Which file of which log this name is.
pub(super) fn log(logs: &[String], name: &str) -> Option<LogName> {
    logs.iter().find_map(|log| {
        let rotation = rotation(unpacked(name).strip_prefix(log.as_str())?)?;
        Some(LogName { log: log.clone(), rotation })
    })
}

fn rotation(suffix: &str) -> Option<Rotation> {
    if suffix.is_empty() {
        return Some(Rotation::Live);
    }
    if let Some(number) = suffix.strip_prefix('.').filter(|text| is_number(text)) {
        return number.parse().ok().map(|number| Rotation::Numbered(Reverse(number)));
    }
    let date = suffix.strip_prefix(['-', '.'])?;
    let digits: String = date.chars().filter(char::is_ascii_digit).collect();
    let fits = date.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | '_'));
    let (day, time) = digits.split_at_checked(8).filter(|_| fits)?;
    Some(Rotation::Dated(day.parse().ok()?, time.parse().unwrap_or(0)))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn siblings_sort_oldest_first() {
        let logs = ["x.log".to_owned()];
        let names = [
            "x.log-20250101.gz",
            "x.log-20260219-1771533975",
            "x.log.10.gz",
            "x.log.2.bz2",
            "x.log.1",
            "x.log",
        ];
        let found: Vec<_> = names.iter().map(|name| log(&logs, name).unwrap()).collect();
        assert!(found.is_sorted_by_key(|name| name.rotation), "{found:?}");
        let plain: Vec<_> = found.iter().map(LogName::plain).collect();
        assert_eq!(
            plain,
            ["x.log-20250101", "x.log-20260219-1771533975", "x.log.10", "x.log.2", "x.log.1", "x.log"]
        );
        for bad in ["y.log", "x.log.", "x.log.old", "x.logs", "x.log-", "x.log-1", "x.log.99999999999"] {
            assert_eq!(log(&logs, bad), None, "{bad}");
        }
    }

    #[test]
    fn the_host_is_read_from_the_right() {
        let (a, b) = ("6e7e2f49-3168-465e-a22c-93f68f1c31ab", "cb043a21-9c51-4418-a1e8-e7079ac6dc1a");
        for (name, expected) in [
            (format!("xapi-{a}-2026-02-19T20:46:15.393923-00:00.ndjson"), Some(a)),
            (format!("{a}-{b}-x.ndjson"), Some(b)),
            ("é-no-uuid-at-all-in-this-name-but-long-enough.ndjson".to_owned(), None),
            ("short".to_owned(), None),
        ] {
            assert_eq!(trace_host(&name), expected.and_then(Uuid::parse), "{name}");
        }
        assert!(
            is_trace(&format!("xapi-{a}-x.json.zst")) && !is_trace("package.json") && !is_trace(".ndjson")
        );
    }
}
