//! Waiting costs nothing when it can't help.

use super::*;

/// Two days of a host. `BACKLOG_SPANS=1900000` makes it 1 GB of log and 100 MB of `.zst`.
#[test]
fn a_backlog_joins_without_the_clock() {
    let spans = std::env::var("BACKLOG_SPANS").map_or(20_000, |text| text.parse().expect("a number"));
    let options = hours(7, spans, spans * 12 / 5, 48);
    let end = options.end;
    let mut sim = Sim::new(options, "");
    sim.standin.step(end).expect("the stand-in writes");
    sim.standin.finish().expect("the stand-in writes");
    sim.now = sim.standin.now().plus(3_600_000_000);
    sim.start_agents();
    let before = sim.now;
    // Only what delivery's own pace asks for: at most one request in 50 ms that is not full.
    for _ in 0..100 {
        sim.now = sim.now.plus(100_000);
        sim.look();
    }
    let report = sim.report();
    println!("{:?} of clock: {report}\n{}", sim.now.since(before), report.joins);
    assert_eq!((report.missing, report.duplicates), (0, 0), "{:?}", report.missing_examples);
    assert_eq!(report.joins.wrong(), 0);
    assert!(report.joins.required_share() >= 0.995, "{}", report.joins.required_share());
}

/// The correlator's own count of waits, of all agents.
fn waited(sim: &Sim) -> (u64, Duration) {
    let waited = sim.agents.iter().map(|agent| agent.engine.correlator.counters().waited);
    waited.fold((0, Duration::ZERO), |(lines, max), waited| {
        (lines + waited.counts.iter().skip(1).sum::<u64>(), max.max(waited.max))
    })
}

#[test]
fn live_no_line_waits_longer_than_the_configured_time_and_a_second() {
    let options = hours(9, 6_000, 12_000, 1);
    let end = options.end;
    let mut sim = Sim::new(options, "");
    sim.run_until(end, Duration::from_secs(1));
    let (lines, longest) = waited(&sim);
    println!("{lines} lines waited, the longest {longest:?}");
    assert!(lines > 1_000, "{lines}");
    assert!(longest <= Duration::from_secs(76), "{longest:?}");
}

#[test]
fn with_tracing_off_none_waits() {
    let options = Options { rootless_share: 1.0, ..hours(9, 3_000, 6_000, 1) };
    let end = options.end;
    let mut sim = Sim::new(options, "");
    let traces = sim.standin.hosts()[0].traces();
    while sim.now < end {
        sim.now = sim.now.plus(1_000_000);
        sim.standin.step(sim.now).expect("the stand-in writes");
        let _ = std::fs::remove_dir_all(&traces);
        std::fs::create_dir_all(&traces).expect("the directory");
        sim.look();
    }
    let (lines, longest) = waited(&sim);
    assert!(sim.arrived.lines.len() > 3_000, "{}", sim.arrived.lines.len());
    assert_eq!((lines, longest), (0, Duration::ZERO));
}

#[test]
fn a_line_found_together_with_the_first_trace_file_waits() {
    let mut sim = Sim::new(hours(9, 10, 20, 1), "");
    sim.look();
    // Files are not looked at twice in a moment.
    sim.now = sim.now.plus(1_000_000);
    let host = sim.standin.hosts()[0].clone();
    let time = chrono::DateTime::<chrono::Utc>::from(sim.now.to_system()).format("%b %e %H:%M:%S");
    let line = format!("{time} lab xapi: [ info||7 |VM.start R:8f5c2a1b9d3e|test] text\n");
    for (path, text) in [(host.traces().join("xapi.ndjson"), "[]\n"), (host.log("xensource.log"), &line)] {
        std::fs::write(&path, text).expect("a file");
        let file = std::fs::File::open(&path).expect("the file");
        file.set_modified(sim.now.to_system()).expect("its time");
    }
    sim.look();
    assert_eq!(sim.agents[0].engine.correlator.held_lines(), 1);
}
