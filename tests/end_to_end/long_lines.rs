//! Lines that are too long to be held, or longer than a request.

use crate::harness::{Rig, append, array, count, line, side_by_side, span, trace_file_name};
use std::fs::{self, OpenOptions};
use std::path::Path;
use testkit::collector::Signal;

#[test]
fn row_15_a_line_of_ten_thousand_spans_goes_in_several_requests() {
    let mut rig = Rig::new();
    rig.sandbox.set_text("limits.memory", "16MiB");
    let many: Vec<String> = (1..10_001).map(span).collect();
    rig.write_trace(1, array(&many));
    rig.write_spans(10_001..10_003);
    let agent = rig.run();
    rig.wait_spans(1..10_003);
    rig.stop(&agent);
    let requests = rig.collector.read(|state| state.of(Signal::Traces).count());
    assert!(requests > 1, "the line went in one request");
    rig.assert_once(1..10_003, 0..0);
}

#[test]
fn row_15_a_line_of_100_mb_is_skipped_in_bounded_memory() {
    const LENGTH: usize = 100_000_000;
    let long = vec![b'x'; LENGTH];
    skipped(|path| append(path, &long), LENGTH as u64);
}

#[test]
fn row_15_a_gibibyte_of_nul_is_skipped_in_bounded_memory() {
    const LENGTH: u64 = 1 << 30;
    let sparse = |path: &Path| {
        let file = OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(file.metadata().unwrap().len() + LENGTH).unwrap();
    };
    skipped(sparse, LENGTH);
}

/// A good line, `write`'s bytes with a newline behind them, and another good line, in a trace file and in the log.
fn skipped(write: impl Fn(&Path) + Sync, length: u64) {
    side_by_side(&["traces", "logs"], |signal| {
        let rig = Rig::new();
        let spans = *signal == "traces";
        let (path, first, second) = if spans {
            (rig.sandbox.traces().join(trace_file_name(1)), array(&[span(1)]), array(&[span(2)]))
        } else {
            (rig.sandbox.xensource_log(), line(1), line(2))
        };
        append(&path, first);
        write(&path);
        append(&path, format!("\n{second}"));
        let agent = rig.run();
        if spans {
            rig.wait_spans(1..3)
        } else {
            rig.wait_lines(1..3)
        }
        let lost = count(&rig.status(), &format!("/signals/{signal}/tally/lost_bytes/oversize"));
        assert_eq!(lost, length + 1, "{signal}");
        println!("{signal}: {:?}", agent.usage().unwrap());
        rig.stop(&agent);
        if spans { rig.assert_once(1..3, 0..0) } else { rig.assert_once(0..0, 1..3) }
    });
}

/// In a file that can't grow any more it is counted.
#[test]
fn row_17_a_last_line_without_its_end_is_counted_when_the_file_is_gone() {
    let rig = Rig::new();
    let agent = rig.run();
    let begun = "[{\"traceId\":\"00";
    let path = rig.write_trace(1, array(&[span(1)]) + begun);
    rig.wait_spans(1..2);
    assert_eq!(count(&rig.status(), "/signals/traces/tally/lost_bytes/unfinished"), 0);
    fs::remove_file(path).unwrap();
    let lost = |status: &serde_json::Value| count(status, "/signals/traces/tally/lost_bytes/unfinished");
    let status = rig.wait_status(|status| lost(status) > 0);
    assert_eq!(lost(&status), begun.len() as u64);
    rig.stop(&agent);
    rig.assert_once(1..2, 0..0);
}
