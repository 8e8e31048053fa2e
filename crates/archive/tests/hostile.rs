//! Archives that are damaged, or made to do harm.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panic")]

use archive::{Flow, Limit, Limits, Reason, Report, Walk};
use flate2::write::GzEncoder;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::path::Path;

fn header(name: &[u8], kind: tar::EntryType, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o777);
    header.set_mtime(1_700_000_000);
    header.set_cksum();
    header
}

/// A tar of these names, each with its own name as its text.
fn tar(names: &[&[u8]]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for name in names {
        archive.append(&header(name, tar::EntryType::Regular, name.len() as u64), *name).unwrap();
    }
    archive.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// Reads everything at `path`: the members' names with how much of each could be read, and the report.
fn walk(path: &Path, limits: Limits) -> (Vec<(String, u64)>, Report) {
    let mut members = Vec::new();
    let report = Walk::new(limits)
        .walk(path, &mut |member| {
            let name = member.place().path.clone();
            let mut bytes = 0;
            let mut buf = [0; 4096];
            let outcome = loop {
                match member.read(&mut buf) {
                    Ok(0) => break Ok(Flow::Continue),
                    Ok(read) => bytes += read as u64,
                    Err(error) => break Err(error),
                }
            };
            members.push((name, bytes));
            outcome
        })
        .unwrap();
    (members, report)
}

fn walk_bytes(bytes: &[u8], limits: Limits) -> (Vec<(String, u64)>, Report) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    walk(file.path(), limits)
}

fn reasons(report: &Report) -> Vec<Reason> {
    report.broken.iter().map(|broken| broken.reason.clone()).collect()
}

#[test]
fn names_that_lead_out_of_it_are_only_names() {
    let (members, report) =
        walk_bytes(&tar(&[b"../../etc/passwd", b"/etc/shadow", b"a\x1b[2Jb", b"ok"]), Limits::default());
    let names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["etc/passwd", "etc/shadow", "a\u{fffd}[2Jb", "ok"]);
    assert_eq!((report.odd_names, report.broken_total), (3, 0));
    let (members, report) = walk_bytes(&zip(&[("../../x", b"1"), ("y", b"2")]), Limits::default());
    assert_eq!((members.len(), report.odd_names), (2, 1));
}

#[test]
fn links_and_devices_are_counted_and_left() {
    let mut archive = tar::Builder::new(Vec::new());
    for kind in [tar::EntryType::Symlink, tar::EntryType::Link, tar::EntryType::Char, tar::EntryType::Fifo] {
        archive.append(&header(b"x", kind, 0), std::io::empty()).unwrap();
    }
    archive.append(&header(b"dir/", tar::EntryType::Directory, 0), std::io::empty()).unwrap();
    archive.append(&header(b"y", tar::EntryType::Regular, 1), &b"1"[..]).unwrap();
    let (members, report) = walk_bytes(&archive.into_inner().unwrap(), Limits::default());
    assert_eq!(members, [("y".to_owned(), 1)]);
    assert_eq!((report.links, report.specials, report.broken_total), (2, 2, 0));
}

#[test]
fn links_in_folders_are_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("in")).unwrap();
    std::fs::write(at("in/a"), "1").unwrap();
    symlink(folder.path(), at("in/loop")).unwrap();
    symlink("/etc/passwd", at("in/passwd")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, at("in/fifo"), rustix::fs::Mode::RWXU).unwrap();
    let (members, report) = walk(&at("in"), Limits::default());
    assert_eq!(members, [("a".to_owned(), 1)]);
    assert_eq!((report.links, report.specials), (2, 1));
    symlink(at("in"), at("given")).unwrap();
    assert_eq!(walk(&at("given"), Limits::default()).0.len(), 1, "what is given itself may be a link");
    let fifo = Walk::new(Limits::default()).walk(&at("in/fifo"), &mut |_| Ok(Flow::Continue));
    assert_eq!(fifo.unwrap_err().kind(), std::io::ErrorKind::Unsupported);
}

#[test]
fn bombs_are_stopped_and_named() {
    let zeros = vec![0; 80 << 20];
    let mut bomb = tar::Builder::new(Vec::new());
    bomb.append(&header(b"first", tar::EntryType::Regular, 1), &b"1"[..]).unwrap();
    bomb.append(&header(b"bomb", tar::EntryType::Regular, zeros.len() as u64), &zeros[..]).unwrap();
    let bomb = gzip(&bomb.into_inner().unwrap());
    let (members, report) = walk_bytes(&bomb, Limits { ratio: 100, ..Limits::default() });
    assert_eq!(members[0], ("first".to_owned(), 1));
    assert!(reasons(&report).contains(&Reason::Limit(Limit::Ratio)), "{report:?}");
    let (_, report) = walk_bytes(&bomb, Limits { unpacked: 1 << 20, ..Limits::default() });
    assert!(reasons(&report).contains(&Reason::Limit(Limit::Unpacked)), "{report:?}");
    assert!(report.unpacked < 2 << 20);
    let (members, report) =
        walk_bytes(&zip(&[("a", &zeros), ("b", b"2")]), Limits { ratio: 100, ..Limits::default() });
    assert_eq!((reasons(&report), &members[1]), (vec![Reason::Limit(Limit::Ratio)], &("b".to_owned(), 1)));
}

