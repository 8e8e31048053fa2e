//! Many tasks, many lines.

use super::*;

fn id(number: u64) -> String {
    format!("D:{number:012x}")
}

/// Opens tasks, each with one span that ended early and a link, then reads a line of each.
fn open(tasks: u64) -> Counters {
    let mut correlator = Correlator::new(Settings::default());
    for number in 1..=tasks {
        let trace_id = TraceId::from_bytes(u128::from(number).to_be_bytes()).unwrap();
        let early = SpanFacts { trace_id, ..span(1, number, 0, 1, 2) };
        correlator.span(&of_task(early, &id(number)), None);
        correlator.teach(&line(1, "xapi").created(&id(number), START).evidence, host(1));
    }
    let mut out = |joined: Joined<TraceId>| {
        assert!(joined.context.is_none_or(|context| context.trace_id == joined.payload), "a wrong trace");
    };
    correlator.advance(at_end(90_000), now(90_000), &mut out);
    for number in 1..=tasks {
        let trace_id = TraceId::from_bytes(u128::from(number).to_be_bytes()).unwrap();
        let line = line(3, "xapi").task(&id(number));
        let hold = || (trace_id, 600);
        let left = correlator.line(&line.evidence, host(1), Aim::Trace, now(90_000), hold, &mut out);
        left.into_iter().for_each(|joined| out(joined.with(trace_id)));
    }
    correlator.advance(at_end(90_000), now(90_000), &mut out);
    let most = Settings::default().task_bytes + Settings::default().span_bytes;
    assert!(correlator.index_bytes() <= most, "{}", correlator.index_bytes());
    let usage = correlator.index_use();
    assert_eq!(
        usage.tasks as u64 + correlator.counters().evictions.tasks,
        tasks,
        "evictions equal the excess"
    );
    assert_eq!(usage.spans as u64 + correlator.counters().evictions.spans, tasks);
    correlator.counters()
}

#[test]
fn two_hundred_thousand_open_tasks_all_join() {
    let counters = open(200_000);
    assert_eq!((counters.joined(), counters.evictions.tasks), (200_000, 0));
}

#[test]
fn a_million_open_tasks_cost_the_oldest() {
    let counters = open(1_000_000);
    assert!(counters.evictions.tasks > 700_000);
    assert_eq!(counters.joined() + counters.evictions.tasks, 1_000_000);
    assert_eq!(counters.lines(), 1_000_000);
}

#[test]
fn held_lines_fill_the_memory_and_are_counted() {
    let mut bench = Bench::with(Settings { held_bytes: 100_000, ..Settings::default() });
    bench.end(5);
    while !bench.correlator.is_full() {
        bench.line(line(5, "xapi").task(START));
    }
    let held = bench.correlator.held_lines();
    assert!((90..110).contains(&held), "{held}");
    bench.span(own(span(1, 10, 0, 0, 9), START)).end(30);
    assert_eq!((bench.out.len(), bench.correlator.held_bytes()), (held, 0));
}

#[test]
fn counters_tell_rules_outcomes_and_waits() {
    let mut bench = Bench::new();
    bench.end(5).line(line(5, "xapi")).line(line(5, "xapi").context(1, 10)).line(line(5, "xapi").task(START));
    bench.end(7).end(200);
    let counters = bench.correlator.counters();
    let of = [Outcome::NoId, Outcome::Context, Outcome::TimedOut].map(|outcome| counters.of(outcome));
    assert_eq!((of, counters.joined(), counters.lines()), ([1, 1, 1], 1, 3));
    assert_eq!((counters.waited.max, counters.waited.counts[8]), (Duration::from_secs(194), 1));
}
