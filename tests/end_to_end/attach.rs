//! Log lines as events of spans: what a backend without logs gets.

use crate::harness::{Rig, array, count, line, line_of_task, number, span_of_task};
use std::collections::BTreeMap;
use testkit::collector::{Signal, text};

/// Logs are not exported; what they say arrives with the spans, and their positions move on.
#[test]
fn lines_arrive_as_events_where_logs_are_not_exported() {
    const SPANS: u64 = 20;
    let mut rig = Rig::new();
    rig.sandbox.set("export.logs.enabled", "false");
    rig.sandbox.set_text("traces.attach_logs", "all");
    let agent = rig.run();
    // Where nothing is traced no line waits.
    rig.write_spans(900..901);
    rig.wait_spans(900..901);
    let task = |n: u64| format!("VM.start R:{n:012x}");
    // Three lines of each task, one of none; then the spans, when the lines have been read.
    let lines = (1..=SPANS).flat_map(|n| (0..3).map(move |k| line_of_task(10 * n + k, &task(n))));
    rig.write_log(lines.collect::<String>() + &line(9));
    rig.wait_status(|status| count(status, "/correlation/held_lines") == 3 * SPANS);
    let spans: Vec<String> = (1..=SPANS).map(|n| span_of_task(n, &format!("R:{n:012x}"))).collect();
    rig.write_trace(1, array(&spans));
    rig.wait_spans(1..SPANS + 1);
    let status = rig.wait_status(|status| count(status, "/correlation/attached_lines") == 3 * SPANS);
    for reason in ["late", "cut", "no_room"] {
        assert_eq!(count(&status, &format!("/correlation/not_attached/{reason}")), 0, "{status:#}");
    }
    // The log is settled, though nothing of it was sent.
    rig.wait_status(|status| {
        let files = status["files"].as_array().unwrap();
        let log = files.iter().find(|file| file["signal"] == "logs");
        log.is_some_and(|log| log["lag_bytes"] == 0 && log["offset"] == log["size"])
    });
    rig.collector.read(|state| {
        let events: BTreeMap<&str, Vec<u64>> = state
            .spans()
            .iter()
            .filter(|span| span.span_id != format!("{:016x}", 900))
            .map(|span| {
                let bodies = span.events.iter().map(|(_, name, attributes)| {
                    assert_eq!((name.as_str(), text(attributes, "log.severity")), ("log", "info"));
                    number(text(attributes, "log.body")).unwrap()
                });
                (span.span_id.as_str(), bodies.collect())
            })
            .collect();
        let ids: Vec<String> = (1..=SPANS).map(|n| format!("{n:016x}")).collect();
        let expected =
            ids.iter().zip(1..).map(|(id, n)| (id.as_str(), vec![10 * n, 10 * n + 1, 10 * n + 2])).collect();
        assert_eq!(events, expected);
        assert_eq!(state.stored(Signal::Logs), 0);
        assert_eq!(state.malformed(), [""; 0]);
    });
    rig.stop(&agent);
}
