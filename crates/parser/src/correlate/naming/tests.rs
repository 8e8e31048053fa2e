//! The span within the trace, case by case: spans as `(id, parent, start, end, service)` in seconds.

use super::*;
use crate::correlate::bound::IdHash;

type Case = (u64, u64, u64, u64, u16);

const XAPI: u16 = 1;
const XENOPSD: u16 = 2;
const SMAPI: u16 = 3;
const TASK: u64 = 77;

fn task() -> TaskKey {
    TaskKey::from_bits(TASK).unwrap()
}

fn spans(cases: &[Case], own: u64) -> Spans {
    let mut spans = Spans::within(64 << 10, IdHash::new());
    for (id, parent, start, end, service) in cases {
        let span = SpanRecord::new(1, *id, *parent, (start * 1_000_000, end * 1_000_000));
        let span = span.from(HostNo(1), ServiceNo(*service));
        spans.push(if *id == own { span.of_task(task(), true) } else { span });
    }
    spans
}

fn at(second: i64, service: u16) -> Question {
    let start_unix_nano = second * 1_000_000_000;
    let window = Window { start_unix_nano, end_unix_nano: start_unix_nano + 1_000_000_000 };
    let (host, service) = (HostNo(1), ServiceNo(service));
    Question { trace: 1, window, host, service, task: Some(task()), hint: None }
}

/// Whatever the order of the spans; span 1 is the task's own.
fn check(cases: &[Case], question: Question, expected: (u64, SpanChoice)) {
    let mut reversed = cases.to_vec();
    reversed.reverse();
    for cases in [cases, &reversed] {
        let (id, choice) = Naming::beside(64 << 10).name(&spans(cases, 1), &question);
        assert_eq!((id.unwrap_or(0), choice), expected, "{cases:?}");
    }
}

#[test]
fn the_innermost_of_a_chain() {
    let chain = [(1, 0, 0, 20, XAPI), (2, 1, 2, 10, XAPI), (3, 2, 4, 6, XAPI)];
    check(&chain, at(5, XAPI), (3, SpanChoice::Innermost));
    check(&chain, at(8, XAPI), (2, SpanChoice::Innermost));
    check(&chain, at(15, XAPI), (1, SpanChoice::Only));
    check(&chain, at(20, XAPI), (0, SpanChoice::NoneThere));
}

#[test]
fn of_the_lines_own_service_if_it_has_any_there() {
    let cases = [(1, 0, 0, 20, XAPI), (2, 1, 2, 10, XENOPSD), (3, 2, 4, 6, SMAPI)];
    check(&cases, at(5, XENOPSD), (2, SpanChoice::Only));
    check(&cases, at(5, XAPI), (1, SpanChoice::Only));
    check(&cases, at(12, XENOPSD), (1, SpanChoice::Only));
    check(&cases, at(5, 9), (3, SpanChoice::Innermost));
}

#[test]
fn siblings_leave_their_nearest_common_ancestor() {
    let siblings = [
        (1, 0, 0, 20, XAPI),
        (2, 1, 1, 15, XAPI),
        (3, 2, 4, 5, XAPI),
        (4, 2, 5, 6, XAPI),
        (5, 2, 8, 9, XAPI),
    ];
    check(&siblings, at(4, XAPI), (3, SpanChoice::Innermost));
    check(&siblings, at(5, XAPI), (4, SpanChoice::Innermost));
    let both = [(1, 0, 0, 20, XAPI), (2, 1, 1, 15, XAPI), (3, 2, 4, 6, XAPI), (4, 2, 5, 7, XAPI)];
    check(&both, at(5, XAPI), (2, SpanChoice::CommonAncestor));
    let cousins =
        [(1, 0, 0, 20, XAPI), (2, 1, 4, 7, XAPI), (3, 1, 5, 8, XAPI), (4, 2, 5, 6, XAPI), (5, 3, 5, 6, XAPI)];
    check(&cousins, at(5, XAPI), (1, SpanChoice::CommonAncestor));
}

#[test]
fn an_ancestor_that_was_not_open_then_is_passed_by() {
    let cases = [(1, 0, 0, 20, XAPI), (2, 1, 9, 10, XAPI), (3, 2, 4, 6, XAPI), (4, 2, 5, 7, XAPI)];
    check(&cases, at(5, XAPI), (1, SpanChoice::CommonAncestor));
}

#[test]
fn a_parent_of_another_service_joins_a_chain() {
    let cases = [(1, 0, 0, 20, XAPI), (2, 1, 1, 9, XENOPSD), (3, 2, 2, 8, XAPI)];
    check(&cases, at(5, XAPI), (3, SpanChoice::Innermost));
}

#[test]
fn ancestors_of_another_time_are_found() {
    // Clocks of two hosts differ: the parents of 20 spans seem to be over, and lead to one that is open.
    let mut cases = vec![(1, 0, 0, 20, XAPI), (2, 1, 0, 9, XENOPSD)];
    for id in 0..20 {
        cases.push((100 + id, 2, 1, 2, XENOPSD));
        cases.push((200 + id, 100 + id, 5, 6, XAPI));
    }
    cases.remove(0);
    check(&cases, at(5, XAPI), (2, SpanChoice::CommonAncestor));
    check(&cases[..3], at(5, XAPI), (200, SpanChoice::Only));
    check(&cases[..5], at(5, XAPI), (2, SpanChoice::CommonAncestor));
}

