//! Lines for a span that goes out before they do.

use super::*;
use Outcome::{Context, Task};

impl Bench {
    /// The held lines for which a span is singled out now: line, trace, span.
    fn foreseen(&mut self) -> Vec<(u32, u8, u64)> {
        let mut all = Vec::new();
        self.correlator.foresee(&mut |no, line, context| {
            let span = context.span_id.map_or(0, |span| u64::from_be_bytes(*span.bytes()));
            all.push((no, *line, context.trace_id.bytes()[0], span));
        });
        let held = all.iter().filter(|(no, line, ..)| self.correlator.held_line(*no) == Some(line));
        assert_eq!(held.count(), all.len());
        all.into_iter().map(|(_, line, trace, span)| (line, trace, span)).collect()
    }

    fn wanted(&mut self, second: u64, line: Line) -> &mut Self {
        self.enter(second, line, Aim::Span)
    }
}

#[test]
fn a_child_of_the_task_speaks_before_its_own_span_is_in() {
    let mut bench = Bench::new();
    bench.end(5).line(line(5, "xapi").task(START)).line(line(8, "xapi").task(START));
    bench.line(line(5, "xapi").task(CHILD)).line(line(5, "xapi").created(CHILD, START));
    assert_eq!(bench.foreseen(), []);
    bench.span(of_task(span(1, 11, 10, 5, 6), START));
    assert_eq!(bench.foreseen(), [(1, 1, 11)]);
    assert_eq!(bench.foreseen(), [], "nothing has come since");
    bench.span(of_task(span(1, 12, 10, 8, 8), START));
    assert_eq!(bench.foreseen(), [(1, 1, 11), (2, 1, 12)], "no link is followed to START");
    bench.span(own(span(1, 10, 0, 0, 9), START)).end(30);
    assert_eq!((bench.join(1), bench.join(2)), ((1, 11, Task), (1, 12, Task)));
    assert_eq!(bench.foreseen(), [], "they have left");
}

#[test]
fn two_traces_of_a_task_say_nothing_unless_one_alone_was_open() {
    let mut bench = Bench::new();
    bench.end(5).line(line(5, "xapi").task(START));
    bench.span(of_task(span(1, 11, 0, 5, 6), START)).span(of_task(span(2, 12, 0, 5, 6), START));
    assert_eq!(bench.foreseen(), []);
    let mut bench = Bench::new();
    bench.end(5).line(line(5, "xapi").task(START));
    bench.span(of_task(span(1, 11, 0, 5, 6), START)).span(of_task(span(2, 12, 0, 9, 9), START));
    assert_eq!(bench.foreseen(), [(1, 1, 11)]);
}

#[test]
fn a_wanted_line_with_a_context_waits_for_its_span() {
    let mut bench = Bench::new();
    bench.end(5).wanted(6, line(5, "xapi").context(1, 10).task(START)).end(20);
    bench.wanted(20, line(20, "xapi").context(1, 10));
    assert!(bench.left().is_empty());
    bench.span(span(1, 11, 10, 5, 6));
    assert_eq!(bench.foreseen(), [(1, 1, 11)]);
    bench.span(own(span(1, 10, 0, 0, 9), START)).end(30);
    assert_eq!(bench.left(), [1]);
    bench.end(96).check(&[(1, 10, Context), (1, 0, Context)]);
}

#[test]
fn a_wanted_line_with_a_context_keeps_its_trace_when_it_is_forced_out() {
    let mut bench = Bench::new();
    bench.end(5).wanted(6, line(5, "xapi").context(1, 10));
    let out = &mut bench.out;
    assert!(bench.correlator.release_oldest(now(7), &mut |joined| out.push(joined)));
    bench.check(&[(1, 0, Context)]);
}
