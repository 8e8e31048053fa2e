//! XAPI's compression: the `.zst` appears empty, the plain file is removed, the `.zst` is complete later.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what is not there is a failed test")]

mod common;

use common::disk::Disk;
use common::reader::{Reader, settings};
use common::{assert_lines, exports, split, zstd};
use std::collections::BTreeMap;
use watcher::{Reason, Settings, Trouble};

const FILE: &str = "/log/dt/xapi-2026-02-19T20:46:15.393923-00:00.ndjson";
const PACKED: &str = "/log/dt/xapi-2026-02-19T20:46:15.393923-00:00.ndjson.zst";

fn disk() -> Disk {
    let disk = Disk::new();
    disk.mkdir("/log/dt");
    disk
}

/// What XAPI and zstd do, as steps.
fn steps(disk: &Disk, step: usize, text: &str) {
    let packed = zstd(text);
    let half = packed.len() / 2;
    match step {
        0 => disk.append(FILE, &text.as_bytes()[..text.len() / 2]),
        1 => disk.append(FILE, &text.as_bytes()[text.len() / 2..]),
        2 => disk.create(PACKED),
        3 => disk.append(PACKED, &packed[..half]),
        4 => disk.unlink(FILE),
        _ => disk.append(PACKED, &packed[half..]),
    }
}

#[test]
fn row_06_nothing_is_lost_or_doubled_whenever_it_is_looked_at() {
    let text = exports(0, 400);
    for mask in 0..64u32 {
        for delay in [0.25, 5.0] {
            let disk = disk();
            let mut reader = Reader::new(&disk);
            reader.run(&disk, 0.25);
            for step in 0..6 {
                steps(&disk, step, &text);
                if mask & (1 << step) != 0 {
                    reader.run(&disk, delay);
                }
            }
            reader.run(&disk, 6.0);
            assert_lines(&reader.lines, &split(&text), &format!("{mask:06b} {delay}"));
            assert!(reader.lost.is_empty(), "{mask:06b} {delay} {:?}", reader.lost);
        }
    }
}

#[test]
fn row_06_nothing_is_lost_or_doubled_whenever_the_agent_is_down() {
    let text = exports(0, 400);
    for down in 0..6 {
        for back in down..6 {
            let disk = disk();
            let mut reader = Reader::new(&disk);
            reader.run(&disk, 0.25);
            for step in 0..6 {
                if step == back {
                    reader.restart(&disk);
                }
                steps(&disk, step, &text);
                if step < down || step >= back {
                    reader.run(&disk, 0.5);
                    reader.save();
                }
            }
            reader.restart(&disk);
            reader.run(&disk, 6.0);
            assert_lines(&reader.lines, &split(&text), &format!("down {down} back {back}"));
            assert!(reader.lost.is_empty(), "{:?}", reader.lost);
        }
    }
}

#[test]
fn row_06_a_file_that_is_removed_unread_is_read_from_its_descriptor() {
    let disk = disk();
    let mut reader = Reader::new(&disk);
    disk.append(FILE, exports(0, 400).as_bytes());
    reader.scan();
    reader.read_some(1000);
    disk.unlink(FILE);
    reader.scan();
    assert_eq!(reader.watcher.held().deleted_bytes, exports(0, 400).len() as u64);
    reader.run(&disk, 5.0);
    assert_lines(&reader.lines, &split(&exports(0, 400)), "");
    assert_eq!((reader.watcher.held().deleted_bytes, disk.open_now()), (0, 0));
}

#[test]
fn row_06a_the_descriptor_is_let_go_once_the_compressed_file_has_the_content() {
    let disk = disk();
    let mut reader = Reader::new(&disk);
    disk.append(FILE, exports(0, 400).as_bytes());
    reader.scan();
    reader.read_some(1000);
    disk.append(PACKED, &zstd(&exports(0, 400)));
    disk.unlink(FILE);
    reader.scan();
    reader.scan();
    assert_eq!(reader.watcher.held().deleted_bytes, 0);
    reader.read();
    assert_lines(&reader.lines, &split(&exports(0, 400)), "");
}

/// 20 trace files of 8 KiB are removed unread, every other one with a compressed copy.
fn collector_down(disk: &Disk, reader: &mut Reader) -> (u64, u64) {
    let text = exports(0, 130);
    for n in 0..20 {
        let text = exports(n * 1000, 130);
        disk.advance(1000);
        let file = format!("/log/dt/xapi-2026-02-19T20:46:{n:02}Z.ndjson");
        disk.append(&file, text.as_bytes());
        reader.scan();
        if n % 2 == 0 {
            disk.append(format!("{file}.zst"), b"\x28\xb5\x2f\xfd");
        }
        disk.unlink(&file);
        reader.scan();
    }
    (text.len() as u64, reader.watcher.held().deleted_bytes)
}

