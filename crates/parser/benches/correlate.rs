//! What correlating costs: nanoseconds a span and a line, bytes an open task.
//!
//! `cargo bench -p parser --bench correlate`. Spans and lines are made beforehand, in runs of 50,000, so
//! that only the correlator is measured; the best run is shown.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement reads the clock and prints"
)]

use model::{NANOS_PER_SECOND, Now, SpanId, TaskId, TraceId, Uuid};
use parser::correlate::{Aim, Correlator, FilesRead, Joined, Settings};
use parser::evidence::{Facts, LineEvidence, SpanFacts};
use std::time::{Duration, Instant};

const EPOCH: u64 = 1_750_000_000;
const RUN: u64 = 50_000;
const ROUNDS: u64 = 8;

fn task(number: u64) -> Option<TaskId> {
    TaskId::parse(format!("D:{number:012x}").as_bytes())
}

/// Each trace has `of_trace` spans of 100 ms, one after another, under the first, the task's own.
fn span(number: u64, of_trace: u64) -> SpanFacts<'static> {
    let (trace, place) = (number / of_trace + 1, number % of_trace);
    let start = EPOCH * 1_000_000 + place * 100_000;
    let length = if place == 0 { of_trace * 100_000 } else { 100_000 };
    SpanFacts {
        host: Some(Uuid::from_bytes([1; 16])),
        service: "xapi",
        trace_id: TraceId::from_bytes((u128::from(trace) << 64 | u128::from(trace)).to_be_bytes())
            .unwrap_or_else(|| unreachable!()),
        span_id: SpanId::from_bytes((number + 1).to_be_bytes()).unwrap_or_else(|| unreachable!()),
        parent_id: SpanId::from_bytes((number - place + 1).to_be_bytes()).filter(|_| place > 0),
        start_unix_micros: start,
        end_unix_micros: start + length,
        task: if place == 0 { task(trace) } else { None },
        names_task: place == 0,
    }
}

/// The lines of a trace, ten a second.
fn line(number: u64, of_trace: u64) -> LineEvidence<'static> {
    LineEvidence {
        service: "xapi",
        program: "xapi",
        second_unix: (EPOCH + number % of_trace / 10) as i64,
        second_nanos: 0,
        unit_nanos: NANOS_PER_SECOND as u32,
        context: None,
        task: task(number / of_trace + 1),
        task_number: None,
        facts: Facts::default(),
    }
}

fn now(second: u64) -> Now {
    Now { mono: Duration::from_secs(second), wall_unix_nano: (EPOCH + second) * NANOS_PER_SECOND }
}

fn at_end(second: u64) -> FilesRead {
    let last_change_unix_nano = Some((EPOCH + second) * NANOS_PER_SECOND);
    FilesRead { traces_up_to_unix_nano: None, traces_at_end: true, last_change_unix_nano, logs_at_end: true }
}

/// Runs `work` over items made beforehand; gives the nanoseconds an item.
fn time<I>(items: Vec<I>, work: impl FnMut(I)) -> f64 {
    let (count, start) = (items.len(), Instant::now());
    items.into_iter().for_each(work);
    start.elapsed().as_nanos() as f64 / count as f64
}

/// Reads a line for which nothing is kept.
fn enter(
    correlator: &mut Correlator<()>,
    line: &LineEvidence<'_>,
    second: u64,
    out: &mut impl FnMut(Joined<()>),
) {
    let host = Some(Uuid::from_bytes([1; 16]));
    let left = correlator.line(line, host, Aim::Trace, now(second), || ((), 600), out);
    left.into_iter().for_each(out);
}

/// The best of several rounds: what it costs where nothing else runs.
fn best(rounds: impl Iterator<Item = f64>) -> f64 {
    rounds.fold(f64::INFINITY, f64::min)
}

/// Spans, then lines whose task's own span is known, in traces of this size.
fn known(of_trace: u64) {
    let mut correlator = Correlator::new(Settings::default());
    correlator.advance(at_end(1_000), now(1_000), &mut |_: Joined<()>| {});
    let (mut named, mut spans, mut lines) = (0u64, Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let numbers = || round * RUN..(round + 1) * RUN;
        let items = numbers().map(|number| span(number, of_trace)).collect();
        spans.push(time(items, |span| correlator.span(&span, None)));
        let mut out = |joined: Joined<()>| {
            named += u64::from(joined.context.is_some_and(|context| context.span_id.is_some()))
        };
        let items = numbers().map(|number| line(number, of_trace)).collect();
        lines.push(time(items, |line| enter(&mut correlator, &line, 1_000, &mut out)));
    }
    let (spans, lines) = (best(spans.into_iter()), best(lines.into_iter()));
    let total = ROUNDS * RUN;
    println!(
        "{of_trace:>6} spans a trace: {spans:4.0} ns a span, {lines:5.0} ns a line ({named} of {total} with a span)"
    );
}

/// Lines of few tasks, as they come: many in a row of the same operations.
fn hot() {
    let mut correlator = Correlator::new(Settings::default());
    (0..1_000).for_each(|number| correlator.span(&span(number, 10), None));
    correlator.advance(at_end(1_000), now(1_000), &mut |_: Joined<()>| {});
    let rounds = (0..ROUNDS).map(|_| {
        let items = (0..RUN).map(|number| line(number % 100 * 10, 10)).collect();
        time(items, |line| enter(&mut correlator, &line, 1_000, &mut |_| {}))
    });
    println!("the same 100 tasks: {:4.0} ns a line", best(rounds));
}

/// Lines that are held until their own span comes.
fn held() {
    let mut correlator = Correlator::new(Settings::default());
    let mut left = 0u64;
    let (count, mut out) = (200_000, |_: Joined<()>| left += 1);
    let items: Vec<_> = (0..count).map(|number| line(number, 10)).collect();
    let before = resident_bytes();
    let start = Instant::now();
    items.iter().for_each(|line| enter(&mut correlator, line, 0, &mut out));
    let lines = start.elapsed().as_nanos() as f64 / count as f64;
    println!(
        "held: {lines:4.0} ns a line in; beside the payload {} bytes a line counted, {} resident",
        correlator.held_bytes() as u64 / count - 600,
        resident_bytes().saturating_sub(before) / count
    );
    let start = Instant::now();
    (0..count).step_by(10).for_each(|number| correlator.span(&span(number, 10), None));
    correlator.advance(at_end(1), now(1), &mut out);
    println!("held: {:4.0} ns a line out", start.elapsed().as_nanos() as f64 / count as f64);
    println!("held: {left} of {count} left");
}

/// Open tasks, until far more than there is room for.
fn open_tasks() {
    for count in [200_000, 1_000_000u64] {
        let mut correlator = Correlator::<()>::new(Settings::default());
        let rounds = (0..count / RUN).map(|round| {
            let items = (round * RUN..(round + 1) * RUN).map(|number| span(number, 1)).collect();
            time(items, |span| correlator.span(&span, None))
        });
        let spans = best(rounds);
        let (room, counters) = (correlator.index_use(), correlator.counters());
        println!(
            "{count} open tasks: {spans:4.0} ns a span; kept {} (room {}), evicted {}; {} bytes laid out; {:.1} bytes a task",
            room.tasks,
            room.task_room,
            counters.evictions.tasks,
            correlator.index_bytes(),
            Settings::default().task_bytes as f64 / room.task_room as f64,
        );
    }
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

fn main() {
    held();
    hot();
    [1, 10, 100, 1_000, 10_000].into_iter().for_each(known);
    open_tasks();
}
