//! Log lines as events of their spans, on the stand-in's ledger.

use super::*;
use opentelemetry_proto::tonic::trace::v1::Span;
use std::collections::{HashMap, HashSet};
use testkit::ledger::WrittenLine;
use testkit::standin::F2;

const NO_LOGS: &str = "[export.logs]\nenabled = false\n";

fn sim(seed: u64, wanted: &str, extra: &str) -> Sim {
    let mut sim = Sim::with(hours(seed, 2_000, 6_000, 1), &format!("attach_logs = \"{wanted}\""), extra);
    sim.arrived.bodies = Some(Vec::new());
    sim
}

/// The events from lines that arrived: their span, and the line's marker.
fn events(sim: &Sim) -> Vec<(TraceId, SpanId, u64)> {
    let mut all = Vec::new();
    for span in spans(sim) {
        let lines: Vec<_> = span.events.iter().filter(|event| event.name == "log").collect();
        assert!(lines.len() <= 128 && lines.iter().map(|line| line.encoded_len()).sum::<usize>() <= 64 << 10);
        assert!(lines.is_sorted_by_key(|line| line.time_unix_nano));
        for event in lines {
            let Some(Value::StringValue(body)) = value(&event.attributes, "log.body") else {
                panic!("no body: {event:?}");
            };
            let marker = find_marker(body, number(&event.attributes, "thread.id")).expect("a marker");
            all.push((
                TraceId::from_bytes(&span.trace_id).unwrap(),
                SpanId::from_bytes(&span.span_id).unwrap(),
                marker,
            ));
        }
    }
    all
}

fn spans(sim: &Sim) -> Vec<Span> {
    let bodies = sim.arrived.bodies.iter().flatten().filter(|(signal, _)| *signal == Signal::Traces);
    let requests = bodies.map(|(_, body)| ExportTraceServiceRequest::decode(body.clone()).unwrap());
    let resources = requests.flat_map(|request| request.resource_spans);
    resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
}

/// What the agents say: attached, and not, by reason.
fn told(sim: &Sim) -> (u64, HashMap<&'static str, u64>) {
    let (mut attached, mut not) = (0, HashMap::new());
    for agent in &sim.agents {
        let status = agent.engine.status(clock(sim.now, agent.started)).correlation;
        attached += status.attached_lines;
        status.not_attached.iter().for_each(|(reason, count)| *not.entry(*reason).or_default() += count);
    }
    (attached, not)
}

/// Each line is an event once at most, of a span of its own trace; as many as the agents say. Gives the share, of the lines
/// that can be joined, that became events.
fn check(sim: &Sim) -> f64 {
    let lines: HashMap<u64, &WrittenLine> =
        sim.standin.ledger().lines.iter().map(|line| (line.marker, line)).collect();
    let (events, mut seen) = (events(sim), HashSet::new());
    for (trace, span, marker) in &events {
        assert_eq!(lines[marker].trace, Some(*trace), "line {marker} at {span}");
        assert!(seen.insert(*marker), "line {marker} twice");
    }
    let (attached, not) = told(sim);
    assert_eq!(events.len() as u64, attached);
    let can_be = lines.values().filter(|line| line.evidence_after_ms.is_some()).count();
    let share = events.len() as f64 / can_be as f64;
    println!("{attached} attached, {share:.3} of those that can be joined; not: {not:?}");
    share
}

fn live(mut sim: Sim) -> Sim {
    let end = sim.now.plus(3_600_000_000);
    sim.run_until(end, Duration::from_secs(2));
    sim.finish();
    sim
}

/// Everything is written before the agent starts.
fn backlog(mut sim: Sim) -> Sim {
    sim.agents.clear();
    let end = sim.now.plus(3_600_000_000);
    sim.run_until(end, Duration::from_secs(2));
    sim.standin.finish().expect("the stand-in writes");
    sim.now = sim.now.max(sim.standin.now()).plus(3_600_000_000);
    sim.start_agents();
    sim.finish();
    sim
}

#[test]
fn lines_are_events_where_logs_are_not_sent() {
    let sim = live(sim(11, "all", NO_LOGS));
    assert!(check(&sim) > 0.7);
    assert!(sim.arrived.lines.is_empty());
    let report = sim.report();
    assert_eq!((report.joins.wrong(), report.unknown), (0, 0));
    let spans = sim.standin.ledger().spans.iter().filter(|span| !span.tracer).count();
    assert_eq!(report.delivered, spans as u64, "all spans, and each once");
    assert_eq!(report.duplicates, 0);
}

