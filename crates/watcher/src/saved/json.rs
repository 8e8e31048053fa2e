//! Checkpoints of version 1: one byte with the version, then JSON. Read, and not written any more.

use super::{Head, Hints, Marker, SavedKind, SavedStream, from_distances};
use serde::Deserialize;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// Paths are any bytes: text where that is possible.
#[derive(Deserialize)]
#[serde(untagged)]
enum PathText {
    Text(String),
    Bytes(Vec<u8>),
}

impl From<PathText> for PathBuf {
    fn from(text: PathText) -> Self {
        match text {
            PathText::Text(text) => text.into(),
            PathText::Bytes(bytes) => OsString::from_vec(bytes).into(),
        }
    }
}

#[derive(Deserialize)]
struct Wire {
    key: u64,
    kind: SavedKind,
    path: PathText,
    family: PathText,
    head: Head,
    marker: Marker,
    settled: u64,
    beyond: Vec<u64>,
    mark: u64,
    hints: Hints,
    drained: bool,
    updated_unix: u64,
}

/// Reads what follows the version.
pub(super) fn read(json: &[u8]) -> Option<SavedStream> {
    let wire: Wire = serde_json::from_slice(json).ok()?;
    Some(SavedStream {
        key: wire.key,
        kind: wire.kind,
        path: wire.path.into(),
        family: wire.family.into(),
        head: wire.head,
        marker: wire.marker,
        settled: wire.settled,
        beyond: from_distances(wire.settled, &wire.beyond),
        mark: wire.mark,
        hints: wire.hints,
        drained: wire.drained,
        updated_unix: wire.updated_unix,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Packing;

    #[test]
    fn what_version_1_wrote_is_read() {
        let text = br#"{"key":7,"kind":"log","path":"/var/log/a.1","family":"/var/log/a",
            "head":{"len":1024,"hash":[18446744073709551615,7]},"marker":{"offset":90,"len":64,"hash":5},"settled":100,
            "beyond":[10,10,10,10],"mark":9,"hints":{"packing":"gzip","dev":1,"ino":2,"size":3,"mtime_ns":-4,
            "ctime_ns":5},"drained":true,"updated_unix":1771533975}"#;
        let saved = read(text).unwrap();
        assert_eq!((saved.key, saved.kind, saved.hints.packing), (7, SavedKind::Log, Packing::Gzip));
        assert_eq!((saved.beyond, saved.hints.mtime_ns), (vec![(110, 120), (130, 140)], -4));
        for cut in 0..text.len() {
            assert!(read(&text[..cut]).is_none(), "{cut}");
        }
        let bytes = String::from_utf8_lossy(text).replace("\"/var/log/a.1\"", "[47,255]");
        assert_eq!(read(bytes.as_bytes()).unwrap().path, PathBuf::from(OsString::from_vec(vec![47, 255])));
    }
}