#[test]
fn a_long_name_does_not_fill_the_memory() {
    let mut archive = header(b"././@LongLink", tar::EntryType::GNULongName, 1 << 40).as_bytes().to_vec();
    archive.extend(vec![b'a'; 8192]);
    let (members, report) = walk_bytes(&archive, Limits::default());
    assert_eq!((members.len(), report.broken_total), (0, 1));
    assert!(matches!(reasons(&report)[0], Reason::Damaged(_)), "{report:?}");
    let mut long = tar::Builder::new(Vec::new());
    let name = "d/".repeat(200) + "x";
    long.append_data(&mut header(b"-", tar::EntryType::Regular, 1), &name, &b"1"[..]).unwrap();
    let (members, report) = walk_bytes(&long.into_inner().unwrap(), Limits::default());
    assert_eq!((members, report.broken_total), (vec![(name, 1)], 0));
}

#[test]
fn archives_in_archives_end_at_the_depth() {
    let mut nested = tar(&[b"core"]);
    for level in 0..5 {
        nested = zip(&[("in", &nested)]);
        let mut outer = tar::Builder::new(Vec::new());
        outer.append(&header(b"in", tar::EntryType::Regular, nested.len() as u64), &nested[..]).unwrap();
        nested = outer.into_inner().unwrap();
        nested = if level % 2 == 0 { gzip(&nested) } else { nested };
    }
    let (members, report) = walk_bytes(&nested, Limits { depth: 11, ..Limits::default() });
    assert_eq!((members, report.broken_total), (vec![("core".to_owned(), 4)], 0));
    let (members, report) = walk_bytes(&nested, Limits { depth: 3, ..Limits::default() });
    assert!(!members.iter().any(|(name, _)| name == "core"));
    assert_eq!(report.broken_total, 1, "{report:?}");
    assert_eq!(reasons(&report), [Reason::Limit(Limit::Depth)]);
}

#[test]
fn too_many_members_end_it() {
    let names: Vec<String> = (0..50).map(|n| format!("f{n}")).collect();
    let names: Vec<&[u8]> = names.iter().map(String::as_bytes).collect();
    let (members, report) = walk_bytes(&tar(&names), Limits { members: 10, ..Limits::default() });
    assert_eq!((members.len(), reasons(&report)), (10, vec![Reason::Limit(Limit::Members)]));
}

#[test]
fn what_is_cut_off_is_read_up_to_there() {
    let whole = tar(&[&[b'a'; 90], b"second"]);
    for cut in [512 + 40, 512, 300, 1024 + 100, 1024 + 512 + 2] {
        let (members, report) = walk_bytes(&whole[..cut], Limits::default());
        let broken = !(reasons(&report).is_empty() && members.len() == 1);
        assert!(cut == 300 || broken, "{cut}: {members:?} {report:?}");
    }
    let packed = gzip(&tar(&[b"one", &[b'b'; 99]]));
    let (_, report) = walk_bytes(&packed[..packed.len() - 20], Limits::default());
    assert!(report.broken_total > 0, "{report:?}");
}

#[test]
fn a_damaged_member_of_a_zip_leaves_the_others() {
    let mut archive = zip(&[("a", b"aaaaaaaaaaaaaaaa"), ("b", b"second")]);
    // Behind the first local header, which has 30 bytes and the name.
    archive[31] ^= 0x55;
    let (members, report) = walk_bytes(&archive, Limits::default());
    assert_eq!(members.last(), Some(&("b".to_owned(), 6)));
    assert_eq!((report.broken_total, report.broken[0].place.path.as_str()), (1, "a"), "{report:?}");
}

#[test]
fn xz_is_named_with_what_to_do() {
    let (members, report) = walk_bytes(b"\xfd7zXZ\0\0\x04rest", Limits::default());
    assert_eq!(members.len(), 0);
    assert!(report.broken[0].to_string().contains("xz -d"), "{report:?}");
}

/// Any bytes, and archives with any bytes changed, give an end and no panic.
#[test]
fn noise_is_survived() {
    let seeds =
        [tar(&[b"one", b"two"]), gzip(&tar(&[b"one", b"two"])), zip(&[("one", b"111"), ("two", b"222")])];
    let mut state = 0x9e37_79b9_u64;
    let mut next = |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % bound
    };
    for round in 0..600 {
        let mut bytes = seeds[round % seeds.len()].clone();
        for _ in 0..=next(6) {
            let at = next(bytes.len());
            bytes[at] = u8::try_from(next(256)).unwrap();
        }
        bytes.truncate(1 + next(bytes.len()));
        let (members, _) = walk_bytes(&bytes, Limits { unpacked: 1 << 20, ..Limits::default() });
        assert!(members.len() <= 2, "round {round}");
    }
}
