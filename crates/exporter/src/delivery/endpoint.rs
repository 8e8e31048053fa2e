//! What the deliveries to one endpoint (scheme, host and port) share: the waits that its server names, and the search
//! for a sign of life while it is down.
//!
//! Promises:
//! - nothing is sent by anyone before a time that the server named (`Retry-After`, gRPC's `RetryInfo`);
//! - while it is down there is one request at a time, each after a wait in `[d/2, d]`, with d from 1 s doubling to 120 s,
//!   and those who have something to send take turns;
//! - whoever fails though another was answered since, fails alone: the others go on.
//!
//! Leaves to others: what an answer means, and a wait of one delivery alone.

use super::backoff::Backoff;
use model::Now;
use std::time::Duration;

/// Names a delivery at its endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat(usize);

/// Whether a delivery may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// It may.
    Now,
    /// Not before this monotonic time.
    NotBefore(Duration),
    /// Not before another has sent, or was answered.
    AfterOther,
}

/// One endpoint, up or down.
#[derive(Clone, Debug)]
pub struct Endpoint {
    backoff: Backoff,
    /// The server has asked not to be sent anything before this monotonic time.
    named: Duration,
    down: Option<Down>,
    seats: Vec<Sitting>,
    /// Requests that looked for a sign of life, so far.
    tries: u64,
}

/// Nothing is known to arrive.
#[derive(Clone, Copy, Debug)]
struct Down {
    /// The next request that looks for a sign of life is not sent before this monotonic time.
    next: Duration,
    /// Whose it is, while it is open.
    open: Option<Seat>,
}

/// What is known of one delivery.
#[derive(Clone, Copy, Debug, Default)]
struct Sitting {
    /// It has something to send, and may not.
    waits: bool,
    /// Another was answered since the endpoint was last down: when this one fails, it fails alone.
    alone: bool,
    /// The number of its last request that looked for a sign of life.
    tried: u64,
}

impl Endpoint {
    /// An endpoint of which nothing is known yet; `seed` decides its jitter.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { backoff: Backoff::new(seed), named: Duration::ZERO, down: None, seats: Vec::new(), tries: 0 }
    }

    /// One more delivery goes there.
    pub fn join(&mut self) -> Seat {
        self.seats.push(Sitting::default());
        Seat(self.seats.len() - 1)
    }

    /// Whether nothing is to be sent now, as it is down or has asked for a pause: for those who have no seat, and can
    /// leave out what they would send.
    #[must_use]
    pub fn is_quiet(&self, now: Now) -> bool {
        self.down.is_some() || now.mono < self.named
    }

    /// The server named a wait, to whomever.
    pub fn asked_to_wait(&mut self, wait: Duration, now: Now) {
        let until = now.mono.saturating_add(self.backoff.failed(Some(wait)));
        self.named = self.named.max(until);
    }

    /// Whether `seat`, which has something to send, may.
    pub(super) fn leave(&mut self, seat: Seat, now: Now) -> Leave {
        let leave = self.leave_of(seat, now);
        if let Some(sitting) = self.seats.get_mut(seat.0) {
            sitting.waits = leave != Leave::Now;
        }
        if let (Leave::Now, Some(down)) = (leave, &mut self.down) {
            down.open = Some(seat);
            self.tried(seat);
        }
        leave
    }

    fn leave_of(&self, seat: Seat, now: Now) -> Leave {
        let next = self.down.map_or(self.named, |down| down.next.max(self.named));
        let tried = self.seats.get(seat.0).map_or(0, |sitting| sitting.tried);
        let is_others_turn = || self.seats.iter().any(|other| other.waits && other.tried < tried);
        match self.down {
            Some(down) if down.open.is_some() => Leave::AfterOther,
            _ if now.mono < next => Leave::NotBefore(next),
            Some(_) if is_others_turn() => Leave::AfterOther,
            _ => Leave::Now,
        }
    }

    /// The server has answered `seat`, be it good or bad: it is there.
    pub(super) fn answered(&mut self, seat: Seat) {
        self.down = None;
        self.backoff.answered();
        for (index, sitting) in self.seats.iter_mut().enumerate() {
            sitting.alone = index != seat.0;
        }
    }

    /// `seat` had no answer, or one that says "later". False: that is its own trouble, and so is the wait.
    pub(super) fn failed(&mut self, seat: Seat, not_before: Option<Duration>, now: Now) -> bool {
        if let Some(wait) = not_before {
            self.asked_to_wait(wait, now);
        }
        if self.seats.get(seat.0).is_some_and(|sitting| sitting.alone) {
            return false;
        }
        match self.down {
            // Sent before it was known to be down: nothing new.
            Some(down) if down.open != Some(seat) => {}
            _ => self.down_until(seat, not_before, now),
        }
        true
    }

    fn down_until(&mut self, seat: Seat, not_before: Option<Duration>, now: Now) {
        let next = match not_before {
            Some(_) => self.named,
            None => now.mono.saturating_add(self.backoff.failed(None)),
        };
        self.down = Some(Down { next, open: None });
        self.tried(seat);
        self.seats.iter_mut().for_each(|sitting| sitting.alone = false);
    }

    fn tried(&mut self, seat: Seat) {
        self.tries += 1;
        if let Some(sitting) = self.seats.get_mut(seat.0) {
            sitting.tried = self.tries;
        }
    }
}
