//! Which trace and span a line gets.

use super::*;
use Outcome::{Ambiguous, Context, Link, NoEvidence, NoId, Task, TimedOut};
use model::Correlation;

#[test]
fn a_context_in_the_line_is_certain() {
    let mut bench = Bench::new();
    bench.line(line(5, "xapi").context(1, 10)).end(6).check(&[(1, 0, Context)]);
    let context = bench.out[0].context.unwrap();
    assert_eq!((context.traceparent_span_id, context.correlation), (Some(span_id(10)), Correlation::Context));
}

#[test]
fn the_span_in_the_line_is_a_hint() {
    let mut bench = Bench::new();
    bench.span(span(1, 10, 0, 0, 9)).span(span(1, 11, 10, 4, 6)).end(10);
    bench
        .line(line(5, "xapi").context(1, 10))
        .line(line(5, "xapi").context(1, 99))
        .line(line(30, "xapi").context(1, 10));
    bench.end(31).check(&[(1, 10, Context), (1, 11, Context), (1, 0, Context)]);
}

#[test]
fn a_context_goes_before_the_task() {
    let mut bench = Bench::new();
    bench.span(own(span(2, 20, 0, 0, 9), START));
    bench.line(line(5, "xapi").context(1, 10).task(START)).end(10).check(&[(1, 0, Context)]);
}

#[test]
fn a_tasks_own_span_gives_trace_and_span() {
    let mut bench = Bench::new();
    bench.span(own(span(1, 10, 0, 0, 9), START)).span(span(1, 11, 10, 4, 6));
    bench
        .line(line(5, "xapi").task(START))
        .line(line(8, "xapi").task(START))
        .line(line(20, "xapi").task(START));
    bench.end(21).check(&[(1, 11, Task), (1, 10, Task), (1, 0, Task)]);
}

#[test]
fn the_own_span_decides_among_traces() {
    // As in a real trace file: `session_check` is the task's own, `TaskHelper.destroy` began a trace of its own.
    let mut bench = Bench::new();
    bench.span(of_task(span(2, 20, 0, 5, 5), CHILD)).span(own(span(1, 10, 0, 5, 5), CHILD));
    bench.line(line(5, "xapi").task(CHILD)).end(6).check(&[(1, 10, Task)]);
}

#[test]
fn two_own_spans_leave_it_to_the_second() {
    let mut bench = Bench::new();
    bench.span(own(span(1, 10, 0, 0, 9), START)).span(own(span(2, 20, 0, 8, 20), START)).end(30);
    bench.line(line(5, "xapi").task(START)).line(line(15, "xapi").task(START));
    bench.line(line(8, "xapi").task(START)).line(line(25, "xapi").task(START));
    bench.end(200).check(&[(1, 10, Task), (2, 20, Task), (0, 0, Ambiguous), (0, 0, Ambiguous)]);
}

#[test]
fn candidates_decide_at_the_end_if_they_agree() {
    let mut bench = Bench::new();
    bench.span(of_task(span(1, 11, 10, 4, 5), START)).span(of_task(span(1, 12, 10, 7, 8), START));
    bench.line(line(7, "xapi").task(START)).line(line(30, "xapi").task(START)).end(60);
    assert!(bench.left().is_empty());
    bench.end(200).check(&[(1, 12, Task), (1, 0, Task)]);
}

#[test]
fn candidates_that_disagree_need_the_second() {
    let mut bench = Bench::new();
    bench.span(of_task(span(1, 11, 10, 4, 6), START)).span(of_task(span(2, 21, 20, 6, 8), START));
    for second in [4, 6, 7, 9] {
        bench.line(line(second, "xapi").task(START));
    }
    bench.end(200).check(&[(1, 11, Task), (2, 21, Task), (2, 21, Task), (0, 0, Ambiguous)]);
}

#[test]
fn a_candidate_of_another_trace_covers_by_itself_not_by_its_trace() {
    let mut bench = Bench::new();
    bench.span(of_task(span(1, 11, 10, 4, 5), START)).span(span(1, 12, 10, 4, 9));
    bench.span(of_task(span(2, 21, 20, 7, 9), START));
    bench.line(line(8, "xapi").task(START)).end(200).check(&[(2, 21, Task)]);
}

#[test]
fn a_created_task_leads_to_its_creator() {
    let mut bench = Bench::new();
    bench.span(own(span(1, 10, 0, 0, 9), START));
    bench.line(line(4, "xapi").task(GRANDCHILD));
    bench
        .line(line(4, "xapi").task(CHILD).created(GRANDCHILD, CHILD))
        .line(line(4, "xapi").task(START).created(CHILD, START));
    bench.end(200).check(&[(1, 10, Link), (1, 10, Link), (1, 10, Task)]);
}

#[test]
fn the_nearest_task_with_spans_decides() {
    let mut bench = Bench::new();
    bench.span(own(span(1, 10, 0, 0, 9), START)).span(of_task(span(2, 20, 0, 3, 9), CHILD));
    bench.line(line(4, "xapi").created(GRANDCHILD, CHILD)).line(line(4, "xapi").created(CHILD, START));
    bench.line(line(4, "xapi").task(GRANDCHILD)).line(line(4, "xapi").task(CHILD));
    bench.end(200).check(&[(0, 0, NoId), (0, 0, NoId), (2, 20, Link), (2, 20, Task)]);
}

