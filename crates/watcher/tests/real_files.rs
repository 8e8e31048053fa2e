//! On a real disk, with the programs that dom0 has: rename, zstd, gzip, descriptors that outlive names.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what is not there is a failed test")]

mod common;

use common::reader::Reader;
use common::{assert_lines, exports, lines, split};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};
use watcher::{LogSettings, RealFs, Reason, SavedStream, Settings, StartAt};

struct Host {
    dir: tempfile::TempDir,
}

impl Host {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("dt")).unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn settings(&self) -> Settings {
        let log = LogSettings { path: self.path("x.log"), start_at: StartAt::Beginning };
        Settings { traces: vec![self.path("dt")], logs: vec![log], ..Settings::default() }
    }

    fn reader(&self, store: BTreeMap<u64, SavedStream>) -> Reader {
        Reader::on(Box::new(RealFs), Box::new(wall), self.settings(), store)
    }

    fn append(&self, name: &str, text: &str) {
        append(&mut open(&self.path(name)), text);
    }
}

#[allow(clippy::disallowed_methods, reason = "files have the times of the real clock")]
fn wall() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos().try_into().unwrap()
}

fn open(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path).unwrap()
}

fn append(file: &mut File, text: &str) {
    file.write_all(text.as_bytes()).unwrap();
}

/// Some seconds by the monotonic clock, without waiting for them.
fn later(reader: &mut Reader, seconds: u64) {
    for _ in 0..seconds {
        reader.mono += Duration::from_secs(1);
        reader.scan();
        reader.read();
    }
}

/// As XAPI does it: the `.zst` is made, the original copied into zstd and removed before zstd has ended.
fn compress_as_xapi_does(path: &Path, between: &mut dyn FnMut()) {
    let packed = PathBuf::from(format!("{}.zst", path.display()));
    let out = OpenOptions::new().create(true).append(true).mode(0o444).open(&packed).unwrap();
    let mut zstd =
        Command::new("zstd").args(["--fast", "-q", "-c"]).stdin(Stdio::piped()).stdout(out).spawn().unwrap();
    between();
    let mut pipe = zstd.stdin.take().unwrap();
    pipe.write_all(&fs::read(path).unwrap()).unwrap();
    fs::remove_file(path).unwrap();
    between();
    drop(pipe);
    zstd.wait().unwrap();
}

#[test]
fn row_06_what_the_zstd_program_writes_takes_over_from_the_plain_file() {
    let host = Host::new();
    let mut reader = host.reader(BTreeMap::new());
    let mut expected = Vec::new();
    for round in 0..6 {
        let text = exports(round * 10_000, 5_000);
        expected.extend(split(&text));
        let file = format!("dt/xapi-2026-02-19T20:46:0{round}Z.ndjson");
        host.append(&file, &text[..100_000]);
        if round % 2 == 0 {
            later(&mut reader, 1);
        }
        host.append(&file, &text[100_000..]);
        compress_as_xapi_does(&host.path(&file), &mut || {
            if round % 3 == 0 {
                later(&mut reader, 1);
            }
        });
    }
    later(&mut reader, 5);
    assert_lines(&reader.lines, &expected, "");
    assert!(reader.lost.is_empty());
    assert_eq!(reader.watcher.held().deleted_bytes, 0);
}

#[test]
fn what_the_gzip_program_writes_continues_the_log() {
    let host = Host::new();
    let mut reader = host.reader(BTreeMap::new());
    host.append("x.log", &lines(0, 20_000));
    reader.scan();
    reader.read_some(100_000);
    reader.save();
    fs::rename(host.path("x.log"), host.path("x.log.1")).unwrap();
    host.append("x.log", &lines(20_000, 10));
    assert!(Command::new("gzip").arg(host.path("x.log.1")).status().unwrap().success());
    fs::rename(host.path("x.log.1.gz"), host.path("x.log.2.gz")).unwrap();
    let settled = reader.lines.len();
    let mut reader = host.reader(reader.store);
    later(&mut reader, 4);
    assert_lines(&reader.lines, &split(&lines(settled, 20_010 - settled)), "");
    assert!(reader.lost.is_empty());
}

#[test]
fn row_02_a_writer_with_the_old_descriptor_is_followed_over_many_rotations() {
    let host = Host::new();
    let mut reader = host.reader(BTreeMap::new());
    let (mut written, mut old) = (0, open(&host.path("x.log")));
    later(&mut reader, 1);
    for round in 0..30 {
        for n in (1..5).rev().filter(|n| host.path(&format!("x.log.{n}")).exists()) {
            fs::rename(host.path(&format!("x.log.{n}")), host.path(&format!("x.log.{}", n + 1))).unwrap();
        }
        fs::rename(host.path("x.log"), host.path("x.log.1")).unwrap();
        let mut new = open(&host.path("x.log"));
        append(&mut old, &lines(written, 7));
        if round % 2 == 0 {
            later(&mut reader, 1);
        }
        append(&mut old, &lines(written + 7, 3));
        append(&mut new, &lines(written + 10, 5));
        written += 15;
        old = new;
        later(&mut reader, 1);
    }
    later(&mut reader, 3);
    reader.lines.sort_unstable_by_key(|line| line[line.len() - 6..].to_owned());
    assert_lines(&reader.lines, &split(&lines(0, written)), "");
    assert!(reader.lost.is_empty(), "{:?}", reader.lost);
}

#[test]
fn row_15_a_gibibyte_of_nul_is_skipped_in_bounded_memory() {
    let host = Host::new();
    let file = open(&host.path("dt/a.ndjson"));
    file.set_len(1 << 30).unwrap();
    host.append("dt/a.ndjson", "\n[{}]\n");
    let mut reader = host.reader(BTreeMap::new());
    reader.scan();
    reader.read();
    assert_eq!(reader.lines, ["[{}]"]);
    assert_eq!(reader.lost, BTreeMap::from([(Reason::Oversize, (1 << 30) + 1)]));
}

#[test]
fn row_13_a_file_that_may_not_be_read_is_read_once_it_may() {
    let host = Host::new();
    host.append("dt/a.ndjson", &exports(0, 3));
    fs::set_permissions(host.path("dt/a.ndjson"), fs::Permissions::from_mode(0o000)).unwrap();
    let mut reader = host.reader(BTreeMap::new());
    later(&mut reader, 3);
    // Nothing is forbidden to root.
    let root = rustix::process::geteuid().is_root();
    assert_eq!(reader.lines.is_empty(), !root);
    assert_eq!(reader.troubles.len(), usize::from(!root));
    fs::set_permissions(host.path("dt/a.ndjson"), fs::Permissions::from_mode(0o600)).unwrap();
    later(&mut reader, 6);
    assert_lines(&reader.lines, &split(&exports(0, 3)), "");
}

#[test]
fn row_10_the_directory_may_go_and_come_back() {
    let host = Host::new();
    let mut reader = host.reader(BTreeMap::new());
    for round in 0..3 {
        fs::create_dir_all(host.path("dt/zipkinv2/json")).unwrap();
        host.append("dt/zipkinv2/json/a.ndjson", &exports(round, 1));
        later(&mut reader, 1);
        fs::remove_dir_all(host.path("dt")).unwrap();
        later(&mut reader, 1);
    }
    assert_lines(&reader.lines, &split(&exports(0, 3)), "");
    assert!(reader.lost.is_empty() && reader.troubles.is_empty());
}
