//! A text's secrets, as they are found, and the text without them.

use super::REDACTED;
use std::ops::Range;

/// Stretches of a text to be replaced.
pub(super) struct Found<'t> {
    text: &'t str,
    ranges: Vec<Range<usize>>,
    next_key_at: usize,
}

impl<'t> Found<'t> {
    pub(super) fn in_text(text: &'t str) -> Self {
        Self { text, ranges: Vec::new(), next_key_at: 0 }
    }

    /// Where the next key is to be looked for: behind the last one, and not inside what is a secret anyway.
    pub(super) fn next_key_at(&self) -> usize {
        self.next_key_at
    }

    pub(super) fn go_behind(&mut self, place: usize) {
        self.next_key_at = self.next_key_at.max(place);
    }

    /// Adds a value, unless there is none in it: it is empty, or a word for nothing, or was redacted before.
    pub(super) fn add_unless_empty(&mut self, range: Range<usize>) {
        const NOTHING: [&str; 6] = ["none", "null", "nil", "true", "false", "NULL"];
        let value = self.text.get(range.clone()).unwrap_or_default().trim();
        if !NOTHING.iter().any(|word| word.eq_ignore_ascii_case(value)) {
            self.add(range);
        }
    }

    /// Adds a stretch that is a secret.
    pub(super) fn add(&mut self, range: Range<usize>) {
        let value = self.text.get(range.clone()).unwrap_or_default();
        if !value.is_empty() {
            self.go_behind(range.end);
        }
        if !value.is_empty() && value != REDACTED {
            self.ranges.push(range);
        }
    }

    /// The text with each stretch replaced, overlapping ones as one, and how many there are; `None` without any.
    pub(super) fn replace(mut self) -> (Option<String>, usize) {
        self.ranges.sort_unstable_by_key(|range| range.start);
        let mut merged: Vec<Range<usize>> = Vec::with_capacity(self.ranges.len());
        for range in self.ranges {
            match merged.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        if merged.is_empty() {
            return (None, 0);
        }
        let mut redacted = String::with_capacity(self.text.len());
        let mut kept = 0;
        for range in &merged {
            redacted.push_str(self.text.get(kept..range.start).unwrap_or_default());
            redacted.push_str(REDACTED);
            kept = range.end;
        }
        redacted.push_str(self.text.get(kept..).unwrap_or_default());
        (Some(redacted), merged.len())
    }
}

/// Over the blanks at `at`.
pub(super) fn skip_blanks(text: &[u8], at: usize) -> usize {
    at + rest(text, at).iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

/// What follows from `at` on.
pub(super) fn rest(text: &[u8], at: usize) -> &[u8] {
    text.get(at..).unwrap_or_default()
}

/// Behind `word`, if it stands at `at`.
pub(super) fn eat(text: &[u8], at: usize, word: &[u8]) -> Option<usize> {
    rest(text, at).starts_with(word).then_some(at + word.len())
}

/// The byte before `at`.
pub(super) fn before(text: &[u8], at: usize) -> Option<u8> {
    text.get(at.checked_sub(1)?).copied()
}
