//! From a bag of spans and lines to rows in the order of a tree.

use super::pick::{best_lines, kept_spans};
use super::units::duration;
use super::{Line, Span, Style, Trace, count};
use crate::order;
use model::SpanId;
use std::cmp::Reverse;
use std::collections::HashMap;

/// As many levels are drawn; of deeper spans the last ones.
const LEVELS: usize = 12;

/// A time without a span is marked from this share of the trace on, and from so many nanoseconds.
const GAP: (u64, u64) = (20, 100_000_000);

/// A row, with what is drawn before it to show its place.
#[derive(Debug)]
pub(super) enum Row<'t> {
    Span { guide: String, span: &'t Span },
    Error { guide: String, message: &'t str },
    Line { guide: String, line: &'t Line, exact: bool },
    More { guide: String, text: String },
}

/// Which span is whose child. Everything is a position in the list of spans.
#[derive(Debug)]
pub(super) struct Forest {
    parents: Vec<Option<usize>>,
    /// Parents before children, siblings by their start.
    pub(super) order: Vec<usize>,
}

impl Forest {
    pub(super) fn of(spans: &[Span]) -> Self {
        let mut sorted: Vec<(usize, &Span)> = spans.iter().enumerate().collect();
        order::by_key(&mut sorted, |(_, span)| (span.start_unix_nano, Reverse(span.end_unix_nano), span.id));
        let mut by_id: HashMap<SpanId, usize> = HashMap::new();
        for (at, span) in &sorted {
            by_id.entry(span.id).or_insert(*at);
        }
        let mut parents = vec![None; spans.len()];
        for (at, span) in &sorted {
            set(&mut parents, *at, parent(*at, span, &by_id));
        }
        cut_loops(&mut parents);
        let order = preorder(sorted.iter().map(|(at, _)| *at), &parents);
        Self { parents, order }
    }

    pub(super) fn parent(&self, at: usize) -> Option<usize> {
        self.parents.get(at).copied().flatten()
    }
}

/// The span that it was started by, if it is there. Client and server of one call may share an id: then the one that
/// began later hangs below the other.
fn parent(at: usize, span: &Span, by_id: &HashMap<SpanId, usize>) -> Option<usize> {
    let first = by_id.get(&span.id).copied().filter(|first| *first != at);
    first.or_else(|| by_id.get(&span.parent?).copied().filter(|parent| *parent != at))
}

fn set<T>(list: &mut [T], at: usize, value: T) {
    if let Some(place) = list.get_mut(at) {
        *place = value;
    }
}

/// Makes a root of one span of each loop.
fn cut_loops(parents: &mut [Option<usize>]) {
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        Not,
        OnThisWay,
        Before,
    }
    let mut seen = vec![Seen::Not; parents.len()];
    for start in 0..parents.len() {
        let (mut way, mut next) = (Vec::new(), Some(start));
        while let Some(at) = next.filter(|at| seen.get(*at) == Some(&Seen::Not)) {
            set(&mut seen, at, Seen::OnThisWay);
            way.push(at);
            next = parents.get(at).copied().flatten();
            if next.is_some_and(|next| seen.get(next) == Some(&Seen::OnThisWay)) {
                set(parents, at, None);
            }
        }
        way.into_iter().for_each(|at| set(&mut seen, at, Seen::Before));
    }
}

fn preorder(sorted: impl DoubleEndedIterator<Item = usize>, parents: &[Option<usize>]) -> Vec<usize> {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); parents.len()];
    let mut stack = Vec::new();
    // Last first, so that the stack gives the first first.
    for at in sorted.rev() {
        match parents.get(at).copied().flatten() {
            Some(parent) => children.get_mut(parent).into_iter().for_each(|list| list.push(at)),
            None => stack.push(at),
        }
    }
    let mut order = Vec::with_capacity(parents.len());
    while let Some(at) = stack.pop() {
        order.push(at);
        stack.extend(children.get_mut(at).map(std::mem::take).into_iter().flatten());
    }
    order
}

/// Lines by the span under which they are drawn.
struct Joined<'t> {
    of_span: HashMap<SpanId, Vec<&'t Line>>,
    of_trace: Vec<&'t Line>,
}

