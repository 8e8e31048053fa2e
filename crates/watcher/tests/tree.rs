//! Directories and names: absent, vanishing, forbidden, strange, many.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what is not there is a failed test")]

mod common;

use common::disk::Disk;
use common::reader::{LOG, Reader, settings};
use common::{assert_lines, exports, lines, split};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;
use watcher::{Change, Hint, Purpose, Reason, Settings, StreamKind, Trouble};

fn export(n: usize) -> String {
    exports(n, 1)
}

#[test]
fn row_10_an_absent_directory_is_waited_for() {
    let disk = Disk::new();
    let mut reader = Reader::new(&disk);
    reader.run(&disk, 2.0);
    disk.mkdir("/log/dt/zipkinv2/json");
    disk.append("/log/dt/zipkinv2/json/a.ndjson", export(1).as_bytes());
    reader.run(&disk, 2.0);
    assert_lines(&reader.lines, &split(&export(1)), "");
    assert!(reader.troubles.is_empty());
}

#[test]
fn row_10_a_directory_may_vanish_and_come_back() {
    for away in [0.0, 5.0] {
        let disk = Disk::new();
        disk.mkdir("/log/dt/zipkinv2/json");
        disk.append("/log/dt/zipkinv2/json/a.ndjson", export(1).as_bytes());
        let mut reader = Reader::new(&disk);
        reader.run(&disk, 2.0);
        disk.append("/log/dt/zipkinv2/json/a.ndjson", export(2).as_bytes());
        disk.remove_dir("/log/dt");
        reader.run(&disk, away);
        disk.mkdir("/log/dt/zipkinv2/json");
        disk.append("/log/dt/zipkinv2/json/b.ndjson", export(3).as_bytes());
        reader.run(&disk, 6.0);
        let known = reader.watcher.streams().count();
        assert_lines(
            &reader.lines,
            &split(&exports(1, 3)),
            "what was written last is read from the descriptor",
        );
        assert_eq!((known, reader.troubles.len(), reader.lost.len()), (1, 0, 0), "{away}");
    }
}

#[test]
fn row_11_with_events_quiet_costs_next_to_nothing_and_a_rescan_finds_what_was_not_told() {
    let disk = Disk::new();
    disk.mkdir("/log/dt/a");
    (0..1000).for_each(|n| disk.append(format!("/log/dt/a/{n}.ndjson"), export(n).as_bytes()));
    let mut reader = Reader::new(&disk);
    reader.watcher.wake(Hint::Notified(true));
    reader.run(&disk, 300.0);
    assert_eq!(reader.lines.len(), 1000);
    assert_eq!(reader.watcher.held().open, 0, "nothing that is drained is kept open");
    let before = disk.calls();
    reader.run(&disk, 600.0);
    let (stats, opens, lists) = disk.calls();
    assert!(stats - before.0 < 1000 + 20 * 10, "{}", stats - before.0);
    assert_eq!((opens, lists), (before.1, before.2));
    disk.append("/log/dt/a/new.ndjson", export(5000).as_bytes());
    reader.run(&disk, 31.0);
    assert_eq!(reader.lines.len(), 1001);
    disk.append("/log/dt/a/7.ndjson", export(7000).as_bytes());
    reader.run(&disk, 601.0);
    assert_eq!(reader.lines.len(), 1002);
}

#[test]
fn a_hint_is_enough() {
    let disk = Disk::new();
    disk.mkdir("/log/dt");
    let mut reader = Reader::new(&disk);
    reader.watcher.wake(Hint::Notified(true));
    reader.scan_due();
    let mut expected = 0;
    let steps: [(&str, &dyn Fn()); 5] = [
        ("/log/dt/a", &|| disk.mkdir("/log/dt/a/b")),
        ("/log/dt/a/b/x.ndjson", &|| disk.append("/log/dt/a/b/x.ndjson", export(1).as_bytes())),
        ("/log/dt/a/b/x.ndjson", &|| disk.append("/log/dt/a/b/x.ndjson", export(2).as_bytes())),
        (LOG, &|| disk.append(LOG, b"one\n")),
        (LOG, &|| disk.append(LOG, b"two\n")),
    ];
    for (path, step) in steps {
        disk.advance(2_000_000_000);
        step();
        reader.watcher.wake(Hint::Path(path.into()));
        reader.scan_due();
        reader.read();
        expected += usize::from(path != "/log/dt/a");
        assert_eq!(reader.lines.len(), expected, "{path}");
    }
}

