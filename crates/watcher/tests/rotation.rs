//! Logs that are rotated, compressed and truncated under the reader.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what is not there is a failed test")]

mod common;

use common::disk::Disk;
use common::reader::{LOG, Reader, settings};
use common::{assert_lines, gzip, lines, split};
use std::collections::BTreeMap;
use watcher::{Change, LogId, Purpose, Reason, Seek, Settings, StartAt, StreamKind};

fn disk() -> Disk {
    let disk = Disk::new();
    disk.mkdir("/log");
    disk
}

fn sibling(n: u32) -> String {
    if n == 0 { LOG.to_owned() } else { format!("{LOG}.{n}") }
}

/// As logrotate does: each sibling one further, the live file to `.1`, a new live file.
fn rotate(disk: &Disk) {
    for n in (0..20).rev() {
        for end in ["", ".gz"] {
            let (from, to) = (format!("{}{end}", sibling(n)), format!("{}{end}", sibling(n + 1)));
            if disk.exists(&from) {
                disk.rename(from, to);
            }
        }
    }
    disk.create(LOG);
}

/// As logrotate does with `delaycompress`.
fn compress(disk: &Disk, n: u32) {
    let text = String::from_utf8(disk.data(sibling(n))).unwrap();
    disk.append(format!("{}.gz", sibling(n)), &gzip(&text));
    disk.unlink(sibling(n));
}

#[test]
fn row_02_the_old_descriptor_of_a_rotated_file_is_read_while_it_grows() {
    let disk = disk();
    let mut reader = Reader::new(&disk);
    disk.append(LOG, lines(0, 10).as_bytes());
    reader.scan();
    reader.read();
    let mut written = 10;
    for round in 0..20 {
        let old = disk.ino(LOG);
        rotate(&disk);
        for _ in 0..4 {
            disk.write(old, lines(written, 5).as_bytes());
            reader.run(&disk, if round % 2 == 0 { 0.25 } else { 0.0 });
            disk.append(LOG, lines(written + 5, 3).as_bytes());
            written += 8;
        }
    }
    reader.run(&disk, 3.0);
    let mut got = reader.lines.clone();
    got.sort_unstable_by_key(|line| line[line.len() - 6..].to_owned());
    assert_lines(&got, &split(&lines(0, written)), "");
    assert!(reader.lost.is_empty());
}

#[test]
fn row_03_rotations_while_nothing_is_read_lose_nothing_and_keep_the_order() {
    let disk = disk();
    let mut reader = Reader::new(&disk);
    disk.append(LOG, lines(0, 100).as_bytes());
    reader.scan();
    reader.read_some(1000);
    for round in 1..=10 {
        rotate(&disk);
        if round > 1 {
            compress(&disk, 2);
        }
        disk.append(LOG, lines(round * 100, 100).as_bytes());
        reader.mono += std::time::Duration::from_secs(20);
        disk.advance(20_000_000_000);
        reader.scan();
    }
    assert!(reader.watcher.held().open < 20);
    reader.run(&disk, 20.0);
    assert_lines(&reader.lines, &split(&lines(0, 1100)), "");
    assert!(reader.lost.is_empty(), "{:?}", reader.lost);
}

#[test]
fn row_04_rotations_while_the_agent_is_down_lose_nothing_and_keep_the_order() {
    for (settled, rotations) in [(50, 1), (0, 2), (99, 3), (100, 4), (50, 5)] {
        let disk = disk();
        let mut reader = Reader::new(&disk);
        disk.append(LOG, lines(0, 100).as_bytes());
        reader.settle = false;
        reader.take();
        for receipt in reader.receipts.drain(..settled) {
            reader.watcher.settle(receipt, 1);
        }
        reader.save();
        for round in 1..=rotations {
            rotate(&disk);
            if round > 1 {
                compress(&disk, 2);
            }
            disk.append(LOG, lines(round * 100, 100).as_bytes());
        }
        disk.advance(60_000_000_000);
        reader.restart(&disk);
        assert_lines(
            &reader.take(),
            &split(&lines(settled, (rotations + 1) * 100 - settled)),
            &format!("{settled} {rotations}"),
        );
    }
}

