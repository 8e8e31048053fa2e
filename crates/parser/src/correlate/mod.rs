//! Joins each log line to its trace, and to a span where the evidence singles one out.
//!
//! For: the one question of the engine, "may this line leave, and with which trace context?". A state machine: events
//! come in with the time (a span was read, a line was read, the trace files were looked at), lines go out through a
//! function that the caller passes. What it keeps of a line that is held (`T`, the encoded record) is made by the caller, for
//! those lines alone; it never looks into it.
//!
//! # The rules
//! 1. A trace context in the line gives the trace (`context`).
//! 2. So does the *own span* of the line's task: a span with its id and a name for it (`task`). Other spans with the id
//!    decide only at the end of the wait, if they agree on one trace, or one trace alone has such a span open at the
//!    line's time.
//! 3. A line whose task has no span at all is led on: to the task that it was created by or goes on with, or from
//!    xenopsd's task number to what that means, and so on from there (`link`). This too is decided at the end of the
//!    wait, unless a number leads straight to a trace or to a task whose own span is in.
//! 4. The span is chosen in [`naming`].
//! 5. A line waits only while it could still be joined, as the picture shows.
//!
//! Lines with neither context nor task (those of SMlog among them) are never guessed into a trace. The same task id on
//! two hosts is two tasks, but that a task's own span on one host speaks for the lines of another on which a span with
//! the id is in the same trace: a forwarded call.
//!
//! # The states of a line
//! ```text
//!                       line read: its facts are taught
//!                                     │
//!   no id, unknown number ◄───────────┼───────────► trace certain: a context in the line,
//!   out: no_id, no_evidence           │             or its task's own span is in
//!                                     ▼                           │
//!                              could be joined                    │
//!                                     │                           │
//!                 (1) ◄───────────────┤                           ├──────────────► (2)
//!                  │                  ▼                           ▼                 │
//!                  │      ┌─ held: evidence ── own span in ─► held: reading         │
//!                  │      │                                       │                 │
//!                  │     (1)                                     (2)                │
//!                  ▼      ▼                                       ▼                 ▼
//!              decided by all that is known  ───────────────► out: context, task, link
//!                  │                  │                           ▲
//!                  │                  │ a backlog's line, whose task has no span at all
//!                  ▼                  ▼                           │
//!   out: ambiguous,         held: links ── (3) ── decided again ──┤
//!   timed_out, no_evidence                                        ▼
//!                                                 out: no_evidence, ambiguous
//!
//!   (1) the trace files have nothing more for the line: they are at their end, and the line is older than `wait`;
//!       or they were read past its time and `wait` (catch-up: by the data's own clock); or they are at their end, and
//!       none has changed for 10 minutes: nothing is traced
//!   (2) they were at their end after the line was written; or were read past its time and `wait`
//!   (3) the log was read past the line's time and `wait`, or the logs are at their end, or there is no more room
//! ```
//! When the memory is full while the trace files are at their end, the caller lets the line go that was read first: it
//! is `forced` if it was waiting for evidence, and decided by all that is known otherwise.
//!
//! # What does not depend on order
//! - The *trace and the rule* are a function of the evidence that is in by the end of a line's wait, in whatever order
//!   it came, live or in catch-up. (A task whose own spans are in two traces, which XAPI doesn't write, is the exception:
//!   the first one known decides, unless both are.) Evidence that comes later than `wait`, or that the memory had no room
//!   for, can only be missed, never change a join that was made.
//! - The *span* is a function of the spans read by the time the line leaves. No line leaves before every byte was read
//!   that the trace files held when it was read, or, in catch-up, that they got until `wait` after the line: so for
//!   given files the order of reading makes no difference to the span either. That costs reading, never waiting.
//!   (Logs are each read in order, and those of one host in step.)
//! - What does make a difference to the span is *writing*: a line whose trace is certain does not wait for spans that
//!   are yet to be written. XAPI writes a span when it ends and its services flush each on their own every 30 s, so
//!   a live line of xenopsd may be given the task's own span where a later reading of the same files knows xenopsd's.
//!   Either has the line's trace, and was open in its second.
//!
//! # Clocks
//! The wall clock is looked at once for each line, to see how old it is. From then on its age is counted on the monotonic
//! clock: a wall clock that jumps delays no line by more than `wait`, and a line that seems to be of the future waits
//! as one written now.
//!
//! # Memory
//! Tasks and spans have arrays of fixed size, laid out at the start; the oldest make room and are counted. Held lines
//! are counted in bytes, and it is for the caller to stop reading logs when they are too many. Nothing is stored: after a
//! restart the caller reads the last 10 minutes again through [`Correlator::span`] and [`Correlator::teach`].
//!
//! Leaves to others: finding the evidence (`log`, `zipkin`), reading trace files ahead of the log, the record.

