//! The collector fails, in each way it can: nothing is lost, what may come twice is counted, and one signal's fault
//! costs the other nothing.

use crate::harness::{DEADLINE, Rig, array, count, line_of_task, number, side_by_side, span_of_task, word};
use serde_json::Value;
use std::time::Duration;
use testkit::collector::{Code, Mood, Request, Row, Script, Signal, State};
use testkit::driver::Agent;
use testkit::proxy::{Mode, Proxy};

const BOTH: [Signal; 2] = [Signal::Traces, Signal::Logs];

/// What the server asks to wait in these tests.
const LATER: Duration = Duration::from_secs(2);

/// Nine spans and lines wait while the collector is in this mood twice for each signal; then it takes everything.
fn after(mood: &Mood) -> (Rig, Agent) {
    let mut rig = Rig::new();
    rig.sandbox.set_text("export.timeout", "500ms");
    rig.write_spans(1..10);
    rig.write_lines(1..10);
    BOTH.iter().for_each(|signal| rig.collector.set(*signal, Script::times(2, mood.clone())));
    let agent = rig.run();
    rig.wait_spans(1..10);
    rig.wait_lines(1..10);
    (rig, agent)
}

#[test]
fn row_21_a_fault_that_passes_costs_nothing() {
    passes(&[
        Mood::refuse(Code::Unavailable, "busy"),
        Mood::status(500),
        Mood::status(502),
        Mood::status(504),
        Mood::CloseBeforeReading,
        Mood::Hang,
    ]);
}

#[test]
fn row_23_a_refusal_that_is_repaired_costs_nothing() {
    let elsewhere = Mood::Redirect("http://127.0.0.1:1/elsewhere".into());
    passes(&[Mood::status(401), Mood::status(403), Mood::status(404), elsewhere]);
}

#[test]
fn row_25_a_page_is_no_delivery() {
    passes(&[Mood::Html200]);
}

fn passes(moods: &[Mood]) {
    side_by_side(moods, |mood| {
        println!("{mood:?}");
        let (rig, agent) = after(mood);
        rig.stop(&agent);
        rig.assert_once(1..10, 1..10);
        assert!(rig.collector.read(|state| state.of(Signal::Logs).count() >= 3), "{mood:?}");
    });
}

#[test]
fn row_21_an_answer_that_is_lost_may_cost_a_second_copy_and_it_is_counted() {
    side_by_side(&[Mood::AnswerLost, Mood::HangAfterStoring], |mood| {
        println!("{mood:?}");
        let (rig, agent) = after(mood);
        for signal in BOTH {
            let name = signal.name();
            let delivered = format!("/signals/{name}/tally/delivered");
            let status = rig.wait_status(|status| count(status, &delivered) == 9);
            let (twice, allowed) =
                rig.collector.read(|state| (state.duplicates(signal), state.duplicates_allowed(signal, &[])));
            assert!(twice > 0 && twice <= allowed, "{mood:?} {name}: {twice} of {allowed}");
            assert_eq!(sum(&status, name, "resent"), twice, "{mood:?} {name}");
        }
        rig.stop(&agent);
    });
}

#[test]
fn row_20_nothing_is_sent_before_the_time_that_the_server_names() {
    let at = |status, body: &str| Mood::Status {
        status,
        headers: vec![("retry-after".to_owned(), LATER.as_secs().to_string())],
        body: body.as_bytes().to_vec(),
    };
    let cases = [at(429, "slow down"), at(503, ""), Mood::retry_after(Code::Unavailable, LATER)];
    side_by_side(&cases, |mood| {
        println!("{mood:?}");
        let (rig, agent) = after(mood);
        rig.stop(&agent);
        rig.assert_once(1..10, 1..10);
        rig.collector.read(|state| BOTH.iter().for_each(|signal| assert_waited(state, *signal)));
    });
}

/// After each refusal the next request of the signal came no earlier than asked.
fn assert_waited(state: &State, signal: Signal) {
    let requests: Vec<&Request> = state.of(signal).collect();
    for (refused, next) in requests.iter().zip(requests.iter().skip(1)).take(2) {
        let waited = next.arrived - refused.ended.unwrap();
        assert!(waited >= LATER, "{} {waited:?}", signal.name());
    }
}

