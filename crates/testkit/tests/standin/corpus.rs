//! Corpora to look at, and reading them back without the stand-in's help.

use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use testkit::ledger::{SpanId, TraceId, find_marker};
use testkit::standin::{F2, Options, Rotation, SECOND, SimTime, StandIn, write_all};

pub(crate) const END: SimTime = SimTime(1_772_400_000 * SECOND);

pub(crate) fn corpus(options: Options) -> (tempfile::TempDir, StandIn) {
    let directory = tempfile::tempdir().unwrap();
    let standin = write_all(options, directory.path()).unwrap();
    (directory, standin)
}

pub(crate) fn usual() -> Options {
    Options::bulk(1, 20_000, 40_000, 4, END)
}

/// As hard as it gets: a pool, every second field, restarts, rotation.
pub(crate) fn hard() -> Options {
    Options {
        hosts: 3,
        f2: F2::Mixed,
        audit: true,
        rotation: Rotation::Size(500_000),
        file_size: 200_000,
        compression_delay: 5 * SECOND,
        ..Options::bulk(7, 12_000, 30_000, 4, END)
    }
    .adverse()
}

/// Every file below a directory, decompressed, by its path.
pub(crate) fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut todo = vec![root.to_owned()];
    while let Some(path) = todo.pop() {
        for entry in fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
            } else {
                found.insert(path.strip_prefix(root).unwrap().to_owned(), content(&path));
            }
        }
    }
    found
}

pub(crate) fn content(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    match path.extension().and_then(|e| e.to_str()) {
        Some("zst") => zstd::decode_all(&bytes[..]).unwrap(),
        Some("gz") => {
            let mut out = Vec::new();
            flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut out).unwrap();
            out
        }
        _ => bytes,
    }
}

pub(crate) fn is_trace(path: &Path) -> bool {
    path.to_str().unwrap().contains("/zipkinv2/json/")
}

/// The spans on disk, with how often each is there.
pub(crate) fn spans_on_disk(root: &Path) -> HashMap<(TraceId, SpanId), (Value, u8)> {
    let mut spans = HashMap::new();
    for (_, bytes) in files(root).into_iter().filter(|(path, _)| is_trace(path)) {
        for line in bytes.split_inclusive(|b| *b == b'\n') {
            assert!(line.ends_with(b"\n"));
            for span in serde_json::from_slice::<Vec<Value>>(line).unwrap() {
                let id = |key: &str| span[key].as_str().unwrap().to_owned();
                let key = (TraceId::from_hex(&id("traceId")).unwrap(), SpanId::from_hex(&id("id")).unwrap());
                spans.entry(key).or_insert((span, 0)).1 += 1;
            }
        }
    }
    spans
}

/// The lines of the logs, by marker.
pub(crate) fn lines_on_disk(root: &Path) -> HashMap<u64, String> {
    let mut lines = HashMap::new();
    let logs = files(root)
        .into_iter()
        .filter(|(path, _)| path.to_str().unwrap().contains("/var/log/") && !is_trace(path));
    for (path, bytes) in logs {
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.is_ascii() && text.ends_with('\n'), "{path:?}");
        for line in text.lines() {
            let marker = find_marker(line, thread(line)).unwrap_or_else(|| panic!("no marker: {line}"));
            assert_eq!(lines.insert(marker, line.to_owned()), None, "{line}");
        }
    }
    lines
}

fn thread(line: &str) -> Option<i64> {
    line.split('|').nth(2)?.split(' ').next()?.parse().ok()
}