#[test]
fn without_a_common_ancestor_the_tasks_own() {
    let orphans = [(1, 0, 0, 20, XAPI), (3, 98, 4, 6, XAPI), (4, 99, 5, 7, XAPI)];
    check(&orphans, at(5, XAPI), (1, SpanChoice::TasksOwn));
    let without_own = [(3, 98, 4, 6, XAPI), (4, 99, 5, 7, XAPI)];
    check(&without_own, at(5, XAPI), (0, SpanChoice::NotSingledOut));
    let own_elsewhere = [(1, 0, 0, 20, XAPI), (3, 98, 4, 6, XENOPSD), (4, 99, 5, 7, XENOPSD)];
    check(&own_elsewhere, at(5, XENOPSD), (1, SpanChoice::TasksOwn));
    let own_over = [(1, 0, 0, 3, XAPI), (3, 98, 4, 6, XAPI), (4, 99, 5, 7, XAPI)];
    check(&own_over, at(5, XAPI), (0, SpanChoice::NotSingledOut));
}

#[test]
fn the_span_in_the_line_only_if_it_was_open() {
    let cases = [(1, 0, 0, 20, XAPI), (2, 1, 4, 6, XAPI)];
    let hinted = |second, hint| Question { hint: Some(hint), ..at(second, XAPI) };
    check(&cases, hinted(5, 1), (1, SpanChoice::InLine));
    check(&cases, hinted(9, 2), (1, SpanChoice::Only));
    check(&cases, hinted(5, 3), (2, SpanChoice::Innermost));
}

#[test]
fn a_span_seen_twice_is_one() {
    let twice = [(1, 0, 0, 20, XAPI), (2, 1, 4, 6, XAPI), (2, 1, 4, 6, XAPI), (1, 0, 0, 20, XAPI)];
    check(&twice, at(5, XAPI), (2, SpanChoice::Innermost));
    check(&twice, at(9, XAPI), (1, SpanChoice::Innermost));
}

#[test]
fn loops_and_depth_are_harmless() {
    let loops = [(1, 2, 0, 20, XAPI), (2, 1, 0, 20, XAPI), (3, 3, 0, 20, XAPI)];
    check(&loops, at(5, XAPI), (1, SpanChoice::TasksOwn));
    let tailed = [(1, 0, 0, 20, XAPI), (5, 6, 0, 20, XAPI), (6, 7, 30, 40, XAPI), (7, 6, 30, 40, XAPI)];
    check(&tailed, at(5, XAPI), (1, SpanChoice::TasksOwn));
    let deep: Vec<Case> = (1..=600).map(|id| (id, id - 1, 0, 20, XAPI)).collect();
    check(&deep, at(5, XAPI), (600, SpanChoice::Innermost));
}

#[test]
fn another_hosts_spans_are_not_the_lines_own() {
    let mut spans = spans(&[(1, 0, 0, 20, XAPI), (2, 1, 4, 6, XAPI)], 1);
    spans.push(SpanRecord::new(1, 3, 2, (0, 9_000_000)).from(HostNo(2), ServiceNo(XAPI)));
    assert_eq!(name(&spans, &at(5, XAPI)), (Some(2), SpanChoice::Innermost));
    let elsewhere = Question { host: HostNo(2), ..at(5, XAPI) };
    assert_eq!(name(&spans, &elsewhere), (Some(3), SpanChoice::Only));
}

#[test]
fn an_answer_is_remembered_until_the_trace_grows() {
    let mut spans = spans(&[(1, 0, 0, 20, XAPI)], 1);
    let mut naming = Naming::beside(64 << 10);
    assert_eq!(naming.name(&spans, &at(5, XAPI)).0, Some(1));
    spans.push(SpanRecord::new(1, 2, 1, (4_000_000, 6_000_000)).from(HostNo(1), ServiceNo(XAPI)));
    assert_eq!(naming.name(&spans, &at(5, XAPI)).0, Some(2));
}

proptest::proptest! {
    /// What is remembered of a moment answers as the spans themselves would, whatever was asked before.
    #[test]
    fn what_is_remembered_answers_the_same(
        cases in proptest::collection::vec((1_u64..12, 0_u64..14, 0_u64..6, 0_u64..6, 1_u16..4), 0..16),
        asked in proptest::collection::vec((0_i64..7, 1_u16..5, 75_u64..79, 0_u64..14), 1..40),
        many in 0_usize..30,
    ) {
        // More than are remembered, for some.
        let crowd = (0..many * 10).map(|n| (100 + n as u64, n as u64 % 12, 2, 5, XAPI));
        let cases: Vec<_> = cases.iter().map(|(id, parent, start, long, by)| (*id, *parent, *start, start + long, *by)).chain(crowd).collect();
        let spans = spans(&cases, 1);
        let mut naming = Naming::beside(64 << 10);
        for (second, service, task, hint) in asked {
            let task = TaskKey::from_bits(task);
            let question = Question { task, hint: Some(hint).filter(|hint| *hint > 0), ..at(second, service) };
            proptest::prop_assert_eq!(naming.name(&spans, &question), name(&spans, &question));
        }
    }
}
