//! A collector of every mood: what it stores, what it answers, and after what time.

use super::decode::{Seen, decode};
use super::faults::{Counts, Fault};
use super::ledger::Ledger;
use super::script::{SECOND, Script};
use crate::engine::{Attempt, Request, Signal};
use exporter::classify::{Answer, Failed, Failure, Http, Partial, Reply, RetryAfter};
use std::time::Duration;
use testkit::standin::Rng;

const MILLI: u64 = SECOND / 1000;
/// How long a request may take (`export.timeout`).
const TIMEOUT: u64 = 10 * SECOND;
/// One record in so many is bad, in the mood for that.
const BAD_ONE_IN: u32 = 97;

/// How the collector takes a signal's requests for a while.
pub(super) const MOODS: [Fault; 13] = [
    Fault::Throttled,
    Fault::StreamThrottled,
    Fault::Unavailable,
    Fault::Gateway,
    Fault::Refused,
    Fault::BlackHole,
    Fault::AnswerLost,
    Fault::Unauthorized,
    Fault::NotOtlp,
    Fault::TooLarge,
    Fault::BadRecord,
    Fault::PartialSuccess,
    Fault::LeftOut,
];

/// A request whose answer is on its way.
pub(super) struct OnItsWay {
    pub(super) due: u64,
    pub(super) signal: Signal,
    pub(super) attempt: Attempt,
    pub(super) answer: Answer,
    /// The records of the request.
    pub(super) records: Vec<u32>,
    /// Those that were stored.
    pub(super) stored: Vec<u32>,
    /// The answer says what became of each record.
    pub(super) definite: bool,
}

pub(super) struct Collector {
    rng: Rng,
    moods: [Option<Fault>; 2],
    /// Nothing is to be sent before.
    not_before: [u64; 2],
    pub(super) counts: Counts,
}

/// What becomes of one request.
struct Verdict {
    answer: Answer,
    delay: u64,
    /// How many of its records are stored, from the first on.
    stores: usize,
    definite: bool,
    /// Those that are not stored are refused for good.
    refuses: bool,
}

impl Collector {
    pub(super) fn new(rng: Rng) -> Self {
        Self { rng, moods: [None; 2], not_before: [0; 2], counts: Counts::default() }
    }

    /// Takes this signal's requests so from now on; `None`: as it should.
    pub(super) fn set_mood(&mut self, signal: Signal, mood: Option<Fault>) {
        self.moods[signal as usize] = mood;
    }

    /// The agent is another process: it can't know what it was asked to wait for.
    pub(super) fn forget_waits(&mut self) {
        self.not_before = [0; 2];
    }

    pub(super) fn take(
        &mut self,
        request: &Request,
        ledger: &mut Ledger,
        script: &Script,
        now: u64,
    ) -> OnItsWay {
        let seen = decode(request.signal, &request.body);
        let at = request.signal as usize;
        if now < self.not_before[at] {
            ledger.problem(format!("{:?}: a request before the time the collector named", request.signal));
        }
        let mood = self.moods[at];
        let verdict = mood.and_then(|mood| self.verdict(mood, &seen)).unwrap_or_else(|| self.accept(&seen));
        if let Answer::Http(Http { retry_after: Some(RetryAfter::In(wait)), .. }) = &verdict.answer {
            // A little earlier: the wait begins when the answer arrives.
            self.not_before[at] = now + u64::try_from(wait.as_nanos()).expect("short");
        }
        store(request, &seen, verdict, ledger, script, now)
    }

    fn accept(&mut self, seen: &[Seen]) -> Verdict {
        let slow = self.rng.chance(0.03);
        let delay = self.rng.range(MILLI, if slow { 3 * SECOND } else { 60 * MILLI });
        Verdict { answer: http(200, ""), delay, stores: seen.len(), definite: true, refuses: false }
    }

    /// What this mood makes of a request; `None`: nothing special.
    fn verdict(&mut self, mood: Fault, seen: &[Seen]) -> Option<Verdict> {
        let verdict = match mood {
            Fault::TooLarge | Fault::BadRecord => self.by_content(mood, seen)?,
            Fault::PartialSuccess | Fault::LeftOut => self.in_part(mood, seen),
            Fault::Refused | Fault::BlackHole | Fault::AnswerLost => self.unanswered(mood, seen),
            _ => self.not_now(mood, seen),
        };
        self.counts.add(mood);
        Some(verdict)
    }

