//! Endpoints that are down: the other signal goes on, and joins come out as well as live.

use super::*;

/// `signal` down for the first five of six hours, rotation and compression going on.
fn check(signal: Signal) {
    let options = hours(5, 20_000, 40_000, 6);
    let (start, end) = (options.start, options.end);
    let mut sim = Sim::new(options, "");
    sim.down = vec![signal];
    sim.run_until(start.plus(end.since(start) / 6 * 5), Duration::from_secs(20));
    let (spans, lines) = (sim.arrived.spans.len(), sim.arrived.lines.len());
    match signal {
        Signal::Traces => assert!(spans == 0 && lines > 25_000, "{spans} {lines}"),
        Signal::Logs => assert!(lines == 0 && spans > 12_000, "{spans} {lines}"),
    }
    sim.down.clear();
    sim.run_until(end, Duration::from_secs(20));
    sim.finish();
    let report = sim.report();
    println!("{} down: {report}\n{}", signal.as_str(), report.joins);
    assert_eq!((report.missing, report.duplicates), (0, 0), "{:?}", report.missing_examples);
    assert_eq!(report.joins.wrong(), 0);
    assert!(report.joins.required_share() >= 0.995, "{}", report.joins.required_share());
}

#[test]
fn traces_down_lines_go_on_joined() {
    check(Signal::Traces);
}

#[test]
fn logs_down_lines_are_joined_later() {
    check(Signal::Logs);
}
