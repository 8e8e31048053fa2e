//! Files of which too little can be told at first: short, empty, unreadable, missed by a listing, with the inode of
//! another. None is lost, none is read twice.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what is not there is a failed test")]

mod common;

use common::disk::Disk;
use common::reader::{LOG, Reader, settings};
use common::{assert_lines, exports, gzip, lines, split, zstd};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use watcher::{Entry, File, FileSystem, Meta, Reason, Space};

const FILE: &str = "/log/dt/xapi-2026-02-19T20:46:15.393923-00:00.ndjson";
const OTHER: &str = "/log/dt/xenopsd-2026-02-19T20:46:17.000000-00:00.ndjson";

fn disk() -> Disk {
    let disk = Disk::new();
    disk.mkdir("/log/dt");
    disk
}

fn sibling(n: u32, end: &str) -> String {
    format!("{LOG}.{n}{end}")
}

fn zst(file: &str) -> String {
    format!("{file}.zst")
}

/// logrotate's `create`.
fn rotate(disk: &Disk) {
    for n in (1..10).rev() {
        for end in ["", ".gz"] {
            if disk.exists(sibling(n, end)) {
                disk.rename(sibling(n, end), sibling(n + 1, end));
            }
        }
    }
    disk.rename(LOG, sibling(1, ""));
    disk.create(LOG);
}

fn compress(disk: &Disk, n: u32) {
    let text = String::from_utf8(disk.data(sibling(n, ""))).unwrap();
    disk.append(sibling(n, ".gz"), &gzip(&text));
    disk.unlink(sibling(n, ""));
}

/// All lines that were read are these, each once, in any order.
#[track_caller]
fn assert_each_once(reader: &Reader, text: &str, context: &str) {
    let (mut got, mut expected) = (reader.lines.clone(), split(text));
    got.sort_unstable();
    expected.sort_unstable();
    assert_lines(&got, &expected, context);
    assert_eq!(reader.lost, BTreeMap::new(), "{context}");
}

/// Stops and starts again.
fn restart(reader: &mut Reader, disk: &Disk) {
    reader.save();
    reader.restart(disk);
}

/// The listing of a directory may run into the middle of a rotation and lack a name.
#[test]
fn row_04_a_sibling_that_is_found_after_newer_ones_is_read() {
    for (compressed, down) in [(false, false), (true, false), (false, true), (true, true)] {
        let disk = disk();
        disk.append(LOG, lines(0, 10).as_bytes());
        let mut reader = Reader::new(&disk);
        reader.run(&disk, 1.0);
        for from in [10, 20] {
            rotate(&disk);
            disk.append(LOG, lines(from, 10).as_bytes());
        }
        if compressed {
            compress(&disk, 1);
        }
        let end = if compressed { ".gz" } else { "" };
        disk.rename(sibling(1, end), "/log/missed");
        reader.run(&disk, 1.0);
        if down {
            restart(&mut reader, &disk);
            reader.run(&disk, 1.0);
        }
        disk.rename("/log/missed", sibling(1, end));
        reader.run(&disk, 5.0);
        assert_each_once(&reader, &lines(0, 30), &format!("{compressed} {down}"));
    }
}

/// Between the look at a name and its opening, the log is rotated.
#[test]
fn row_04_a_name_that_stands_for_another_file_when_it_is_opened_is_looked_at_again() {
    for (compressed, nth) in [(false, 1), (false, 2), (true, 1), (true, 2), (true, 3)] {
        let disk = disk();
        disk.append(LOG, lines(0, 10).as_bytes());
        let mut reader = Reader::new(&disk);
        reader.run(&disk, 1.0);
        for from in [10, 20, 30] {
            rotate(&disk);
            disk.append(LOG, lines(from, 10).as_bytes());
        }
        if compressed {
            (1..4).for_each(|n| compress(&disk, n));
        }
        reader.save();
        let (store, lines_read) = (reader.store.clone(), reader.lines);
        let (racing, clock) = (Racing { disk: disk.clone(), opens: AtomicUsize::new(nth) }, disk.clone());
        let wall = Box::new(move || clock.clock().try_into().unwrap());
        let mut reader = Reader::on(Box::new(racing), wall, settings(), store);
        reader.lines = lines_read;
        reader.run(&disk, 10.0);
        assert_each_once(&reader, &lines(0, 41), &format!("{compressed} {nth}"));
    }
}

