//! One endpoint's delivery as a plain state machine: what to send when, and what an answer means for each
//! record.
//!
//! Promises, whatever the answers are:
//! - one request is open at a time, and records go out in their order: what is retried holds back what
//!   follows;
//! - each record of a load is settled exactly once: delivered, refused within a request whose others were
//!   stored, or set aside;
//! - nothing is sent before the end of a wait, be it ours or the server's, and a wait of the endpoint's holds for all
//!   deliveries to it ([`Endpoint`]); what one path there is refused for (401, 404 …) holds up that delivery alone;
//! - a fault of the endpoint settles nothing, however long it lasts;
//! - one bad record never stops the others, and a server that refuses everything gets about one request a
//!   second.
//!
//! Leaves to others: the bytes and receipts of records (the [`Load`]), the transport, files for what is set
//! aside, counting.

mod backoff;
mod cap;
mod endpoint;
mod parts;
mod reasons;
mod state;
mod window;

use std::time::Duration;

use model::Now;

use crate::batch::Batch;
use crate::classify::{Answer, Blocked, Class, Refusal, Retry, classify};
use backoff::Backoff;
use cap::Cap;
use endpoint::Leave;
pub use endpoint::{Endpoint, Seat};
use parts::{Part, Parts};
use reasons::{Reason, Reasons};
pub use state::{Attempt, Effect, How, Next, Resend, State};
use window::Window;

/// What is to be delivered: records that are settled one by one, and of which any consecutive ones can be a
/// request.
pub trait Load {
    /// How many records there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Load for Batch {
    fn len(&self) -> usize {
        Batch::len(self)
    }
}

/// The delivery of one signal to its endpoint.
#[derive(Clone, Debug)]
pub struct Delivery<L> {
    load: Option<L>,
    /// What is not settled, in order. The open request is the whole of the first.
    parts: Parts,
    open: Option<Attempt>,
    attempts: u64,
    /// Its place at the endpoint.
    seat: Seat,
    /// Nothing of this delivery is sent before this monotonic time.
    gate: Duration,
    stopping: bool,
    backoff: Backoff,
    cap: Cap,
    reasons: Reasons,
    window: Window,
    state: State,
}

impl<L: Load> Delivery<L> {
    /// A delivery with nothing to do; `seed` decides its jitter. `seat` is its place at the endpoint, which is to be the
    /// same in all calls.
    #[must_use]
    pub fn new(seed: u64, seat: Seat) -> Self {
        Self {
            load: None,
            parts: Parts::default(),
            open: None,
            attempts: 0,
            seat,
            gate: Duration::ZERO,
            stopping: false,
            backoff: Backoff::new(seed),
            cap: Cap::new(),
            reasons: Reasons::default(),
            window: Window::default(),
            state: State::Ok,
        }
    }

