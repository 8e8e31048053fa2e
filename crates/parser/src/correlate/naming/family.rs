//! Who stems from whom among the spans of a trace.

use crate::correlate::bound::IdHash;
use crate::correlate::spans::{SpanRecord, Spans};
use std::collections::{HashMap, HashSet};

/// How far above a span its ancestors stand, by id.
type Heights = HashMap<u64, usize, IdHash>;

/// The spans of a trace by id. Those that come into question have their ancestors among the spans of the same time as
/// a rule; in the rest of the trace an ancestor is looked for by its id, once.
///
/// A span that was seen twice stands here once: the longest, so that order makes no difference.
pub(super) struct Family<'a> {
    spans: &'a Spans,
    trace: u128,
    /// The spans of the time in question, and what was searched for, found or not.
    known: HashMap<u64, Option<&'a SpanRecord>, IdHash>,
}

impl<'a> Family<'a> {
    /// The family of a trace's spans, of which `there` are all of the time in question.
    pub(super) fn of(spans: &'a Spans, trace: u128, there: &[&'a SpanRecord]) -> Self {
        let mut known = HashMap::with_capacity_and_hasher(there.len(), spans.hash());
        for span in there.iter().copied() {
            let longest = known.entry(span.id).or_insert(Some(span));
            if longest.is_some_and(|known| rank(span) > rank(known)) {
                *longest = Some(span);
            }
        }
        Self { spans, trace, known }
    }

    fn parent(&mut self, id: u64) -> Option<&'a SpanRecord> {
        let parent = self.find(id)?.parent;
        self.find(parent)
    }

    fn find(&mut self, id: u64) -> Option<&'a SpanRecord> {
        match self.known.get(&id) {
            Some(known) => *known,
            None if id == 0 => None,
            None => self.search(id),
        }
    }

    fn search(&mut self, id: u64) -> Option<&'a SpanRecord> {
        let found = self.spans.of_id(self.trace, id).max_by_key(|span| rank(span));
        self.known.insert(id, found);
        found
    }

    /// The ids of those that are no ancestor of another, each once. Loops have none.
    pub(super) fn innermost(&mut self, candidates: &[&SpanRecord]) -> Vec<u64> {
        let mut ancestors = HashSet::with_hasher(self.spans.hash());
        for span in candidates {
            let mut next = self.parent(span.id);
            // An ancestor met before has had its own ancestors met too.
            while let Some(ancestor) = next.filter(|ancestor| ancestors.insert(ancestor.id)) {
                next = self.parent(ancestor.id);
            }
        }
        let mut innermost: Vec<_> = candidates.iter().map(|span| span.id).collect();
        innermost.retain(|id| !ancestors.contains(id));
        innermost.sort_unstable();
        innermost.dedup();
        innermost
    }

    /// The common ancestors of spans that are no ancestors of each other, nearest first; none if one of the spans
    /// has an ancestor that was never seen, before its line meets that of the others.
    pub(super) fn common_ancestors(&mut self, ids: &[u64]) -> impl Iterator<Item = &'a SpanRecord> + use<'a> {
        let (first, others) = ids.split_first().map_or((&0, ids), |split| split);
        let line = self.line_of(*first);
        let mut height: Heights = HashMap::with_capacity_and_hasher(line.len(), self.spans.hash());
        height.extend(line.iter().enumerate().map(|(at, span)| (span.id, at)));
        let meeting = others.iter().try_fold(0, |meeting: usize, id| {
            let (walked, at) = self.walk_to(*id, &height)?;
            height.extend(walked.into_iter().map(|id| (id, at)));
            Some(meeting.max(at))
        });
        line.into_iter().skip(meeting.unwrap_or(usize::MAX))
    }

    /// The ancestors of a span that were seen, nearest first, up to the first gap or loop.
    fn line_of(&mut self, id: u64) -> Vec<&'a SpanRecord> {
        let mut seen = HashSet::with_hasher(self.spans.hash());
        seen.insert(id);
        let mut line = Vec::new();
        let mut next = self.parent(id);
        while let Some(span) = next.filter(|span| seen.insert(span.id)) {
            line.push(span);
            next = self.parent(span.id);
        }
        line
    }

    /// The ancestors up to one of known height, and that height.
    fn walk_to(&mut self, id: u64, height: &Heights) -> Option<(HashSet<u64, IdHash>, usize)> {
        let mut walked = HashSet::with_hasher(self.spans.hash());
        let mut next = self.parent(id)?;
        loop {
            if let Some(at) = height.get(&next.id) {
                return Some((walked, *at));
            }
            if !walked.insert(next.id) {
                return None;
            }
            next = self.parent(next.id)?;
        }
    }
}

fn rank(span: &SpanRecord) -> (u64, u64, u64) {
    (span.end_micros.saturating_sub(span.start_micros), span.start_micros, span.parent)
}
