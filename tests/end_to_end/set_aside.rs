//! What was set aside, imported: sent again, once.

use crate::harness::{Rig, array, line_copies, span_copies};
use std::fs;
use std::path::Path;
use testkit::collector::{Mood, Row, Signal};
use testkit::driver::Exit;

/// Spans of this number and this line are refused.
const BAD: u64 = 5;

/// One span, one line and a piece of a trace file were set aside.
fn with_rejected() -> Rig {
    let rig = Rig::new();
    let bad_line = |row: &Row| row.as_log().is_some_and(|log| log.body.contains("m=000005"));
    let bad_span = |row: &Row| row.as_span().is_some_and(|span| span.span_id == format!("{BAD:016x}"));
    rig.collector.set(Signal::Logs, Mood::reject_if(bad_line));
    rig.collector.set(Signal::Traces, Mood::reject_if(bad_span));
    rig.write_lines(1..8);
    let agent = rig.run();
    rig.write_spans(1..8);
    rig.write_trace(9, array(&["{\"traceId\": 7}".to_owned()]));
    rig.wait(|state| (state.stored(Signal::Traces), state.stored(Signal::Logs)) == (6, 6));
    rig.wait_status(|_| {
        fs::read(rig.rejected_directory().join("rejected.0")).is_ok() && rig.rejected().len() == 3
    });
    rig.stop(&agent);
    rig
}

fn import(rig: &Rig, path: &Path, more: &[&str]) -> Exit {
    let state = rig.sandbox.root().join("import-state");
    let fixed = ["import", path.to_str().unwrap(), "--state", state.to_str().unwrap()];
    rig.command(&[&fixed, more].concat())
}

fn copies(rig: &Rig) -> (usize, usize) {
    rig.collector.read(|state| (span_copies(state, BAD), line_copies(state, BAD)))
}

#[test]
fn what_was_refused_is_delivered_once_the_collector_is_mended() {
    let rig = with_rejected();
    let rejected = rig.rejected_directory();
    // While nothing is mended it is refused again, and left.
    let exit = import(&rig, &rejected, &[]);
    assert_eq!(exit.status.code(), Some(1), "{}{}", exit.stdout, exit.stderr);
    assert!(exit.stdout.contains("sent again as they were: 0 spans and 0 lines"), "{}", exit.stdout);
    assert_eq!(exit.stdout.matches("refused again").count(), 2, "{}", exit.stdout);
    assert_eq!(copies(&rig), (0, 0));
    // Then it arrives; what is no span is told with its place.
    rig.collector.set_all(Mood::Accept);
    let exit = import(&rig, &rejected, &[]);
    assert_eq!(exit.status.code(), Some(1), "{}{}", exit.stdout, exit.stderr);
    assert!(exit.stdout.contains("sent again as they were: 1 span and 1 line"), "{}", exit.stdout);
    assert!(exit.stdout.contains("rejected.0 at byte "), "{}", exit.stdout);
    assert!(exit.stdout.contains("still not a span that can be read (trace_id)"), "{}", exit.stdout);
    assert_eq!(copies(&rig), (1, 1));
    // A second time nothing is sent, from a single file neither.
    let exit = import(&rig, &rejected.join("rejected.0"), &[]);
    assert!(exit.stdout.contains("sent before: entries: 2"), "{}", exit.stdout);
    assert_eq!(copies(&rig), (1, 1));
    import(&rig, &rejected, &["--again"]);
    assert_eq!(copies(&rig), (2, 2));
    assert_eq!(rig.rejected().len(), 3, "nothing is deleted");
    rig.collector.read(|state| assert_eq!(state.malformed(), [""; 0]));
}

#[test]
fn a_mended_piece_of_a_file_is_read_again_and_torn_entries_are_told() {
    let rig = with_rejected();
    rig.collector.set_all(Mood::Accept);
    let file = rig.rejected_directory().join("rejected.0");
    let span = crate::harness::span(77);
    let head = format!(
        r#"{{"v":1,"time_unix":1772500000,"signal":"traces","reason":"trace_id","message":"","path":"{}","offset":0,"form":"source","length":{}}}"#,
        rig.sandbox.traces().join(crate::harness::trace_file_name(9)).display(),
        span.len()
    );
    let text = format!("{head}\n{span}\n{head}\n{}", &span[..20]);
    let torn = fs::metadata(&file).unwrap().len() + head.len() as u64 + span.len() as u64 + 2;
    crate::harness::append(&file, text);
    let exit = import(&rig, &file, &[]);
    assert_eq!(exit.status.code(), Some(1), "{}{}", exit.stdout, exit.stderr);
    let expected = format!("rejected.0, at byte {torn}: the entry is cut off");
    assert!(exit.stdout.contains(&expected), "{expected} in {}", exit.stdout);
    assert!(exit.stdout.contains("shipped 1 span and 0 lines of 1 host"), "{}", exit.stdout);
    let copies = || rig.collector.read(|state| span_copies(state, 77));
    assert_eq!(copies(), 1);
    import(&rig, &file, &[]);
    assert_eq!(copies(), 1, "once");
    let exit = import(&rig, &file, &["--shift-to-now"]);
    assert_eq!(exit.status.code(), Some(2), "{}", exit.stderr);
}
