//! The names that XAPI and logrotate give.

use crate::saved::Packing;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// Where a file stands in its log's family. The order is that of reading: oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rotation {
    /// logrotate's `dateext`: the digits of the date as a number.
    Dated(u64),
    /// `.N`, held so that greater numbers, which are older, come first.
    Numbered(std::cmp::Reverse<u32>),
    /// The file that is written to.
    Live,
}

impl Rotation {
    /// A number that sorts as the rotation does.
    pub(crate) fn order(self) -> u64 {
        match self {
            Self::Dated(date) => date.min((1 << 62) - 1),
            Self::Numbered(std::cmp::Reverse(n)) => (1 << 63) - u64::from(n),
            Self::Live => u64::MAX,
        }
    }
}

/// Splits the suffix of a compression off.
fn packing(name: &[u8]) -> (&[u8], Packing) {
    if let Some(stem) = name.strip_suffix(b".zst") {
        (stem, Packing::Zstd)
    } else if let Some(stem) = name.strip_suffix(b".gz") {
        (stem, Packing::Gzip)
    } else {
        (name, Packing::Plain)
    }
}

/// A trace file's stem and packing: `*.ndjson`, and `*.json` of XAPI before 23.30, each perhaps with `.zst`
/// (xen-api, `ocaml/libs/tracing/tracing_export.ml`).
pub(crate) fn trace_file(name: &OsStr) -> Option<(OsString, Packing)> {
    let (stem, packing) = packing(name.as_bytes());
    let json = [&b".ndjson"[..], b".json"].iter().any(|end| stem.len() > end.len() && stem.ends_with(end));
    (json && packing != Packing::Gzip).then(|| (OsString::from_vec(stem.to_vec()), packing))
}

/// Where `name` stands in the family of the log `base`: itself, `.1`, `.2.gz`, `-20260219`, `-20260219.gz`.
pub(crate) fn log_sibling(base: &OsStr, name: &OsStr) -> Option<(Rotation, Packing)> {
    let rest = name.as_bytes().strip_prefix(base.as_bytes())?;
    if rest.is_empty() {
        return Some((Rotation::Live, Packing::Plain));
    }
    let (rest, packing) = packing(rest);
    rotation(rest).map(|rotation| (rotation, packing))
}

fn rotation(suffix: &[u8]) -> Option<Rotation> {
    let text = std::str::from_utf8(suffix).ok()?;
    if let Some(number) = text.strip_prefix('.').filter(|n| n.bytes().all(|b| b.is_ascii_digit())) {
        return number.parse().ok().map(|n| Rotation::Numbered(std::cmp::Reverse(n)));
    }
    let date = text.strip_prefix('-').or_else(|| text.strip_prefix('.'))?;
    let fits = date.bytes().all(|b| b.is_ascii_digit() || b == b'-' || b == b'_');
    let digits: String = date.chars().filter(char::is_ascii_digit).collect();
    // A day alone sorts before that day with a time, which logrotate writes with seconds since the epoch or
    // with the hour.
    let day = digits.get(..8)?.parse::<u64>().ok()?;
    let time = digits.get(8..)?.get(..10.min(digits.len() - 8))?.parse::<u64>().unwrap_or(0);
    fits.then_some(Rotation::Dated(day * 10_000_000_000 + time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trace_files_are_known_by_their_end() {
        for (name, expected) in [
            ("a.ndjson", Some(("a.ndjson", Packing::Plain))),
            ("a.ndjson.zst", Some(("a.ndjson", Packing::Zstd))),
            ("a.json", Some(("a.json", Packing::Plain))),
            ("a.json.zst", Some(("a.json", Packing::Zstd))),
            ("a.ndjson.gz", None),
            ("a.ndjson.tmp", None),
            (".ndjson", None),
            ("ndjson", None),
        ] {
            let expected = expected.map(|(stem, packing)| (OsString::from(stem), packing));
            assert_eq!(trace_file(OsStr::new(name)), expected, "{name}");
        }
        let odd = OsString::from_vec(b"\xff\xfe.ndjson.zst".to_vec());
        assert_eq!(trace_file(&odd).unwrap().0.as_bytes(), b"\xff\xfe.ndjson");
    }

    #[test]
    fn siblings_sort_oldest_first() {
        let names = [
            "x.log-20250101.gz",
            "x.log-20260219-1771533975",
            "x.log-20260220",
            "x.log.10.gz",
            "x.log.2.zst",
            "x.log.1",
            "x.log",
        ];
        let order: Vec<_> =
            names.iter().map(|name| log_sibling(OsStr::new("x.log"), OsStr::new(name)).unwrap().0).collect();
        assert!(order.is_sorted() && order.iter().map(|r| r.order()).is_sorted(), "{order:?}");
        for bad in
            ["y.log", "x.log.", "x.log.old", "x.log.1.bak", "x.logs", "x.log-", "x.log-1", "x.log.1.xz"]
        {
            assert_eq!(log_sibling(OsStr::new("x.log"), OsStr::new(bad)), None, "{bad}");
        }
    }
}
