//! Writes a small checkpoint store as this release does, to be kept for later ones:
//! `cargo run -p watcher --example fixture -- DIRECTORY`.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a tool for developers")]

use model::Now;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use watcher::store::Store;
use watcher::{Head, Hints, Marker, Packing, SavedKind, SavedStream};

fn main() {
    let directory = std::env::args_os().nth(1).map(PathBuf::from).expect("a directory");
    let now = Now { mono: Duration::from_secs(1), wall_unix_nano: 1_771_533_975_000_000_000 };
    let (mut store, troubles) = Store::open(&directory, now).unwrap();
    assert_eq!(troubles, []);
    let entry = |stream: &SavedStream| (key(stream.key), Some(stream.to_bytes()));
    let host = (b"h".to_vec(), Some(br#"{"host_name":"lab"}"#.to_vec()));
    store.save(streams().iter().map(entry).chain([host]).collect(), now).unwrap();
    store.settle(now);
}

fn key(key: u64) -> Vec<u8> {
    std::iter::once(b's').chain(key.to_be_bytes()).collect()
}

fn streams() -> [SavedStream; 3] {
    let trace = SavedStream {
        key: 1,
        kind: SavedKind::Trace,
        path: "/var/log/dt/zipkinv2/json/xapi-6e7e2f49-3168-465e-a22c-93f68f1c31ab-2026-02-19T20:46:15.393923-00:00.ndjson.zst".into(),
        family: PathBuf::new(),
        head: Head { len: 1024, hash: [u64::MAX, 7] },
        marker: Marker { offset: 70_000, len: 64, hash: u64::MAX - 1 },
        settled: 70_000,
        beyond: Vec::new(),
        mark: 0,
        hints: Hints { packing: Packing::Zstd, dev: 2049, ino: 77, size: 9_000, mtime_ns: 1_771_533_975_393_923_000, ctime_ns: 1_771_533_976_000_000_001 },
        drained: true,
        updated_unix: 1_771_533_980,
    };
    let log = SavedStream {
        key: 2,
        kind: SavedKind::Log,
        path: "/var/log/xensource.log.1".into(),
        family: "/var/log/xensource.log".into(),
        head: Head { len: 500, hash: [3, 4] },
        marker: Marker { offset: 90, len: 64, hash: 5 },
        settled: 100,
        beyond: vec![(110, 120), (130, 140)],
        mark: 9,
        hints: Hints { packing: Packing::Plain, dev: 2049, ino: 78, size: 200, mtime_ns: -4, ctime_ns: 5 },
        drained: false,
        updated_unix: 1_771_533_981,
    };
    let odd: &Path = &PathBuf::from(OsString::from_vec(b"/var/log/dt/\xff\xfe.ndjson".to_vec()));
    let odd = SavedStream { key: 3, path: odd.into(), ..trace.clone() };
    [trace, log, odd]
}
