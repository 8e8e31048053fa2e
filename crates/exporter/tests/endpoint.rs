//! Several deliveries to one endpoint, in time that is a number: they share its waits and the search for a sign of
//! life, and fail apart where only one of them fails.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test ends where its helper panics"
)]

use exporter::classify::{Answer, Failed, Failure, Http, Reply, RetryAfter, TlsFailure};
use exporter::delivery::{Attempt, Delivery, Effect, Endpoint, Load, Next};
use model::Now;
use proptest::prelude::*;
use std::time::Duration;

struct Records(usize);

impl Load for Records {
    fn len(&self) -> usize {
        self.0
    }
}

fn at(mono: Duration) -> Now {
    Now { mono, wall_unix_nano: 1_800_000_000_000_000_000 + mono.as_nanos() as u64 }
}

fn http(status: u16, retry_after: Option<u64>) -> Answer {
    let retry_after = retry_after.map(|seconds| RetryAfter::In(Duration::from_secs(seconds)));
    Answer::Http(Http { status, retry_after, reply: Reply::Empty, message: String::new() })
}

fn ok() -> Answer {
    http(200, None)
}

fn failed(failure: Failure) -> Answer {
    Answer::Failed(Failed { failure, sent: false, message: String::new() })
}

/// A request on its way.
struct Sent {
    stream: usize,
    attempt: Attempt,
}

/// Streams that always have something to send, and one endpoint.
struct World {
    endpoint: Endpoint,
    streams: Vec<Delivery<Records>>,
    mono: Duration,
    open: Vec<Sent>,
    /// When what was sent: time and stream.
    sent: Vec<(Duration, usize)>,
    delivered: Vec<usize>,
}

impl World {
    fn new(streams: usize) -> Self {
        let mut endpoint = Endpoint::new(3);
        let streams: Vec<_> = (0..streams as u64).map(|seed| Delivery::new(seed, endpoint.join())).collect();
        let delivered = vec![0; streams.len()];
        Self { endpoint, streams, mono: Duration::from_secs(1), open: vec![], sent: vec![], delivered }
    }

    /// Sends what may leave now; when the next may, if none is open.
    fn poll(&mut self) -> Option<Duration> {
        let mut next: Option<Duration> = None;
        for (stream, delivery) in self.streams.iter_mut().enumerate() {
            if delivery.has_room() {
                assert!(delivery.offer(Records(1)).is_ok(), "there is room");
            }
            match delivery.poll(at(self.mono), &mut self.endpoint) {
                Next::Send { attempt, .. } => {
                    self.open.push(Sent { stream, attempt });
                    self.sent.push((self.mono, stream));
                }
                Next::WaitUntil(time) => next = Some(next.map_or(time, |next| next.min(time))),
                Next::Idle => {}
            }
        }
        next
    }

    /// Answers the request that has been open the longest.
    fn answer(&mut self, answer: &Answer) {
        let Sent { stream, attempt } = self.open.remove(0);
        let now = at(self.mono);
        for effect in self.streams[stream].answered(attempt, answer, now, &mut self.endpoint) {
            if let Effect::Settled { range, .. } = effect {
                self.delivered[stream] += range.len();
            }
        }
    }

    /// Each request is answered at once by `server`, until so much time has gone by.
    fn run(&mut self, time: Duration, mut server: impl FnMut(usize) -> Answer) {
        let end = self.mono + time;
        for _ in 0..1_000_000 {
            let next = self.poll();
            if let Some(stream) = self.open.first().map(|sent| sent.stream) {
                // A server that takes everything takes a second for it.
                let answer = server(stream);
                self.mono += if answer == ok() { Duration::from_secs(1) } else { Duration::ZERO };
                self.answer(&answer);
            } else {
                let next = next.expect("somebody waits for a time, or nothing would ever be sent again");
                assert!(next > self.mono, "a wait is ahead");
                self.mono = next;
            }
            if self.mono >= end {
                return;
            }
        }
        panic!("time stands still");
    }

    fn sent_by(&self, stream: usize) -> usize {
        self.sent.iter().filter(|(_, by)| *by == stream).count()
    }
}

#[test]
fn row_19_one_probing_request_for_all_streams_of_an_endpoint() {
    for failure in
        [Failure::Connect, Failure::Timeout, Failure::UnknownHost, Failure::Tls(TlsFailure::Expired)]
    {
        let mut world = World::new(3);
        world.run(Duration::from_secs(3600), |_| failed(failure));
        let mut longest = 1.0;
        // The first of each stream left while it was not known to be down.
        for pair in world.sent[2..].windows(2) {
            let wait = (pair[1].0 - pair[0].0).as_secs_f64();
            assert!(longest / 2.0 <= wait && wait <= longest, "{failure:?}: {wait} of {longest}");
            longest = f64::min(longest * 2.0, 120.0);
        }
        assert!((30..90).contains(&world.sent.len()), "{failure:?}: {} requests an hour", world.sent.len());
        for stream in 0..3 {
            assert!(world.sent_by(stream) >= 10, "they take turns: {:?}", world.sent);
        }
        let down = world.mono;
        world.run(Duration::from_secs(200), |_| ok());
        assert!(world.delivered.iter().all(|count| *count > 20), "{:?} after {down:?}", world.delivered);
    }
}

