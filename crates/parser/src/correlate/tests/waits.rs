//! When a line leaves.

use super::*;
use Outcome::{Context, Forced, Link, NoEvidence, NoId, Task, TimedOut};

#[test]
fn a_line_without_an_id_waits_for_nothing() {
    let mut bench = Bench::new();
    bench.line(line(5, "xapi")).check(&[(0, 0, NoId)]);
}

#[test]
fn a_line_waits_until_it_is_older_than_wait() {
    let mut bench = Bench::new();
    bench.end(5).line(line(5, "xapi").task(START));
    assert_eq!(bench.correlator.next_deadline(now(6)), Some(Duration::from_secs(81)));
    bench.end(80);
    assert!(bench.left().is_empty());
    bench.end(81).check(&[(0, 0, TimedOut)]);
    assert_eq!(bench.out[0].waited, Duration::from_secs(75));
    assert_eq!(bench.correlator.next_deadline(now(81)), None);
}

#[test]
fn it_waits_on_while_trace_files_have_unread_bytes() {
    let mut bench = Bench::new();
    bench.line(line(5, "xapi").task(START)).look(FilesRead { traces_at_end: false, ..at_end(100) }, 100);
    assert_eq!((bench.left(), bench.correlator.next_deadline(now(100))), (vec![], None));
    bench.span(own(span(1, 10, 0, 0, 9), START)).end(101).check(&[(1, 10, Task)]);
}

#[test]
fn it_leaves_once_its_own_span_is_in() {
    let mut bench = Bench::new();
    bench.end(5).line(line(5, "xapi").task(START)).end(20);
    bench.span(of_task(span(1, 11, 10, 5, 6), START)).end(30);
    assert!(bench.left().is_empty());
    bench.span(own(span(1, 10, 0, 0, 9), START));
    assert!(bench.left().is_empty(), "the flush is read to its end first");
    assert_eq!(bench.correlator.next_deadline(now(35)), Some(Duration::from_secs(35)));
    bench.span(span(1, 12, 11, 5, 6)).end(35).check(&[(1, 12, Task)]);
}

#[test]
fn it_leaves_at_once_if_its_own_span_is_in_already() {
    let mut bench = Bench::new();
    bench.span(own(span(1, 10, 0, 0, 30), START)).end(20).line_at(20, line(19, "xapi").task(START));
    bench.check(&[(1, 10, Task)]);
    assert_eq!(bench.out[0].waited, Duration::ZERO);
}

#[test]
fn a_context_waits_for_no_clock() {
    let mut bench = Bench::new();
    bench.end(20).line_at(20, line(19, "xapi").context(1, 10)).check(&[(1, 0, Context)]);
}

#[test]
fn another_hosts_own_span_ends_no_wait() {
    let mut bench = Bench::new();
    bench.line(line(5, "xapi").task(START).host(2)).span(own(span(1, 10, 0, 0, 9), START)).end(30);
    assert!(bench.left().is_empty());
    bench.end(90).check(&[(0, 0, TimedOut)]);
}

#[test]
fn nothing_waits_while_nothing_is_traced() {
    let off = FilesRead { last_change_unix_nano: None, ..at_end(1) };
    let mut bench = Bench::new();
    bench.look(off, 1).line(line(5, "xapi").task(START)).check(&[(0, 0, NoEvidence)]);
    let mut bench = Bench::new();
    let stale = FilesRead { last_change_unix_nano: Some((EPOCH - 500) * NANOS_PER_SECOND), ..off };
    bench.look(stale, 50).line(line(50, "xapi").task(START));
    assert!(bench.left().is_empty());
    assert_eq!(bench.correlator.next_deadline(now(51)), Some(Duration::from_secs(100)));
    bench
        .look(stale, 100)
        .line(line(105, "xapi").task(START))
        .check(&[(0, 0, NoEvidence), (0, 0, NoEvidence)]);
}

#[test]
fn a_backlog_goes_by_the_datas_own_time() {
    let mut bench = Bench::new();
    let read_to = |second: u64| FilesRead {
        traces_up_to_unix_nano: Some((EPOCH + second) * NANOS_PER_SECOND),
        traces_at_end: false,
        last_change_unix_nano: Some((EPOCH + 90_000) * NANOS_PER_SECOND),
        logs_at_end: false,
    };
    bench.look(read_to(70), 90_000).line_at(90_000, line(5, "xapi").task(START));
    bench.span(own(span(1, 10, 0, 0, 78), START)).look(read_to(80), 90_000);
    assert!(bench.left().is_empty());
    bench.look(read_to(81), 90_000).check(&[(1, 10, Task)]);
    bench.line_at(90_000, line(6, "xapi").task(START));
    assert_eq!(bench.left(), [1]);
    bench.look(read_to(200), 90_000).line_at(90_000, line(7, "xapi").task(START));
    bench.check(&[(1, 10, Task), (1, 10, Task), (1, 10, Task)]);
    assert_eq!(bench.out[1].waited, Duration::ZERO);
}

#[test]
fn a_backlog_still_hears_of_links_that_follow() {
    let mut bench = Bench::new();
    bench
        .span(own(span(1, 10, 0, 0, 20), START))
        .look(FilesRead { logs_at_end: false, ..at_end(90_000) }, 90_000);
    bench.line_at(90_000, line(3, "xapi").task(DISPATCH)).line_at(90_000, line(3, "xapi").task(CHILD));
    let forwarded = Fact::Forwarded { dispatch: Some(task(DISPATCH)), task: task(START) };
    bench
        .line_at(90_000, line(4, "xapi").task(START).says(forwarded))
        .line_at(90_000, line(77, "xapi").task(START));
    assert_eq!(bench.left(), [3, 4], "no line but those is decided yet");
    bench.line_at(90_000, line(78, "xapi").task(START));
    bench.check(&[(1, 10, Link), (0, 0, NoEvidence), (1, 10, Task), (1, 0, Task), (1, 0, Task)]);
}