#[test]
fn row_21_a_collector_that_is_down_is_found_again_and_order_is_kept() {
    let mut rig = Rig::new();
    let proxy = Proxy::start(rig.collector.http_addr()).unwrap();
    proxy.set(Mode::Refuse);
    rig.sandbox.set_text("export.endpoint", &proxy.url());
    let agent = rig.run();
    for n in 1..30 {
        rig.write_lines(n..n + 1);
        rig.write_trace(n, array(&[crate::harness::span(n)]));
    }
    agent.wait_for_line("the endpoint does not answer well", DEADLINE).unwrap();
    rig.wait_status(|status| word(status, "/signals/logs/state") == "retrying");
    proxy.set(Mode::Pass);
    rig.wait_spans(1..30);
    rig.wait_lines(1..30);
    rig.wait_status(|status| {
        word(status, "/signals/logs/state") == "ok" && count(status, "/files/0/lag_bytes") == 0
    });
    rig.stop(&agent);
    rig.assert_once(1..30, 1..30);
    rig.collector.read(|state| {
        let lines: Vec<u64> = state.logs().iter().filter_map(|log| number(&log.body)).collect();
        assert!(lines.is_sorted(), "{lines:?}");
        let spans: Vec<&str> = state.spans().iter().map(|span| span.span_id.as_str()).collect();
        assert!(spans.is_sorted(), "{spans:?}");
    });
}

#[test]
fn a_blocked_endpoint_is_shown_with_its_reason_and_holds_its_position() {
    let rig = Rig::new();
    rig.collector.set(Signal::Logs, Mood::status(401));
    rig.write_lines(1..10);
    let agent = rig.run();
    let status = rig.wait_status(|status| word(status, "/signals/logs/state") == "blocked");
    assert!(word(&status, "/signals/logs/why").contains("401"), "{status:#}");
    rig.write_spans(1..3);
    rig.wait_spans(1..3);
    let status = rig.status();
    assert_eq!(word(&status, "/signals/traces/state"), "ok");
    assert!(count(&status, "/files/0/lag_bytes") > 0, "{status:#}");
    rig.collector.set(Signal::Logs, Mood::Accept);
    rig.wait_lines(1..10);
    rig.wait_status(|status| word(status, "/signals/logs/state") == "ok");
    rig.stop(&agent);
    rig.assert_once(1..3, 1..10);
}

#[test]
fn row_23a_with_logs_down_spans_go_on_and_lines_join_later() {
    one_down(Signal::Logs);
}

#[test]
fn row_23a_with_traces_down_lines_go_on_joined() {
    one_down(Signal::Traces);
}

/// One signal is refused while the other's records are written and arrive; then the rest follows. All lines join.
fn one_down(down: Signal) {
    let rig = Rig::new();
    let agent = rig.run();
    rig.collector.set(down, Mood::refuse(Code::Unavailable, "down"));
    for n in 1..5 {
        let task = format!("R:00000000000{n}");
        rig.write_trace(n, array(&[span_of_task(n, &task)]));
        rig.write_log(line_of_task(n, &format!("VM.start {task}")));
    }
    if down == Signal::Logs {
        rig.wait_spans(1..5)
    } else {
        rig.wait_lines(1..5)
    }
    rig.wait_status(|status| word(status, &format!("/signals/{}/state", down.name())) == "retrying");
    assert_eq!(rig.collector.read(|state| state.stored(down)), 0);
    rig.collector.set(down, Mood::Accept);
    rig.wait_spans(1..5);
    rig.wait_lines(1..5);
    rig.stop(&agent);
    rig.assert_once(1..5, 1..5);
    rig.collector.read(|state| {
        for log in state.logs() {
            let n = number(&log.body).unwrap();
            assert_eq!(
                (&log.trace_id, &log.span_id),
                (&format!("{n:032x}"), &format!("{n:016x}")),
                "{}",
                log.body
            );
        }
    });
}

#[test]
fn row_24_a_partial_success_is_counted_and_not_sent_again() {
    let rig = Rig::new();
    let mood = Mood::PartialSuccess { rejected: 2, message: "two are too odd".into() };
    rig.collector.set(Signal::Logs, Script::times(1, mood));
    rig.write_lines(1..10);
    let agent = rig.run();
    agent.wait_for_line("two are too odd", DEADLINE).unwrap();
    rig.write_lines(10..12);
    rig.wait_lines(10..12);
    let status = rig.wait_status(|status| count(status, "/signals/logs/tally/delivered") == 9);
    assert_eq!(sum(&status, "logs", "refused"), 2);
    assert_eq!(sum(&status, "logs", "resent") + sum(&status, "logs", "set_aside"), 0);
    rig.stop(&agent);
    rig.collector
        .read(|state| assert_eq!((state.stored(Signal::Logs), state.duplicates(Signal::Logs)), (9, 0)));
}

