//! Connections that break, in each way below HTTP, and a collector that is away for a while.

use crate::harness::{Rig, Sums, count, side_by_side, word};
use std::time::Duration;
use testkit::collector::{Code, Mood, Request, Signal};
use testkit::driver::Agent;
use testkit::proxy::{Mode, Proxy};

/// A rig whose agent sends through a proxy.
fn through_proxy() -> (Rig, Proxy) {
    let mut rig = Rig::new();
    let proxy = Proxy::start(rig.collector.http_addr()).unwrap();
    rig.sandbox.set_text("export.endpoint", &proxy.url()).set_text("export.timeout", "1s");
    (rig, proxy)
}

/// Delivers some, breaks the connection while more is written, and mends it once the agent says that something is wrong.
fn breaks(mode: Mode) {
    println!("{mode:?}");
    let (rig, proxy) = through_proxy();
    let agent = rig.run();
    rig.write_spans(1..10);
    rig.write_lines(1..10);
    rig.wait_spans(1..10);
    rig.wait_lines(1..10);
    proxy.set(mode);
    rig.write_spans(10..20);
    rig.write_lines(10..20);
    for signal in ["traces", "logs"] {
        rig.wait_status(|status| word(status, &format!("/signals/{signal}/state")) == "retrying");
    }
    let stored = rig.collector.read(|state| state.distinct(Signal::Logs));
    // Only with a half-closed connection could they get through, without an answer.
    assert!(stored == 9 || mode == Mode::HalfClose, "{mode:?}: {stored}");
    proxy.set(Mode::Pass);
    ends_well(&rig, &agent, mode);
}

/// All is there; what is there twice had no answer, and was counted.
fn ends_well(rig: &Rig, agent: &Agent, mode: Mode) {
    rig.wait_spans(1..20);
    rig.wait_lines(1..20);
    let delivered = |status: &serde_json::Value, signal: Signal| {
        count(status, &format!("/signals/{}/tally/delivered", signal.name())) == 19
    };
    let status =
        rig.wait_status(|status| delivered(status, Signal::Traces) && delivered(status, Signal::Logs));
    rig.stop(agent);
    let mut sums = Sums { written: 38, delivered: 38, ..Sums::default() };
    for signal in [Signal::Traces, Signal::Logs] {
        // The collector does not know which of its answers the proxy lost; the agent does.
        let twice = rig.collector.read(|state| state.duplicates(signal));
        let resent = status.pointer(&format!("/signals/{}/tally/resent", signal.name())).unwrap();
        let resent: u64 = resent.as_object().unwrap().values().filter_map(serde_json::Value::as_u64).sum();
        assert!(twice <= resent, "{mode:?}: {twice} came twice, {resent} were sent again");
        (sums.duplicates, sums.bound) = (sums.duplicates + twice, sums.bound + resent);
    }
    rig.account.state(sums);
}

#[test]
fn row_21_a_connection_that_breaks_costs_nothing() {
    let modes = [Mode::Reset, Mode::HalfClose, Mode::BlackHole, Mode::Refuse, Mode::CutAfter(100)];
    side_by_side(&modes, |mode| breaks(*mode));
}