#[test]
fn deep_chains_lead_on_and_loops_end() {
    let mut bench = Bench::new();
    let id = |number: u64| format!("D:{number:012x}");
    bench.span(own(span(1, 10, 0, 0, 9), &id(0)));
    for number in 1..=2000 {
        bench.correlator.teach(&line(1, "xapi").created(&id(number), &id(number - 1)).evidence, host(1));
    }
    for (child, parent) in [(5001, 5002), (5002, 5003), (5003, 5001), (6001, 6001)] {
        bench.correlator.teach(&line(1, "xapi").created(&id(child), &id(parent)).evidence, host(1));
    }
    for number in [2000, 5001, 6001] {
        bench.line(line(4, "xapi").task(&id(number)));
    }
    bench.end(200).check(&[(1, 10, Link), (0, 0, TimedOut), (0, 0, TimedOut)]);
}

#[test]
fn a_dispatch_leads_to_the_forwarded_task() {
    // xapi: [ info||46298 INET :::80|dispatch:VM.clean_shutdown D:fa4c…|taskhelper] task … R:82f0… forwarded
    let mut bench = Bench::new();
    let forwarded = Fact::Forwarded { dispatch: Some(task(DISPATCH)), task: task(START) };
    bench.line(line(3, "xapi").task(DISPATCH));
    bench.line(line(4, "xapi").task(DISPATCH).says(forwarded)).line(line(4, "xapi").task(START));
    bench.span(own(span(1, 10, 0, 4, 9), START));
    bench.end(200).check(&[(1, 0, Link), (1, 10, Link), (1, 10, Task)]);
}

#[test]
fn a_number_leads_to_its_task() {
    let mut bench = Bench::new();
    bench
        .span(own(span(1, 10, 0, 0, 20), START))
        .span(SpanFacts { service: "xenopsd", ..span(1, 11, 10, 4, 9) })
        .end(5);
    bench.line(line(4, "xenopsd").task(START).means(5, START)).line(line(5, "xenopsd").number(5));
    bench
        .line(line(6, "xenopsd").task(START).says(Fact::NumberEnds { number: 5 }))
        .line(line(6, "xenopsd").number(5));
    bench.line(line(6, "xenopsd").number(6));
    bench.end(7).check(&[(1, 11, Task), (1, 11, Link), (1, 11, Task), (1, 11, Link), (0, 0, NoEvidence)]);
}

#[test]
fn a_number_leads_to_candidates_and_through_numbers() {
    let mut bench = Bench::new();
    bench.span(of_task(span(1, 10, 0, 0, 20), START));
    let works_for =
        |number, parent| Fact::NumberMeans { number, task: None, parent: Some(parent), context: None };
    bench.line(line(4, "xenopsd").means(5, START)).line(line(4, "xenopsd").number(5).says(works_for(7, 5)));
    bench.line(line(5, "xenopsd").number(7)).end(200);
    bench.check(&[(0, 0, NoId), (1, 10, Link), (1, 10, Link)]);
}

#[test]
fn a_number_with_a_context_is_certain() {
    let mut bench = Bench::new();
    let context = Some(LineContext { trace_id: trace(3), span_id: None });
    let means = Fact::NumberMeans { number: 5, task: Some(task(START)), parent: None, context };
    bench.line(line(4, "xenopsd").says(means)).line(line(5, "xenopsd").number(5)).end(6);
    bench.check(&[(0, 0, NoId), (3, 0, Link)]);
}

#[test]
fn a_restart_resets_the_numbers() {
    let mut bench = Bench::new();
    bench.span(own(span(1, 10, 0, 0, 20), START)).span(own(span(2, 20, 0, 10, 20), CHILD)).end(21);
    bench.line(line(4, "xenopsd").means(5, START)).line(line(5, "xenopsd").number(5));
    bench.line(line(9, "xenopsd").says(Fact::ProcessStarted)).line(line(10, "xenopsd").number(5));
    bench.line(line(11, "xenopsd").means(5, CHILD)).line(line(12, "xenopsd").number(5));
    bench.check(&[
        (0, 0, NoId),
        (1, 10, Link),
        (0, 0, NoId),
        (0, 0, NoEvidence),
        (0, 0, NoId),
        (2, 20, Link),
    ]);
}

#[test]
fn numbers_belong_to_a_program_and_a_host() {
    let mut bench = Bench::new();
    bench.span(own(span(1, 10, 0, 0, 20), START)).end(21).line(line(4, "xenopsd").means(5, START));
    bench.line(line(5, "xenopsd").number(5).host(2)).line(line(5, "xenopsd-xc").number(5));
    bench.check(&[(0, 0, NoId), (0, 0, NoEvidence), (0, 0, NoEvidence)]);
}