/// A disk on which the log is rotated just before a file of it is opened: at the open of this number.
struct Racing {
    disk: Disk,
    opens: AtomicUsize,
}

impl FileSystem for Racing {
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        self.disk.list(dir)
    }

    fn stat(&self, path: &Path) -> io::Result<Meta> {
        self.disk.stat(path)
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        if self.opens.fetch_sub(1, Ordering::Relaxed) == 1 {
            rotate(&self.disk);
            self.disk.append(LOG, lines(40, 1).as_bytes());
        }
        self.disk.open(path)
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        self.disk.space(path)
    }
}

/// What is passed over at a log's begin stays so, though it could not be read then.
#[test]
fn a_sibling_that_can_not_be_read_at_the_begin_is_passed_over_when_it_can() {
    for end in ["", ".gz"] {
        let disk = disk();
        let old = lines(0, 10);
        disk.append(sibling(1, end), &if end.is_empty() { old.into_bytes() } else { gzip(&old) });
        disk.append(LOG, lines(10, 10).as_bytes());
        disk.fail(&sibling(1, end), Some(ErrorKind::Other));
        let mut reader = Reader::new(&disk);
        reader.run(&disk, 2.0);
        disk.fail(&sibling(1, end), None);
        reader.run(&disk, 10.0);
        assert_lines(&reader.lines, &split(&lines(10, 10)), end);
        let size = disk.data(sibling(1, end)).len() as u64;
        assert_eq!(reader.lost, BTreeMap::from([(Reason::BeforeStart, size)]), "{end}");
    }
}

/// A compressor makes its file before there is anything in it.
#[test]
fn row_04_a_compressed_sibling_found_empty_or_in_part_is_the_file_it_is_made_of() {
    for part in [0, 10] {
        for clock in [0, 400_000_000_000_000_000] {
            let disk = disk();
            disk.append(LOG, lines(0, 100).as_bytes());
            let mut reader = Reader::new(&disk);
            reader.run(&disk, 1.0);
            rotate(&disk);
            disk.append(LOG, lines(100, 10).as_bytes());
            reader.run(&disk, 1.0);
            let packed = gzip(&lines(0, 100));
            disk.create(sibling(1, ".gz"));
            disk.append(sibling(1, ".gz"), &packed[..part]);
            disk.advance(clock);
            reader.run(&disk, 5.0);
            disk.append(sibling(1, ".gz"), &packed[part..]);
            disk.unlink(sibling(1, ""));
            reader.run(&disk, 5.0);
            restart(&mut reader, &disk);
            reader.run(&disk, 5.0);
            assert_each_once(&reader, &lines(0, 110), &format!("{part} {clock}"));
        }
    }
}

/// Nothing of a log could be read before it was copied, truncated and the copy compressed: its inode has other lines.
#[test]
fn row_05_a_copy_of_a_log_that_was_never_read_is_read() {
    let disk = disk();
    disk.append(LOG, lines(0, 10).as_bytes());
    let mut reader = Reader::new(&disk);
    reader.run(&disk, 1.0);
    rotate(&disk);
    compress(&disk, 1);
    reader.run(&disk, 1.0);
    disk.fail_reads(LOG, Some(ErrorKind::Other));
    disk.append(LOG, lines(10, 50).as_bytes());
    reader.run(&disk, 2.0);
    reader.save();
    disk.fail_reads(LOG, None);
    disk.rename(sibling(1, ".gz"), sibling(2, ".gz"));
    disk.append(sibling(1, ""), &disk.data(LOG));
    disk.truncate(LOG, 0);
    compress(&disk, 1);
    disk.append(LOG, lines(60, 70).as_bytes());
    reader.restart(&disk);
    reader.run(&disk, 5.0);
    assert_each_once(&reader, &lines(0, 130), "");
}