    /// Whether a load can be offered: the last one is settled, and no stop was asked for.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.parts.is_empty() && !self.stopping
    }

    /// Takes the next load; a finished one that was not taken back is dropped.
    ///
    /// # Errors
    /// Gives the load back if there is no room.
    pub fn offer(&mut self, load: L) -> Result<(), L> {
        if !self.has_room() {
            return Err(load);
        }
        self.parts.fill(load.len());
        self.reasons.begin();
        self.load = Some(load);
        Ok(())
    }

    /// The current load, also after its last record was settled, until it is taken back or another is
    /// offered.
    #[must_use]
    pub fn load(&self) -> Option<&L> {
        self.load.as_ref()
    }

    /// Whether all records of the load are settled, or there is none.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.parts.is_empty()
    }

    /// Takes back a load whose records are all settled.
    pub fn take_finished(&mut self) -> Option<L> {
        if self.parts.is_empty() { self.load.take() } else { None }
    }

    /// Whether a request is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// How the endpoint is.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Nothing is sent from now on; the open request may still be answered.
    pub fn stop(&mut self) {
        self.stopping = true;
    }

    /// What to do at `now`. After [`Next::Send`] the request is open until it is answered.
    pub fn poll(&mut self, now: Now, endpoint: &mut Endpoint) -> Next {
        if self.open.is_some() || self.stopping || self.parts.is_empty() {
            return Next::Idle;
        }
        if now.mono < self.gate {
            return Next::WaitUntil(self.gate);
        }
        match endpoint.leave(self.seat, now) {
            Leave::Now => self.send(),
            Leave::NotBefore(time) => Next::WaitUntil(time),
            Leave::AfterOther => Next::Idle,
        }
    }

    fn send(&mut self) -> Next {
        let Some(part) = self.parts.first_of(self.cap.records()) else { return Next::Idle };
        self.attempts += 1;
        let attempt = Attempt(self.attempts);
        self.open = Some(attempt);
        Next::Send { attempt, range: part.range.clone(), resend: part.resend }
    }

    /// Takes the answer to `attempt`, and says what it brought about. An answer to any other attempt than the
    /// open one changes nothing.
    pub fn answered(
        &mut self,
        attempt: Attempt,
        answer: &Answer,
        now: Now,
        endpoint: &mut Endpoint,
    ) -> Vec<Effect> {
        if self.open != Some(attempt) {
            return Vec::new();
        }
        self.open = None;
        let Some(part) = self.parts.take_first() else { return Vec::new() };
        let mut effects = Vec::new();
        let class = classify(answer, now);
        let own_wait = self.tell(&class, now, endpoint);
        match class {
            Class::Delivered { warning } => self.delivered(part, How::Delivered { warning }, &mut effects),
            Class::Stored { refusal, refused, message } => {
                self.stored(part, refusal, refused, message, &mut effects)
            }
            Class::Retry { why, .. } => {
                self.retry(part, why, own_wait, now);
                self.change(self.retrying(why, answer, now), &mut effects);
            }
            Class::Blocked { why, .. } => {
                self.hold(part, own_wait, now);
                self.change(self.blocked(why, answer, now), &mut effects);
            }
            Class::Split { message } => self.too_large(part, message, now, &mut effects),
            Class::Bad { message } => self.bad(part, message, now, &mut effects),
        }
        effects
    }

    /// Tells the endpoint what an answer says about it; how this delivery waits, if it waits alone.
    fn tell(&self, class: &Class, now: Now, endpoint: &mut Endpoint) -> Option<OwnWait> {
        let (not_before, of_endpoint) = match class {
            Class::Retry { not_before, .. } => (*not_before, true),
            Class::Blocked { why, not_before } => (*not_before, why.is_of_endpoint()),
            _ => {
                endpoint.answered(self.seat);
                return None;
            }
        };
        if !of_endpoint {
            endpoint.answered(self.seat);
        }
        let shared = of_endpoint && endpoint.failed(self.seat, not_before, now);
        (!shared).then_some(OwnWait(not_before))
    }

    fn stored(
        &mut self,
        part: Part,
        refusal: Refusal,
        refused: u64,
        message: String,
        effects: &mut Vec<Effect>,
    ) {
        let refused = refused.clamp(1, part.len() as u64);
        self.delivered(part, How::PartlyRefused { refusal, refused, message }, effects);
    }

    /// The part arrived, but for what the server refused of it.
    fn delivered(&mut self, part: Part, how: How, effects: &mut Vec<Effect>) {
        self.cap.delivered();
        self.reasons.delivered();
        self.settle(part, how, effects);
    }

    fn settle(&mut self, part: Part, how: How, effects: &mut Vec<Effect>) {
        self.gate = Duration::ZERO;
        self.backoff.answered();
        let len = part.len() as u64;
        let (refused, message) = refused_of(&how, len);
        self.window.add(len - refused, refused);
        let message = message.map(str::to_owned);
        effects.push(Effect::Settled { range: part.range, how });
        if self.parts.is_empty() {
            self.reasons.end();
        }
        self.change(self.answering(message), effects);
    }

    fn retry(&mut self, mut part: Part, why: Retry, own_wait: Option<OwnWait>, now: Now) {
        if why.may_be_stored() {
            part.resend = Some(Resend::Unanswered(why));
        }
        if why.may_be_stored() || why == Retry::Throttled {
            self.cap.not_taken(part.len());
        }
        self.hold(part, own_wait, now);
    }

    /// The part stays first and waits, for the endpoint or by itself.
    fn hold(&mut self, part: Part, own_wait: Option<OwnWait>, now: Now) {
        self.parts.put_first(part);
        self.gate = match own_wait {
            Some(OwnWait(not_before)) => now.mono.saturating_add(self.backoff.failed(not_before)),
            None => Duration::ZERO,
        };
    }

    fn too_large(&mut self, part: Part, message: String, now: Now, effects: &mut Vec<Effect>) {
        let reason = Reason::of(&message);
        if part.len() > 1 && !self.reasons.is_given_up(&reason) {
            self.cap.too_large(part.len());
            self.parts.put_first(part);
            self.gate = Duration::ZERO;
            self.backoff.answered();
        } else {
            self.cap.one_too_large();
            self.reasons.single_too_large(reason);
            self.set_aside(part, true, message, now, effects);
        }
    }

    fn bad(&mut self, part: Part, message: String, now: Now, effects: &mut Vec<Effect>) {
        let whole = self.load.as_ref().map_or(0, Load::len);
        let search = self.reasons.search(Reason::of(&message), whole);
        if part.len() > 1 && search {
            self.halve(part);
        } else {
            self.set_aside(part, false, message, now, effects);
        }
    }

    fn halve(&mut self, mut part: Part) {
        self.gate = Duration::ZERO;
        self.backoff.answered();
        // The specification says that nothing of a refused request is stored; not every server keeps to it.
        part.resend = Some(Resend::Refused);
        self.parts.put_halves(part);
    }

    /// Settles the part as refused. More than one record at once means that the server refuses them all: then
    /// the next request waits a little, so that a misconfigured server does not eat up the files at full
    /// speed.
    fn set_aside(
        &mut self,
        part: Part,
        too_large: bool,
        message: String,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let group = part.len() > 1;
        self.settle(part, How::SetAside { too_large, message }, effects);
        if group {
            self.gate = now.mono.saturating_add(self.backoff.pace());
        }
    }

    fn change(&mut self, state: State, effects: &mut Vec<Effect>) {
        if !self.state.is_like(&state) {
            effects.push(Effect::StateChanged(state.clone()));
        }
        self.state = state;
    }

    fn answering(&self, refused: Option<String>) -> State {
        if !self.window.mostly_refused() {
            return State::Ok;
        }
        match (refused, &self.state) {
            (Some(message), _) => State::Refusing { message },
            (None, State::Refusing { message }) => State::Refusing { message: message.clone() },
            (None, _) => State::Refusing { message: String::new() },
        }
    }

    fn retrying(&self, why: Retry, answer: &Answer, now: Now) -> State {
        let since = self.state.since().unwrap_or(now.mono);
        State::Retrying { since, why, message: answer.to_string() }
    }

    fn blocked(&self, why: Blocked, answer: &Answer, now: Now) -> State {
        let since = self.state.since().unwrap_or(now.mono);
        State::Blocked { since, why, message: answer.to_string() }
    }
}

/// A wait of one delivery alone, with what the server named.
#[derive(Clone, Copy, Debug)]
struct OwnWait(Option<Duration>);

/// How many of `len` records were refused, and the server's words about it.
fn refused_of(how: &How, len: u64) -> (u64, Option<&str>) {
    match how {
        How::Delivered { .. } => (0, None),
        How::PartlyRefused { refused, message, .. } => (*refused, Some(message)),
        How::SetAside { message, .. } => (len, Some(message)),
    }
}