#[test]
fn without_any_span_no_link_leads_anywhere() {
    let mut bench = Bench::new();
    bench.look(FilesRead { logs_at_end: false, ..at_end(90_000) }, 90_000);
    bench.line_at(90_000, line(3, "xapi").task(DISPATCH)).check(&[(0, 0, NoEvidence)]);
}

#[test]
fn the_end_of_the_logs_ends_the_wait_for_links() {
    let mut bench = Bench::new();
    bench.span(span(1, 10, 0, 0, 9));
    bench.look(FilesRead { logs_at_end: false, ..at_end(90_000) }, 90_000);
    bench.line_at(90_000, line(3, "xapi").task(DISPATCH));
    assert!(bench.left().is_empty());
    bench.end(90_000).check(&[(0, 0, NoEvidence)]);
}

#[test]
fn links_give_way_when_memory_is_full() {
    let mut bench = Bench::with(Settings { held_bytes: 5_000, ..Settings::default() });
    bench.span(span(1, 10, 0, 0, 9));
    bench.look(FilesRead { logs_at_end: false, ..at_end(90_000) }, 90_000);
    for _ in 0..20 {
        bench.line_at(90_000, line(3, "xapi").task(DISPATCH));
        assert!(!bench.correlator.is_full());
    }
    assert_eq!(bench.correlator.held_lines(), 5);
    bench.end(90_000);
    assert_eq!(bench.correlator.counters().of(NoEvidence), 20);
}

#[test]
fn clocks_that_jump_delay_no_line() {
    for jump in [-3600, 3600, -1_700_000_000, 300_000_000] {
        let mut bench = Bench::new();
        bench.end(5).line(line(5, "xapi").task(START));
        let jumped = |second: u64| {
            let wall = now(second).wall_unix_nano.saturating_add_signed(jump * NANOS_PER_SECOND as i64);
            Now { wall_unix_nano: wall, ..now(second) }
        };
        let mut out = Vec::new();
        let correlator = &mut bench.correlator;
        let late = line(7, "xapi").task(START).evidence;
        let left = correlator.line(&late, host(1), Aim::Trace, jumped(8), || (2, 600), &mut |j| out.push(j));
        out.extend(left.map(|joined| joined.with(2)));
        correlator.advance(at_end(20), jumped(20), &mut |joined| out.push(joined));
        correlator.advance(at_end(83), jumped(83), &mut |joined| out.push(joined));
        assert_eq!(out.len(), 2, "{jump}");
        assert!(out.iter().all(|joined| joined.waited <= Duration::from_secs(77)), "{jump}: {out:?}");
    }
}

#[test]
fn a_wait_of_zero_holds_nothing() {
    let mut bench = Bench::with(Settings { wait: Duration::ZERO, ..Settings::default() });
    bench.line(line(5, "xapi").task(START)).line(line(5, "xapi").context(1, 10));
    bench.span(own(span(2, 20, 0, 0, 20), START)).line(line(6, "xapi").task(START));
    bench.check(&[(0, 0, NoEvidence), (1, 0, Context), (2, 20, Task)]);
}

#[test]
fn a_changed_wait_holds_for_held_lines() {
    let mut bench = Bench::new();
    bench.end(5).line(line(5, "xapi").task(START));
    bench.correlator.set_wait(Duration::from_secs(10));
    assert_eq!(bench.correlator.next_deadline(now(6)), Some(Duration::from_secs(16)));
    bench.end(16).check(&[(0, 0, TimedOut)]);
}

#[test]
fn the_first_read_is_forced_out() {
    let mut bench = Bench::new();
    bench
        .end(5)
        .line(line(5, "xapi").task(CHILD))
        .line(line(4, "xapi").task(START))
        .line(line(5, "xapi").task(CHILD));
    bench.span(own(span(1, 10, 0, 0, 9), START));
    for _ in 0..2 {
        let out = &mut bench.out;
        assert!(bench.correlator.release_oldest(now(7), &mut |joined| out.push(joined)));
    }
    assert_eq!((bench.left(), bench.join(1), bench.join(2)), (vec![1, 2], (0, 0, Forced), (1, 10, Task)));
    assert_eq!(bench.correlator.drain().collect::<Vec<_>>(), [3]);
    assert!(!bench.correlator.release_oldest(now(7), &mut |_| ()));
    assert_eq!((bench.correlator.held_bytes(), bench.correlator.counters().lines()), (0, 2));
}

#[test]
fn taught_evidence_joins_what_follows() {
    // After a restart: the tail of the log is read again as evidence, then the log goes on.
    let mut bench = Bench::new();
    bench.correlator.teach(&line(1, "xenopsd").means(5, START).evidence, host(1));
    bench.correlator.teach(&line(1, "xapi").created(CHILD, START).evidence, host(1));
    bench.span(own(span(1, 10, 0, 0, 30), START));
    bench.line(line(20, "xenopsd").number(5)).line(line(20, "xapi").task(CHILD)).end(200);
    bench.check(&[(1, 10, Link), (1, 10, Link)]);
}
