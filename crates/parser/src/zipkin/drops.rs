//! Drop rules: spans that are left out by name, with those below them in the same line.

use super::suspects::needle;
use crate::glob::Glob;
use memchr::memmem::Finder;
use model::{SpanId, TraceId};
use std::collections::HashSet;

/// The globs of the configuration's `[traces] drop`.
///
/// XAPI traces its own tracing (`Tracing.flush_spans` and what is below it): two spans and a trace of their own
/// every 30 s from every service.
#[derive(Clone, Debug, Default)]
pub struct DropRules {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
pub(super) struct Rule {
    name: Glob,
    /// Text that stands in each line with a span of such a name; `None` if there is no such text.
    pub(super) needle: Option<Finder<'static>>,
}

impl DropRules {
    /// Rules from globs over span names; without any, nothing is dropped.
    #[must_use]
    pub fn new<'g>(globs: impl IntoIterator<Item = &'g str>) -> Self {
        let rule = |glob: &str| {
            let name = Glob::new(glob);
            Rule { needle: needle(&name), name }
        };
        Self { rules: globs.into_iter().map(rule).collect() }
    }

    /// Whether a span of this name is dropped, wherever it stands.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        self.rules.iter().any(|rule| rule.name.matches(name))
    }

    pub(super) fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

/// A span whose fate is known at the line's end only, because its parents may stand behind it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deferred {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) parent_id: Option<SpanId>,
    /// Its own name is to be dropped.
    pub(super) named: bool,
}

/// Says for each span whether it is to be dropped: by its name, or because a span above it is.
pub(super) fn dropped(spans: &[Deferred]) -> Vec<bool> {
    let mut gone: Vec<bool> = spans.iter().map(|span| span.named).collect();
    let mut ids: HashSet<(TraceId, SpanId)> =
        spans.iter().filter(|span| span.named).map(|span| (span.trace_id, span.span_id)).collect();
    let mut below = Below::of(spans);
    let mut next: Vec<(TraceId, SpanId)> = ids.iter().copied().collect();
    while let Some(parent) = next.pop() {
        for place in below.take(parent) {
            let Some((span, gone)) = spans.get(place).zip(gone.get_mut(place)) else { continue };
            *gone = true;
            let id = (span.trace_id, span.span_id);
            if ids.insert(id) {
                next.push(id);
            }
        }
    }
    gone
}

/// The places of the spans below each parent.
struct Below(std::collections::HashMap<(TraceId, SpanId), Vec<usize>>);

impl Below {
    fn of(spans: &[Deferred]) -> Self {
        let mut below = Self(std::collections::HashMap::new());
        for (place, span) in spans.iter().enumerate() {
            if let Some(parent) = span.parent_id {
                below.0.entry((span.trace_id, parent)).or_default().push(place);
            }
        }
        below
    }

    fn take(&mut self, parent: (TraceId, SpanId)) -> Vec<usize> {
        self.0.remove(&parent).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(n: u8) -> SpanId {
        SpanId::from_bytes([0, 0, 0, 0, 0, 0, 1, n]).unwrap()
    }

    fn span(trace: u8, own: u8, parent: Option<u8>, named: bool) -> Deferred {
        let trace_id = TraceId::from_bytes([trace + 1; 16]).unwrap();
        Deferred { start: 0, end: 0, trace_id, span_id: id(own), parent_id: parent.map(id), named }
    }

    #[test]
    fn those_below_go_too() {
        let spans = [
            span(0, 3, Some(2), false),
            span(0, 2, Some(1), false),
            span(0, 1, Some(9), true),
            span(0, 4, Some(9), false),
            span(1, 5, Some(1), false),
            span(0, 6, None, false),
        ];
        assert_eq!(dropped(&spans), [true, true, true, false, false, false]);
    }

    proptest! {
        /// As many rounds as there are spans reach everything below; loops and double ids harm nobody.
        #[test]
        fn the_same_as_in_rounds(raw in prop::collection::vec((0..2u8, 0..6u8, prop::option::of(0..6u8), prop::bool::weighted(0.2)), 0..12)) {
            let spans: Vec<_> = raw.into_iter().map(|(t, own, parent, named)| span(t, own, parent, named)).collect();
            let mut expected: Vec<bool> = spans.iter().map(|span| span.named).collect();
            for _ in 0..spans.len() {
                let before = expected.clone();
                for (gone, span) in expected.iter_mut().zip(&spans) {
                    *gone |= spans.iter().zip(&before).any(|(above, above_gone)| {
                        *above_gone && above.trace_id == span.trace_id && span.parent_id == Some(above.span_id)
                    });
                }
            }
            prop_assert_eq!(dropped(&spans), expected);
        }
    }
}
