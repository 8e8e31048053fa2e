//! One signal's way out: records into batches, batches into requests, answers into settled receipts.
//!
//! Promises: what it holds is bounded by its share of the memory (a record more, at most); a receipt comes back
//! exactly once for each record taken. Leaves to others: sending the requests, and keeping what is refused.

use super::followers::Followers;
use super::tally::{SignalTally, add};
use crate::config::Destination;
use bytes::Bytes;
use exporter::batch::{Batch, Batcher, BatcherConfig, Group, HeldRecord};
use exporter::classify::Answer;
use exporter::delivery::{Attempt, Delivery, Effect, Endpoint, How, Next, Seat, State};
use model::{Now, Receipt, TraceContext};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// A request to be sent.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) signal: Signal,
    pub(crate) attempt: Attempt,
    /// The OTLP request in protobuf, before compression.
    pub(crate) body: Bytes,
}

/// The two signals that have files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Signal {
    Traces,
    Logs,
}

impl Signal {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Logs => "logs",
        }
    }
}

/// What came of an answer or a turn, for the engine to carry out.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// So many records of this line are done with.
    Settled(Receipt, usize),
    /// These records were refused for good: a whole OTLP request of them, to be kept aside.
    Refused { body: Bytes, receipt: Receipt, records: u64, message: String },
    /// The server took a request and said this; so many of its records it left out for good.
    Warned { refused: u64, message: String },
    /// The endpoint is in another state.
    State(State),
}

/// One signal's way out.
#[derive(Debug)]
pub(crate) struct Outlet {
    signal: Signal,
    batcher: Batcher,
    delivery: Delivery<Batch>,
    followers: Followers,
    /// The last request.
    written: Bytes,
    share: usize,
    /// The number of its endpoint.
    endpoint: usize,
    /// The end of the wait that the last poll ran into.
    wait: Option<Duration>,
}

impl Outlet {
    /// `share`: bytes of memory at most; `seed`: of the jitter; then the endpoint's number, and the place there.
    pub(crate) fn new(
        signal: Signal,
        destination: &Destination,
        share: usize,
        seed: u64,
        (endpoint, seat): (usize, Seat),
    ) -> Self {
        let batcher = Batcher::new(config(destination, share));
        Self {
            signal,
            batcher,
            delivery: Delivery::new(seed, seat),
            followers: Followers::default(),
            written: Bytes::new(),
            share,
            endpoint,
            wait: None,
        }
    }

    /// The number of its endpoint.
    pub(crate) fn endpoint(&self) -> usize {
        self.endpoint
    }

    /// Whether more may be read for it. An empty one always has room: what it keeps to be used again must not stop it.
    pub(crate) fn has_room(&self) -> bool {
        self.is_empty() || (!self.batcher.is_full() && self.bytes() < self.share)
    }

    /// Bytes of memory in use.
    pub(crate) fn bytes(&self) -> usize {
        self.batcher.bytes() + self.delivery.load().map_or(0, Batch::memory) + self.followers.bytes()
    }

    /// Bytes that it may use, but for one record more.
    pub(crate) fn share(&self) -> usize {
        self.share
    }

    /// Whether nothing waits and nothing is open.
    pub(crate) fn is_empty(&self) -> bool {
        self.batcher.is_empty() && self.delivery.has_room()
    }

    /// Whether a request is open.
    pub(crate) fn is_open(&self) -> bool {
        self.delivery.is_open()
    }

    /// How the endpoint is.
    pub(crate) fn state(&self) -> &State {
        self.delivery.state()
    }

    /// Takes a record that `encode` writes.
    pub(crate) fn push(
        &mut self,
        group: &Arc<Group>,
        receipt: Receipt,
        now: Now,
        encode: impl FnOnce(&mut Vec<u8>),
    ) {
        self.batcher.push(group, receipt, now, encode);
        self.followers.pushed();
    }

    /// Takes the receipt of a record that is not sent, as it is a copy of one that was pushed before: it settles when
    /// that one does. `false`: that one is settled already.
    pub(crate) fn follow(&mut self, receipt: Receipt) -> bool {
        self.followers.follow(receipt)
    }

    /// Takes a record that was held, with what was found for it.
    pub(crate) fn push_held(&mut self, held: &HeldRecord, context: Option<&TraceContext>, now: Now) {
        self.batcher.push_held(held, context, now);
        self.followers.pushed();
    }

    /// Sends nothing more; the open request may still be answered.
    pub(crate) fn stop(&mut self) {
        self.delivery.stop();
    }

