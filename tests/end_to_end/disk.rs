//! The checkpoints' disk: full, read-only, and well again, without a restart; and the process itself, stopped for a while.
//!
//! The agent gets a tmpfs of its own for its state, in a mount namespace of its own (unshare(1)): nothing is left behind,
//! and the test reaches it by `/proc/PID/root`. It needs root, or user namespaces. Where neither is to be had, it is said
//! loudly, and a limit on the size of files (`RLIMIT_FSIZE`) takes the place of the full disk.

use crate::harness::{DEADLINE, Rig, count};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use testkit::driver::{Agent, Signal as Unix};

/// Arguments of unshare(1) with which a tmpfs can be mounted here; `None`: with none.
fn namespace() -> Option<&'static [&'static str]> {
    let ways: [&[&str]; 2] = [&["--mount"], &["--mount", "--map-root-user"]];
    let can = |way: &&&[&str]| {
        let probe =
            Command::new("unshare").args(**way).args(["mount", "-t", "tmpfs", "tmpfs", "/mnt"]).output();
        probe.is_ok_and(|output| output.status.success())
    };
    let found = ways.iter().find(can).copied();
    if found.is_none() {
        println!(
            "NOTHING CAN BE MOUNTED HERE: a limit on the size of files is tested in place of a full disk"
        );
    }
    found
}

/// An agent whose state is on a tmpfs of this size.
struct SmallDisk {
    rig: Rig,
    agent: Agent,
    state: PathBuf,
}

impl SmallDisk {
    /// `access`: `rw` or `ro`.
    fn start(way: &[&str], access: &str) -> Self {
        let rig = Rig::new();
        let mount = "mount -t tmpfs -o size=4m,$ACCESS tmpfs \"$STATE\" && exec \"$0\" \"$@\"";
        let mut command = rig.through("unshare", &[way, &["sh", "-c", mount]].concat());
        let agent = Agent::start(command.env("STATE", rig.sandbox.state()).env("ACCESS", access)).unwrap();
        agent.wait_for_line("running", DEADLINE).unwrap();
        let root = PathBuf::from(format!("/proc/{}/root", agent.pid()));
        let state = root.join(rig.sandbox.state().strip_prefix("/").unwrap());
        let mounts = fs::read_to_string(format!("/proc/{}/mounts", agent.pid())).unwrap();
        let mounted =
            |line: &str| line.contains(rig.sandbox.state().to_str().unwrap()) && line.contains(access);
        assert!(mounts.lines().any(mounted), "no tmpfs in {mounts}");
        Self { rig, agent, state }
    }

    fn ballast(&self) -> PathBuf {
        self.state.join("ballast")
    }

    /// Writes until nothing more fits.
    fn fill(&self) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.ballast()).unwrap();
        let full = (0..1_000_000).any(|_| file.write_all(&[0; 512]).is_err());
        assert!(full, "the disk never was full");
    }

    /// A mount with files open for writing can't be made read-only; but the other way it can.
    fn make_writable(&self) {
        let target = self.rig.sandbox.state();
        let pid = self.agent.pid().to_string();
        let user = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/user")).unwrap();
        let all: &[&str] = &["--mount", "--user", "--preserve-credentials"];
        let namespaces = if user("self") == user(&pid) { &all[..1] } else { all };
        let done = Command::new("nsenter")
            .args(["--target", &pid])
            .args(namespaces)
            .args(["mount", "-o", "remount,rw"])
            .arg(&target)
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
    }
}

/// Delivers five of each from `first` on.
fn deliver(rig: &Rig, first: u64) {
    rig.write_spans(first..first + 5);
    rig.write_lines(first..first + 5);
    rig.wait_spans(first..first + 5);
    rig.wait_lines(first..first + 5);
}

/// The fault begins, is shown, costs nothing, ends, and is over without a restart; what was delivered is not sent again
/// after one.
fn passes(rig: &Rig, agent: &Agent, begin: impl FnOnce(), end: impl FnOnce()) {
    deliver(rig, 1);
    begin();
    let mut next = 6;
    let shown = crate::harness::until(|| {
        deliver(rig, next);
        next += 5;
        rig.status()["degraded"].to_string().contains("checkpoints are in memory only")
    });
    assert!(shown, "{:#}", rig.status());
    deliver(rig, next);
    let lag = |status: &serde_json::Value| count(status, "/files/0/lag_bytes");
    rig.wait_status(|status| lag(status) == 0);
    end();
    agent.wait_for_line("checkpoints are on disk again", DEADLINE).unwrap();
    rig.wait_status(|status| status["degraded"].as_array().is_some_and(Vec::is_empty));
    deliver(rig, next + 5);
    rig.assert_memory(agent);
    rig.assert_once(1..next + 10, 1..next + 10);
}

/// Without mounts: files may not grow, as on a full disk, until the limit is lifted.
fn passes_with_limited_files() {
    let rig = Rig::new();
    let script = "trap '' XFSZ; exec \"$0\" \"$@\"";
    let agent = Agent::start(&mut rig.through("sh", &["-c", script])).unwrap();
    agent.wait_for_line("running", DEADLINE).unwrap();
    let limit = |size: &str| {
        let mut command = Command::new("prlimit");
        command.args(["--pid", &agent.pid().to_string(), &format!("--fsize={size}:")]);
        assert!(command.status().unwrap().success());
    };
    passes(&rig, &agent, || limit("64"), || limit("unlimited"));
    rig.stop(&agent);
}

#[test]
fn row_28_files_that_may_not_grow() {
    passes_with_limited_files();
}

#[test]
fn row_28_a_full_disk_that_is_freed() {
    let Some(way) = namespace() else { return passes_with_limited_files() };
    let disk = SmallDisk::start(way, "rw");
    passes(&disk.rig, &disk.agent, || disk.fill(), || fs::remove_file(disk.ballast()).unwrap());
    disk.rig.stop(&disk.agent);
}

#[test]
fn row_28_a_disk_that_is_read_only_for_a_while() {
    let Some(way) = namespace() else { return passes_with_limited_files() };
    let disk = SmallDisk::start(way, "ro");
    assert!(fs::write(disk.ballast(), "x").is_err(), "it can be written to");
    passes(&disk.rig, &disk.agent, || {}, || disk.make_writable());
    disk.rig.stop(&disk.agent);
}

#[test]
fn row_31_stopped_for_a_while_it_goes_on_where_it_was() {
    let rig = Rig::new();
    let agent = rig.run();
    deliver(&rig, 1);
    agent.signal(Unix::STOP);
    let requests = rig.collector.read(|state| state.requests().len());
    for first in (6..1_006).step_by(5) {
        rig.write_lines(first..first + 5);
    }
    rig.write_spans(6..11);
    // Longer than requests and checkpoints wait for each other.
    std::thread::park_timeout(std::time::Duration::from_secs(3));
    assert_eq!(rig.collector.read(|state| state.requests().len()), requests);
    agent.signal(Unix::CONT);
    rig.wait_lines(1..1_006);
    rig.wait_spans(1..11);
    rig.wait_status(|status| count(status, "/files/0/lag_bytes") == 0);
    let more = rig.collector.read(|state| state.requests().len()) - requests;
    assert!(more < 20, "a burst of {more} requests");
    rig.stop(&agent);
    rig.assert_once(1..11, 1..1_006);
}
