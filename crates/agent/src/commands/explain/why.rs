//! Why a line is joined as it is, in words.

use super::evidence::{Known, Open};
use super::read::window_text;
use super::tell;
use crate::commands::draw::{Paint, clean, clock_time, duration, fit};
use crate::order;
use model::{SpanId, TaskId, TraceId};
use parser::correlate::{Explanation, LinkKind, Outcome, SpanChoice, Step};
use parser::evidence::LineEvidence;
use serde::{Serialize, Serializer};
use std::fmt::{Display, Write as _};
use std::time::Duration;

/// As many of the spans that were open are told.
const TOLD: usize = 12;

/// The correlator's reasons.
#[derive(Debug, Serialize)]
pub(super) struct Why {
    /// The time in which it was written.
    written_in: String,
    /// The rules tried, in order.
    steps: Vec<String>,
    /// `context`, `task`, `link`, or why it is not joined.
    outcome: &'static str,
    #[serde(serialize_with = "as_optional_text")]
    trace_id: Option<TraceId>,
    #[serde(serialize_with = "as_optional_text")]
    span_id: Option<SpanId>,
    /// Why this span, or none.
    span_choice: Option<&'static str>,
    /// Whether later evidence could still change the trace.
    open: bool,
    /// What is told of that.
    #[serde(skip)]
    wait: Duration,
    /// The trace's spans that were open in the line's second.
    open_spans: Vec<Open>,
}

pub(super) fn as_text<T: Display, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

fn as_optional_text<T: Display, S: Serializer>(value: &Option<T>, to: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => to.collect_str(value),
        None => to.serialize_none(),
    }
}

impl Why {
    /// Asks the correlator. The line is learned from first, as it is when it is read.
    pub(super) fn of(known: &mut Known, line: &LineEvidence<'_>, wait: &Duration) -> Self {
        known.correlator.teach(line, known.host);
        let Explanation { window, steps, context, outcome, open, span_choice } =
            known.correlator.explain(line, known.host);
        let trace_id = context.map(|context| context.trace_id);
        let mut open_spans: Vec<Open> =
            known.open.iter().filter(|span| Some(span.trace_id) == trace_id).cloned().collect();
        order::by_key(&mut open_spans, |span| (span.start_unix_nano, span.span_id));
        open_spans.dedup_by_key(|span| span.span_id);
        Self {
            written_in: window_text(&window),
            steps: told(&steps, line),
            outcome: outcome.as_str(),
            trace_id,
            span_id: context.and_then(|context| context.span_id),
            span_choice: span_choice.map(choice),
            open,
            wait: *wait,
            open_spans,
        }
    }

    /// The trace that the line is joined to.
    #[cfg(test)]
    pub(super) fn trace_id(&self) -> Option<TraceId> {
        self.trace_id
    }

    /// For people.
    pub(super) fn tell(&self, text: &mut String, paint: Paint) {
        let _ = writeln!(text, "{}", paint.bold("Why"));
        for (number, step) in self.steps.iter().enumerate() {
            let _ = writeln!(text, "  {}. {}", number + 1, clean(step));
        }
        self.tell_spans(text, paint);
        let _ = writeln!(text, "{}", paint.bold("So it is"));
        match self.trace_id {
            Some(trace) => {
                tell(text, "joined by", self.outcome);
                tell(text, "trace", &trace.to_string());
                let span = self.span_id.map_or_else(|| "none".to_owned(), |span| span.to_string());
                tell(text, "span", &format!("{span}: {}", self.span_choice.unwrap_or("nothing is known")));
            }
            None => tell(text, "not joined", reason(self.outcome)),
        }
        if self.open {
            let wait = duration(u64::try_from(self.wait.as_nanos()).unwrap_or(u64::MAX));
            tell(
                text,
                "not for good",
                &format!("later evidence could change this; the agent waits {wait} for it"),
            );
        }
    }

    fn tell_spans(&self, text: &mut String, paint: Paint) {
        if self.open_spans.is_empty() {
            return;
        }
        let _ = writeln!(text, "  of the trace, open in the time of the line ({}):", self.written_in);
        for span in self.open_spans.iter().take(TOLD) {
            let (start, end) = (clock_time(span.start_unix_nano), clock_time(span.end_unix_nano));
            let mark = if Some(span.span_id) == self.span_id { "→" } else { " " };
            let row = format!(
                "  {mark} {} {} {} {start} to {end}",
                span.span_id,
                fit(&span.service, 12),
                fit(&span.name, 60)
            );
            let _ = writeln!(text, "{}", if mark == "→" { paint.green(&row) } else { row });
        }
        if let Some(more) = self.open_spans.len().checked_sub(TOLD).filter(|more| *more > 0) {
            let _ = writeln!(text, "    … {more} more");
        }
    }
}

