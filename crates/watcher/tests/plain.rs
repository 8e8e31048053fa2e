//! Plain files: found, followed, settled, resumed.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what is not there is a failed test")]

mod common;

use common::disk::Disk;
use common::reader::{LOG, Reader};

#[test]
fn lines_are_handed_out_as_they_come_and_not_before_their_end() {
    let disk = Disk::new();
    disk.mkdir("/log/dt/zipkinv2/json");
    let mut reader = Reader::new(&disk);
    assert!(reader.take().is_empty());
    disk.append(LOG, b"one\ntw");
    disk.append("/log/dt/zipkinv2/json/a.ndjson", b"[{}]\n");
    assert_eq!(reader.take(), ["[{}]", "one"]);
    disk.append(LOG, b"o\nthree");
    assert_eq!(reader.take(), ["two"]);
    assert!(reader.take().is_empty());
    disk.append(LOG, b"\n");
    assert_eq!(reader.take(), ["three"]);
    assert!(reader.lost.is_empty());
}

#[test]
fn a_restart_goes_on_behind_what_was_settled() {
    let disk = Disk::new();
    disk.mkdir("/log");
    let mut reader = Reader::new(&disk);
    disk.append(LOG, b"one\ntwo\nthree\nfour\n");
    reader.settle = false;
    assert_eq!(reader.take().len(), 4);
    let receipts = std::mem::take(&mut reader.receipts);
    assert!(reader.watcher.settle(receipts[0], 1) && reader.watcher.settle(receipts[2], 1));
    reader.save();
    reader.restart(&disk);
    assert_eq!(reader.take(), ["two", "four"]);
    assert_eq!(reader.known, ["three"]);
    reader.settle_all();
    reader.save();
    reader.restart(&disk);
    assert!(reader.take().is_empty());
    disk.append(LOG, b"five\n");
    assert_eq!(reader.take(), ["five"]);
}
