//! Input that is missing, damaged, hostile or not to be read: it is waited for, set aside or named, and what stands
//! beside it is delivered.

use crate::harness::{DEADLINE, Rig, append, array, count, line, span, written_at};
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use testkit::collector::Signal;
use testkit::driver::Agent;
use testkit::standin::{SECOND, SimTime};

/// `nobody`, who may read only what all may.
const NOBODY: u32 = 65_534;

const DAY: u64 = 86_400 * SECOND;

#[test]
fn row_10_missing_directories_are_waited_for() {
    let rig = Rig::new();
    fs::remove_dir(rig.sandbox.traces()).unwrap();
    fs::remove_dir(rig.sandbox.logs()).unwrap();
    let agent = rig.run();
    rig.wait_status(|status| status["files"].as_array().is_some_and(Vec::is_empty));
    let deep = rig.sandbox.traces().join("zipkinv2/json");
    fs::create_dir_all(&deep).unwrap();
    fs::create_dir_all(rig.sandbox.logs()).unwrap();
    append(&deep.join("xapi.ndjson"), array(&[span(1), span(2)]));
    rig.write_lines(1..3);
    rig.wait_spans(1..3);
    rig.wait_lines(1..3);
    rig.stop(&agent);
    rig.assert_once(1..3, 1..3);
}

#[test]
fn row_14_bad_spans_are_set_aside_and_their_neighbours_delivered() {
    let rig = Rig::new();
    let bad = |field: &str, value: &str| span(99).replacen(field, value, 1);
    let zero_id = bad("\"id\":\"0000000000000063\"", "\"id\":\"0000000000000000\"");
    let zero_trace = bad(&format!("\"traceId\":\"{:032x}\"", 99), "\"traceId\":\"0\"");
    let cut = &span(99)[..60];
    let mut text = array(&[span(1), zero_id, span(2), zero_trace, span(3)]).into_bytes();
    text.extend(format!("[{},{cut}\n", span(4)).into_bytes());
    text.extend(format!("[{},{cut}{}", span(5), array(&[span(6)])).into_bytes());
    text.extend(format!("[{}]{}", span(7), array(&[span(8)])).into_bytes());
    text.extend(format!("\u{feff}[{}]\r\n", span(9)).into_bytes());
    text.extend(format!("\0\0\0\0{}", array(&[span(10)])).into_bytes());
    text.extend(b"no JSON at all\n{\"deep\":".to_vec());
    text.extend([b"[".repeat(10_000), b"\n".to_vec()].concat());
    text.extend(array(&[span(11)]).into_bytes());
    rig.write_trace(1, text);
    let agent = rig.run();
    rig.wait_spans(1..12);
    let entries = rig.rejected();
    rig.stop(&agent);
    rig.assert_once(1..12, 0..0);
    let reasons: Vec<&str> = entries.iter().map(|entry| entry.reason()).collect();
    for (reason, times) in [("span_id", 1), ("trace_id", 1), ("syntax", 5)] {
        let found = reasons.iter().filter(|found| **found == reason).count();
        assert!(found >= times, "{times} of {reason} in {reasons:?}");
    }
    assert!(entries.iter().all(|entry| entry.is_exact()), "{entries:#?}");
    let holds =
        |bytes: &[u8]| entries.iter().any(|entry| entry.bytes.windows(bytes.len()).any(|at| at == bytes));
    assert!(holds(b"no JSON at all") && holds(cut.as_bytes()) && holds(b"\0\0\0\0"), "{entries:#?}");
}

