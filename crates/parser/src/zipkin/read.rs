//! Going through a line, value by value.

use super::context::Context;
use super::draft::Draft;
use super::drops::{Deferred, DropRules, dropped};
use super::map::Built;
use super::offsets::{Offsets, text};
use super::recover::{Budget, next_span, trim_separators, without_lone_surrogates};
use super::suspects::Suspects;
use super::{Item, Reason};
use std::borrow::Cow;

/// Reads a line of a trace file, or a whole document: an array of spans, a single span, several of either one after
/// the other. Every span, and every byte that is none, goes to `sink`; blanks, a byte order mark, and the array's own
/// brackets and commas don't. Dropped spans come last, and with them those of their traces.
pub fn read<S>(line: &[u8], context: &Context, rules: &DropRules, mut sink: S)
where
    S: FnMut(Item<'_, '_>),
{
    let Some(text) = text(line) else {
        return sink(Item::Bad { offset: 0, bytes: line, reason: Reason::Encoding });
    };
    let suspects = Suspects::find(&text, rules);
    let mut out =
        Out { offsets: Offsets::new(line, matches!(text, Cow::Borrowed(_))), rules, suspects, sink };
    let stop = Reader::new(&text, 0, context).read(&mut out);
    let rest = stop.and_then(|at| Some((at, text.get(at..).and_then(without_lone_surrogates)?)));
    if let Some((at, repaired)) = rest {
        let mut reader = Reader { repaired: true, depth: 1, ..Reader::new(&repaired, at, context) };
        let _nothing_left = reader.read(&mut out);
    }
}

/// Where items go, and what decides which.
struct Out<'l, S> {
    offsets: Offsets<'l>,
    rules: &'l DropRules,
    suspects: Suspects,
    sink: S,
}

struct Reader<'t> {
    text: &'t str,
    /// Where `text` begins in the line's text.
    base: usize,
    context: &'t Context,
    at: usize,
    /// How many arrays are open.
    depth: usize,
    draft: Draft<'t>,
    built: Option<Built<'t>>,
    deferred: Vec<Deferred>,
    budget: Budget,
    /// Nothing is left that a repair could help.
    repaired: bool,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str, base: usize, context: &'t Context) -> Self {
        Self {
            text,
            base,
            context,
            at: 0,
            depth: 0,
            draft: Draft::default(),
            built: None,
            deferred: Vec::new(),
            budget: Budget::of(text),
            repaired: false,
        }
    }

    /// Reads to the end; where it stopped, if repaired text is to be read from there on.
    fn read<S: FnMut(Item<'_, '_>)>(&mut self, out: &mut Out<'_, S>) -> Option<usize> {
        let mut stop = None;
        while stop.is_none() && self.seek_value() {
            stop = self.value(out);
        }
        self.settle(out);
        stop
    }

    /// Goes over what stands between values; whether there is a value.
    fn seek_value(&mut self) -> bool {
        loop {
            let rest = self.rest();
            match rest.as_bytes() {
                [b' ' | b'\t' | b'\r' | b'\n' | b',', ..] => self.at += 1,
                [b'[', ..] if self.opens() => {
                    self.depth += 1;
                    self.at += 1;
                }
                [b']', ..] if self.depth > 0 => {
                    self.depth -= 1;
                    self.at += 1;
                }
                [] => return false,
                _ if rest.starts_with('\u{feff}') => self.at += '\u{feff}'.len_utf8(),
                _ => return true,
            }
        }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Whether the bracket at hand opens an array of spans: the outermost does, and one behind a cut array.
    fn opens(&self) -> bool {
        let behind = self.text.get(self.at + 1..).unwrap_or_default();
        self.depth == 0 || behind.trim_ascii_start().starts_with('{')
    }

    fn value<S: FnMut(Item<'_, '_>)>(&mut self, out: &mut Out<'_, S>) -> Option<usize> {
        let start = self.at;
        match self.draft.read(self.rest()) {
            Ok(length) if self.stands_alone(length) => {
                self.at += length;
                self.deliver(start, out);
                None
            }
            _ => self.damage(out),
        }
    }

    /// Whether a value of this length is one, and not damage that happens to read as one: a stray quote makes a
    /// string of what stands before the next span's first quote.
    fn stands_alone(&self, length: usize) -> bool {
        let behind = self.rest().get(length..).unwrap_or_default().trim_ascii_start();
        self.rest().starts_with('{') || behind.is_empty() || behind.starts_with([',', ']'])
    }

    fn deliver<S: FnMut(Item<'_, '_>)>(&mut self, start: usize, out: &mut Out<'_, S>) {
        let built = match self.draft.build(self.context, &mut self.built) {
            Ok(built) => built,
            Err(reason) => return out.bad(self.base + start, self.base + self.at, reason),
        };
        let span = &built.span;
        let named = out.rules.matches(&span.name);
        if named || out.suspects.contain(span.trace_id) {
            let (trace_id, span_id, parent_id) = (span.trace_id, span.span_id, span.parent_id);
            self.deferred.push(Deferred { start, end: self.at, trace_id, span_id, parent_id, named });
        } else {
            out.ship(built, self.text.get(start..self.at).unwrap_or_default());
        }
    }

    /// Sets aside what stands between here and the next whole span, unless a repair is worth a try.
    fn damage<S: FnMut(Item<'_, '_>)>(&mut self, out: &mut Out<'_, S>) -> Option<usize> {
        let start = self.at;
        if !self.repaired && without_lone_surrogates(self.rest()).is_some() {
            return Some(self.base + start);
        }
        self.repaired = true;
        let first = self.rest().chars().next().map_or(1, char::len_utf8);
        let next = next_span(self.text, start + first, &mut self.draft, &mut self.budget);
        self.at = next.unwrap_or(self.text.len());
        let region = trim_separators(self.text.get(start..self.at).unwrap_or_default());
        let region =
            if region.is_empty() { self.text.get(start..self.at).unwrap_or_default() } else { region };
        out.bad(self.base + start, self.base + start + region.len(), Reason::Syntax);
        None
    }

    /// Decides about the spans that waited, now that all that may be above them are known.
    fn settle<S: FnMut(Item<'_, '_>)>(&mut self, out: &mut Out<'_, S>) {
        let deferred = std::mem::take(&mut self.deferred);
        for (span, gone) in deferred.iter().zip(dropped(&deferred)) {
            let raw = self.text.get(span.start..span.end).unwrap_or_default();
            if self.draft.read(raw).is_err() {
                continue;
            }
            match self.draft.build(self.context, &mut self.built) {
                Ok(built) if !gone => out.ship(built, raw),
                Ok(built) => (out.sink)(Item::Dropped { facts: built.parts().1 }),
                Err(_) => {}
            }
        }
    }
}

impl<S: FnMut(Item<'_, '_>)> Out<'_, S> {
    fn ship(&mut self, built: &mut Built<'_>, raw: &str) {
        let new_origin = std::mem::take(&mut built.new_origin);
        let (span, facts) = built.parts();
        (self.sink)(Item::Span { span, facts, raw: raw.as_bytes(), new_origin });
    }

    fn bad(&mut self, start: usize, end: usize, reason: Reason) {
        let (offset, bytes) = self.offsets.bytes(start, end);
        (self.sink)(Item::Bad { offset, bytes, reason });
    }
}