/// A log that could not be read is open still when its compressed copy is found, and another has its old name.
#[test]
fn row_13_the_copy_of_a_log_that_is_held_unread_is_known() {
    let disk = disk();
    disk.append(LOG, lines(0, 10).as_bytes());
    let mut reader = Reader::new(&disk);
    reader.run(&disk, 1.0);
    rotate(&disk);
    reader.run(&disk, 1.0);
    let ino = disk.ino(LOG);
    disk.fail_reads(LOG, Some(ErrorKind::Other));
    disk.append(LOG, lines(10, 50).as_bytes());
    reader.run(&disk, 1.0);
    rotate(&disk);
    disk.fail(LOG, Some(ErrorKind::Other));
    reader.run(&disk, 1.0);
    disk.fail(&sibling(1, ".gz"), Some(ErrorKind::Other));
    compress(&disk, 1);
    reader.run(&disk, 2.0);
    disk.append(LOG, lines(60, 50).as_bytes());
    rotate(&disk);
    disk.fail(&sibling(1, ".gz"), None);
    disk.fail(LOG, None);
    compress(&disk, 1);
    disk.append(LOG, lines(110, 10).as_bytes());
    disk.fail_reads_of(ino, None);
    reader.run(&disk, 10.0);
    assert_each_once(&reader, &lines(0, 120), "");
}

/// The last lines of a log were not read when it was truncated; its copy can't be read before the agent is stopped.
#[test]
fn row_05_a_copy_with_unread_lines_that_is_known_after_a_restart_only_is_read() {
    for before in [3, 100] {
        let disk = disk();
        disk.append(LOG, lines(0, before).as_bytes());
        let mut reader = Reader::new(&disk);
        reader.run(&disk, 1.0);
        disk.fail_reads(LOG, Some(ErrorKind::Other));
        disk.append(LOG, lines(before, 2).as_bytes());
        reader.run(&disk, 1.0);
        disk.append(sibling(1, ""), &disk.data(LOG));
        disk.fail(&sibling(1, ""), Some(ErrorKind::Other));
        disk.truncate(LOG, 0);
        disk.fail_reads(LOG, None);
        disk.append(LOG, lines(before + 2, 4).as_bytes());
        reader.run(&disk, 1.0);
        reader.save();
        disk.fail(&sibling(1, ""), None);
        reader.restart(&disk);
        reader.run(&disk, 5.0);
        assert_each_once(&reader, &lines(0, before + 6), &before.to_string());
    }
}

/// logrotate's `copytruncate`: lines that come after the copying are read from the log, and are not in the copy. The log
/// may be shorter than what it is known by, and its copy is compressed later.
#[test]
fn row_05_a_copy_that_is_shorter_than_what_was_read_is_known_again() {
    for (before, seen, down) in
        [(3, true, true), (3, true, false), (3, false, false), (100, true, true), (100, false, false)]
    {
        let disk = disk();
        disk.append(LOG, lines(0, before).as_bytes());
        let mut reader = Reader::new(&disk);
        reader.run(&disk, 1.0);
        disk.append(sibling(1, ""), &disk.data(LOG));
        if seen {
            reader.scan();
        }
        disk.append(LOG, lines(before, 4).as_bytes());
        reader.scan();
        reader.read();
        disk.truncate(LOG, 0);
        disk.append(LOG, lines(before + 4, 40).as_bytes());
        reader.run(&disk, 5.0);
        if down {
            restart(&mut reader, &disk);
            reader.run(&disk, 5.0);
        }
        let packed = gzip(&lines(0, before));
        let (first, rest) = packed.split_at(packed.len() / 2);
        disk.append(sibling(1, ".gz"), first);
        reader.run(&disk, 1.0);
        disk.append(sibling(1, ".gz"), rest);
        disk.unlink(sibling(1, ""));
        reader.run(&disk, 5.0);
        restart(&mut reader, &disk);
        rotate(&disk);
        reader.run(&disk, 5.0);
        assert_each_once(&reader, &lines(0, before + 44), &format!("{before} {seen} {down}"));
    }
}

