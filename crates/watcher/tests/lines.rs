//! Lines as files have them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what is not there is a failed test")]

mod common;

use common::disk::Disk;
use common::reader::{LOG, Reader, settings};
use common::{assert_lines, exports, split, zstd};
use std::collections::BTreeMap;
use watcher::{Purpose, Reason, Settings, StreamKind, Taken};

fn disk() -> Disk {
    let disk = Disk::new();
    disk.mkdir("/log/dt");
    disk
}

#[test]
fn row_17_a_last_line_without_its_end_is_neither_early_nor_twice_and_counted_in_the_end() {
    let disk = disk();
    let mut reader = Reader::new(&disk);
    disk.append("/log/dt/a.ndjson", b"[{\"id\":1}]\n[{\"id\"");
    reader.run(&disk, 2.0);
    assert_eq!(reader.lines, ["[{\"id\":1}]"]);
    disk.append("/log/dt/a.ndjson", b":2}]\n[{\"id\":3");
    reader.run(&disk, 2.0);
    assert_eq!(reader.lines, ["[{\"id\":1}]", "[{\"id\":2}]"]);
    disk.unlink("/log/dt/a.ndjson");
    reader.run(&disk, 5.0);
    assert_eq!(reader.lines.len(), 2);
    assert_eq!(reader.lost, BTreeMap::from([(Reason::Unfinished, 8)]));
}

#[test]
fn a_last_line_without_its_end_is_counted_when_its_file_was_compressed() {
    let disk = disk();
    let mut reader = Reader::new(&disk);
    disk.append("/log/dt/a.ndjson.zst", &zstd("[{\"id\":1}]\n[{\"id\""));
    disk.append("/log/dt/b.ndjson.zst", &zstd("[{\"id\":1}]\n[{\"id\":2}]"));
    reader.run(&disk, 2.0);
    assert_eq!(reader.lines, ["[{\"id\":1}]", "[{\"id\":1}]", "[{\"id\":2}]"], "a whole array is a line");
    assert_eq!(reader.lost, BTreeMap::from([(Reason::Unfinished, 6)]));
}

#[test]
fn an_import_takes_the_last_line_as_it_is() {
    let disk = disk();
    disk.append("/log/dt/a.ndjson", b"[{\"id\":1}]\n[{\"id\":2}]");
    disk.append("/log/dt/b.json.zst", &zstd("[{\"id\":3}]"));
    disk.append(LOG, b"one\ntwo");
    let finished = Settings { finished_files: true, ..settings() };
    let mut reader = Reader::with(&disk, finished, BTreeMap::new());
    assert_eq!(reader.take(), ["[{\"id\":1}]", "[{\"id\":2}]", "one", "two", "[{\"id\":3}]"]);
    assert!(reader.take().is_empty());
}

#[test]
fn row_15_a_line_over_the_limit_is_skipped_and_counted_its_neighbours_are_not() {
    for long in [5_001, 6_000, 1_000_000] {
        let disk = disk();
        let mut reader = Reader::new(&disk);
        let text = format!("one\n{}\ntwo\n{}\nthree\n", "x".repeat(long), "y".repeat(5_000));
        for piece in text.as_bytes().chunks(long / 3) {
            disk.append(LOG, piece);
            reader.scan();
            reader.read();
        }
        let expected = ["one".to_owned(), "two".to_owned(), "y".repeat(5_000), "three".to_owned()];
        assert_eq!(reader.lines, expected);
        assert_eq!(reader.lost, BTreeMap::from([(Reason::Oversize, long as u64 + 1)]));
        reader.save();
        assert_eq!(reader.store.values().next().unwrap().settled, text.len() as u64);
    }
}

#[test]
fn bad_lines_are_handed_out_as_they_are() {
    let disk = disk();
    let mut reader = Reader::new(&disk);
    let lines = ["[{\"cut", "\0\0\0", "[{}][{}]", "\u{feff}[{}]", "[{}]\r", "", "[{\"torn\"[{}]", "[{}]"];
    let text = lines.map(|line| format!("{line}\n")).concat();
    disk.append("/log/dt/a.ndjson", text.as_bytes());
    assert_eq!(reader.take(), lines);
}

#[test]
fn a_document_over_several_lines_is_one_line_also_when_it_comes_in_pieces() {
    let disk = disk();
    let mut reader = Reader::new(&disk);
    let document = "[\n  {\n    \"id\": \"1\"\n  }\n]";
    for piece in [&document[..5], &document[5..20], &document[20..], "\n[{\"id\":2}]\n"] {
        disk.append("/log/dt/a.json", piece.as_bytes());
        reader.scan();
        reader.read();
    }
    assert_eq!(reader.lines, [document, "[{\"id\":2}]"]);
}

#[test]
fn a_line_that_grows_in_many_pieces_is_not_read_anew_each_time() {
    let disk = disk();
    let mut reader = Reader::with(&disk, Settings { line_limit: 1 << 24, ..settings() }, BTreeMap::new());
    let line = "x".repeat(4_000_000);
    for piece in line.as_bytes().chunks(65_536) {
        disk.append(LOG, piece);
        reader.scan();
        reader.read();
    }
    disk.append(LOG, b"\n");
    assert_lines(&reader.take(), &[line], "");
}

#[test]
fn a_read_stops_where_it_is_told_to() {
    let disk = disk();
    disk.append("/log/dt/a.ndjson", exports(0, 10).as_bytes());
    let mut reader = Reader::new(&disk);
    reader.scan();
    let stream = reader.watcher.unread(StreamKind::Trace, Purpose::Deliver).next().unwrap();
    let len = exports(0, 1).len();
    for (bytes, stop, expected) in [(1, false, 1), (len, false, 1), (len + 1, false, 2), (1 << 20, true, 1)] {
        let mut count = 0;
        let outcome = reader.watcher.read(stream, Purpose::Deliver, bytes, &mut |_| {
            count += 1;
            Taken { stop, ..Taken::parts(1) }
        });
        assert_eq!((count, outcome.bytes, outcome.at_end), (expected, (expected * len) as u64, false));
    }
    let outcome = reader.watcher.read(stream, Purpose::Deliver, 1 << 20, &mut |_| Taken::parts(0));
    assert!(outcome.at_end);
    assert_eq!(reader.watcher.info(stream).unwrap().open_lines, 5);
}

#[test]
fn marks_come_back_with_the_stream() {
    let disk = disk();
    disk.append(LOG, b"a\nb\nc\n");
    let mut reader = Reader::new(&disk);
    reader.scan();
    let stream = reader.watcher.streams().next().unwrap().stream;
    let mut receipts = Vec::new();
    reader.watcher.read(stream, Purpose::Deliver, 100, &mut |item| match item {
        watcher::Item::Line(line) => {
            receipts.push(line.receipt);
            Taken::parts(1).with_mark(1000 + line.start)
        }
        watcher::Item::Settled(_) | watcher::Item::Skipped(_) => Taken::default(),
    });
    assert!(reader.watcher.add_part(receipts[0], 1));
    for (settled, at, mark) in [(0, 0, 1000), (0, 2, 1002), (1, 4, 1004)] {
        reader.watcher.settle(receipts[settled], 1);
        reader.save();
        let mut next = Reader::with(&disk, settings(), reader.store.clone());
        next.scan();
        let found = next.changes.iter().find_map(|change| match change {
            watcher::Change::Found(found) => Some((found.resume_at, found.mark)),
            _ => None,
        });
        assert_eq!(found, Some((at, mark)));
    }
    assert_lines(&split("a\n"), &["a".to_owned()], "");
}