#[test]
fn row_14_what_is_set_aside_is_private_bounded_and_counted() {
    const MIB: usize = 1 << 20;
    let rig = Rig::new();
    for _ in 0..40 {
        rig.write_trace(1, [vec![b'x'; MIB], b"\n".to_vec()].concat());
    }
    rig.write_trace(1, array(&[span(1)]));
    let agent = rig.run();
    rig.wait_spans(1..2);
    let status = rig.status();
    let aside: u64 = status["signals"]["traces"]["tally"]["set_aside"]
        .as_object()
        .unwrap()
        .values()
        .map(|n| n.as_u64().unwrap())
        .sum();
    assert_eq!(aside, 40);
    rig.stop(&agent);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&rig.rejected_directory()), 0o700);
    let files: Vec<_> =
        fs::read_dir(rig.rejected_directory()).unwrap().map(|file| file.unwrap().path()).collect();
    assert!((2..=4).contains(&files.len()), "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600);
        assert!(fs::metadata(&file).unwrap().len() <= 8 << 20, "{}", file.display());
    }
}

#[test]
fn row_18_a_log_line_that_fits_no_grammar_is_shipped_as_text() {
    let rig = Rig::new();
    let header = &written_at(SimTime::now(), "")[..15];
    let lines: [&[u8]; 7] = [
        b"no header at all m=000001",
        b"[ info||7 |broken m=000002",
        &[header.as_bytes(), b" lab xapi: [debug||12 m=000003"].concat(),
        &[header.as_bytes(), b" lab strange[12]: \xff\xfe not UTF-8 m=000004"].concat(),
        &[b"\0\0\0\0\0\0".as_slice(), header.as_bytes(), b" lab xapi: m=000005"].concat(),
        &[header.as_bytes(), b" lab m=000006"].concat(),
        b"\t \xf0\x9f m=000007",
    ];
    for text in lines {
        rig.write_log([text, b"\n"].concat());
    }
    rig.write_lines(8..9);
    let agent = rig.run();
    rig.wait_lines(1..9);
    rig.stop(&agent);
    rig.assert_once(0..0, 1..9);
    rig.collector.read(|state| {
        let bodies: Vec<&str> = state.logs().iter().map(|log| log.body.as_str()).collect();
        assert!(bodies[0].contains("no header at all"), "{bodies:?}");
        assert!(state.logs().iter().all(|log| !log.service().is_empty()), "{:#?}", state.logs());
    });
}

#[test]
fn row_15_a_line_beyond_the_limit_is_skipped_and_counted() {
    let mut rig = Rig::new();
    rig.sandbox.set_text("limits.line", "64KiB");
    let long = "x".repeat(100_000) + "\n";
    rig.write_lines(1..2);
    rig.write_log(&long);
    rig.write_lines(2..3);
    rig.write_trace(1, array(&[span(1)]) + &long + &array(&[span(2)]));
    let agent = rig.run();
    rig.wait_spans(1..3);
    rig.wait_lines(1..3);
    let status = rig.status();
    for signal in ["traces", "logs"] {
        let lost = count(&status, &format!("/signals/{signal}/tally/lost_bytes/oversize"));
        assert_eq!(lost, long.len() as u64, "{signal}");
    }
    rig.stop(&agent);
    rig.assert_once(1..3, 1..3);
}

#[test]
fn row_13_what_is_no_file_never_blocks() {
    let rig = Rig::new();
    let traces = rig.sandbox.traces();
    let fifo = traces.join("x.ndjson");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    fs::create_dir(traces.join("y.ndjson")).unwrap();
    symlink("loop.ndjson", traces.join("loop.ndjson")).unwrap();
    symlink("nowhere", traces.join("dangling.ndjson")).unwrap();
    append(&traces.join(std::ffi::OsStr::from_bytes(b"\xff\xfe.ndjson")), array(&[span(1)]));
    append(&traces.join("y.ndjson/z.ndjson"), array(&[span(2)]));
    rig.write_spans(3..5);
    rig.write_lines(1..3);
    let agent = rig.run();
    rig.wait_spans(1..5);
    rig.wait_lines(1..3);
    let named = fifo.to_str().unwrap().to_owned();
    rig.wait_status(|status| status["degraded"].to_string().contains(&named));
    rig.stop(&agent);
    rig.assert_once(1..5, 1..3);
}

