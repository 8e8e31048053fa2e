//! Who stems from whom among the spans of a trace.

use crate::correlate::bound::IdHash;
use crate::correlate::spans::{SpanRecord, Spans};
use std::cmp::Reverse;
use std::collections::HashMap;

/// The spans of a trace that were open at one time. Who is whose parent among them is found out once, for all the questions
/// of that time, and not before it is asked for.
///
/// A span that was seen twice stands here twice, and the longest speaks for it, so that order makes no difference.
#[derive(Debug, Default)]
pub(super) struct There {
    /// Sorted by id, the longest first, as soon as they are related.
    spans: Vec<SpanRecord>,
    is_related: bool,
    parents: Vec<Parent>,
    /// The parents that are not here, by id, found or not.
    far: Vec<(u64, Option<SpanRecord>)>,
}

/// Of so many spans parents that are not here are looked for at once; of more, those that are asked for.
const FEW: usize = 128;

/// Where a span's parent is.
#[derive(Clone, Copy, Debug)]
enum Parent {
    /// Here, at this place.
    Near(usize),
    /// Not here: at this place of those elsewhere, found or not.
    Far(usize),
    /// Not here, and not looked for.
    Unknown,
}

impl There {
    /// Empties it, keeping the buffers.
    pub(super) fn begin(&mut self) {
        self.spans.clear();
        self.is_related = false;
    }

    pub(super) fn push(&mut self, span: &SpanRecord) {
        self.spans.push(*span);
    }

    /// Finds out who is whose parent. The places of the spans are others afterwards.
    pub(super) fn relate(&mut self, spans: &Spans, trace: u128) {
        if std::mem::replace(&mut self.is_related, true) {
            return;
        }
        let Self { spans: there, parents, far, .. } = self;
        parents.clear();
        far.clear();
        there.sort_unstable_by_key(|span| (span.id, Reverse(rank(span))));
        parents.extend(there.iter().map(|span| match place(there, span.parent) {
            Some(place) => Parent::Near(place),
            None if there.len() > FEW => Parent::Unknown,
            None => Parent::Far(far_place(spans, trace, span.parent, far)),
        }));
    }

    pub(super) fn spans(&self) -> &[SpanRecord] {
        &self.spans
    }

    pub(super) fn id(&self, place: usize) -> Option<u64> {
        self.spans.get(place).map(|span| span.id)
    }

    /// The first of those that have the id of the one at this place.
    fn first(&self, at: usize) -> usize {
        let same = |before: &usize| self.id(*before) == self.id(at);
        (0..at).rev().take_while(same).last().unwrap_or(at)
    }
}

/// Where the first span of this id stands.
fn place(sorted: &[SpanRecord], id: u64) -> Option<usize> {
    let place = sorted.partition_point(|span| span.id < id);
    sorted.get(place).is_some_and(|span| span.id == id && id != 0).then_some(place)
}

/// Where the span of this id stands among those elsewhere, looked for if it is new there.
fn far_place(spans: &Spans, trace: u128, id: u64, far: &mut Vec<(u64, Option<SpanRecord>)>) -> usize {
    far.iter().position(|(known, _)| *known == id).unwrap_or_else(|| {
        far.push((id, search(spans, trace, id).copied()));
        far.len() - 1
    })
}

/// The span of this id that speaks for all that have it.
fn search(spans: &Spans, trace: u128, id: u64) -> Option<&SpanRecord> {
    if id == 0 {
        return None;
    }
    spans.of_id(trace, id).max_by_key(|span| rank(span))
}

/// The spans of a trace by id. Those that come into question have their ancestors among the spans of the same time as
/// a rule; in the rest of the trace an ancestor is looked for by its id, once.
pub(super) struct Family<'a> {
    spans: &'a Spans,
    trace: u128,
    there: &'a There,
    /// What else was searched for, found or not.
    far: HashMap<u64, Option<&'a SpanRecord>, IdHash>,
}

/// A span of the family.
#[derive(Clone, Copy)]
enum Member<'a> {
    /// It was open at the time: its place.
    Near(usize),
    /// It was not.
    Far(&'a SpanRecord),
}

/// What is noted of the spans of a family.
struct Notes<V> {
    near: Vec<Option<V>>,
    far: HashMap<u64, V, IdHash>,
}

impl<'a> Family<'a> {
    /// The family of a trace's spans, of which `there` are all of the time in question, and related.
    pub(super) fn of(spans: &'a Spans, trace: u128, there: &'a There) -> Self {
        Self { spans, trace, there, far: HashMap::with_hasher(spans.hash()) }
    }

    fn parent(&mut self, child: Member<'a>) -> Option<Member<'a>> {
        match child {
            Member::Far(span) => self.find(span.parent),
            Member::Near(at) => match *self.there.parents.get(at)? {
                Parent::Near(parent) => Some(Member::Near(parent)),
                Parent::Far(place) => self.there.far.get(place)?.1.as_ref().map(Member::Far),
                Parent::Unknown => self.search(self.there.spans.get(at)?.parent),
            },
        }
    }

    fn find(&mut self, id: u64) -> Option<Member<'a>> {
        match place(&self.there.spans, id) {
            Some(place) => Some(Member::Near(place)),
            None => self.search(id),
        }
    }

