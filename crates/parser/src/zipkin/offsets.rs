//! A line as text, and the way back from a place in the text to the line's bytes.

use std::borrow::Cow;

/// A line with more bytes than this that are no UTF-8 is no damaged text but something else: it is set aside
/// whole, so that its copy can't grow to three times its size.
const MAX_INVALID: usize = 64 * 1024;

/// The line's text: borrowed if it is UTF-8, else a copy with U+FFFD in place of what isn't. `None` if too much
/// isn't.
pub(super) fn text(line: &[u8]) -> Option<Cow<'_, str>> {
    if let Ok(text) = std::str::from_utf8(line) {
        return Some(Cow::Borrowed(text));
    }
    let invalid =
        line.utf8_chunks().filter(|chunk| !chunk.invalid().is_empty()).take(MAX_INVALID + 1).count();
    (invalid <= MAX_INVALID).then(|| String::from_utf8_lossy(line))
}

/// Finds the line's byte for a place in its text. Quick for places that come in order.
pub(super) struct Offsets<'l> {
    line: &'l [u8],
    same: bool,
    chunks: std::str::Utf8Chunks<'l>,
    /// Where the chunk at hand begins, in the text and in the line, and its valid and invalid length.
    chunk: Chunk,
}

#[derive(Clone, Copy, Default)]
struct Chunk {
    text: usize,
    line: usize,
    valid: usize,
    invalid: usize,
}

impl Chunk {
    fn text_end(&self) -> usize {
        let replaced = if self.invalid == 0 { 0 } else { char::REPLACEMENT_CHARACTER.len_utf8() };
        self.text + self.valid + replaced
    }
}

impl<'l> Offsets<'l> {
    /// For a line whose [`text`] is the `same`, or a copy.
    pub(super) fn new(line: &'l [u8], same: bool) -> Self {
        Self { line, same, chunks: line.utf8_chunks(), chunk: Chunk::default() }
    }

    /// The bytes of the line for a stretch of its text, and their offset.
    pub(super) fn bytes(&mut self, start: usize, end: usize) -> (usize, &'l [u8]) {
        let (start, end) = (self.offset(start), self.offset(end));
        (start, self.line.get(start..end).unwrap_or_default())
    }

    fn offset(&mut self, place: usize) -> usize {
        if self.same {
            return place;
        }
        if place < self.chunk.text {
            (self.chunks, self.chunk) = (self.line.utf8_chunks(), Chunk::default());
        }
        while place >= self.chunk.text_end() && self.next_chunk() {}
        let inside = place.saturating_sub(self.chunk.text);
        self.chunk.line
            + if place >= self.chunk.text_end() {
                self.chunk.valid + self.chunk.invalid
            } else {
                inside.min(self.chunk.valid)
            }
    }

    fn next_chunk(&mut self) -> bool {
        let Some(next) = self.chunks.next() else { return false };
        self.chunk = Chunk {
            text: self.chunk.text_end(),
            line: self.chunk.line + self.chunk.valid + self.chunk.invalid,
            valid: next.valid().len(),
            invalid: next.invalid().len(),
        };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Valid text keeps its bytes, wherever it stands between invalid ones.
        #[test]
        fn places_lead_back(line in prop::collection::vec(prop_oneof![Just(b'a'), Just(0xffu8), Just(0xc3), Just(0xa9)], 0..40)) {
            let text = text(&line).unwrap();
            let mut offsets = Offsets::new(&line, matches!(text, Cow::Borrowed(_)));
            for (place, c) in text.char_indices() {
                let (_, bytes) = offsets.bytes(place, place + c.len_utf8());
                if c == char::REPLACEMENT_CHARACTER {
                    prop_assert!(std::str::from_utf8(bytes).is_err());
                } else {
                    prop_assert_eq!(std::str::from_utf8(bytes), Ok(&*c.to_string()));
                }
            }
            prop_assert_eq!(offsets.bytes(0, text.len()), (0, &*line));
        }
    }

    #[test]
    fn garbage_is_no_text() {
        assert!(text(&vec![0xff; MAX_INVALID]).is_some());
        assert!(text(&vec![0xff; MAX_INVALID + 1]).is_none());
    }
}
