//! One request, what became of it, and how many of its records may come again.

use super::Signal;
use std::time::{Duration, Instant};

/// By which protocol a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// OTLP/HTTP with protobuf.
    HttpProtobuf,
    /// OTLP/HTTP with JSON.
    HttpJson,
    /// OTLP/gRPC.
    Grpc,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Still being read or answered.
    Open,
    /// Stored, and said so; with what a partial success refused left out.
    Accepted,
    /// Refused; nothing of it is stored.
    Refused,
    /// Refused, though part of it is stored.
    RefusedInPart,
    /// No answer left, or the sender was gone: it can't know what became of its records.
    Unanswered,
}

impl Outcome {
    /// The sender knows what became of its records: it has no reason to send stored ones again.
    #[must_use]
    pub fn is_definite(self) -> bool {
        matches!(self, Self::Accepted | Self::Refused)
    }
}

/// One request, in the order of arrival.
#[derive(Clone, Debug)]
pub struct Request {
    /// Counts from 0 over all signals; the index in [`super::State::requests`].
    pub seq: u64,
    /// Which signal.
    pub signal: Signal,
    /// Which protocol.
    pub transport: Transport,
    /// The path asked for.
    pub path: String,
    /// The header as it came.
    pub content_type: String,
    /// `gzip`, `zstd`, or empty.
    pub encoding: String,
    /// All headers or gRPC metadata, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body bytes as they came; 0 until they have all come.
    pub wire_bytes: u64,
    /// Body bytes uncompressed; 0 until they have all come.
    pub bytes: u64,
    /// Spans, log records or metrics in it; 0 until it was decoded.
    pub records: u64,
    /// How many of them were stored.
    pub stored: u64,
    /// When its head had come.
    pub arrived: Instant,
    /// When its outcome was known.
    pub ended: Option<Instant>,
    /// What became of it.
    pub outcome: Outcome,
}

impl Request {
    /// The first header of this name (in lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// How many more copies of its records may come: one if its answer was in doubt, one for each kill that may
    /// have come before the checkpoint that holds its answer.
    pub(super) fn copies_allowed(&self, kills: &[Kill]) -> u64 {
        let forgotten = |kill: &&Kill| {
            let recent = self
                .ended
                .is_none_or(|ended| kill.at.saturating_duration_since(ended) <= kill.checkpoint_age);
            recent && self.arrived <= kill.at
        };
        let kills = kills.iter().filter(forgotten).count() as u64;
        if self.outcome.is_definite() { kills } else { kills.max(1) }
    }
}

/// A moment at which the sender was killed, and how old its last stored checkpoint may have been then.
#[derive(Clone, Copy, Debug)]
pub struct Kill {
    /// When the kill was sent.
    pub at: Instant,
    /// Answers younger than this at the kill may have been forgotten.
    pub checkpoint_age: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collector::State;

    fn request(arrived: Instant, ended_ms: u64, outcome: Outcome, stored: u64) -> Request {
        Request {
            seq: 0,
            signal: Signal::Logs,
            transport: Transport::Grpc,
            path: String::new(),
            content_type: String::new(),
            encoding: String::new(),
            headers: Vec::new(),
            wire_bytes: 0,
            bytes: 0,
            records: stored,
            stored,
            arrived,
            ended: Some(arrived + Duration::from_millis(ended_ms)),
            outcome,
        }
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "any instant will do")]
    fn the_bound_counts_doubtful_answers_and_those_younger_than_the_checkpoint() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let kill = |ms| Kill { at: at(ms), checkpoint_age: Duration::from_secs(1) };
        let mut state = State::default();
        state.open(request(start, 10, Outcome::Accepted, 1));
        state.open(request(start, 3_000, Outcome::Unanswered, 10));
        state.open(request(at(3_500), 20, Outcome::Accepted, 100));
        state.open(request(at(9_000), 20, Outcome::RefusedInPart, 1_000));
        state.open(request(at(9_000), 20, Outcome::Refused, 0));
        let cases: [(&[Kill], u64); 4] = [
            (&[], 1_010),
            (&[kill(2_000)], 1_010),
            (&[kill(4_000)], 1_110),
            (&[kill(4_000), kill(4_200)], 1_000 + 20 - 10 + 200),
        ];
        for (kills, allowed) in cases {
            assert_eq!(state.duplicates_allowed(Signal::Logs, kills), allowed, "{kills:?}");
        }
    }
}