#[test]
fn row_20_no_stream_sends_before_the_time_one_was_named() {
    for (named, wait) in [(3, 3), (31_536_000, 600)] {
        for status in [429, 503] {
            let mut world = World::new(2);
            world.poll();
            // The second is on its way already, and is taken: that does not shorten the wait.
            world.answer(&http(status, Some(named)));
            world.answer(&ok());
            let until = world.poll().expect("both wait");
            let wait = world.mono + Duration::from_secs(wait);
            assert!(wait <= until && until <= wait + Duration::from_secs(1), "{status} {named}: {until:?}");
            assert!(world.open.is_empty());
            assert!(world.endpoint.is_quiet(at(world.mono)));
            world.mono = until - Duration::from_nanos(1);
            world.poll();
            assert!(world.open.is_empty());
            world.mono = until;
            world.poll();
            assert!(!world.open.is_empty());
        }
    }
}

#[test]
fn row_20_a_wait_named_to_others_holds_too() {
    let mut world = World::new(1);
    world.endpoint.asked_to_wait(Duration::from_secs(30), at(world.mono));
    assert!(world.poll().is_some_and(|until| until >= world.mono + Duration::from_secs(30)));
    assert!(world.open.is_empty());
}

/// What one path is refused for, the other goes on beside: it is as fast as it would be alone.
#[test]
fn row_23_signals_of_one_endpoint_fail_apart() {
    for answer in [
        http(401, None),
        http(403, Some(60)),
        http(404, None),
        http(302, None),
        http(503, None),
        http(502, None),
    ] {
        let mut world = World::new(2);
        world.run(Duration::from_secs(600), |stream| if stream == 0 { answer.clone() } else { ok() });
        assert!(world.delivered[1] > 590, "{answer}: {} in ten minutes", world.delivered[1]);
        assert!((5..30).contains(&world.sent_by(0)), "{answer}: {} tries", world.sent_by(0));
        world.run(Duration::from_secs(300), |_| ok());
        assert!(world.delivered[0] > 50, "{answer}: after the repair");
    }
}

#[test]
fn row_23_one_that_failed_alone_is_part_of_the_search_when_all_is_down() {
    let mut world = World::new(2);
    world.run(Duration::from_secs(60), |stream| if stream == 0 { http(503, None) } else { ok() });
    let before = world.sent.len();
    world.run(Duration::from_secs(3600), |_| failed(Failure::Connect));
    assert!(world.sent.len() - before < 90, "{} requests an hour", world.sent.len() - before);
}

fn any_answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        4 => Just(ok()),
        2 => prop::sample::select(vec![400, 401, 404, 413, 429, 500, 503, 504]).prop_map(|status| http(status, None)),
        1 => (1..2_000_u64).prop_map(|seconds| http(429, Some(seconds))),
        2 => prop::sample::select(vec![Failure::Reset, Failure::Timeout, Failure::Connect]).prop_map(failed),
    ]
}

proptest! {
    /// Whatever is answered, in whatever order: nothing leaves before a named time, somebody always has something to
    /// wait for, and once the server takes what it gets, all get through.
    #[test]
    fn waits_are_kept_by_all(
        streams in 1..4_usize,
        steps in prop::collection::vec((any_answer(), 0..300_u64, 0..3_usize), 1..200),
    ) {
        let mut world = World::new(streams);
        let mut named = Duration::ZERO;
        for (answer, millis, which) in steps {
            let before = world.sent.len();
            let next = world.poll();
            prop_assert!(world.sent.len() == before || world.mono >= named, "sent before the time that was named");
            if world.open.is_empty() {
                let next = next.expect("somebody waits for a time");
                prop_assert!(next > world.mono);
                world.mono = next;
                continue;
            }
            world.mono += Duration::from_millis(millis);
            let which = which % world.open.len();
            world.open.swap(0, which);
            if let Answer::Http(Http { retry_after: Some(RetryAfter::In(wait)), .. }) = &answer {
                named = named.max(world.mono + (*wait).min(Duration::from_secs(600)));
            }
            world.answer(&answer);
        }
        let before = world.delivered.clone();
        while !world.open.is_empty() {
            world.answer(&ok());
        }
        world.run(Duration::from_secs(2000), |_| ok());
        for (now, before) in world.delivered.iter().zip(before) {
            prop_assert!(*now > before);
        }
    }

    /// However late the answers to what was open come in, a server that is gone gets one request at a time.
    #[test]
    fn one_request_at_a_time_looks_for_a_sign_of_life(
        streams in 1..4_usize,
        steps in prop::collection::vec((0..5_000_u64, 0..3_usize), 1..100),
    ) {
        let mut world = World::new(streams);
        world.poll();
        world.answer(&failed(Failure::Connect));
        let mut late = world.open.len();
        for (millis, which) in steps {
            world.mono += Duration::from_millis(millis);
            world.poll();
            prop_assert!(world.open.len() <= late + 1, "more than one");
            if world.open.is_empty() {
                continue;
            }
            let which = which % world.open.len();
            late -= usize::from(which < late);
            let gone = world.open.remove(which);
            world.open.insert(0, gone);
            world.answer(&failed(Failure::Timeout));
        }
    }
}