#[test]
fn siblings_that_were_never_begun_are_passed_over() {
    let disk = disk();
    disk.append(sibling(2), lines(0, 10).as_bytes());
    disk.append(sibling(1), lines(10, 10).as_bytes());
    disk.append(LOG, lines(20, 10).as_bytes());
    let mut reader = Reader::new(&disk);
    assert_lines(&reader.take(), &split(&lines(20, 10)), "");
    assert_eq!(reader.lost, BTreeMap::from([(Reason::BeforeStart, 2 * lines(0, 10).len() as u64)]));
    reader.save();
    reader.restart(&disk);
    reader.lost.clear();
    assert!(reader.take().is_empty() && reader.lost.is_empty(), "and are not told again");
    let all = Settings { all_siblings: true, ..settings() };
    assert_eq!(Reader::with(&disk, all, BTreeMap::new()).take(), split(&lines(0, 30)));
}

#[test]
fn a_log_may_be_begun_at_its_end() {
    let disk = disk();
    disk.append(LOG, (lines(0, 10) + "half a li").as_bytes());
    let mut at_end = settings();
    at_end.logs[0].start_at = StartAt::End;
    let mut reader = Reader::with(&disk, at_end, BTreeMap::new());
    assert!(reader.take().is_empty());
    disk.append(LOG, b"ne\nnext\n");
    assert_eq!(reader.take(), ["half a line", "next"]);
    rotate(&disk);
    disk.append(LOG, lines(0, 5).as_bytes());
    assert_lines(&reader.take(), &split(&lines(0, 5)), "a new file is read from its start");
}

#[test]
fn row_05_copytruncate_is_followed() {
    let disk = disk();
    let mut reader = Reader::new(&disk);
    disk.append(LOG, lines(0, 100).as_bytes());
    reader.scan();
    reader.read_some(2000);
    for (round, scanned_between) in [(1, true), (2, false)] {
        let first = 100 * round;
        reader.run(&disk, 5.0);
        reader.lines.clear();
        disk.append(LOG, lines(first, 50).as_bytes());
        reader.scan();
        reader.read_some(100);
        if disk.exists(sibling(1)) {
            disk.rename(sibling(1), sibling(2));
        }
        disk.append(sibling(1), &disk.data(LOG));
        if scanned_between {
            reader.scan();
        }
        disk.truncate(LOG, 0);
        disk.append(LOG, lines(first + 50, 10).as_bytes());
        reader.run(&disk, 6.0);
        reader.lines.sort_unstable_by_key(|line| line[line.len() - 6..].to_owned());
        assert_lines(&reader.lines, &split(&lines(first, 60)), &format!("{scanned_between}"));
        disk.truncate(LOG, 0);
        reader.run(&disk, 6.0);
    }
    assert!(reader.lost.is_empty(), "{:?}", reader.lost);
}

/// Its writer makes the copy, fills it and cuts the log: each state may be found, and the log be as long again.
#[test]
fn row_05_a_copy_is_found_before_it_is_whole() {
    for (copied, shown) in
        [(0, 0b111), (0, 0b101), (0, 0b110), (0, 0b100), (500, 0b111), (2_000, 0b111), (5_000, 0b001)]
    {
        let disk = disk();
        let mut reader = Reader::new(&disk);
        disk.append(LOG, lines(0, 200).as_bytes());
        reader.run(&disk, 5.0);
        let whole = disk.data(LOG);
        let look = |reader: &mut Reader, step: u32| {
            if shown & (1 << step) != 0 {
                reader.run(&disk, 0.25);
            }
        };
        disk.append(sibling(1), &whole[..copied]);
        look(&mut reader, 2);
        disk.append(sibling(1), &whole[copied..]);
        look(&mut reader, 1);
        disk.truncate(LOG, 0);
        disk.append(LOG, lines(200, 200).as_bytes());
        look(&mut reader, 0);
        reader.run(&disk, 6.0);
        assert_lines(&reader.lines, &split(&lines(0, 400)), &format!("{copied} {shown:b}"));
        assert!(reader.lost.is_empty(), "{:?}", reader.lost);
    }
}