#[test]
fn row_13_a_file_without_permission_is_named_once_and_read_when_it_can_be() {
    let rig = Rig::new();
    let log = rig.sandbox.xensource_log();
    rig.write_lines(1..3);
    rig.write_spans(1..3);
    fs::set_permissions(&log, Permissions::from_mode(0o000)).unwrap();
    let agent = run_unprivileged(&rig);
    rig.wait_spans(1..3);
    agent.wait_for_line("can't be read path=", DEADLINE).unwrap();
    fs::set_permissions(&log, Permissions::from_mode(0o644)).unwrap();
    rig.wait_lines(1..3);
    let exit = rig.stop(&agent);
    rig.assert_once(1..3, 1..3);
    let told = exit.stderr.lines().filter(|line| line.contains("can't be read path=")).count();
    assert_eq!(told, 1, "{}", exit.stderr);
}

/// Root may read everything; so the agent runs as `nobody`, with a copy of the binary that it can reach.
fn run_unprivileged(rig: &Rig) -> Agent {
    rig.sandbox.write_config().unwrap();
    if !is_root(rig) {
        return rig.run();
    }
    let root = rig.sandbox.root();
    let binary = root.join("xapi-observer");
    fs::copy(env!("CARGO_BIN_EXE_xapi-observer"), &binary).unwrap();
    for path in
        [root.to_path_buf(), rig.sandbox.state(), rig.sandbox.config_file(), rig.sandbox.xensource_log()]
    {
        chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let mut command = rig.sandbox.command(&[]);
    let mut other = Command::new(binary);
    other.arg("run").arg("--config").arg(rig.sandbox.config_file()).current_dir(root);
    for (name, value) in command.env("TZ", "UTC").get_envs() {
        match value {
            Some(value) => other.env(name, value),
            None => other.env_remove(name),
        };
    }
    let agent = Agent::start(other.uid(NOBODY).gid(NOBODY)).unwrap();
    agent.wait_for_line("running", DEADLINE).unwrap();
    agent
}

/// What root writes into its own directory is root's.
fn is_root(rig: &Rig) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(rig.sandbox.inventory()).unwrap().uid() == 0
}

#[test]
fn what_is_too_old_at_the_first_start_is_passed_over_and_counted() {
    for (max_age, first) in [("6d", 3), ("0s", 1)] {
        let mut rig = Rig::new();
        rig.sandbox.set_text("limits.max_age", max_age);
        let then = SimTime::now().minus(10 * DAY);
        let old: String =
            (1..3).map(|n| written_at(then, &format!("xapi: [ info||7 ||test] m={n:06}"))).collect();
        rig.write_log(&old);
        rig.write_lines(3..5);
        let trace = rig.write_spans(1..3);
        File::open(&trace).unwrap().set_modified(then.to_system()).unwrap();
        let bytes = fs::metadata(&trace).unwrap().len();
        rig.write_spans(3..5);
        let agent = rig.run();
        rig.wait_spans(first..5);
        rig.wait_lines(first..5);
        let status = rig.status();
        let passed = |signal| count(&status, &format!("/signals/{signal}/tally/passed_over_bytes/too_old"));
        let expected = if first == 3 { (bytes, old.len() as u64) } else { (0, 0) };
        assert_eq!((passed("traces"), passed("logs")), expected, "{max_age}");
        rig.stop(&agent);
        rig.assert_once(first..5, first..5);
    }
}

#[test]
fn row_17_a_line_is_not_shipped_before_its_end_has_come() {
    let rig = Rig::new();
    let agent = rig.run();
    let text = line(1);
    let (start, end) = text.split_at(text.len() / 2);
    rig.write_log(start);
    rig.write_spans(1..2);
    rig.wait_spans(1..2);
    assert_eq!(rig.collector.read(|state| state.of(Signal::Logs).count()), 0);
    rig.write_log(end);
    rig.wait_lines(1..2);
    rig.stop(&agent);
    rig.assert_once(1..2, 1..2);
}