fn told(steps: &[Step], line: &LineEvidence<'_>) -> Vec<String> {
    if steps.is_empty() {
        return vec![
            "neither a trace context nor a task stands in it: such a line is never guessed into a trace"
                .to_owned(),
        ];
    }
    // What was looked for first, and is not there, is no step of the correlator.
    let lacking = match (line.context, line.task, line.task_number) {
        (Some(_), ..) => None,
        (None, Some(_), _) | (None, None, None) => Some("no trace context stands in the line"),
        (None, None, Some(_)) => Some("neither a trace context nor a task id stands in the line"),
    };
    lacking.map(str::to_owned).into_iter().chain(steps.iter().map(|step| told_step(step, line))).collect()
}

fn told_step(step: &Step, line: &LineEvidence<'_>) -> String {
    let name = |task: &Option<TaskId>| match task.or(line.task) {
        Some(task) => format!("task {task}"),
        None => "the task".to_owned(),
    };
    match step {
        Step::Context { trace_id, span_id } => {
            let span = span_id.map(|span| format!("; its span {span} is that of some ancestor, a hint"));
            format!("a trace context stands in the line: trace {trace_id}{}", span.unwrap_or_default())
        }
        Step::UnknownNumber => format!(
            "task number {} stands in the line, and no line before it says what that means",
            line.task_number.unwrap_or(0)
        ),
        Step::Number { task, trace_id } => {
            let means =
                [task.map(|task| format!("task {task}")), trace_id.map(|trace| format!("trace {trace}"))];
            let means: Vec<String> = means.into_iter().flatten().collect();
            let means = if means.is_empty() { "a task".to_owned() } else { means.join(" in ") };
            format!("task number {} stands in the line, and means {means}", line.task_number.unwrap_or(0))
        }
        Step::OwnSpan { task, traces, trace_id } => {
            format!("{}: its own span was seen{}", name(task), which(*traces, trace_id.as_ref()))
        }
        Step::Candidates { task, traces, trace_id } => format!(
            "{}: its own span was not seen, but others with its id were{}",
            name(task),
            which(*traces, trace_id.as_ref())
        ),
        Step::NoSpan { task } => format!("{}: no span with its id was seen", name(task)),
        Step::Link { task, to, kind } => {
            let to = to.map_or_else(|| "another task".to_owned(), |to| format!("task {to}"));
            match kind {
                LinkKind::Created => format!("{} was created by {to}", name(task)),
                LinkKind::Forwarded => format!("{} goes on with {to} on this host", name(task)),
            }
        }
        Step::LinksClash { task } => {
            format!("{} is said to work for several others: none is followed", name(task))
        }
        Step::LinksEndless => "the tasks lead back to where they came from".to_owned(),
    }
}

fn which(traces: usize, trace: Option<&TraceId>) -> String {
    match (traces, trace) {
        (0 | 1, Some(trace)) => format!(", in trace {trace}"),
        (_, Some(trace)) => {
            format!(", in {traces} traces; trace {trace} is the one that fits the line's time")
        }
        (_, None) => format!(", in {traces} traces, and nothing says which it is"),
    }
}

fn choice(choice: SpanChoice) -> &'static str {
    match choice {
        SpanChoice::NoneThere => "no span of the trace was open at the line's time, as far as is known",
        SpanChoice::InLine => "it stands in the line, and was open at its time",
        SpanChoice::Only => "the only one that comes into question",
        SpanChoice::Innermost => "the innermost of those that come into question",
        SpanChoice::CommonAncestor => "the nearest one above all that come into question",
        SpanChoice::TasksOwn => "the task's own, as nothing singles out one below it",
        SpanChoice::NotSingledOut => "several come into question, and nothing singles one out",
    }
}

fn reason(outcome: &str) -> &'static str {
    let is = |one: Outcome| one.as_str() == outcome;
    if is(Outcome::NoId) {
        "there is nothing in it to join it by"
    } else if is(Outcome::Ambiguous) {
        "spans of several traces speak for it"
    } else {
        "no span speaks for it"
    }
}
