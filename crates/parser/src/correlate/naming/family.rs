//! Who stems from whom among the spans of a trace.

use crate::correlate::bound::IdHash;
use crate::correlate::spans::{SpanRecord, Spans};
use std::cmp::Reverse;
use std::collections::HashMap;

/// The spans of a trace by id. Those that come into question have their ancestors among the spans of the same time as
/// a rule; in the rest of the trace an ancestor is looked for by its id, once.
///
/// A span that was seen twice stands here once: the longest, so that order makes no difference.
pub(super) struct Family<'a> {
    spans: &'a Spans,
    trace: u128,
    /// The spans of the time in question, by id, and their ids. Mostly a handful: sorted they are found faster than by
    /// hash.
    near: Vec<&'a SpanRecord>,
    ids: Vec<u64>,
    /// What else was searched for, found or not.
    far: HashMap<u64, Option<&'a SpanRecord>, IdHash>,
}

/// What is noted of the spans of a family, by id.
struct Notes<V> {
    near: Vec<Option<V>>,
    far: HashMap<u64, V, IdHash>,
}

impl<'a> Family<'a> {
    /// The family of a trace's spans, of which `there` are all of the time in question.
    pub(super) fn of(spans: &'a Spans, trace: u128, there: &'a [SpanRecord]) -> Self {
        let mut near: Vec<_> = there.iter().collect();
        near.sort_unstable_by_key(|span| (span.id, Reverse(rank(span))));
        near.dedup_by_key(|span| span.id);
        let ids = near.iter().map(|span| span.id).collect();
        Self { spans, trace, near, ids, far: HashMap::with_hasher(spans.hash()) }
    }

    fn parent(&mut self, id: u64) -> Option<&'a SpanRecord> {
        let parent = self.find(id)?.parent;
        self.find(parent)
    }

    fn find(&mut self, id: u64) -> Option<&'a SpanRecord> {
        match self.place(id) {
            Some(place) => self.near.get(place).copied(),
            None if id == 0 => None,
            None => self.search(id),
        }
    }

    fn place(&self, id: u64) -> Option<usize> {
        self.ids.binary_search(&id).ok()
    }

    fn search(&mut self, id: u64) -> Option<&'a SpanRecord> {
        let (spans, trace) = (self.spans, self.trace);
        let search = || spans.of_id(trace, id).max_by_key(|span| rank(span));
        *self.far.entry(id).or_insert_with(search)
    }

    fn notes<V>(&self) -> Notes<V> {
        let near = self.near.iter().map(|_| None).collect();
        Notes { near, far: HashMap::with_hasher(self.spans.hash()) }
    }

    /// The ids of those that are no ancestor of another, each once. Loops have none.
    pub(super) fn innermost(&mut self, candidates: &[&SpanRecord]) -> Vec<u64> {
        let mut ancestors = self.notes();
        for span in candidates {
            let mut next = self.parent(span.id);
            // An ancestor met before has had its own ancestors met too.
            while let Some(ancestor) = next.filter(|ancestor| ancestors.put(self, ancestor.id, ())) {
                next = self.parent(ancestor.id);
            }
        }
        let mut innermost: Vec<_> = candidates.iter().map(|span| span.id).collect();
        innermost.retain(|id| ancestors.get(self, *id).is_none());
        innermost.sort_unstable();
        innermost.dedup();
        innermost
    }

    /// The common ancestors of spans that are no ancestors of each other, nearest first; none if one of the spans
    /// has an ancestor that was never seen, before its line meets that of the others.
    pub(super) fn common_ancestors(&mut self, ids: &[u64]) -> impl Iterator<Item = &'a SpanRecord> + use<'a> {
        let (first, others) = ids.split_first().map_or((&0, ids), |split| split);
        let line = self.line_of(*first);
        // How far above the first span its ancestors stand, and where the lines of the others meet with them.
        let mut height: Notes<usize> = self.notes();
        line.iter().enumerate().for_each(|(at, span)| _ = height.put(self, span.id, at));
        let mut seen = self.notes();
        let meeting = others.iter().try_fold(0, |meeting: usize, id| {
            let (walked, at) = self.walk_to(*id, &height, &mut seen)?;
            walked.into_iter().for_each(|id| _ = height.put(self, id, at));
            Some(meeting.max(at))
        });
        line.into_iter().skip(meeting.unwrap_or(usize::MAX))
    }

    /// The ancestors of a span that were seen, nearest first, up to the first gap or loop.
    fn line_of(&mut self, id: u64) -> Vec<&'a SpanRecord> {
        let mut seen = self.notes();
        seen.put(self, id, ());
        let mut line = Vec::new();
        let mut next = self.parent(id);
        while let Some(span) = next.filter(|span| seen.put(self, span.id, ())) {
            line.push(span);
            next = self.parent(span.id);
        }
        line
    }

    /// The ancestors up to one of known height, and that height; none that was `seen` is walked over again.
    fn walk_to(&mut self, id: u64, height: &Notes<usize>, seen: &mut Notes<()>) -> Option<(Vec<u64>, usize)> {
        let mut walked = Vec::new();
        let mut next = self.parent(id)?;
        loop {
            if let Some(at) = height.get(self, next.id) {
                return Some((walked, *at));
            }
            if !seen.put(self, next.id, ()) {
                return None;
            }
            walked.push(next.id);
            next = self.parent(next.id)?;
        }
    }
}

impl<V> Notes<V> {
    /// Whether this is the first that is noted of the span; a second note is left out.
    fn put(&mut self, family: &Family<'_>, id: u64, note: V) -> bool {
        match family.place(id).and_then(|place| self.near.get_mut(place)) {
            Some(place) if place.is_some() => false,
            Some(place) => {
                *place = Some(note);
                true
            }
            None if self.far.contains_key(&id) => false,
            None => self.far.insert(id, note).is_none(),
        }
    }

    fn get(&self, family: &Family<'_>, id: u64) -> Option<&V> {
        match family.place(id) {
            Some(place) => self.near.get(place)?.as_ref(),
            None => self.far.get(&id),
        }
    }
}

fn rank(span: &SpanRecord) -> (u64, u64, u64) {
    (span.end_micros.saturating_sub(span.start_micros), span.start_micros, span.parent)
}
