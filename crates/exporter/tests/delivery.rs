//! The delivery state machine against scripted and random servers; time is a number here.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test ends where its helper panics"
)]

use std::ops::Range;
use std::time::Duration;

use exporter::classify::{
    Answer, Blocked, Failed, Failure, Grpc, Http, Partial, Refusal, Reply, Retry, RetryAfter, TlsFailure,
};
use exporter::delivery::{Attempt, Delivery, Effect, Endpoint, How, Load, Next, Resend, State};
use model::Now;
use proptest::prelude::*;
use tonic::Code;

struct Records(usize);

impl Load for Records {
    fn len(&self) -> usize {
        self.0
    }
}

fn at(mono: Duration) -> Now {
    Now { mono, wall_unix_nano: 1_800_000_000_000_000_000 + mono.as_nanos() as u64 }
}

fn http(status: u16, message: &str) -> Answer {
    Answer::Http(Http { status, retry_after: None, reply: Reply::Empty, message: message.to_owned() })
}

fn ok() -> Answer {
    http(200, "")
}

fn partial(rejected: u64) -> Answer {
    let reply = Reply::Otlp(Partial { rejected, message: "words".to_owned() });
    Answer::Http(Http { status: 200, retry_after: None, reply, message: String::new() })
}

fn retry_after(status: u16, seconds: u64) -> Answer {
    let retry_after = Some(RetryAfter::In(Duration::from_secs(seconds)));
    Answer::Http(Http { status, retry_after, reply: Reply::Empty, message: String::new() })
}

fn failed(failure: Failure, sent: bool) -> Answer {
    Answer::Failed(Failed { failure, sent, message: "words".to_owned() })
}

/// A delivery, the time, and the ledger of what became of each record.
struct Run {
    delivery: Delivery<Records>,
    endpoint: Endpoint,
    mono: Duration,
    sent: Vec<Range<usize>>,
    settled: Vec<Option<How>>,
    resent: Vec<Resend>,
    states: Vec<State>,
}

impl Run {
    fn new(records: usize) -> Self {
        let mut endpoint = Endpoint::new(1);
        let mut run = Self {
            delivery: Delivery::new(1, endpoint.join()),
            endpoint,
            mono: Duration::from_secs(1),
            sent: Vec::new(),
            settled: Vec::new(),
            resent: Vec::new(),
            states: Vec::new(),
        };
        run.offer(records);
        run
    }

    fn offer(&mut self, records: usize) {
        assert!(self.delivery.offer(Records(records)).is_ok(), "no room");
        self.settled = vec![None; records];
    }

    fn poll(&mut self, mono: Duration) -> Next {
        self.delivery.poll(at(mono), &mut self.endpoint)
    }

    /// The next request, after whatever wait it takes.
    fn next(&mut self) -> Option<(Attempt, Range<usize>)> {
        loop {
            match self.poll(self.mono) {
                Next::Send { attempt, range, resend } => {
                    self.sent.push(range.clone());
                    self.resent.extend(resend);
                    return Some((attempt, range));
                }
                Next::WaitUntil(until) => {
                    assert!(until > self.mono, "a wait must be ahead");
                    self.mono = until;
                }
                Next::Idle => return None,
            }
        }
    }

    fn answer(&mut self, attempt: Attempt, answer: &Answer) {
        for effect in self.delivery.answered(attempt, answer, at(self.mono), &mut self.endpoint) {
            match effect {
                Effect::StateChanged(state) => self.states.push(state),
                Effect::Settled { range, how } => {
                    for record in range {
                        assert!(self.settled[record].is_none(), "record {record} settled twice");
                        self.settled[record] = Some(how.clone());
                    }
                }
            }
        }
    }

    /// Sends and answers until the load is settled, at most `most` requests.
    fn drive(&mut self, most: usize, mut server: impl FnMut(Range<usize>) -> Answer) {
        for _ in 0..most {
            let Some((attempt, range)) = self.next() else { break };
            self.answer(attempt, &server(range));
        }
        assert!(
            self.settled.iter().all(Option::is_some),
            "not settled after {most} requests: {:?}",
            self.sent
        );
        assert!(self.delivery.has_room());
    }

    fn set_aside(&self) -> Vec<usize> {
        let is = |how: &Option<How>| matches!(how, Some(How::SetAside { .. }));
        (0..self.settled.len()).filter(|record| is(&self.settled[*record])).collect()
    }

    fn delivered(&self) -> usize {
        self.settled.iter().filter(|how| matches!(how, Some(How::Delivered { .. }))).count()
    }
}