#[test]
fn row_24_words_without_a_refusal_are_logged_and_everything_is_delivered() {
    let rig = Rig::new();
    let mood = Mood::PartialSuccess { rejected: 0, message: "please send larger requests".into() };
    rig.collector.set(Signal::Traces, Script::times(1, mood.clone()));
    rig.collector.set(Signal::Logs, Script::times(1, mood));
    rig.write_spans(1..5);
    rig.write_lines(1..10);
    let agent = rig.run();
    agent.wait_for_line("please send larger requests", DEADLINE).unwrap();
    rig.wait_spans(1..5);
    rig.wait_lines(1..10);
    let status = rig.wait_status(|status| {
        let delivered = |signal| count(status, &format!("/signals/{signal}/tally/delivered"));
        (delivered("traces"), delivered("logs")) == (4, 9)
    });
    for signal in ["traces", "logs"] {
        let otherwise = ["refused", "resent", "set_aside"].map(|way| sum(&status, signal, way));
        assert_eq!(otherwise, [0; 3], "{signal}");
    }
    rig.stop(&agent);
    rig.assert_once(1..5, 1..10);
}

#[test]
fn row_22a_lines_that_the_backend_finds_too_old_are_counted_and_the_others_stay_stored() {
    let rig = Rig::new();
    let message = "entry for stream '{service_name=\"xapi\"}' has timestamp too old: 2026-01-01T00:00:00Z";
    let bad = |row: &Row| row.as_log().is_some_and(|log| number(&log.body) == Some(3));
    rig.collector.set(Signal::Logs, Mood::store_others(message, bad));
    rig.write_lines(1..10);
    let agent = rig.run();
    rig.wait(|state| state.stored(Signal::Logs) == 8);
    let status = rig.wait_status(|status| count(status, "/signals/logs/tally/delivered") == 8);
    assert_eq!(count(&status, "/signals/logs/tally/refused/too_old"), 1, "{status:#}");
    assert_eq!(rig.collector.read(|state| state.of(Signal::Logs).count()), 1);
    rig.stop(&agent);
}

#[test]
fn row_22_one_bad_record_is_found_and_set_aside_and_the_rest_goes_on() {
    let rig = Rig::new();
    let bad = |row: &Row| row.as_log().is_some_and(|log| number(&log.body) == Some(5));
    rig.collector.set(Signal::Logs, Mood::reject_if(bad));
    rig.write_lines(1..40);
    let agent = rig.run();
    rig.wait_lines(1..5);
    rig.wait_lines(6..40);
    let status = rig.wait_status(|status| count(status, "/signals/logs/tally/delivered") == 38);
    assert_eq!(sum(&status, "logs", "set_aside"), 1);
    rig.write_lines(40..42);
    rig.wait_lines(40..42);
    rig.stop(&agent);
    rig.collector
        .read(|state| assert_eq!((state.stored(Signal::Logs), state.duplicates(Signal::Logs)), (40, 0)));
    let entries = rig.rejected();
    assert_eq!(entries.len(), 1);
    let kept = String::from_utf8_lossy(&entries[0].bytes);
    assert!(kept.contains("m=000005") && !kept.contains("m=000006"), "{kept}");
    assert_eq!(
        (&entries[0].head["form"], &entries[0].head["signal"]),
        (&Value::from("otlp"), &Value::from("logs"))
    );
    assert!(entries[0].head["message"].to_string().contains("a record is bad"), "{}", entries[0].head);
}

#[test]
fn row_22_a_request_that_is_too_large_is_split() {
    for grpc in [false, true] {
        let mut rig = Rig::new();
        if grpc {
            let url = rig.collector.grpc_url();
            rig.sandbox.set_text("export.protocol", "grpc").set_text("export.endpoint", &url);
        }
        rig.collector.set_all(Mood::TooLarge { limit: 4_000 });
        rig.write_spans(1..60);
        rig.write_lines(1..60);
        let agent = rig.run();
        rig.wait_spans(1..60);
        rig.wait_lines(1..60);
        rig.stop(&agent);
        rig.assert_once(1..60, 1..60);
    }
}

/// The sum over all reasons of one of a signal's tallies.
fn sum(status: &Value, signal: &str, tally: &str) -> u64 {
    let reasons = status.pointer(&format!("/signals/{signal}/tally/{tally}")).and_then(Value::as_object);
    reasons.unwrap().values().filter_map(Value::as_u64).sum()
}