impl<'t> Joined<'t> {
    fn of(trace: &'t Trace) -> Self {
        let mut joined = Self {
            of_span: trace.spans.iter().map(|span| (span.id, Vec::new())).collect(),
            of_trace: Vec::new(),
        };
        for line in &trace.lines {
            let list = line.span.and_then(|span| joined.of_span.get_mut(&span));
            list.unwrap_or(&mut joined.of_trace).push(line);
        }
        joined
    }
}

/// What is not drawn under a span.
#[derive(Clone, Copy, Default)]
struct Hidden {
    spans: usize,
    lines: usize,
}

/// The rows of a trace.
pub(super) fn rows<'t>(trace: &'t Trace, style: &Style) -> Vec<Row<'t>> {
    let forest = Forest::of(&trace.spans);
    let joined = Joined::of(trace);
    let has_lines = |span: &Span| joined.of_span.get(&span.id).is_some_and(|lines| !lines.is_empty());
    let kept = kept_spans(&trace.spans, &forest, &has_lines, style.spans);
    Drawing { trace, style, forest, joined, kept, rows: Vec::new(), open: Vec::new() }.all()
}

/// Of spans that begin long after all their elder siblings have ended: how long after, in nanoseconds.
fn gaps(trace: &Trace, forest: &Forest) -> HashMap<usize, u64> {
    let (start, end) = trace.extent().unwrap_or_default();
    let least = (end.saturating_sub(start) / GAP.0).max(GAP.1);
    let mut covered: HashMap<usize, u64> = HashMap::new();
    let mut gaps = HashMap::new();
    for at in forest.order.iter().copied() {
        let (Some(span), Some(parent)) = (trace.spans.get(at), forest.parent(at)) else { continue };
        let begin = trace.spans.get(parent).map_or(0, |parent| parent.start_unix_nano);
        let until = covered.entry(parent).or_insert(begin);
        let gap = span.start_unix_nano.saturating_sub(*until);
        *until = span.end_unix_nano.max(*until);
        if gap >= least {
            gaps.insert(at, gap);
        }
    }
    gaps
}

struct Drawing<'t, 's> {
    trace: &'t Trace,
    style: &'s Style,
    forest: Forest,
    joined: Joined<'t>,
    /// By position: whether the span is drawn.
    kept: Vec<bool>,
    rows: Vec<Row<'t>>,
    /// For each level above: whether more follows on it.
    open: Vec<bool>,
}