#[test]
fn a_load_goes_out_whole_and_comes_back() {
    let mut run = Run::new(10);
    assert!(!run.delivery.has_room());
    run.drive(1, |range| {
        assert_eq!(range, 0..10);
        ok()
    });
    assert_eq!(run.delivered(), 10);
    assert_eq!(run.delivery.take_finished().map(|load| load.0), Some(10));
    assert_eq!(run.states, []);
}

#[test]
fn an_empty_load_is_settled_at_once() {
    let mut run = Run::new(0);
    assert_eq!(run.next(), None);
    assert!(run.delivery.has_room());
    assert!(run.delivery.take_finished().is_some());
}

#[test]
fn one_request_is_open_at_a_time_and_only_its_answer_counts() {
    let mut run = Run::new(10);
    let (first, _) = run.next().unwrap();
    assert_eq!(run.poll(run.mono), Next::Idle);
    assert!(run.delivery.offer(Records(1)).is_err());
    run.answer(first, &http(503, ""));
    run.answer(first, &ok());
    assert_eq!(run.delivered(), 0, "a second answer to the same request");
    let (second, range) = run.next().unwrap();
    assert_eq!(range, 0..10);
    run.answer(first, &ok());
    assert_eq!(run.delivered(), 0, "an answer to an older request");
    run.answer(second, &ok());
    assert_eq!(run.delivered(), 10);
}

#[test]
fn row_19_a_server_that_is_down_is_probed_ever_more_slowly_and_loses_nothing() {
    let mut run = Run::new(10);
    let mut waits = Vec::new();
    for _ in 0..40 {
        let before = run.mono;
        let (attempt, range) = run.next().unwrap();
        assert_eq!(range, 0..10, "nothing was stored, so nothing is split");
        waits.push((run.mono - before).as_secs_f64());
        run.answer(attempt, &failed(Failure::Connect, false));
    }
    for (wait, longest) in waits.iter().skip(1).zip([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 120.0]) {
        assert!(longest / 2.0 <= *wait && *wait <= longest, "{wait} of {longest}");
    }
    assert!(waits.iter().all(|wait| *wait <= 120.0));
    assert!(
        matches!(run.states.as_slice(), [State::Retrying { why: Retry::Unreachable, .. }]),
        "{:?}",
        run.states
    );
    run.drive(1, |_| ok());
    assert_eq!(run.states.last(), Some(&State::Ok));
    assert_eq!(run.resent, []);
}

#[test]
fn row_20_nothing_is_sent_before_the_time_the_server_named() {
    for (answer, wait) in [
        (retry_after(429, 3), 3),
        (retry_after(503, 31_536_000), 600),
        (retry_after(404, 20), 20),
        (
            Answer::Grpc(Grpc {
                code: Code::ResourceExhausted,
                message: String::new(),
                retry_info: Some(Duration::from_secs(5)),
                partial: Partial::default(),
            }),
            5,
        ),
    ] {
        let mut run = Run::new(4);
        let (attempt, _) = run.next().unwrap();
        let answered = run.mono;
        run.answer(attempt, &answer);
        let Next::WaitUntil(until) = run.poll(run.mono) else { panic!("no wait") };
        let waited = until - answered;
        assert!(waited >= Duration::from_secs(wait) && waited <= Duration::from_secs(wait + 1), "{waited:?}");
        assert_eq!(run.poll(until - Duration::from_nanos(1)), Next::WaitUntil(until));
    }
}

#[test]
fn row_21_only_what_may_be_stored_counts_as_sent_again() {
    let cases = [
        (failed(Failure::Reset, true), Some(Resend::Unanswered(Retry::Lost))),
        (failed(Failure::Timeout, true), Some(Resend::Unanswered(Retry::Late))),
        (http(504, ""), Some(Resend::Unanswered(Retry::Gateway))),
        (http(503, ""), None),
        (http(429, ""), None),
        (failed(Failure::Connect, false), None),
    ];
    for (answer, expected) in cases {
        let mut run = Run::new(4);
        let mut first = Some(answer.clone());
        run.drive(2, |_| first.take().unwrap_or_else(ok));
        assert_eq!(run.resent.first().copied(), expected, "{answer}");
    }
}

#[test]
fn row_23_a_fault_of_the_endpoint_holds_the_data_and_is_shown() {
    let cases = [
        (http(401, "who are you"), Blocked::Credentials),
        (http(404, ""), Blocked::NotThere),
        (http(302, ""), Blocked::Redirect),
        (failed(Failure::Tls(TlsFailure::Expired), false), Blocked::Tls(TlsFailure::Expired)),
    ];
    for (answer, expected) in cases {
        let mut run = Run::new(4);
        for _ in 0..20 {
            let (attempt, range) = run.next().unwrap();
            assert_eq!(range, 0..4);
            run.answer(attempt, &answer);
        }
        let [State::Blocked { why, message, .. }] = run.states.as_slice() else { panic!("{:?}", run.states) };
        assert_eq!((*why, message), (expected, &answer.to_string()));
        run.drive(1, |_| ok());
        assert_eq!(run.delivered(), 4);
    }
}