#[test]
fn row_05_a_truncated_log_is_read_from_its_start_and_what_was_unread_is_counted() {
    for grown in [0, 5, 300] {
        let disk = disk();
        let mut reader = Reader::new(&disk);
        disk.append(LOG, lines(0, 100).as_bytes());
        reader.scan();
        reader.read_some(1000);
        let read = reader.lines.iter().map(|line| line.len() + 1).sum::<usize>();
        disk.truncate(LOG, 0);
        disk.append(LOG, lines(500, grown).as_bytes());
        reader.lines.clear();
        reader.run(&disk, 5.0);
        assert_lines(&reader.lines, &split(&lines(500, grown)), &format!("{grown}"));
        let unread = (lines(0, 100).len() - read) as u64;
        assert_eq!(reader.lost, BTreeMap::from([(Reason::Truncated, unread)]), "{grown}");
    }
}

#[test]
fn row_05_a_truncated_log_that_has_grown_past_the_place_is_told_by_its_marker() {
    let disk = disk();
    let mut reader = Reader::new(&disk);
    let same_head = lines(0, 60);
    disk.append(LOG, (same_head.clone() + &lines(100, 20)).as_bytes());
    assert_eq!(reader.take().len(), 80);
    disk.truncate(LOG, 0);
    disk.append(LOG, (same_head + &lines(200, 200)).as_bytes());
    reader.run(&disk, 5.0);
    assert_eq!(reader.lines.len(), 260);
    assert_lines(&reader.lines[60..], &split(&lines(200, 200)), "");
}

#[test]
fn row_05_a_truncated_log_that_has_grown_to_the_same_length_is_read_anew() {
    let disk = disk();
    let mut reader = Reader::new(&disk);
    disk.append(LOG, lines(100, 80).as_bytes());
    assert_eq!(reader.take().len(), 80);
    reader.run(&disk, 1.0);
    disk.truncate(LOG, 0);
    disk.append(LOG, lines(200, 80).as_bytes());
    assert_eq!(lines(100, 80).len(), lines(200, 80).len());
    reader.run(&disk, 5.0);
    assert_lines(&reader.lines, &split(&lines(200, 80)), "");
}

#[test]
fn a_log_that_vanishes_unread_is_read_from_its_descriptor_and_counted_if_the_agent_was_down() {
    for down in [false, true] {
        let disk = disk();
        let mut reader = Reader::new(&disk);
        disk.append(LOG, lines(0, 100).as_bytes());
        reader.scan();
        reader.save();
        if down {
            reader.restart(&disk);
        }
        disk.unlink(LOG);
        disk.append(LOG, lines(100, 5).as_bytes());
        reader.run(&disk, 5.0);
        let (from, lost) = if down { (100, lines(0, 100).len() as u64) } else { (0, 0) };
        reader.lines.sort_unstable_by_key(|line| line[line.len() - 6..].to_owned());
        assert_lines(&reader.lines, &split(&lines(from, 105 - from)), "");
        assert_eq!(reader.lost.get(&Reason::Deleted).copied().unwrap_or(0), lost);
        assert_eq!(reader.changes.iter().any(|change| matches!(change, Change::Gone { .. })), !down);
    }
}

#[test]
fn row_08_an_inode_that_is_given_away_again_is_no_proof() {
    for (old, new) in [(10, 100), (100, 10), (50, 50)] {
        let disk = disk();
        let mut reader = Reader::new(&disk);
        disk.append(LOG, lines(0, old).as_bytes());
        reader.take();
        reader.save();
        let ino = disk.ino(LOG);
        let store = reader.store.clone();
        drop(reader);
        disk.unlink(LOG);
        disk.advance(1);
        disk.append(LOG, lines(1000, new).as_bytes());
        assert_eq!(disk.ino(LOG), ino, "the disk gave the number away again");
        let mut reader = Reader::with(&disk, settings(), store);
        assert_lines(&reader.take(), &split(&lines(1000, new)), &format!("{old} {new}"));
    }
}