#[test]
fn row_13_everything_strange_is_told_once_and_stops_no_one() {
    let disk = Disk::new();
    disk.mkdir("/log/dt/dir.ndjson");
    disk.fifo("/log/dt/fifo.ndjson");
    disk.symlink("/nowhere", "/log/dt/dangling.ndjson");
    disk.symlink("/log/dt/loop.ndjson", "/log/dt/loop.ndjson");
    disk.mkdir("/real");
    disk.append("/real/target", export(1).as_bytes());
    disk.symlink("/real/target", "/log/dt/link.ndjson");
    disk.symlink("/log/dt", "/log/dt/again");
    let odd = OsString::from_vec(b"/log/dt/\xff\xfe.ndjson".to_vec());
    disk.append(&odd, export(2).as_bytes());
    disk.append("/log/dt/secret.ndjson", export(3).as_bytes());
    disk.fail("/log/dt/secret.ndjson", Some(ErrorKind::PermissionDenied));
    let mut reader = Reader::new(&disk);
    reader.run(&disk, 60.0);
    reader.lines.sort_unstable();
    assert_lines(&reader.lines, &split(&exports(1, 2)), "");
    reader.troubles.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let told: Vec<_> = reader.troubles.iter().map(|(path, trouble)| (path.as_str(), *trouble)).collect();
    let expected = [
        ("/log/dt/dir.ndjson", Some(Trouble::NotAFile)),
        ("/log/dt/fifo.ndjson", Some(Trouble::NotAFile)),
        ("/log/dt/loop.ndjson", Some(Trouble::Io(ErrorKind::Other))),
        ("/log/dt/secret.ndjson", Some(Trouble::Io(ErrorKind::PermissionDenied))),
    ];
    assert_eq!(told, expected);
    reader.troubles.clear();
    disk.fail("/log/dt/secret.ndjson", None);
    disk.append("/nowhere", export(4).as_bytes());
    reader.run(&disk, 60.0);
    reader.lines.sort_unstable();
    assert_lines(&reader.lines, &split(&exports(1, 4)), "later readable");
    assert_eq!(reader.troubles, [("/log/dt/secret.ndjson".to_owned(), None)]);
}

#[test]
fn row_13_a_link_that_is_turned_to_another_file_is_another_stream() {
    let disk = Disk::new();
    disk.mkdir("/log/dt");
    disk.mkdir("/real");
    disk.append("/real/a", exports(0, 20).as_bytes());
    disk.append("/real/b", exports(100, 30).as_bytes());
    disk.symlink("/real/a", "/log/dt/x.ndjson");
    let mut reader = Reader::new(&disk);
    reader.run(&disk, 2.0);
    disk.unlink("/log/dt/x.ndjson");
    disk.symlink("/real/b", "/log/dt/x.ndjson");
    reader.run(&disk, 6.0);
    assert_lines(&reader.lines, &[split(&exports(0, 20)), split(&exports(100, 30))].concat(), "");
}

#[test]
fn row_13_a_disk_error_is_told_once_and_tried_again() {
    let disk = Disk::new();
    disk.mkdir("/log/dt");
    disk.append(LOG, lines(0, 10).as_bytes());
    let mut reader = Reader::new(&disk);
    reader.scan();
    disk.fail_reads(LOG, Some(ErrorKind::Other));
    disk.append("/log/dt/a.ndjson", export(1).as_bytes());
    reader.run(&disk, 10.0);
    assert_lines(&reader.lines, &split(&export(1)), "the others go on");
    assert_eq!(reader.troubles, [(LOG.to_owned(), Some(Trouble::Io(ErrorKind::Other)))]);
    disk.fail_reads(LOG, None);
    reader.run(&disk, 2.0);
    assert_lines(&reader.lines[1..], &split(&lines(0, 10)), "");
    assert_eq!(reader.troubles.last(), Some(&(LOG.to_owned(), None)));
    assert!(reader.lost.is_empty());
}

#[test]
fn row_12_ten_thousand_files_are_read_with_few_descriptors() {
    let disk = Disk::new();
    disk.mkdir("/log/dt");
    disk.limit_open(40);
    (0..2000).for_each(|n| disk.append(format!("/log/dt/{n:05}.ndjson"), export(n).as_bytes()));
    let mut reader = Reader::with(&disk, Settings { open_files: 256, ..settings() }, BTreeMap::new());
    for _ in 0..100 {
        disk.advance(250_000_000);
        reader.mono += Duration::from_millis(250);
        reader.scan_due();
        reader.read();
        assert!(reader.watcher.held().open <= 40);
    }
    assert_eq!(reader.lines.len(), 2000);
    assert!(reader.lost.is_empty());
}

#[test]
fn of_many_new_files_each_is_opened_once() {
    let disk = Disk::new();
    disk.mkdir("/log/dt");
    (0..500).for_each(|n| disk.append(format!("/log/dt/{n:05}.ndjson"), export(n).as_bytes()));
    let mut reader = Reader::with(&disk, Settings { open_files: 16, ..settings() }, BTreeMap::new());
    assert_lines(&reader.take(), &split(&exports(0, 500)), "");
    let (stats, opens, _) = disk.calls();
    assert_eq!(opens, 500);
    assert!(stats < 500 + 20, "{stats}");
}