mod bound;
mod counters;
mod decide;
mod explain;
mod flow;
mod foresee;
mod held;
mod key;
mod naming;
mod numbers;
mod origin;
mod reading;
mod settings;
mod spans;
mod tasks;
mod teach;
mod window;

pub use counters::{Counters, Evictions, Outcome, Waited};
pub use decide::Step;
pub use explain::Explanation;
pub use held::HeldNo;
pub use naming::SpanChoice;
pub use reading::FilesRead;
pub use settings::Settings;
pub use tasks::LinkKind;
pub use window::Window;

use crate::evidence::LineEvidence;
use bound::IdHash;
use held::Held;
use model::{Now, TraceContext, Uuid};
use naming::Naming;
use numbers::Numbers;
use origin::{HostNo, Origins};
use reading::Reading;
use spans::Spans;
use std::collections::HashMap;
use std::time::Duration;
use tasks::Tasks;

/// A line that may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joined<T> {
    /// What was kept of it.
    pub payload: T,
    /// Where the line belongs, if that is known.
    pub context: Option<TraceContext>,
    /// By which rule, or why not.
    pub outcome: Outcome,
    /// From read to now, on the monotonic clock.
    pub waited: Duration,
}

impl Joined<()> {
    /// The same of a line that carries this.
    pub fn with<T>(self, payload: T) -> Joined<T> {
        let Self { context, outcome, waited, .. } = self;
        Joined { payload, context, outcome, waited }
    }
}

/// What a line is to find before it leaves, if it can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// Its trace.
    Trace,
    /// Its span, too: a line with a trace context waits until its task's own span is in, or it is as old as `wait`.
    Span,
}

/// The correlator. `T` is what is kept of a line that it holds.
#[derive(Debug)]
pub struct Correlator<T> {
    settings: Settings,
    origins: Origins,
    tasks: Tasks,
    spans: Spans,
    numbers: Numbers,
    naming: Naming,
    held: Held<T>,
    reading: Reading,
    /// How far each host's log was read, by the time in its lines: the end of the latest.
    logs_read: HashMap<HostNo, i64, IdHash>,
    /// How many spans and lines had come when lines were last foreseen.
    foreseen: Option<(u64, HeldNo)>,
    counters: Counters,
}