#[test]
fn evidence_is_read_apart_from_delivery() {
    let disk = disk();
    let mut reader = Reader::new(&disk);
    disk.append(LOG, lines(0, 10).as_bytes());
    reader.scan();
    let kind = StreamKind::Log(LogId(0));
    let stream = reader.watcher.unread(kind, Purpose::Deliver).next().unwrap();
    let evidence = |reader: &mut Reader, seek| {
        let mut got = Vec::new();
        reader.watcher.seek_evidence(stream, seek);
        while reader.watcher.unread(kind, Purpose::Evidence).next() == Some(stream) {
            reader.watcher.read(stream, Purpose::Evidence, 100, &mut |item| {
                if let watcher::Item::Line(line) = item {
                    got.push(String::from_utf8_lossy(line.bytes).into_owned());
                }
                watcher::Taken::parts(1)
            });
        }
        got
    };
    let all = split(&lines(0, 10));
    let len = all[0].len() as u64 + 1;
    assert_eq!(evidence(&mut reader, Seek::Start), all);
    assert_eq!(evidence(&mut reader, Seek::Offset(3 * len)), all[3..]);
    assert_eq!(evidence(&mut reader, Seek::Offset(3 * len + 1)), all[4..]);
    assert_eq!(evidence(&mut reader, Seek::Offset(1 << 40)), Vec::<String>::new());
    reader.read_some(100);
    let read = reader.lines.len();
    assert!(read < 10);
    assert_eq!(evidence(&mut reader, Seek::Deliver), all[read..]);
    reader.read();
    assert_eq!(reader.lines, all);
    assert_eq!(evidence(&mut reader, Seek::Nowhere), Vec::<String>::new());
}

/// Lines that came between the copying and the truncation are in no file any more; those before them are in the copy,
/// and after a crash that is where they are read again.
#[test]
fn row_05_a_compressed_copy_may_be_shorter_than_what_was_read() {
    let disk = disk();
    let mut reader = Reader::new(&disk);
    reader.settle = false;
    for from in [0, 20, 40] {
        disk.append(LOG, lines(from, 20).as_bytes());
        reader.take();
    }
    reader.save();
    let copy = String::from_utf8(disk.data(LOG)).unwrap();
    disk.append(LOG, lines(60, 20).as_bytes());
    reader.take();
    disk.truncate(LOG, 0);
    disk.append(format!("{}.gz", sibling(1)), &gzip(&copy));
    disk.append(LOG, lines(80, 20).as_bytes());
    reader.run(&disk, 10.0);
    assert_lines(&reader.lines, &split(&lines(80, 20)), "the new content");
    reader.save();
    reader.restart(&disk);
    reader.lines.clear();
    reader.run(&disk, 10.0);
    let expected = lines(0, 60) + &lines(80, 20);
    assert_lines(&reader.lines, &split(&expected), "after a crash");
}

#[test]
fn row_13_a_file_that_could_not_be_opened_until_newer_ones_were_known_is_read() {
    let disk = disk();
    disk.append(LOG, lines(0, 10).as_bytes());
    let mut reader = Reader::new(&disk);
    assert_lines(&reader.take(), &split(&lines(0, 10)), "the first");
    rotate(&disk);
    disk.append(LOG, lines(10, 20).as_bytes());
    disk.fail(LOG, Some(std::io::ErrorKind::Other));
    reader.scan();
    rotate(&disk);
    disk.append(LOG, lines(30, 10).as_bytes());
    disk.fail(LOG, None);
    disk.fail(&sibling(1), Some(std::io::ErrorKind::Other));
    reader.run(&disk, 6.0);
    disk.fail(&sibling(1), None);
    reader.run(&disk, 12.0);
    let mut read = std::mem::take(&mut reader.lines);
    read.sort();
    let mut expected = split(&lines(10, 30));
    expected.sort();
    assert_lines(&read, &expected, "the others");
    assert_eq!(reader.lost, BTreeMap::new());
}