#[test]
fn row_06a_deleted_files_are_held_up_to_the_cap_and_the_oldest_go_first() {
    let disk = disk();
    let mut reader = Reader::with(&disk, Settings { held_deleted: 50_000, ..settings() }, BTreeMap::new());
    let (size, held) = collector_down(&disk, &mut reader);
    assert_eq!(held, 50_000 / size * size);
    let kept = 50_000 / size;
    assert_eq!(reader.lost, BTreeMap::from([(Reason::HeldDeletedCap, size * ((20 - kept) / 2))]));
    reader.read();
    assert_eq!(reader.lines.len() as u64, kept * 130);
}

#[test]
fn row_06a_nothing_deleted_is_held_on_a_disk_that_is_nearly_full() {
    let disk = disk();
    let mut reader = Reader::new(&disk);
    let (size, held) = collector_down(&disk, &mut reader);
    assert_eq!(held, 20 * size);
    disk.set_free(9, 100);
    reader.scan();
    assert_eq!(reader.watcher.held().deleted_bytes, 0);
    assert_eq!(reader.lost, BTreeMap::from([(Reason::HeldDeletedCap, 10 * size)]));
}

#[test]
fn row_07_a_file_that_never_completes_gives_what_it_has_once() {
    let text: String = (0..20_000)
        .map(|n: u64| format!("[{{\"id\":\"{:x}\"}}]\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
        .collect();
    let packed = zstd(&text);
    for tenth in 1..10 {
        let disk = disk();
        let mut reader = Reader::new(&disk);
        disk.append(PACKED, &packed[..packed.len() * tenth / 10]);
        reader.run(&disk, 55.0);
        assert!(reader.lines.is_empty(), "not before it has stopped growing");
        reader.run(&disk, 10.0);
        let got = reader.lines.len();
        assert_lines(&reader.lines, &split(&text)[..got], &format!("{tenth}"));
        assert!(tenth < 3 || got > 0, "{tenth}");
        let rest = reader.lost.remove(&Reason::Undecodable).unwrap();
        assert!(rest > 0 && rest < packed.len() as u64 && reader.lost.is_empty());
        assert_eq!(reader.troubles, [(PACKED.to_owned(), Some(Trouble::Undecodable))]);
        let opens = disk.calls().1;
        reader.run(&disk, 100.0);
        assert_eq!((reader.lines.len(), reader.lost.len(), disk.calls().1), (got, 0, opens), "no spinning");
        disk.append(PACKED, &packed[packed.len() * tenth / 10..]);
        reader.run(&disk, 3.0);
        assert_lines(&reader.lines, &split(&text), "growth goes on from the same place");
    }
}

#[test]
fn row_07_several_frames_and_late_ones_are_one_stream() {
    let disk = disk();
    let mut reader = Reader::new(&disk);
    disk.append(PACKED, &[zstd(&exports(0, 10)), zstd(&exports(10, 10))].concat());
    reader.run(&disk, 1.0);
    assert_lines(&reader.lines, &split(&exports(0, 20)), "");
    disk.append(PACKED, &zstd(&exports(20, 10)));
    reader.run(&disk, 3.0);
    assert_lines(&reader.lines, &split(&exports(0, 30)), "");
}

#[test]
fn an_overwritten_compressed_file_is_a_new_stream() {
    let disk = disk();
    let mut reader = Reader::new(&disk);
    let broken = zstd(&exports(0, 3000));
    disk.append(PACKED, &broken[..broken.len() / 2]);
    reader.run(&disk, 62.0);
    let first = reader.lines.len();
    disk.truncate(PACKED, 0);
    disk.append(PACKED, &[zstd(&exports(5000, 10)), broken[1000..broken.len() / 2].to_vec()].concat());
    reader.run(&disk, 62.0);
    assert_lines(&reader.lines[first..], &split(&exports(5000, 10)), "");
    assert!(reader.lost[&Reason::Undecodable] > 0);
}

#[test]
fn row_07_a_bomb_is_skipped_in_bounded_memory() {
    let disk = disk();
    let mut reader = Reader::new(&disk);
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    let zeros = vec![0; 1 << 20];
    (0..1024).for_each(|_| std::io::Write::write_all(&mut encoder, &zeros).unwrap());
    std::io::Write::write_all(&mut encoder, b"\n[{}]\n").unwrap();
    disk.append(PACKED, &encoder.finish().unwrap());
    reader.scan();
    reader.read();
    assert_eq!(reader.lines, ["[{}]"]);
    assert_eq!(reader.lost, BTreeMap::from([(Reason::Oversize, (1 << 30) + 1)]));
}

#[test]
fn a_drained_compressed_file_is_known_without_being_opened() {
    let disk = disk();
    let mut reader = Reader::new(&disk);
    disk.append(PACKED, &zstd(&exports(0, 10)));
    disk.append("/log/dt/b.ndjson", exports(10, 10).as_bytes());
    reader.run(&disk, 1.0);
    assert_eq!(reader.lines.len(), 20);
    reader.save();
    reader.restart(&disk);
    let opens = disk.calls().1;
    reader.run(&disk, 2.0);
    assert_eq!((reader.lines.len(), disk.calls().1), (20, opens));
}
