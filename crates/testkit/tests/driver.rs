//! The driver, with the shell in the agent's place.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::Duration;
use testkit::driver::{Agent, Sandbox, Signal};

/// Long enough for a loaded machine; reached only by a test that fails.
const DEADLINE: Duration = Duration::from_secs(30);

fn shell(script: &str) -> Agent {
    Agent::start(Command::new("sh").args(["-c", script])).unwrap()
}

#[test]
fn lines_and_the_end_are_seen() {
    let agent = shell("echo out; echo one >&2; echo two >&2; exit 3");
    agent.wait_for_line("two", DEADLINE).unwrap();
    let exit = agent.wait_exit(DEADLINE).unwrap();
    assert_eq!(
        (exit.status.code(), exit.stdout.as_str(), exit.stderr.as_str()),
        (Some(3), "out\n", "one\ntwo\n")
    );
}

#[test]
fn a_line_that_never_comes_is_late_at_the_end() {
    let agent = shell("echo why >&2");
    let late = agent.wait_for_line("hello", DEADLINE).unwrap_err();
    assert!(late.found.contains("why"), "{late}");
}

#[test]
fn a_signal_ends_it_within_its_time() {
    let agent = shell("trap 'exit 7' TERM; echo ready >&2; while :; do sleep 0.01; done");
    agent.wait_for_line("ready", DEADLINE).unwrap();
    assert!(agent.usage().unwrap().rss > 0);
    assert_eq!(agent.terminate(DEADLINE).unwrap().status.code(), Some(7));
    agent.signal(Signal::TERM);
}

#[test]
fn one_that_does_not_end_is_late_and_killed() {
    let agent = shell("trap '' TERM; echo ready >&2; while :; do sleep 0.01; done");
    agent.wait_for_line("ready", DEADLINE).unwrap();
    let pid = agent.pid();
    assert!(agent.terminate(Duration::from_millis(50)).is_err());
    agent.kill();
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn processor_time_is_known_after_the_end() {
    let agent = shell("i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done");
    let exit = agent.wait_exit(DEADLINE).unwrap();
    assert!(exit.cpu >= Duration::from_millis(10), "{:?}", exit.cpu);
    let killed = shell("exec sleep 600");
    killed.signal(Signal::KILL);
    assert_eq!(killed.wait_exit(DEADLINE).unwrap().status.signal(), Some(9));
}

#[test]
fn a_sandbox_is_configured_key_by_key() {
    let mut sandbox = Sandbox::new("/bin/sh").unwrap();
    sandbox.set_text("export.endpoint", "http://127.0.0.1:1").set("correlation.wait", "\"1s\"").unset("logs");
    sandbox.env("SAID", "hello");
    sandbox.write_config().unwrap();
    let root = sandbox.root().display().to_string();
    let expected = format!(
        "checkpoint.directory = \"{root}/state\"\ncorrelation.wait = \"1s\"\nexport.endpoint = \"http://127.0.0.1:1\"\n\
         host.inventory = \"{root}/inventory\"\ntelemetry.socket = \"{root}/control.sock\"\n\
         traces.directory = \"{root}/dt\"\n"
    );
    let exit = sandbox.finish(&["-c", "cat agent.toml; echo $SAID >&2"], DEADLINE).unwrap();
    assert_eq!((exit.stdout, exit.stderr.as_str()), (expected, "hello\n"));
}