    /// The next request, if one may leave now.
    pub(crate) fn poll(
        &mut self,
        now: Now,
        endpoint: &mut Endpoint,
        tally: &mut SignalTally,
    ) -> Option<Request> {
        self.refill(now);
        self.wait = None;
        let (attempt, range, resend) = match self.delivery.poll(now, endpoint) {
            Next::Send { attempt, range, resend } => (attempt, range, resend),
            Next::WaitUntil(time) => {
                self.wait = Some(time);
                return None;
            }
            Next::Idle => return None,
        };
        if let Some(reason) = resend {
            add(&mut tally.resent, reason.as_str(), range.len() as u64);
        }
        let body = self.body(range)?;
        tally.requests += 1;
        tally.request_bytes += body.len() as u64;
        Some(Request { signal: self.signal, attempt, body })
    }

    /// The request, where the one before it was, if nobody has that any more: a new buffer costs more than what is written
    /// to it, for each of its pages is asked of the kernel.
    fn body(&mut self, records: Range<usize>) -> Option<Bytes> {
        let before = std::mem::take(&mut self.written).try_into_mut();
        let mut out = before.map(Vec::from).unwrap_or_default();
        self.delivery.load()?.write_body(records, &mut out);
        if out.capacity() / 4 > out.len() {
            out.shrink_to_fit();
        }
        let body = Bytes::from(out);
        self.written = body.clone();
        Some(body)
    }

    fn refill(&mut self, now: Now) {
        if let Some(done) = self.delivery.take_finished() {
            self.batcher.recycle(done);
        }
        let room = self.delivery.has_room();
        if let Some(batch) = self.batcher.ready(now, room) {
            // There was room a line ago.
            let _ = self.delivery.offer(batch);
        }
    }

    /// When [`poll`](Self::poll), called just before, will have something next; `None`: not before an event.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        if self.delivery.has_room() { self.batcher.next_deadline() } else { self.wait }
    }

    /// Before this moment no record that is yet to be read can leave, unless its request gets full.
    pub(crate) fn rests_until(&self) -> Duration {
        self.batcher.rests_until()
    }

    /// Takes the answer to a request.
    pub(crate) fn answered(
        &mut self,
        attempt: Attempt,
        answer: &Answer,
        now: Now,
        endpoint: &mut Endpoint,
        tally: &mut SignalTally,
    ) -> Vec<Outcome> {
        let effects = self.delivery.answered(attempt, answer, now, endpoint);
        let mut outcomes = Vec::new();
        for effect in effects {
            match effect {
                Effect::StateChanged(state) => outcomes.push(Outcome::State(state)),
                Effect::Settled { range, how } => {
                    self.followers.settled(range.len());
                    self.settled(range, how, tally, &mut outcomes);
                }
            }
        }
        if self.delivery.is_finished() {
            if self.batcher.is_empty() {
                // It may be long until the next one.
                self.written = Bytes::new();
            }
            let copies = self.followers.release();
            outcomes.extend(copies.map(|(receipt, count)| Outcome::Settled(receipt, count)));
        }
        outcomes
    }

    fn settled(&self, range: Range<usize>, how: How, tally: &mut SignalTally, outcomes: &mut Vec<Outcome>) {
        let Some(load) = self.delivery.load() else { return };
        let records = range.len() as u64;
        match how {
            How::Delivered { warning } => {
                tally.delivered += records;
                let has_warning = !warning.is_empty();
                let warned = Outcome::Warned { refused: 0, message: warning };
                outcomes.extend(Some(warned).filter(|_| has_warning));
            }
            How::PartlyRefused { refusal, refused, message } => {
                tally.delivered += records - refused.min(records);
                add(&mut tally.refused, refusal.as_str(), refused.min(records));
                outcomes.push(Outcome::Warned { refused: refused.min(records), message });
            }
            How::SetAside { too_large, message } => {
                add(&mut tally.set_aside, if too_large { "too_large" } else { "refused" }, records);
                if let Some((receipt, _)) = load.receipts(range.clone()).next() {
                    outcomes.push(Outcome::Refused {
                        body: load.body(range.clone()),
                        receipt,
                        records,
                        message,
                    });
                }
            }
        }
        outcomes.extend(load.receipts(range).map(|(receipt, count)| Outcome::Settled(receipt, count)));
    }
}

/// A request takes up to four times its size while it is open: filling, waiting, assembled, compressed.
fn config(destination: &Destination, share: usize) -> BatcherConfig {
    let wanted = usize::try_from(destination.max_request).unwrap_or(usize::MAX);
    BatcherConfig { max_request: wanted.min(share / 4).max(16 << 10), max_delay: destination.max_delay }
}