#[test]
fn row_24_a_partial_success_is_not_sent_again() {
    for (rejected, expected) in [(3, 3), (1_000, 10)] {
        let mut run = Run::new(10);
        run.drive(1, |_| partial(rejected));
        let how = How::PartlyRefused {
            refusal: Refusal::PartialSuccess,
            refused: expected,
            message: "words".to_owned(),
        };
        assert_eq!(run.settled, vec![Some(how); 10]);
    }
    let mut run = Run::new(10);
    run.drive(1, |_| partial(0));
    assert_eq!(run.settled[0], Some(How::Delivered { warning: "words".to_owned() }));
}

/// Refuses each request that has one of `bad`.
fn refusing(bad: &'static [usize]) -> impl FnMut(Range<usize>) -> Answer {
    move |range| if bad.iter().any(|b| range.contains(b)) { http(400, "bad id") } else { ok() }
}

#[test]
fn row_22_the_bad_records_are_found_and_the_rest_goes_on() {
    let cases: [(usize, &'static [usize], usize); 6] = [
        (1, &[0], 1),
        (2, &[1], 3),
        (512, &[0], 19),
        (512, &[300], 19),
        (512, &[7, 400], 37),
        (1000, &[0, 1, 2, 3], 60),
    ];
    for (records, bad, most) in cases {
        let mut run = Run::new(records);
        run.drive(most, refusing(bad));
        assert_eq!(run.set_aside(), bad, "{records}");
        assert_eq!(run.delivered(), records - bad.len());
    }
}

#[test]
fn the_order_of_records_is_kept_through_a_search() {
    let mut run = Run::new(512);
    let mut last = 0;
    run.drive(100, |range| {
        let answer = refusing(&[100, 300])(range.clone());
        if answer == ok() {
            assert!(range.start >= last, "{range:?} after {last}");
            last = range.end;
        }
        answer
    });
}

#[test]
fn row_22_a_server_that_refuses_everything_costs_one_search_and_then_one_request_a_load() {
    let mut run = Run::new(1000);
    run.drive(70, |_| http(400, "too strange"));
    assert_eq!(run.set_aside().len(), 1000);
    assert!(matches!(run.states.last(), Some(State::Refusing { message }) if message == "too strange"));
    for _ in 0..10 {
        let before = run.mono;
        run.offer(1000);
        run.drive(1, |_| http(400, "too strange"));
        assert!(run.mono - before >= Duration::from_millis(500), "at most about one request a second");
    }
    run.offer(1000);
    run.drive(1, |_| ok());
    run.offer(1000);
    run.drive(25, refusing(&[17]));
    assert_eq!(run.set_aside(), [17], "after a clean load the search is worth it again");
    run.offer(1000);
    run.drive(1, |_| ok());
    assert_eq!(run.states.last(), Some(&State::Ok));
}

#[test]
fn row_22_a_size_limit_is_learnt_and_one_record_beyond_it_is_set_aside() {
    let mut run = Run::new(1000);
    let too_large =
        |range: Range<usize>, limit: usize| if range.len() > limit { http(413, "large") } else { ok() };
    run.drive(30, |range| too_large(range, 100));
    assert_eq!((run.delivered(), run.set_aside().len()), (1000, 0));

    let mut run = Run::new(64);
    run.drive(40, |range| if range.contains(&20) { http(413, "large") } else { ok() });
    assert_eq!(run.set_aside(), [20]);
    assert!(matches!(run.settled[20], Some(How::SetAside { too_large: true, .. })));
    assert_eq!(run.resent, [], "nothing of a request that is too large was stored");
}

#[test]
fn row_22_exhausted_without_a_time_for_everything_ends_soon() {
    let exhausted = || {
        Answer::Grpc(Grpc {
            code: Code::ResourceExhausted,
            message: "quota".to_owned(),
            retry_info: None,
            partial: Partial::default(),
        })
    };
    let mut run = Run::new(1000);
    run.drive(90, |_| exhausted());
    assert_eq!(run.set_aside().len(), 1000);
}

#[test]
fn row_21_a_request_that_is_never_taken_gets_smaller_and_grows_again() {
    let cases = [retry_after(429, 1), failed(Failure::Timeout, true), failed(Failure::Reset, true)];
    for answer in cases {
        let mut run = Run::new(64);
        run.drive(60, |range| if range.len() > 10 { answer.clone() } else { ok() });
        assert_eq!(run.delivered(), 64, "{answer}");
        for _ in 0..3 {
            run.offer(64);
            run.drive(64, |_| ok());
        }
        run.offer(64);
        run.drive(1, |_| ok());
        assert_eq!(run.sent.last(), Some(&(0..64)), "whole again");
    }
}

#[test]
fn one_record_is_never_set_aside_for_throttling() {
    let mut run = Run::new(1);
    for _ in 0..100 {
        let (attempt, _) = run.next().unwrap();
        run.answer(attempt, &http(429, ""));
    }
    assert_eq!(run.settled, [None]);
}

#[test]
fn a_stop_lets_the_open_request_finish_and_sends_nothing_more() {
    let mut run = Run::new(10);
    let (attempt, _) = run.next().unwrap();
    run.delivery.stop();
    assert!(run.delivery.is_open());
    run.answer(attempt, &http(413, "large"));
    assert_eq!(run.next(), None);
    assert!(!run.delivery.is_open());
    assert!(!run.delivery.has_room());

    let mut run = Run::new(10);
    let (attempt, _) = run.next().unwrap();
    run.delivery.stop();
    run.answer(attempt, &ok());
    assert_eq!(run.delivered(), 10);
    assert!(run.delivery.offer(Records(1)).is_err());
}

#[test]
fn the_start_of_trouble_is_kept_through_its_kinds() {
    let mut run = Run::new(1);
    for answer in [http(503, ""), http(401, ""), failed(Failure::Connect, false), http(503, "other words")] {
        let (attempt, _) = run.next().unwrap();
        run.answer(attempt, &answer);
    }
    let since: Vec<_> = run.states.iter().map(State::since).collect();
    assert_eq!(since, vec![Some(Duration::from_secs(1)); 4]);
}

fn any_answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        4 => Just(ok()),
        1 => (0..5_u64).prop_map(partial),
        3 => prop::sample::select(vec![400, 413, 429, 500, 503, 504, 401, 302, 422, 100, 599])
            .prop_flat_map(|status| prop::sample::select(vec!["", "bad", "worse 12"]).prop_map(move |m| http(status, m))),
        1 => (0..2_000_u64).prop_map(|seconds| retry_after(429, seconds)),
        1 => prop::sample::select(vec![Failure::Reset, Failure::Timeout, Failure::Connect, Failure::UnknownHost])
            .prop_flat_map(|failure| any::<bool>().prop_map(move |sent| failed(failure, sent))),
        1 => (0..17_i32).prop_map(|code| Answer::Grpc(Grpc {
            code: Code::from_i32(code),
            message: "words".to_owned(),
            retry_info: None,
            partial: Partial::default(),
        })),
    ]
}