#[test]
fn directories_are_known_before_the_first_look() {
    let disk = Disk::new();
    disk.mkdir("/log/dt/a/b");
    disk.mkdir("/log/other/c");
    disk.append("/log/dt/a/x.ndjson", export(1).as_bytes());
    let mut reader = Reader::new(&disk);
    let found = reader.watcher.find_directories();
    reader.take();
    assert_eq!(found, reader.watcher.directories());
    assert!(found.iter().any(|dir| dir.ends_with("dt/a/b")), "{found:?}");
}

#[test]
fn trace_files_are_read_in_the_order_of_their_creation() {
    let disk = Disk::new();
    disk.mkdir("/log/dt");
    for (n, service) in ["xapi", "smapi", "xenopsd", "a"].iter().enumerate().rev() {
        let name = format!("/log/dt/{service}-2026-02-19T20:46:{n:02}.5Z.ndjson");
        disk.append(name, export(n).as_bytes());
    }
    let mut reader = Reader::new(&disk);
    assert_lines(&reader.take(), &split(&exports(0, 4)), "");
}

#[test]
fn old_trace_files_are_passed_over_only_without_a_checkpoint() {
    let disk = Disk::new();
    disk.mkdir("/log/dt");
    disk.append("/log/dt/old.ndjson", exports(0, 3).as_bytes());
    disk.append("/log/dt/old.ndjson.zst.ndjson.zst", &common::zstd(&export(9)));
    disk.advance(7 * 24 * 3600 * 1_000_000_000);
    disk.append("/log/dt/new.ndjson", exports(3, 3).as_bytes());
    let mut reader = Reader::new(&disk);
    assert_lines(&reader.take(), &split(&exports(3, 3)), "");
    let passed = exports(0, 3).len() + common::zstd(&export(9)).len();
    assert_eq!(reader.lost, BTreeMap::from([(Reason::TooOld, passed as u64)]));
    reader.save();
    disk.append("/log/dt/old2.ndjson", exports(6, 3).as_bytes());
    disk.advance(7 * 24 * 3600 * 1_000_000_000);
    reader.restart(&disk);
    assert_lines(&reader.take(), &split(&exports(6, 3)), "after the first start nothing is too old");
    disk.append("/log/dt/old.ndjson", exports(9, 1).as_bytes());
    assert_lines(
        &reader.take(),
        &split(&exports(9, 1)),
        "what is added to a file that was passed over is read",
    );
    let all = Settings { max_age: Duration::ZERO, ..settings() };
    assert_eq!(Reader::with(&disk, all, BTreeMap::new()).take().len(), 11);
}

#[test]
fn what_is_gone_for_long_is_forgotten() {
    let disk = Disk::new();
    disk.mkdir("/log/dt");
    disk.append("/log/dt/a.ndjson", export(1).as_bytes());
    disk.append("/log/dt/b.ndjson", export(2).as_bytes());
    let mut reader = Reader::new(&disk);
    reader.run(&disk, 2.0);
    reader.save();
    assert_eq!(reader.store.len(), 2);
    disk.unlink("/log/dt/a.ndjson");
    reader.run(&disk, 5.0);
    reader.save();
    assert_eq!(reader.store.len(), 2);
    assert!(reader.changes.iter().any(|change| matches!(change, Change::Gone { .. })));
    reader.run(&disk, 610.0);
    reader.save();
    assert_eq!(reader.store.len(), 1);
}

#[test]
fn row_09_two_files_with_the_same_beginning_are_two_streams() {
    for len in [0, 1, 20, 500] {
        let disk = Disk::new();
        disk.mkdir("/log/dt");
        let same = "x".repeat(len) + "\n";
        disk.append("/log/dt/a.ndjson", (same.clone() + "a\n").as_bytes());
        disk.append("/log/dt/b.ndjson", (same.clone() + "b\n").as_bytes());
        disk.append("/log/dt/empty.ndjson", b"");
        disk.append(LOG, same.as_bytes());
        let mut reader = Reader::new(&disk);
        reader.run(&disk, 1.0);
        disk.append("/log/dt/empty.ndjson", b"e\n");
        disk.rename(LOG, "/log/x.log.1");
        disk.append(LOG, (same.clone() + "log\n").as_bytes());
        reader.run(&disk, 2.0);
        let mut ends: Vec<_> =
            reader.lines.iter().filter(|line| !line.starts_with('x') && !line.is_empty()).collect();
        ends.sort_unstable();
        assert_eq!(ends, ["a", "b", "e", "log"], "{len}");
        assert_eq!(reader.lines.len(), 8, "{len}");
    }
}

#[test]
fn row_09_a_file_of_three_bytes_is_read() {
    let disk = Disk::new();
    disk.mkdir("/log/dt");
    let mut reader = Reader::new(&disk);
    reader.scan_due();
    disk.append("/log/dt/a.ndjson", b"[]\n");
    reader.run(&disk, 2.0);
    assert_eq!(reader.lines, ["[]"]);
    assert_eq!(reader.watcher.unread(StreamKind::Trace, Purpose::Deliver).count(), 0);
}