impl<'t> Drawing<'t, '_> {
    fn all(mut self) -> Vec<Row<'t>> {
        let (last_child, hidden) = (self.last_children(), self.hidden());
        let gaps = if self.style.marks { gaps(self.trace, &self.forest) } else { HashMap::new() };
        let mut depths = vec![0; self.kept.len()];
        let mut of_trace = Some(std::mem::take(&mut self.joined.of_trace));
        for at in self.drawn().collect::<Vec<_>>() {
            let parent = self.forest.parent(at);
            let depth = parent.and_then(|parent| depths.get(parent)).map_or(0, |depth| depth + 1);
            set(&mut depths, at, depth);
            let last = parent.is_none_or(|parent| last_child.get(parent) == Some(&Some(at)));
            let goes_on = last_child.get(at).is_some_and(Option::is_some);
            self.gap(depth, gaps.get(&at));
            self.span(at, depth, last, goes_on);
            let inner = self.inner(goes_on);
            self.missing_parent(at, &inner);
            self.more(&inner, hidden.get(at).copied().unwrap_or_default());
            // The first one is a root: nothing is drawn before it.
            self.lines(&inner, &of_trace.take().unwrap_or_default(), false);
        }
        self.lines("", &of_trace.take().unwrap_or_default(), false);
        self.rows
    }

    /// What is drawn, in order.
    fn drawn(&self) -> impl Iterator<Item = usize> {
        self.forest.order.iter().copied().filter(|at| self.kept.get(*at) == Some(&true))
    }

    fn last_children(&self) -> Vec<Option<usize>> {
        let mut last = vec![None; self.kept.len()];
        for at in self.drawn() {
            if let Some(parent) = self.forest.parent(at) {
                set(&mut last, parent, Some(at));
            }
        }
        last
    }

    /// What is left out, counted at the nearest span above it that is drawn; roots that are left out at the first root.
    fn hidden(&self) -> Vec<Hidden> {
        let mut hidden = vec![Hidden::default(); self.kept.len()];
        let mut owners = vec![self.drawn().next(); self.kept.len()];
        for at in self.forest.order.iter().copied() {
            if self.kept.get(at) == Some(&true) {
                set(&mut owners, at, Some(at));
                continue;
            }
            let above = self.forest.parent(at).and_then(|parent| owners.get(parent).copied().flatten());
            let owner = above.or_else(|| self.drawn().next());
            set(&mut owners, at, owner);
            if let Some(place) = owner.and_then(|owner| hidden.get_mut(owner)) {
                let span = self.trace.spans.get(at);
                place.spans += 1;
                place.lines +=
                    span.and_then(|span| self.joined.of_span.get(&span.id)).map_or(0, |lines| lines.len());
            }
        }
        hidden
    }

    fn span(&mut self, at: usize, depth: usize, last: bool, goes_on: bool) {
        let Some(span) = self.trace.spans.get(at) else { return };
        self.open.truncate(depth.saturating_sub(1));
        let corner = if last { "└ " } else { "├ " };
        let guide = format!("{}{}", self.guide(), if depth == 0 { "" } else { corner });
        self.rows.push(Row::Span { guide, span });
        if depth > 0 {
            self.open.push(!last);
        }
        let inner = self.inner(goes_on);
        if let Some(message) = span.error.as_deref().filter(|message| !message.is_empty()) {
            self.rows.push(Row::Error { guide: inner.clone(), message });
        }
        let lines = self.joined.of_span.remove(&span.id).unwrap_or_default();
        self.lines(&inner, &lines, true);
    }

    /// Above a span, the time in which nothing is known of what its parent did.
    fn gap(&mut self, depth: usize, gap: Option<&u64>) {
        if let Some(nanos) = gap {
            self.open.truncate(depth.saturating_sub(1));
            let guide = format!("{}│ ", self.guide());
            let text = format!("⋯ {} without a span", duration(*nanos));
            self.rows.push(Row::More { guide, text });
        }
    }

    fn missing_parent(&mut self, at: usize, guide: &str) {
        let span = self.trace.spans.get(at).filter(|_| self.style.marks && self.forest.parent(at).is_none());
        if let Some(parent) = span.and_then(|span| span.parent.filter(|parent| *parent != span.id)) {
            let text = format!("its parent {parent} was not written");
            self.rows.push(Row::More { guide: guide.to_owned(), text });
        }
    }

    fn guide(&self) -> String {
        let passed = self.open.len().saturating_sub(LEVELS);
        let shown = self.open.iter().skip(passed).map(|open| if *open { "│ " } else { "  " });
        let start = if passed > 0 { "⋯ " } else { "" };
        std::iter::once(start).chain(shown).collect()
    }

    /// The guide of what belongs to the span drawn last.
    fn inner(&self, goes_on: bool) -> String {
        format!("{}{}", self.guide(), if goes_on { "│ " } else { "  " })
    }

    fn lines(&mut self, guide: &str, lines: &[&'t Line], exact: bool) {
        let chosen = best_lines(lines, self.style.lines);
        let left_out = lines.len() - chosen.len();
        let row = |line| Row::Line { guide: guide.to_owned(), line, exact };
        self.rows.extend(chosen.into_iter().map(row));
        if left_out > 0 {
            let text = format!("… {}", count(left_out, "more line"));
            self.rows.push(Row::More { guide: guide.to_owned(), text });
        }
    }

    fn more(&mut self, guide: &str, hidden: Hidden) {
        if hidden.spans > 0 {
            let spans = count(hidden.spans, "more span");
            let text = match hidden.lines {
                0 => format!("… {spans} below"),
                lines => format!("… {spans} below, with {}", count(lines, "line")),
            };
            self.rows.push(Row::More { guide: guide.to_owned(), text });
        }
    }
}
