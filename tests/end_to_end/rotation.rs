//! Logs that are rotated, copied and cut under the agent's eyes, or behind its back.

use crate::harness::{Rig, append, count, line, number, side_by_side};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;
use testkit::collector::{Code, Mood, Signal};
use testkit::driver::Signal as Unix;
use testkit::standin::{MILLI, SimTime};

/// Between two pieces that are written.
const STEP: Duration = Duration::from_millis(4);
const ROTATIONS: u64 = 10;

/// A log and those who write to it: one who opens the new file at once, and others who stay with a renamed one.
struct Writer {
    log: PathBuf,
    live: File,
    /// Renamed files, and until when they are written to.
    lingering: Vec<(File, SimTime)>,
    lines: u64,
    to_renamed: u64,
}

impl Writer {
    fn new(log: PathBuf) -> Self {
        let live = open(&log);
        Self { log, live, lingering: Vec::new(), lines: 0, to_renamed: 0 }
    }

    /// Writes for this long, to the new file and to those that were renamed a moment ago.
    fn write_for(&mut self, micros: u64) {
        let end = SimTime::now().plus(micros);
        while SimTime::now() < end {
            self.lingering.retain(|(_, until)| *until > SimTime::now());
            for (file, _) in &mut self.lingering {
                self.lines += 1;
                self.to_renamed += 1;
                file.write_all(line(self.lines).as_bytes()).unwrap();
            }
            self.lines += 1;
            self.live.write_all(line(self.lines).as_bytes()).unwrap();
            std::thread::park_timeout(STEP);
        }
    }

    /// Renames all by one and makes a new file; the old one is written to for as long as `linger`.
    fn rotate(&mut self, linger: u64) {
        rename_all(&self.log);
        let old = std::mem::replace(&mut self.live, open(&self.log));
        self.lingering.push((old, SimTime::now().plus(linger)));
    }
}

fn open(path: &Path) -> File {
    OpenOptions::new().append(true).create(true).open(path).unwrap()
}

fn sibling(log: &Path, number: u64) -> PathBuf {
    log.with_extension(format!("log.{number}"))
}

/// `.1` becomes `.2` and so on, compressed or not; the live one becomes `.1`.
fn rename_all(log: &Path) {
    for number in (1..2 * ROTATIONS).rev() {
        for ending in ["", ".gz"] {
            let name = |number| format!("{}{ending}", sibling(log, number).display());
            if Path::new(&name(number)).exists() {
                fs::rename(name(number), name(number + 1)).unwrap();
            }
        }
    }
    fs::rename(log, sibling(log, 1)).unwrap();
}

/// As logrotate does it: the compressed file is whole under its name when the plain one goes.
fn gzip(path: &Path) {
    let mut to = GzEncoder::new(Vec::new(), Compression::fast());
    to.write_all(&fs::read(path).unwrap()).unwrap();
    let part = path.with_extension("part");
    fs::write(&part, to.finish().unwrap()).unwrap();
    fs::rename(&part, format!("{}.gz", path.display())).unwrap();
    fs::remove_file(path).unwrap();
}

fn wait_at_rest(rig: &Rig) {
    rig.wait_status(|status| {
        let files = status["files"].as_array().unwrap();
        files.iter().all(|file| file["lag_bytes"] == 0)
    });
}

#[test]
fn row_02_renamed_while_the_writer_goes_on() {
    let rig = Rig::new();
    let agent = rig.run();
    let mut writer = Writer::new(rig.sandbox.xensource_log());
    for _ in 0..ROTATIONS {
        writer.write_for(500 * MILLI);
        writer.rotate(1_000 * MILLI);
    }
    writer.write_for(1_100 * MILLI);
    assert!(writer.to_renamed > 500 && writer.lingering.is_empty(), "{}", writer.to_renamed);
    rig.wait_lines(1..writer.lines + 1);
    wait_at_rest(&rig);
    rig.stop(&agent);
    rig.assert_once(0..0, 1..writer.lines + 1);
}

#[test]
fn row_03_rotated_ten_times_while_the_collector_is_down() {
    const CAP: u64 = 16;
    let mut rig = Rig::new();
    rig.sandbox.set("limits.open_files", CAP.to_string());
    let agent = rig.run();
    let before = agent.usage().unwrap().fds;
    rig.collector.set(Signal::Logs, Mood::refuse(Code::Unavailable, "down"));
    let mut writer = Writer::new(rig.sandbox.xensource_log());
    let mut most = 0;
    for _ in 0..ROTATIONS {
        writer.write_for(250 * MILLI);
        writer.rotate(400 * MILLI);
        most = most.max(agent.usage().unwrap().fds);
    }
    writer.write_for(500 * MILLI);
    // Connections and the store's own come on top.
    assert!(most <= before + CAP + 8, "{most} descriptors, {before} before");
    assert_eq!(rig.collector.read(|state| state.stored(Signal::Logs)), 0);
    rig.collector.set(Signal::Logs, Mood::Accept);
    rig.wait_lines(1..writer.lines + 1);
    wait_at_rest(&rig);
    rig.stop(&agent);
    rig.assert_once(0..0, 1..writer.lines + 1);
}