/// Whether a compressed copy is one can't be told while the disk fails.
#[test]
fn row_13_a_short_copy_is_known_again_though_the_disk_fails_now_and_then() {
    // Which of the reads of the copy fails: its name is looked at with one, then it is unpacked up to three times.
    for failing in 1..8 {
        let disk = disk();
        disk.append(LOG, lines(0, 100).as_bytes());
        let mut reader = Reader::new(&disk);
        reader.run(&disk, 1.0);
        disk.append(sibling(1, ""), &disk.data(LOG));
        disk.append(LOG, lines(100, 4).as_bytes());
        reader.scan();
        reader.read();
        disk.truncate(LOG, 0);
        reader.run(&disk, 5.0);
        compress(&disk, 1);
        disk.fail_read(&sibling(1, ".gz"), failing);
        reader.run(&disk, 20.0);
        assert_each_once(&reader, &lines(0, 104), &format!("{failing}"));
    }
}

/// All trace files begin with the same bytes. One that a full disk cut there is compressed, and its inode given away.
#[test]
fn row_08_the_first_bytes_of_a_trace_file_are_no_proof_under_another_name() {
    let disk = disk();
    let cut = "[{\"traceId\":\"";
    disk.append(FILE, cut.as_bytes());
    let mut reader = Reader::new(&disk);
    reader.run(&disk, 2.0);
    let ino = disk.ino(FILE);
    disk.append(zst(FILE), &zstd(cut));
    disk.unlink(FILE);
    reader.run(&disk, 2.0);
    reader.lines.clear();
    disk.append(OTHER, exports(0, 10).as_bytes());
    assert_eq!(disk.ino(OTHER), ino, "the disk gave the number away again");
    reader.run(&disk, 5.0);
    assert_lines(&reader.lines, &split(&exports(0, 10)), "");
}

/// The compressed copy of a trace file has the inode that another file's copy had, and can't be read at first.
#[test]
fn row_08_a_compressed_trace_file_with_the_inode_of_another_is_its_own() {
    let disk = disk();
    disk.append(FILE, exports(0, 100).as_bytes());
    disk.append(zst(OTHER), &zstd(&exports(100, 10)));
    let mut reader = Reader::new(&disk);
    reader.run(&disk, 2.0);
    let ino = disk.ino(zst(OTHER));
    disk.unlink(zst(OTHER));
    disk.append(zst(FILE), &zstd(&exports(0, 100)));
    assert_eq!(disk.ino(zst(FILE)), ino, "the disk gave the number away again");
    disk.fail_reads(&zst(FILE), Some(ErrorKind::Other));
    disk.unlink(FILE);
    reader.run(&disk, 5.0);
    restart(&mut reader, &disk);
    disk.fail_reads(&zst(FILE), None);
    reader.run(&disk, 5.0);
    assert_each_once(&reader, &exports(0, 110), "");
}

/// The plain file can't be read until its copy is there.
#[test]
fn row_13_a_trace_file_and_a_copy_that_was_found_first_are_one() {
    let disk = disk();
    let text = exports(0, 100);
    disk.append(FILE, text.as_bytes());
    disk.fail(FILE, Some(ErrorKind::Other));
    let mut reader = Reader::new(&disk);
    reader.run(&disk, 1.0);
    disk.create(zst(FILE));
    reader.run(&disk, 1.0);
    disk.fail(FILE, None);
    reader.run(&disk, 6.0);
    assert_lines(&reader.lines, &split(&text), "the plain file");
    let packed = zstd(&text);
    let (first, rest) = packed.split_at(packed.len() / 2);
    disk.append(zst(FILE), first);
    disk.unlink(FILE);
    reader.run(&disk, 2.0);
    restart(&mut reader, &disk);
    disk.append(zst(FILE), rest);
    reader.run(&disk, 5.0);
    assert_each_once(&reader, &text, "");
}

/// A compressed file is young, whatever the wall clock says.
#[test]
fn row_06_a_clock_set_forward_does_not_end_a_compression() {
    let text = exports(0, 200);
    let packed = zstd(&text);
    for part in [0, packed.len() / 2] {
        let disk = disk();
        let mut reader = Reader::with(&disk, settings(), BTreeMap::new());
        disk.create(zst(FILE));
        disk.append(zst(FILE), &packed[..part]);
        reader.run(&disk, 1.0);
        disk.advance(400_000_000_000_000_000);
        reader.run(&disk, 5.0);
        disk.append(zst(FILE), &packed[part..]);
        reader.run(&disk, 5.0);
        assert_each_once(&reader, &text, &format!("{part}"));
    }
}