/// The time a 429 of [`any_answer`] names.
fn named_wait(answer: &Answer) -> Duration {
    match answer {
        Answer::Http(Http { retry_after: Some(RetryAfter::In(wait)), .. }) => {
            (*wait).min(Duration::from_secs(600))
        }
        _ => Duration::ZERO,
    }
}

proptest! {
    /// Whatever a server answers: each record is settled once, requests go in order, no wait is cut short,
    /// and once the server takes what it gets, everything ends.
    #[test]
    fn each_record_is_settled_once(loads in prop::collection::vec(1..200_usize, 1..5), answers in prop::collection::vec(any_answer(), 0..300)) {
        let mut answers = answers.into_iter();
        let mut run = Run::new(0);
        for records in loads {
            run.offer(records);
            let mut not_before = Duration::ZERO;
            while let Some((attempt, range)) = run.next() {
                prop_assert!(run.mono >= not_before);
                let settled = run.settled.iter().take_while(|how| how.is_some()).count();
                prop_assert_eq!(range.start, settled, "the oldest unsettled record goes first");
                prop_assert!(!range.is_empty());
                let answer = answers.next().unwrap_or_else(ok);
                not_before = run.mono + named_wait(&answer);
                run.answer(attempt, &answer);
            }
            prop_assert!(run.settled.iter().all(Option::is_some));
            prop_assert_eq!(run.delivery.take_finished().map(|load| load.0), Some(records));
        }
    }

    /// A server with any bad records: what is not bad arrives, unless the search was given up, and it never
    /// costs more than its bound.
    #[test]
    fn a_search_is_bounded(records in 1..600_usize, bad in prop::collection::btree_set(0..600_usize, 0..40)) {
        let mut run = Run::new(records);
        run.drive(4 * 10 + 8 + 2 * 10 + 60, |range| if bad.range(range).next().is_some() { http(400, "bad") } else { ok() });
        for record in bad.iter().filter(|record| **record < records) {
            let is_set_aside = matches!(run.settled[*record], Some(How::SetAside { .. }));
            prop_assert!(is_set_aside);
        }
        if bad.range(..records).count() <= 2 {
            prop_assert_eq!(run.delivered(), records - bad.range(..records).count());
        }
    }
}