    /// The whole is refused for what is in it, and nothing stored.
    fn by_content(&mut self, mood: Fault, seen: &[Seen]) -> Option<Verdict> {
        let bad = |seen: &Seen| seen.records.iter().any(|record| record % BAD_ONE_IN == 0);
        let (hit, answer) = match mood {
            Fault::TooLarge => (seen.len() > 12, http(413, "request body too large")),
            _ => (seen.iter().any(bad), http(400, "a record has a bad field")),
        };
        let delay = self.rng.range(MILLI, 30 * MILLI);
        hit.then_some(Verdict { answer, delay, stores: 0, definite: false, refuses: false })
    }

    /// Some records are refused for good, the others stored.
    fn in_part(&mut self, mood: Fault, seen: &[Seen]) -> Verdict {
        let refused = 1 + usize::try_from(self.rng.below(seen.len() as u64)).expect("few");
        let (all, count) = (seen.len(), refused as u64);
        let answer = if mood == Fault::PartialSuccess {
            let partial = Partial { rejected: count, message: "some are bad".to_owned() };
            with_reply(200, Reply::Otlp(partial), "")
        } else {
            http(
                400,
                &format!(
                    "entry too far behind\nuser 'fake', total ignored: {refused} out of {all} for stream: {{}}"
                ),
            )
        };
        Verdict { answer, delay: 5 * MILLI, stores: all - refused, definite: true, refuses: true }
    }

    fn unanswered(&mut self, mood: Fault, seen: &[Seen]) -> Verdict {
        let all = seen.len();
        let (failure, sent, delay, stores) = match mood {
            Fault::Refused => (Failure::Connect, false, MILLI, 0),
            Fault::BlackHole => (Failure::Timeout, true, TIMEOUT, if self.rng.chance(0.5) { all } else { 0 }),
            _ => (Failure::Reset, true, 40 * MILLI, all),
        };
        let answer = Answer::Failed(Failed { failure, sent, message: mood.as_str().to_owned() });
        Verdict { answer, delay, stores, definite: false, refuses: false }
    }

    fn not_now(&mut self, mood: Fault, seen: &[Seen]) -> Verdict {
        let (status, message) = match mood {
            Fault::Throttled => (429, "too many requests"),
            Fault::StreamThrottled => (429, "Per stream rate limit exceeded (limit: 3MB/sec)"),
            Fault::Unavailable => (503, "try later"),
            Fault::Gateway => (if self.rng.chance(0.5) { 502 } else { 504 }, "no upstream"),
            Fault::Unauthorized => (*self.rng.choose(&[401, 403, 404]).expect("some"), "not you"),
            _ => (200, ""),
        };
        let stores = match mood {
            Fault::StreamThrottled => seen.len() / 2,
            Fault::Gateway if self.rng.chance(0.5) => seen.len(),
            _ => 0,
        };
        let foreign = Reply::Foreign { content_type: "text/html".to_owned() };
        let reply = if mood == Fault::NotOtlp { foreign } else { Reply::Empty };
        let mut answer = with_reply(status, reply, message);
        let named = matches!(mood, Fault::Throttled | Fault::Unavailable) && self.rng.chance(0.6);
        if let (Answer::Http(http), true) = (&mut answer, named) {
            http.retry_after = Some(RetryAfter::In(Duration::from_secs(self.rng.range(1, 12))));
        }
        Verdict { answer, delay: self.rng.range(MILLI, 200 * MILLI), stores, definite: false, refuses: false }
    }
}

fn store(
    request: &Request,
    seen: &[Seen],
    verdict: Verdict,
    ledger: &mut Ledger,
    script: &Script,
    now: u64,
) -> OnItsWay {
    let Verdict { answer, delay, stores, definite, refuses } = verdict;
    let (stored, refused) = seen.split_at(stores);
    for one in stored {
        one.records.iter().for_each(|record| ledger.stored(*record, one.trace, script));
    }
    if refuses {
        refused.iter().flat_map(|one| &one.records).for_each(|record| ledger.refused(*record));
    }
    let numbers = |seen: &[Seen]| seen.iter().flat_map(|one| one.records.clone()).collect::<Vec<u32>>();
    OnItsWay {
        due: now + delay,
        signal: request.signal,
        attempt: request.attempt,
        answer,
        records: numbers(seen),
        stored: numbers(stored),
        definite,
    }
}

fn http(status: u16, message: &str) -> Answer {
    let ok = Reply::Otlp(Partial::default());
    with_reply(status, if status == 200 { ok } else { Reply::Empty }, message)
}

fn with_reply(status: u16, reply: Reply, message: &str) -> Answer {
    Answer::Http(Http { status, retry_after: None, reply, message: message.to_owned() })
}