impl<T> Correlator<T> {
    /// A correlator that knows nothing yet. Its arrays are laid out here; pages of them that are never written take no
    /// memory.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let hash = IdHash::new();
        Self {
            settings,
            origins: Origins::new(),
            tasks: Tasks::within(settings.task_bytes, hash),
            spans: Spans::within(settings.span_bytes, hash),
            numbers: Numbers::default(),
            naming: Naming::beside(settings.span_bytes),
            held: Held::new(),
            reading: Reading::default(),
            logs_read: HashMap::with_hasher(hash),
            foreseen: None,
            counters: Counters::default(),
        }
    }

    /// A line was read, in its log's order: learns from it, and says where it belongs if it may leave at once. Else it is
    /// held: `hold` makes what is kept of it, and says what that takes in memory. Lines that this one has set free leave
    /// through `out`.
    pub fn line(
        &mut self,
        line: &LineEvidence<'_>,
        host: Option<Uuid>,
        aim: Aim,
        now: Now,
        hold: impl FnOnce() -> (T, usize),
        out: &mut impl FnMut(Joined<T>),
    ) -> Option<Joined<()>> {
        self.enter(line, host, aim, now, hold, out)
    }

    /// The files were looked at: lets go what may leave now. To be called after each turn of reading, and at
    /// [`Correlator::next_deadline`].
    pub fn advance(&mut self, files: FilesRead, now: Now, out: &mut impl FnMut(Joined<T>)) {
        self.reading.note(files, now);
        self.let_go_read_past(now, out);
        if files.traces_at_end {
            self.let_go_at_end(now, out);
        }
        if files.logs_at_end {
            self.let_go_all_linked(now, out);
        }
    }

    /// When to look at the trace files again for the sake of a held line, on the monotonic clock; `None` while no time
    /// that passes lets a line go: nothing is held, or the trace files have unread bytes.
    #[must_use]
    pub fn next_deadline(&self, now: Now) -> Option<Duration> {
        if !self.reading.is_at_end() {
            return None;
        }
        let waiting = self.held.oldest_waiting().map(|born| {
            let over = born.saturating_add(self.wait());
            self.reading.quiet_from().map_or(over, |quiet| over.min(quiet))
        });
        let first = waiting.into_iter().chain(self.held.oldest_reading()).min()?;
        Some(Duration::from_nanos(first.max(0).unsigned_abs()).max(now.mono))
    }

    /// Lets the line go that was read first. For a caller whose memory is full while the trace files are at their end.
    /// Gives false if none is held.
    pub fn release_oldest(&mut self, now: Now, out: &mut impl FnMut(Joined<T>)) -> bool {
        let Some(line) = self.held.take_first_read() else { return false };
        self.force(line, now, out);
        true
    }

    /// Takes back everything held, in the order of reading, without letting it go: nothing is counted.
    pub fn drain(&mut self) -> impl Iterator<Item = T> + use<T> {
        self.held.drain().map(|line| line.payload)
    }

    /// What held lines take in memory.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.held.bytes()
    }

    /// How many lines are held.
    #[must_use]
    pub fn held_lines(&self) -> usize {
        self.held.len()
    }

    /// Whether held lines take their share of the memory: then no log should be read.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.held.bytes() >= self.settings.held_bytes
    }

    /// What the indexes take in memory at most; what they take in fact grows up to this with use.
    #[must_use]
    pub fn index_bytes(&self) -> usize {
        self.tasks.allocated_bytes() + self.spans.allocated_bytes()
    }

    /// How many tasks and spans are known, and how many there is room for.
    #[must_use]
    pub fn index_use(&self) -> IndexUse {
        IndexUse {
            tasks: self.tasks.len(),
            task_room: self.tasks.capacity(),
            spans: self.spans.len(),
            span_room: self.spans.capacity(),
            numbers: self.numbers.len(),
        }
    }

    /// Changes how old a line may get, for held lines too.
    pub fn set_wait(&mut self, wait: Duration) {
        self.settings.wait = wait;
    }

    /// What was done so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let evictions = Evictions {
            tasks: self.tasks.evicted(),
            spans: self.spans.evicted(),
            numbers: self.numbers.evicted(),
            refused: self.tasks.refused(),
        };
        self.counters.with(evictions)
    }
}

/// How full the indexes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexUse {
    /// Records of tasks.
    pub tasks: usize,
    /// Room for such records.
    pub task_room: usize,
    /// Spans.
    pub spans: usize,
    /// Room for spans.
    pub span_room: usize,
    /// xenopsd's task numbers.
    pub numbers: usize,
}

#[cfg(test)]
mod tests;