#[test]
fn one_id_on_two_hosts_is_two_tasks() {
    let mut bench = Bench::new();
    bench
        .span(own(span(1, 10, 0, 0, 20), START))
        .span(own(SpanFacts { host: host(2), ..span(2, 20, 0, 0, 20) }, START));
    bench.line(line(5, "xapi").task(START)).line(line(5, "xapi").task(START).host(2));
    bench.line(line(5, "xapi").task(START).host(3)).end(200);
    bench.check(&[(1, 10, Task), (2, 20, Task), (0, 0, TimedOut)]);
}

#[test]
fn links_of_one_host_lead_no_other() {
    let mut bench = Bench::new();
    bench.span(own(span(1, 10, 0, 0, 20), START)).line(line(5, "xapi").created(CHILD, START));
    bench.line(line(5, "xapi").task(CHILD).host(2)).line(line(5, "xapi").task(CHILD)).end(200);
    bench.check(&[(0, 0, NoId), (0, 0, TimedOut), (1, 10, Link)]);
}

#[test]
fn a_forwarded_migration_joins_on_both_hosts() {
    let mut bench = Bench::new();
    let member = |span| SpanFacts { host: host(2), ..span };
    bench.span(own(span(1, 10, 0, 0, 50), START));
    bench
        .span(of_task(member(span(1, 30, 10, 5, 20)), START))
        .span(of_task(member(span(9, 90, 0, 20, 20)), START));
    bench.line(line(3, "xapi").task(START)).line(line(6, "xapi").task(START).host(2));
    bench.line(line(20, "xapi").task(START).host(2)).end(200);
    bench.check(&[(1, 10, Task), (1, 30, Task), (1, 10, Task)]);
}

#[test]
fn an_unknown_host_may_be_any() {
    let mut bench = Bench::new();
    bench
        .span(SpanFacts { host: None, ..own(span(1, 10, 0, 0, 20), START) })
        .span(own(span(2, 20, 0, 0, 20), CHILD))
        .end(21);
    bench.line(line(5, "xapi").task(START)).line(line(5, "xapi").task(CHILD).host(0));
    bench.check(&[(1, 10, Task), (2, 20, Task)]);
}

#[test]
fn the_host_of_the_file_stands_in() {
    let mut bench = Bench::new();
    bench.correlator.span(&SpanFacts { host: None, ..own(span(1, 10, 0, 0, 20), START) }, host(2));
    bench.line(line(5, "xapi").task(START)).line(line(5, "xapi").task(START).host(2)).end(200);
    bench.check(&[(0, 0, TimedOut), (1, 10, Task)]);
}

#[test]
fn nothing_is_guessed_for_smlog() {
    // Nov 24 16:40:24 host SM: [12345] lock: acquired …
    let mut bench = Bench::new();
    bench
        .span(own(span(1, 10, 0, 0, 20), START))
        .span(SpanFacts { service: "smapi", ..span(1, 11, 10, 4, 6) });
    bench.line(line(5, "SM")).line(line(5, "smapi"));
    bench.check(&[(0, 0, NoId), (0, 0, NoId)]);
}

#[test]
fn a_long_operation_joins_by_what_ended_early() {
    // A migration of an hour: its own span comes last, after its lines' waits are over.
    let mut bench = Bench::new();
    bench.line(line(1, "xenopsd").means(5, START)).span(of_task(span(1, 11, 10, 1, 2), START));
    for minute in 1..=59 {
        bench.line(line(60 * minute, "xapi").task(START)).line(line(60 * minute, "xenopsd").number(5));
        bench.end(60 * minute + 50);
    }
    bench.end(3690);
    let expected = [(0, 0, NoId)].into_iter().chain((1..=59).flat_map(|_| [(1, 0, Task), (1, 0, Link)]));
    bench.check(&expected.collect::<Vec<_>>());
}

#[test]
fn explain_says_what_was_found() {
    let mut bench = Bench::new();
    bench.span(own(span(1, 10, 0, 0, 9), START)).line(line(4, "xapi").task(START).created(CHILD, START));
    let explain = |line: Line| bench.correlator.explain(&line.evidence, host(line.host));
    let linked = explain(line(5, "xapi").task(CHILD));
    let (child, start) = (Some(task(CHILD)), Some(task(START)));
    let steps = [
        Step::NoSpan { task: child },
        Step::Link { task: child, to: start, kind: LinkKind::Created },
        Step::OwnSpan { task: start, traces: 1, trace_id: Some(trace(1)) },
    ];
    assert_eq!((linked.steps.as_slice(), linked.outcome, linked.open), (&steps[..], Link, true));
    assert_eq!(linked.span_choice, Some(SpanChoice::Only));
    let own = explain(line(5, "xapi").task(START));
    assert_eq!((own.open, own.outcome, own.context.unwrap().span_id), (false, Task, Some(span_id(10))));
    let unknown = explain(line(5, "xapi").task(DISPATCH).host(2));
    assert_eq!((unknown.context, unknown.outcome, unknown.open), (None, NoEvidence, true));
    let number = explain(line(5, "xenopsd").number(3));
    assert_eq!((number.steps, number.outcome, number.open), (vec![Step::UnknownNumber], NoEvidence, false));
    assert_eq!(explain(line(5, "SM")).outcome, NoId);
}
