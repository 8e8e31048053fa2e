//! What the correlator did, in numbers.

use std::time::Duration;

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Joined by a trace context in the line.
    Context,
    /// Joined by its task's id.
    Task,
    /// Joined by a link from its task, or its task number, to a task or a trace.
    Link,
    /// Not joined: it has neither trace context nor task.
    NoId,
    /// Not joined: no span speaks for its task, and it did not wait for one on the clock (nothing is traced, or the
    /// line is of a backlog).
    NoEvidence,
    /// Not joined: spans of several traces speak for its task, and none alone was there at the line's time.
    Ambiguous,
    /// Not joined: it waited, and no span came that speaks for its task.
    TimedOut,
    /// Not joined: it had to go before its time to make room.
    Forced,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Context,
        Self::Task,
        Self::Link,
        Self::NoId,
        Self::NoEvidence,
        Self::Ambiguous,
        Self::TimedOut,
        Self::Forced,
    ];

    /// A name for metrics and reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Context => "context",
            Self::Task => "task",
            Self::Link => "link",
            Self::NoId => "no_id",
            Self::NoEvidence => "no_evidence",
            Self::Ambiguous => "ambiguous",
            Self::TimedOut => "timed_out",
            Self::Forced => "forced",
        }
    }

    /// Whether the line has a trace.
    #[must_use]
    pub fn is_joined(self) -> bool {
        matches!(self, Self::Context | Self::Task | Self::Link)
    }
}

/// How long lines were held, from read to handed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waited {
    /// Lines by time: `counts[n]` were held no longer than `BOUNDS_SECONDS[n]` and longer than the bound before;
    /// the last place has those beyond all bounds. Lines that were not held at all are in the first.
    pub counts: [u64; Self::BOUNDS_SECONDS.len() + 1],
    /// All the time together.
    pub sum: Duration,
    /// The longest.
    pub max: Duration,
}

impl Waited {
    /// The upper bounds of the places.
    pub const BOUNDS_SECONDS: [u64; 8] = [0, 1, 5, 15, 30, 60, 75, 120];

    fn note(&mut self, waited: Duration) {
        let place =
            Self::BOUNDS_SECONDS.iter().take_while(|bound| waited > Duration::from_secs(**bound)).count();
        if let Some(count) = self.counts.get_mut(place) {
            *count += 1;
        }
        self.sum = self.sum.saturating_add(waited);
        self.max = self.max.max(waited);
    }
}

/// What had to make room, oldest first, or was not let in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evictions {
    /// Records of tasks (one a task, more only for a task in several traces or on several hosts).
    pub tasks: u64,
    /// Spans.
    pub spans: u64,
    /// xenopsd's task numbers.
    pub numbers: u64,
    /// Evidence refused, because one task had too many traces already.
    pub refused: u64,
}

/// Everything counted since the start. Numbers only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    outcomes: [u64; Outcome::ALL.len()],
    /// Joined lines of which a span could be named too.
    pub spans_named: u64,
    /// How long lines were held.
    pub waited: Waited,
    /// What had to make room.
    pub evictions: Evictions,
}

impl Counters {
    /// The lines with this outcome.
    #[must_use]
    pub fn of(&self, outcome: Outcome) -> u64 {
        self.outcomes.get(outcome as usize).copied().unwrap_or(0)
    }

    /// The lines that got a trace.
    #[must_use]
    pub fn joined(&self) -> u64 {
        Outcome::ALL.iter().filter(|outcome| outcome.is_joined()).map(|outcome| self.of(*outcome)).sum()
    }

    /// All lines handed on.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.outcomes.iter().sum()
    }

    pub(super) fn with(self, evictions: Evictions) -> Self {
        Self { evictions, ..self }
    }

    pub(super) fn note(&mut self, outcome: Outcome, named: bool, waited: Duration) {
        if let Some(count) = self.outcomes.get_mut(outcome as usize) {
            *count += 1;
        }
        self.spans_named += u64::from(named);
        self.waited.note(waited);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_its_place() {
        let mut counters = Counters::default();
        for (at, outcome) in Outcome::ALL.into_iter().enumerate() {
            (0..=at).for_each(|_| counters.note(outcome, false, Duration::from_secs(at as u64)));
        }
        let counts = Outcome::ALL.map(|outcome| counters.of(outcome));
        assert_eq!(counts, [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!((counters.joined(), counters.lines()), (6, 36));
        assert_eq!(counters.waited.counts, [1, 2, 18, 15, 0, 0, 0, 0, 0]);
    }
}