#[test]
fn row_04_rotated_while_down_the_oldest_is_first() {
    side_by_side(&[1, 2, 3, 5], |rotations| rotated_while_down(*rotations));
}

fn rotated_while_down(rotations: u64) {
    let rig = Rig::new();
    let log = rig.sandbox.xensource_log();
    rig.write_lines(1..50);
    let agent = rig.run();
    rig.wait_lines(1..50);
    wait_at_rest(&rig);
    rig.stop(&agent);
    let mut next = 50;
    for rotation in 0..rotations {
        rig.write_lines(next..next + 100);
        next += 100;
        if rotation > 0 {
            gzip(&sibling(&log, 1));
        }
        rename_all(&log);
    }
    rig.write_lines(next..next + 100);
    next += 100;
    assert!((2..=rotations).all(|n| fs::exists(format!("{}.gz", sibling(&log, n).display())).unwrap()));
    let agent = rig.run();
    rig.wait_lines(1..next);
    wait_at_rest(&rig);
    rig.stop(&agent);
    rig.assert_once(0..0, 1..next);
    rig.collector.read(|state| {
        let lines: Vec<u64> = state.logs().iter().filter_map(|log| number(&log.body)).collect();
        assert!(lines.is_sorted(), "{rotations}: {lines:?}");
    });
}

/// While it is stopped, it can't see that the file was shorter once.
#[test]
fn row_05_cut_and_regrown_to_the_old_offset_and_past_it() {
    side_by_side(&[99, 199], |last| regrown(*last));
}

fn regrown(last: u64) {
    let rig = Rig::new();
    let log = rig.sandbox.xensource_log();
    let agent = rig.run();
    rig.write_lines(1..50);
    rig.wait_lines(1..50);
    wait_at_rest(&rig);
    agent.signal(Unix::STOP);
    OpenOptions::new().write(true).truncate(true).open(&log).unwrap();
    rig.write_lines(50..last);
    agent.signal(Unix::CONT);
    rig.wait_lines(1..last);
    wait_at_rest(&rig);
    rig.stop(&agent);
    rig.assert_once(0..0, 1..last);
}

/// As logrotate's `copytruncate` does, with `compress`: the copies hold what was delivered from the log.
#[test]
fn row_05_copies_made_before_the_log_is_cut_are_not_read_again() {
    let rig = Rig::new();
    let log = rig.sandbox.xensource_log();
    let mut agent = rig.run();
    for round in 1..6 {
        rig.write_lines(round * 100..round * 100 + 100);
        rig.wait_lines(100..round * 100 + 100);
        wait_at_rest(&rig);
        if round == 3 {
            rig.stop(&agent);
        }
        copy_and_cut(&log);
        if round == 3 {
            agent = rig.run();
        }
    }
    rig.write_lines(600..700);
    rig.wait_lines(100..700);
    rig.wait_status(|status| status["files"].as_array().is_some_and(|files| files.len() >= 2));
    wait_at_rest(&rig);
    rig.stop(&agent);
    rig.assert_once(0..0, 100..700);
}

/// The copy before is compressed, and all move on by one.
fn copy_and_cut(log: &Path) {
    if sibling(log, 1).exists() {
        gzip(&sibling(log, 1));
    }
    for n in (1..9).rev() {
        let name = |n: usize| PathBuf::from(format!("{}.{n}.gz", log.display()));
        if name(n).exists() {
            fs::rename(name(n), name(n + 1)).unwrap();
        }
    }
    fs::copy(log, sibling(log, 1)).unwrap();
    OpenOptions::new().write(true).truncate(true).open(log).unwrap();
}

#[test]
fn row_05_what_is_cut_before_it_was_read_is_counted() {
    let rig = Rig::new();
    let log = rig.sandbox.xensource_log();
    let agent = rig.run();
    rig.collector.set(Signal::Logs, Mood::refuse(Code::Unavailable, "down"));
    // More than what is read ahead of delivery.
    let filler = format!("{}\n", "x".repeat(1_000)).repeat(20_000);
    append(&log, &filler);
    rig.wait_status(|status| count(status, "/files/0/lag_bytes") >= filler.len() as u64);
    OpenOptions::new().write(true).truncate(true).open(&log).unwrap();
    rig.write_lines(1..50);
    rig.wait_status(|status| count(status, "/signals/logs/tally/lost_bytes/truncated") > 0);
    rig.collector.set(Signal::Logs, Mood::Accept);
    rig.wait_lines(1..50);
    let delivered = |status: &serde_json::Value| count(status, "/signals/logs/tally/delivered") - 49;
    let lost = |status: &serde_json::Value| count(status, "/signals/logs/tally/lost_bytes/truncated");
    let status = rig.wait_status(|status| delivered(status) * 1_001 + lost(status) >= filler.len() as u64);
    assert_eq!(delivered(&status) * 1_001 + lost(&status), filler.len() as u64);
    rig.stop(&agent);
}