#[test]
fn lines_are_events_beside_their_records() {
    let sim = live(sim(12, "all", ""));
    assert!(check(&sim) > 0.8);
    let report = sim.report();
    assert_eq!((report.missing, report.joins.wrong()), (0, 0), "{:?}", report.missing_examples);
    assert!(report.joins.required_share() >= 0.995, "{}", report.joins.required_share());
    let events: HashMap<u64, TraceId> =
        events(&sim).into_iter().map(|(trace, _, marker)| (marker, trace)).collect();
    let records = sim.arrived.lines.iter().filter_map(|line| Some((line.marker?, line.trace)));
    let same = records.filter(|(marker, _)| events.contains_key(marker));
    same.for_each(|(marker, trace)| assert_eq!(trace, Some(events[&marker]), "line {marker}"));
}

#[test]
fn a_backlog_is_attached_as_well() {
    let sim = backlog(sim(13, "all", NO_LOGS));
    assert!(check(&sim) > 0.9);
}

#[test]
fn lines_with_a_context_wait_for_their_span() {
    let options = Options { f2: F2::Traceparent, ..hours(14, 1_000, 3_000, 1) };
    let mut sim = Sim::with(options, "attach_logs = \"all\"", NO_LOGS);
    sim.arrived.bodies = Some(Vec::new());
    assert!(check(&live(sim)) > 0.8);
}

#[test]
fn errors_alone_are_attached_if_so_asked() {
    let sim = live(sim(15, "errors", NO_LOGS));
    check(&sim);
    let events: Vec<_> = spans(&sim).into_iter().flat_map(|span| span.events).collect();
    let level = |event: &opentelemetry_proto::tonic::trace::v1::span::Event| match value(
        &event.attributes,
        "log.severity",
    ) {
        Some(Value::StringValue(text)) => text.clone(),
        _ => String::new(),
    };
    let levels: HashSet<String> = events.iter().filter(|event| event.name == "log").map(level).collect();
    assert!(
        !levels.is_empty() && levels.iter().all(|level| level == "error" || level == "critical"),
        "{levels:?}"
    );
}

/// With the traces' endpoint down for half an hour, lines that are not sent wait in their files.
#[test]
fn an_outage_of_traces_costs_few_events_where_logs_are_not_sent() {
    let mut sim = sim(16, "all", NO_LOGS);
    let (start, end) = (sim.now, sim.now.plus(3_600_000_000));
    sim.run_until(start.plus(600_000_000), Duration::from_secs(2));
    sim.down = vec![Signal::Traces];
    sim.run_until(start.plus(2_400_000_000), Duration::from_secs(2));
    sim.down.clear();
    sim.run_until(end, Duration::from_secs(2));
    sim.finish();
    assert!(check(&sim) > 0.8);
    assert!(told(&sim).1["no_room"] < 100);
}

#[test]
fn a_stop_in_between_gives_no_event_twice() {
    let mut sim = sim(17, "all", NO_LOGS);
    let start = sim.now;
    for round in 1..=6 {
        sim.run_until(start.plus(round * 600_000_000), Duration::from_secs(2));
        sim.restart(false);
    }
    sim.finish();
    let report = sim.report();
    assert_eq!(report.duplicates, 0);
    let mut seen = HashSet::new();
    assert!(events(&sim).iter().all(|(_, _, marker)| seen.insert(*marker)));
}

/// A span, and a line of its task a while after it was sent.
#[test]
fn a_line_that_comes_after_its_span_is_late() {
    use std::io::Write;
    const SPAN: &str = r#"[{"traceId":"5b8efff798038103d269b633813fc60c","id":"eee19b7ec3c1b174","name":"VM.start","timestamp":1772500000000000,"duration":30000000,"tags":{"xs.xapi.task.id":"R:82f033257476","xs.xapi.task.name":"Async.VM.start"},"annotations":[],"localEndpoint":{"serviceName":"xapi"}}]"#;
    const LINE: &str = "Mar  3 01:06:45 h xapi: [ info||7 ||Async.VM.start R:82f033257476|xapi] after all";
    let mut sim = sim(18, "all", NO_LOGS);
    let start = sim.now;
    sim.run_until(start.plus(40_000_000), Duration::from_secs(2));
    let (before, host) = (told(&sim), sim.standin.hosts()[0].clone());
    let add = |path: std::path::PathBuf, text: &str, sim: &Sim| {
        let mut file = std::fs::File::options().create(true).append(true).open(path).expect("a file");
        writeln!(file, "{text}").expect("a line");
        file.set_modified(sim.now.to_system()).expect("its time");
    };
    add(host.traces().join("xapi.ndjson"), SPAN, &sim);
    sim.run_until(start.plus(46_000_000), Duration::from_secs(2));
    add(host.root.join("var/log/xensource.log"), LINE, &sim);
    sim.run_until(start.plus(52_000_000), Duration::from_secs(2));
    let after = told(&sim);
    assert_eq!(after.1["late"], before.1["late"] + 1, "{after:?}");
    assert_eq!((after.1["cut"], after.1["no_room"]), (0, 0));
}