#[test]
fn row_19_a_collector_that_is_down_while_much_is_written() {
    /// Of a kilobyte each: 40 MB, more than may be held.
    const LINES: u64 = 40_000;
    let mut rig = Rig::new();
    rig.sandbox.set_text("limits.memory", "16MiB");
    rig.collector.set(Signal::Logs, Mood::refuse(Code::Unavailable, "down"));
    let agent = rig.run();
    let filler = "x".repeat(900);
    for first in (1..=LINES).step_by(1_000) {
        let lines = (first..first + 1_000).map(|n| crate::harness::line(n).replace("said", &filler));
        rig.write_log(lines.collect::<String>());
    }
    let behind = rig.wait_status(|status| {
        count(status, "/files/0/lag_bytes") > LINES * 900
            && word(status, "/signals/logs/state") == "retrying"
            && rig.collector.read(|state| state.of(Signal::Logs).count() >= 3)
    });
    println!("{} bytes behind, {:?}", count(&behind, "/files/0/lag_bytes"), agent.usage().unwrap());
    rig.assert_memory(&agent);
    let refused = rig.collector.read(|state| {
        assert_eq!(state.stored(Signal::Logs), 0);
        assert_probes(&state.of(Signal::Logs).collect::<Vec<_>>());
        state.of(Signal::Logs).count()
    });
    rig.collector.set(Signal::Logs, Mood::Accept);
    rig.wait(|state| state.stored(Signal::Logs) >= LINES);
    rig.wait_status(|status| count(status, "/files/0/lag_bytes") == 0);
    rig.stop(&agent);
    rig.assert_once(0..0, 1..LINES + 1);
    println!("{refused} requests were refused");
}

/// One at a time, and each later after the last than half a second: the delay is of a second at first, at least half of it
/// with jitter, and doubles.
fn assert_probes(requests: &[&Request]) {
    for (at, pair) in requests.windows(2).enumerate() {
        let ended = pair[0].ended.unwrap();
        assert!(pair[1].arrived >= ended, "two at once");
        let least = Duration::from_millis(500) * 2_u32.pow(u32::try_from(at).unwrap().min(5));
        let waited = pair[1].arrived - ended;
        assert!(waited >= least - Duration::from_millis(50), "{waited:?} after refusal {at}");
    }
}

#[test]
fn row_23_an_endpoint_that_can_not_be_found_is_named_and_repaired_by_a_reload() {
    let mut rig = Rig::new();
    let url = format!("{}/v1/logs", rig.collector.http_url());
    rig.sandbox.set_text("export.logs.endpoint", "http://collector.invalid:4318/v1/logs");
    rig.write_lines(1..10);
    let agent = rig.run();
    let status = rig.wait_status(|status| !word(status, "/signals/logs/why").is_empty());
    let why = word(&status, "/signals/logs/why");
    assert!(why.contains("collector.invalid") || why.contains("dns"), "{why}");
    rig.write_spans(1..10);
    rig.wait_spans(1..10);
    assert_eq!(word(&rig.status(), "/signals/traces/state"), "ok");
    rig.sandbox.set_text("export.logs.endpoint", &url);
    rig.sandbox.write_config().unwrap();
    agent.signal(testkit::driver::Signal::HUP);
    rig.wait_lines(1..10);
    rig.wait_status(|status| word(status, "/signals/logs/state") == "ok");
    rig.stop(&agent);
    rig.assert_once(1..10, 1..10);
}

#[test]
fn row_22_a_server_that_refuses_everything_is_shown_and_all_is_set_aside() {
    const LINES: u64 = 1_200;
    let rig = Rig::new();
    rig.collector.set(Signal::Logs, Mood::reject_if(|_| true));
    rig.write_lines(1..LINES + 1);
    let agent = rig.run();
    let aside = |status: &serde_json::Value| count(status, "/signals/logs/tally/set_aside/refused");
    let status = rig.wait_status(|status| aside(status) == LINES);
    assert_eq!(word(&status, "/signals/logs/state"), "refusing", "{status:#}");
    let requests = rig.collector.read(|state| state.of(Signal::Logs).count());
    // One bisection to the first bad record, and no more for the same reason.
    assert!(requests < 64, "{requests} requests for {LINES} lines");
    rig.collector.set(Signal::Logs, Mood::Accept);
    rig.write_lines(LINES + 1..LINES + 11);
    rig.wait_lines(LINES + 1..LINES + 11);
    rig.stop(&agent);
    let kept: usize = rig
        .rejected()
        .iter()
        .map(|entry| String::from_utf8_lossy(&entry.bytes).matches("m=00").count())
        .sum();
    assert_eq!(kept as u64, LINES);
    rig.account.state(Sums { written: LINES + 10, delivered: 10, set_aside: LINES, ..Sums::default() });
}
