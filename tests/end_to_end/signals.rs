//! How the agent ends, and how it takes a new configuration.

use crate::harness::{DEADLINE, Rig, STOP, array, count, line_of_task, span, span_of_task};
use std::time::Duration;
use testkit::collector::{Collector, Mood, Options, Script, Signal};
use testkit::driver::Signal as Unix;

/// What a process that was told twice has to end in: less than the open requests' own time.
const AT_ONCE: Duration = Duration::from_secs(3);

/// Long enough for a signal to come first, and well below the open requests' five seconds.
const ANSWER_AFTER: Duration = Duration::from_secs(3);

#[test]
fn row_27_idle_it_ends_and_sends_nothing_again() {
    let rig = Rig::new();
    for (round, signal) in [Unix::TERM, Unix::INT].into_iter().enumerate() {
        let first = round as u64 * 5 + 1;
        let agent = rig.run();
        rig.write_spans(first..first + 5);
        rig.write_lines(first..first + 5);
        rig.wait_spans(first..first + 5);
        rig.wait_lines(first..first + 5);
        agent.signal(signal);
        assert_eq!(agent.wait_exit(STOP).unwrap().status.code(), Some(0));
    }
    rig.assert_once(1..11, 1..11);
}

#[test]
fn row_27_an_open_request_is_awaited_and_what_is_behind_it_sent_after_the_restart() {
    let rig = Rig::new();
    rig.collector.set(Signal::Logs, Script::times(1, Mood::Slow(ANSWER_AFTER)));
    let agent = rig.run();
    rig.write_lines(1..5);
    rig.wait(|state| state.of(Signal::Logs).count() == 1);
    rig.write_lines(5..9);
    rig.wait_status(|status| count(status, "/signals/logs/tally/records") == 8);
    rig.stop(&agent);
    rig.assert_once(0..0, 1..5);
    let _agent = rig.run();
    rig.wait_lines(5..9);
    rig.assert_once(0..0, 1..9);
}

#[test]
fn row_27_a_collector_that_hangs_does_not_hold_it_up() {
    let rig = Rig::new();
    rig.collector.set_all(Mood::Hang);
    rig.write_spans(1..9);
    rig.write_lines(1..9);
    let agent = rig.run();
    rig.wait(|state| [Signal::Traces, Signal::Logs].iter().all(|signal| state.of(*signal).count() > 0));
    rig.stop(&agent);
    rig.collector.set_all(Mood::Accept);
    let _agent = rig.run();
    rig.wait_spans(1..9);
    rig.wait_lines(1..9);
    rig.assert_once(1..9, 1..9);
}

#[test]
fn row_27_a_collector_that_is_down_does_not_hold_it_up() {
    let mut rig = Rig::new();
    let url = rig.collector.http_url();
    rig.sandbox.set_text("export.endpoint", "http://127.0.0.1:1");
    rig.write_spans(1..9);
    rig.write_lines(1..9);
    let agent = rig.run();
    agent.wait_for_line("the endpoint does not answer well", DEADLINE).unwrap();
    rig.stop(&agent);
    rig.sandbox.set_text("export.endpoint", &url);
    let _agent = rig.run();
    rig.wait_spans(1..9);
    rig.wait_lines(1..9);
    rig.assert_once(1..9, 1..9);
}

#[test]
fn row_27_held_lines_are_joined_after_the_restart() {
    let rig = Rig::new();
    let task = "VM.start R:8f5c2a1b9d3e";
    rig.write_spans(1..2);
    rig.write_log(line_of_task(7, task));
    let agent = rig.run();
    rig.wait_spans(1..2);
    rig.wait_status(|status| count(status, "/correlation/held_lines") == 1);
    rig.stop(&agent);
    rig.assert_once(1..2, 0..0);
    rig.write_trace(2, array(&[span_of_task(2, "R:8f5c2a1b9d3e")]));
    let _agent = rig.run();
    rig.wait_lines(7..8);
    rig.collector.read(|state| {
        let joined = (&state.logs()[0].trace_id, &state.logs()[0].span_id);
        assert_eq!(joined, (&format!("{:032x}", 2), &format!("{:016x}", 2)));
    });
    rig.wait_spans(1..3);
    rig.assert_once(1..3, 7..8);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let rig = Rig::new();
    rig.collector.set_all(Mood::Hang);
    rig.write_lines(1..9);
    let agent = rig.run();
    rig.wait(|state| state.of(Signal::Logs).count() > 0);
    agent.signal(Unix::TERM);
    agent.wait_for_line("stopping", DEADLINE).unwrap();
    let exit = agent.terminate(AT_ONCE).unwrap();
    assert_eq!(exit.status.code(), Some(1), "{}", exit.stderr);
}

#[test]
fn a_good_configuration_is_taken_up() {
    let mut rig = Rig::new();
    let other = Collector::start(Options::default()).unwrap();
    let agent = rig.run();
    rig.write_lines(1..5);
    rig.wait_lines(1..5);
    rig.sandbox.set_text("export.endpoint", &other.http_url());
    rig.sandbox.write_config().unwrap();
    agent.signal(Unix::HUP);
    agent.wait_for_line("runs with the new configuration", DEADLINE).unwrap();
    rig.write_lines(5..9);
    other.wait_for(|state| state.stored(Signal::Logs) == 4, DEADLINE).unwrap();
    rig.stop(&agent);
    rig.assert_once(0..0, 1..5);
    let came = other.read(|state| state.stored(Signal::Logs));
    assert_eq!(came, 4);
}

#[test]
fn row_32_a_bad_configuration_is_refused_and_the_old_one_stays() {
    let mut rig = Rig::new();
    let agent = rig.run();
    rig.sandbox.set_text("export.timeuot", "3s");
    rig.sandbox.write_config().unwrap();
    agent.signal(Unix::HUP);
    agent.wait_for_line("the new configuration is refused; the old one stays", DEADLINE).unwrap();
    agent.wait_for_line("did you mean export.timeout?", DEADLINE).unwrap();
    rig.write_spans(1..5);
    rig.write_lines(1..5);
    rig.wait_spans(1..5);
    rig.wait_lines(1..5);
    rig.stop(&agent);
    rig.assert_once(1..5, 1..5);
}

/// The positions lie in it.
#[test]
fn one_with_another_checkpoint_directory_is_refused_too() {
    let mut rig = Rig::new();
    let agent = rig.run();
    let other = rig.sandbox.root().join("elsewhere");
    rig.sandbox.set_text("checkpoint.directory", other.to_str().unwrap());
    rig.sandbox.write_config().unwrap();
    agent.signal(Unix::HUP);
    agent.wait_for_line("checkpoint.directory: can't change while it runs", DEADLINE).unwrap();
    rig.write_trace(1, array(&[span(1)]));
    rig.wait_spans(1..2);
    rig.stop(&agent);
    assert!(!other.exists());
    rig.assert_once(1..2, 0..0);
}