    /// Looks for a span that is not here.
    fn search(&mut self, id: u64) -> Option<Member<'a>> {
        let (spans, trace) = (self.spans, self.trace);
        self.far.entry(id).or_insert_with(|| search(spans, trace, id)).map(Member::Far)
    }

    fn span(&self, member: Member<'a>) -> Option<&'a SpanRecord> {
        match member {
            Member::Near(at) => self.there.spans.get(at),
            Member::Far(span) => Some(span),
        }
    }

    fn notes<V>(&self) -> Notes<V> {
        let near = self.there.spans.iter().map(|_| None).collect();
        Notes { near, far: HashMap::with_hasher(self.spans.hash()) }
    }

    /// Those of the spans at these places that are no ancestor of another, each once, in the order of their ids. Loops
    /// have none.
    pub(super) fn innermost(&mut self, candidates: &[usize]) -> Vec<usize> {
        let mut innermost: Vec<_> = candidates.iter().map(|at| self.there.first(*at)).collect();
        innermost.dedup();
        let mut ancestors = self.notes();
        for at in &innermost {
            let mut next = self.parent(Member::Near(*at));
            // An ancestor met before has had its own ancestors met too.
            while let Some(ancestor) = next.filter(|ancestor| ancestors.put(*ancestor, ())) {
                next = self.parent(ancestor);
            }
        }
        innermost.retain(|at| ancestors.get(Member::Near(*at)).is_none());
        innermost
    }

    /// The common ancestors of spans that are no ancestors of each other, nearest first; none if one of the spans
    /// has an ancestor that was never seen, before its line meets that of the others.
    pub(super) fn common_ancestors(
        &mut self,
        places: &[usize],
    ) -> impl Iterator<Item = &'a SpanRecord> + use<'a> {
        let (first, others) = places.split_first().map_or((&0, places), |split| split);
        let line = self.line_of(Member::Near(*first));
        // How far above the first span its ancestors stand, and where the lines of the others meet with them.
        let mut height: Notes<usize> = self.notes();
        line.iter().enumerate().for_each(|(at, member)| _ = height.put(*member, at));
        let mut seen = self.notes();
        let meeting = others.iter().try_fold(0, |meeting: usize, place| {
            let (walked, at) = self.walk_to(Member::Near(*place), &height, &mut seen)?;
            walked.into_iter().for_each(|member| _ = height.put(member, at));
            Some(meeting.max(at))
        });
        let common: Vec<_> = line.into_iter().skip(meeting.unwrap_or(usize::MAX)).collect();
        let spans: Vec<_> = common.into_iter().filter_map(|member| self.span(member)).collect();
        spans.into_iter()
    }

    /// The ancestors of a span that were seen, nearest first, up to the first gap or loop.
    fn line_of(&mut self, first: Member<'a>) -> Vec<Member<'a>> {
        let mut seen = self.notes();
        seen.put(first, ());
        let mut line = Vec::new();
        let mut next = self.parent(first);
        while let Some(member) = next.filter(|member| seen.put(*member, ())) {
            line.push(member);
            next = self.parent(member);
        }
        line
    }

    /// The ancestors up to one of known height, and that height; none that was `seen` is walked over again.
    fn walk_to(
        &mut self,
        from: Member<'a>,
        height: &Notes<usize>,
        seen: &mut Notes<()>,
    ) -> Option<(Vec<Member<'a>>, usize)> {
        let mut walked = Vec::new();
        let mut next = self.parent(from)?;
        loop {
            if let Some(at) = height.get(next) {
                return Some((walked, *at));
            }
            if !seen.put(next, ()) {
                return None;
            }
            walked.push(next);
            next = self.parent(next)?;
        }
    }
}

impl<V> Notes<V> {
    /// Whether this is the first that is noted of the span; a second note is left out.
    fn put(&mut self, member: Member<'_>, note: V) -> bool {
        match member {
            Member::Near(at) => match self.near.get_mut(at) {
                Some(place @ None) => {
                    *place = Some(note);
                    true
                }
                _ => false,
            },
            Member::Far(span) if self.far.contains_key(&span.id) => false,
            Member::Far(span) => self.far.insert(span.id, note).is_none(),
        }
    }

    fn get(&self, member: Member<'_>) -> Option<&V> {
        match member {
            Member::Near(at) => self.near.get(at)?.as_ref(),
            Member::Far(span) => self.far.get(&span.id),
        }
    }
}

fn rank(span: &SpanRecord) -> (u64, u64, u64) {
    (span.end_micros.saturating_sub(span.start_micros), span.start_micros, span.parent)
}
