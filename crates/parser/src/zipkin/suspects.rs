//! Which traces of a line may hold spans to drop.
//!
//! Children stand before their parents, so a span can't be shipped before the whole line has been seen for a parent
//! that is dropped. A look for the rules' literal text tells the few traces where that can be: only their spans
//! wait for the line's end, all others leave at once.

use super::draft::Draft;
use super::drops::DropRules;
use super::recover::{Budget, may_begin};
use crate::glob::Glob;
use memchr::memmem::Finder;
use memchr::memrchr_iter;
use model::TraceId;

/// More traces than this are not told apart: all are suspect.
const MAX_TRACES: usize = 256;
/// How far before a name its span may begin, and how many objects may begin between.
const MAX_BEFORE: usize = 64 * 1024;
const MAX_TRIES: usize = 8;

/// The traces whose spans must wait.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Suspects {
    /// These, in order; mostly none.
    Traces(Vec<TraceId>),
    /// Every trace of the line.
    All,
}

impl Suspects {
    /// Looks through a line.
    pub(super) fn find(text: &str, rules: &DropRules) -> Self {
        let mut traces = Vec::new();
        let mut search = Search { text, draft: Draft::default(), budget: Budget::of(text) };
        for rule in rules.rules() {
            let found = rule.needle.as_ref().and_then(|needle| search.traces(needle, rules, &mut traces));
            if found.is_none() || traces.len() > MAX_TRACES {
                return Self::All;
            }
        }
        traces.sort_unstable();
        traces.dedup();
        Self::Traces(traces)
    }

    /// Whether a span of this trace must wait.
    pub(super) fn contain(&self, trace_id: TraceId) -> bool {
        match self {
            Self::Traces(traces) => !traces.is_empty() && traces.binary_search(&trace_id).is_ok(),
            Self::All => true,
        }
    }
}

struct Search<'t> {
    text: &'t str,
    draft: Draft<'t>,
    budget: Budget,
}

impl Search<'_> {
    /// Adds the traces of the spans whose name fits a rule and holds `needle`; `None` if that can't be told.
    fn traces(&mut self, needle: &Finder<'_>, rules: &DropRules, traces: &mut Vec<TraceId>) -> Option<()> {
        let mut seen = 0;
        for hit in needle.find_iter(self.text.as_bytes()) {
            if hit < seen {
                continue;
            }
            seen = self.enclosing(hit)?;
            let trace = self.draft.trace_id.filter(|_| rules.matches(&self.draft.name));
            if traces.len() <= MAX_TRACES && traces.last() != trace.as_ref() {
                traces.extend(trace);
            }
        }
        Some(())
    }

    /// Reads the span around `hit` into the draft; where it ends.
    fn enclosing(&mut self, hit: usize) -> Option<usize> {
        let floor = hit.saturating_sub(MAX_BEFORE);
        let before = self.text.as_bytes().get(floor..hit)?;
        let places = memrchr_iter(b'{', before).map(|place| floor + place);
        for place in places.filter(|place| may_begin(self.text, *place)).take(MAX_TRIES) {
            let read = self.draft.read(self.text.get(place..)?);
            let (Ok(spent) | Err(spent)) = read;
            let covers = read.is_ok_and(|length| place + length > hit);
            if covers && self.draft.is_meant() {
                return Some(place + spent);
            }
            if !self.budget.spend(spent) {
                return None;
            }
        }
        None
    }
}

/// The longest text that a name of this glob holds and that JSON writes in one way only. `None` if it has none: too
/// short a text would be found everywhere.
pub(super) fn needle(name: &Glob) -> Option<Finder<'static>> {
    let text = name.longest_literal(|c| c.is_ascii_alphanumeric() || "._:- ".contains(c));
    (text.len() >= 3).then(|| Finder::new(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, globs: &[&str], expected: Option<&[u8]>) {
        let expected = match expected {
            Some(traces) => {
                Suspects::Traces(traces.iter().map(|n| TraceId::from_hex(&[*n]).unwrap()).collect())
            }
            None => Suspects::All,
        };
        assert_eq!(
            Suspects::find(text, &DropRules::new(globs.iter().copied())),
            expected,
            "{text} {globs:?}"
        );
    }

    #[test]
    fn only_traces_with_such_a_name() {
        let line = r#"[{"tags":{"a":"b"},"annotations":[{"timestamp":1,"value":"Tracing.x"}],"name":"n","traceId":"1","id":"1"},
            {"name": "Tracing.flush", "traceId": "2", "id": "2"},{"traceId":"3","id":"3","name":"Tracing."}]"#;
        check(line, &["Tracing.*"], Some(b"23"));
        check(line, &["Tracing.*", "n?me"], None);
        check(line, &[], Some(b""));
        check(line, &["Tracing.none"], Some(b""));
        check(line, &["*"], None);
        check("xx Tracing. yy", &["Tracing.*"], None);
        check("", &["Tracing.*"], Some(b""));
    }
}