/// What can't be read is not gone: no loss is told, and it is read when the disk works again.
#[test]
fn row_13_a_disk_that_fails_at_the_start_is_no_loss() {
    for failing in ["/log", LOG] {
        let disk = disk();
        disk.append(LOG, lines(0, 10).as_bytes());
        let mut reader = Reader::new(&disk);
        reader.take();
        disk.append(LOG, lines(10, 10).as_bytes());
        reader.scan();
        reader.save();
        disk.append(LOG, lines(20, 10).as_bytes());
        reader.restart(&disk);
        disk.fail(failing, Some(std::io::ErrorKind::Other));
        reader.run(&disk, 20.0);
        disk.fail(failing, None);
        reader.run(&disk, 10.0);
        assert_lines(&reader.lines, &split(&lines(10, 20)), failing);
        assert_eq!(reader.lost, BTreeMap::new(), "{failing}");
    }
}

/// The listing of its directory does not show it, and a second later it may have grown past what was known of it.
#[test]
fn row_05_a_truncation_is_seen_at_its_event() {
    let disk = disk();
    disk.append(LOG, lines(0, 20).as_bytes());
    let mut reader = Reader::new(&disk);
    reader.scan();
    disk.truncate(LOG, 0);
    reader.watcher.wake(watcher::Hint::Path(LOG.into()));
    reader.scan_due();
    disk.append(LOG, lines(20, 60).as_bytes());
    reader.run(&disk, 10.0);
    assert_lines(&reader.lines, &split(&lines(20, 60)), "the new content");
    assert_eq!(reader.lost, BTreeMap::from([(Reason::Truncated, lines(0, 20).len() as u64)]));
}

/// Of a log that was truncated unseen while nothing of it had been read, no line is handed out twice.
#[test]
fn row_05_a_log_truncated_and_grown_before_it_was_read_is_read_once() {
    let disk = disk();
    disk.append(LOG, lines(0, 20).as_bytes());
    let mut reader = Reader::new(&disk);
    reader.scan();
    disk.truncate(LOG, 0);
    disk.append(LOG, lines(20, 60).as_bytes());
    reader.run(&disk, 10.0);
    assert_lines(&reader.lines, &split(&lines(20, 60)), "the new content");
}

/// What was settled behind a line that was not is no loss when the file is gone.
#[test]
fn only_what_was_not_settled_is_counted_as_lost() {
    let disk = disk();
    disk.append(LOG, lines(0, 20).as_bytes());
    let mut reader = Reader::new(&disk);
    reader.settle = false;
    reader.scan();
    reader.read();
    reader.receipts.remove(0);
    reader.settle_all();
    reader.save();
    disk.unlink(LOG);
    reader.restart(&disk);
    reader.run(&disk, 10.0);
    assert_eq!(reader.lost, BTreeMap::from([(Reason::Deleted, lines(0, 1).len() as u64)]));
}

/// Between two looks a log that was found empty is filled, rotated several times and compressed.
#[test]
fn row_04_a_log_found_empty_is_read_from_its_compressed_sibling() {
    for (rotations, held) in [(1, false), (2, false), (2, true), (4, false), (4, true)] {
        let disk = disk();
        let mut reader = Reader::new(&disk);
        disk.append(LOG, lines(0, 100).as_bytes());
        reader.scan();
        reader.read();
        rotate(&disk);
        reader.scan();
        if held {
            reader.read();
        }
        let mut written = 100;
        for _ in 0..rotations {
            disk.append(LOG, lines(written, 100).as_bytes());
            written += 100;
            rotate(&disk);
            for n in 2..20 {
                if disk.exists(sibling(n)) {
                    compress(&disk, n);
                }
            }
        }
        disk.append(LOG, lines(written, 100).as_bytes());
        written += 100;
        reader.run(&disk, 5.0);
        let mut got = reader.lines.clone();
        got.sort_unstable_by_key(|line| line[line.len() - 6..].to_owned());
        assert_lines(&got, &split(&lines(0, written)), &format!("{rotations} rotations, {held}"));
        assert!(reader.lost.is_empty(), "{:?}", reader.lost);
    }
}
