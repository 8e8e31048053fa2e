//! What became of entries, in words.

use super::At;
use super::request::Request;
use crate::engine::Signal;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// So many entries are told one by one.
const TOLD: usize = 20;

/// What became of the entries.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Entries that were sent by an earlier run.
    pub(crate) known: u64,
    spans: u64,
    lines: u64,
    /// Of requests of which the server stored the rest; by signal and reason.
    partly: BTreeMap<(&'static str, &'static str), u64>,
    words: BTreeSet<String>,
    /// Records whose signal is not exported.
    no_way: BTreeMap<&'static str, u64>,
    left: Vec<String>,
    left_more: u64,
}

impl Told {
    pub(super) fn delivered(&mut self, request: &Request, refused: Option<(u64, &'static str, String)>) {
        let mut records = request.records;
        if let Some((count, reason, words)) = refused {
            records -= count;
            *self.partly.entry((request.signal.as_str(), reason)).or_default() += count;
            self.words.insert(format!("{}: {words}", request.signal.as_str()));
        }
        match request.signal {
            Signal::Traces => self.spans += records,
            Signal::Logs => self.lines += records,
        }
    }

    pub(super) fn refused(&mut self, request: &Request, at: &At, words: &str) {
        let (signal, records) = (request.signal.as_str(), request.records);
        self.leave(format!("{at}: refused again ({signal}, records: {records}): {words}"));
    }

    pub(super) fn no_way(&mut self, request: &Request) {
        *self.no_way.entry(request.signal.as_str()).or_default() += request.records;
    }

    pub(super) fn unreadable(&mut self, at: &At, why: &str) {
        self.leave(format!("{at}: {why}"));
    }

    pub(super) fn broken(&mut self, text: String) {
        self.leave(text);
    }

    fn leave(&mut self, text: String) {
        if self.left.len() < TOLD {
            self.left.push(text);
        } else {
            self.left_more += 1;
        }
    }

    /// Whether anything that is there did not arrive.
    pub(crate) fn has_losses(&self) -> bool {
        !self.left.is_empty() || !self.partly.is_empty() || !self.no_way.is_empty()
    }

    pub(crate) fn text(&self) -> String {
        let (spans, lines) = (count(self.spans, "span"), count(self.lines, "line"));
        let mut text = format!("sent again as they were: {spans} and {lines}\n");
        if self.known > 0 {
            let known = self.known;
            let _ = writeln!(text, "  sent before: entries: {known}; --again sends them once more");
        }
        for ((signal, reason), number) in &self.partly {
            let _ = writeln!(text, "not taken, {signal}: {} ({reason})", count(*number, "record"));
        }
        self.words.iter().for_each(|words| {
            let _ = writeln!(text, "  the server said of {words}");
        });
        for (signal, number) in &self.no_way {
            let _ = writeln!(text, "left: {}, as {signal} are not exported", count(*number, "record"));
        }
        self.left.iter().for_each(|left| {
            let _ = writeln!(text, "left: {left}");
        });
        if self.left_more > 0 {
            let _ = writeln!(text, "left: {} more", self.left_more);
        }
        text
    }
}

fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
