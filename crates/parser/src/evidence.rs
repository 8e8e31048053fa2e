//! Evidence: what a log line and a span say about which operation they belong to.
//!
//! For: handing the correlator the few facts it joins by, apart from the records that are shipped. Promises: plain
//! data, nothing resolved and nothing guessed; a fact stands here only if the line or the span itself says it. Leaves
//! to others: finding the facts (`log`, `zipkin`), and drawing conclusions from them (`correlate`).

use model::{SpanId, TaskId, TraceId, Uuid};

/// A trace context as it stands in a line, in W3C form (`00-<trace id>-<span id>-<flags>`).
///
/// The trace id is right. The span id is that of *some* ancestor of the operation, and may be stale: a hint (xen-api
/// `ocaml/libs/tracing/tracing.ml`, `Span.start` and `Span.finish`, since v26.8.0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LineContext {
    /// The trace.
    pub trace_id: TraceId,
    /// The span that stood beside it, if it is one.
    pub span_id: Option<SpanId>,
}

/// Something a line says about tasks beyond its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fact {
    /// `task … <child> … created … by task <parent>`: the child works for the parent.
    CreatedBy {
        /// The new task.
        child: TaskId,
        /// The task it was made for.
        parent: TaskId,
    },
    /// `task … <task> forwarded`: this host goes on with a task that another host of the pool began; the line's own
    /// task is the dispatch that received it.
    Forwarded {
        /// The line's own task: works for `task`.
        dispatch: Option<TaskId>,
        /// The task of the whole pool.
        task: TaskId,
    },
    /// xenopsd's task `number` works for what stands here: `Task <n> reference <dbg>`, or `begin_Parallel:task=<n>…`
    /// in a line that has a task itself.
    NumberMeans {
        /// xenopsd's own number, unique from its start to its end.
        number: u64,
        /// The task in `<dbg>`.
        task: Option<TaskId>,
        /// The number in `<dbg>`, where that is a `Parallel:task=<n>…` again: this number works for that one.
        parent: Option<u64>,
        /// The trace context in `<dbg>`.
        context: Option<LineContext>,
    },
    /// `Task <n> completed` or `Task <n> failed`.
    NumberEnds {
        /// xenopsd's own number.
        number: u64,
    },
    /// The program has started anew: its numbers begin again, and what was known of them holds no longer.
    ///
    /// The start-up lines may be missing (their level may be switched off): a [`Fact::NumberMeans`] whose number is
    /// below one that was seen before from the same program says the same.
    ProcessStarted,
}

/// The most facts one line can state.
const MAX_FACTS: usize = 2;

/// The facts of one line: at most two, in the order in which they were found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts([Option<Fact>; MAX_FACTS]);

impl Facts {
    /// Adds a fact; says whether there was room for it.
    pub fn push(&mut self, fact: Fact) -> bool {
        let room = self.0.iter_mut().find(|place| place.is_none());
        room.map(|place| *place = Some(fact)).is_some()
    }

    /// The facts.
    pub fn iter(&self) -> impl Iterator<Item = Fact> + '_ {
        self.0.iter().flatten().copied()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

/// What the correlator has to know of a log line. The host is not here: a stream belongs to one host.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LineEvidence<'a> {
    /// The program's service name, as its spans have it (`xenopsd` for `xenopsd-xc`).
    pub service: &'a str,
    /// The program as written: whose task numbers these are. Empty where the line names none.
    pub program: &'a str,
    /// Seconds since the epoch: the second of the line.
    pub second_unix: i64,
    /// Nanoseconds into that second at which the line's unit of time begins; 0 where the text has whole seconds.
    pub second_nanos: u32,
    /// The unit of the line's time: 10⁹ where the text has whole seconds, 10⁶ for milliseconds. The line was
    /// written somewhere in `[second_unix·10⁹ + second_nanos, … + unit_nanos)`.
    pub unit_nanos: u32,
    /// The trace context in the line.
    pub context: Option<LineContext>,
    /// The line's own task.
    pub task: Option<TaskId>,
    /// The line's own xenopsd task number (`Parallel:task=<n>…`), where its task field has that instead of an id.
    pub task_number: Option<u64>,
    /// What else it says.
    pub facts: Facts,
}

/// What the correlator has to know of a span.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpanFacts<'a> {
    /// The host that wrote it, where known.
    pub host: Option<Uuid>,
    /// Its service.
    pub service: &'a str,
    /// Its trace.
    pub trace_id: TraceId,
    /// Its id.
    pub span_id: SpanId,
    /// The span it was started by, seen or not.
    pub parent_id: Option<SpanId>,
    /// Microseconds since the epoch.
    pub start_unix_micros: u64,
    /// Microseconds since the epoch, not before the start.
    pub end_unix_micros: u64,
    /// Its tag `xs.xapi.task.id`.
    pub task: Option<TaskId>,
    /// Whether it has a tag `xs.xapi.task.name` beside that: then it is the task's own span.
    pub names_task: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_have_bounded_room() {
        let mut facts = Facts::default();
        assert!(facts.is_empty());
        assert!(facts.push(Fact::NumberEnds { number: 1 }));
        assert!(facts.push(Fact::ProcessStarted));
        assert!(!facts.push(Fact::NumberEnds { number: 2 }));
        assert_eq!(facts.iter().collect::<Vec<_>>(), [Fact::NumberEnds { number: 1 }, Fact::ProcessStarted]);
    }
}
