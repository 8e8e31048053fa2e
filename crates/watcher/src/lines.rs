//! Cuts a stream into lines.
//!
//! Promises: a line is handed out once its newline is there, never before; a line over the limit is skipped in
//! bounded memory; bytes are looked at once, however often more of them come. Leaves to others: what a line
//! means, and where bytes come from.
//!
//! In a trace file a document that was printed over several lines is one line: it begins with a line that
//! holds nothing but opening brackets, and ends with the line that closes the last of them. A line that begins
//! like an export (`[{`) ends a document that was cut before it.

mod document;
mod window;

pub(crate) use document::is_whole;
pub(crate) use window::Window;

use document::Document;

/// What comes next in the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// A line: `text` bytes of content, `len` with its newline.
    Line { text: usize, len: usize },
    /// `len` bytes of a line over the limit; `done` when its end is among them.
    Skip { len: usize, done: bool },
    /// The line has no end yet.
    More,
}

/// The state between two looks at a window. The window must always begin where the last frame ended.
#[derive(Default)]
pub(crate) struct Framer {
    /// Bytes of the window that were looked at.
    scanned: usize,
    /// Where in the window the present line of a document begins.
    line: usize,
    document: Option<Document>,
    skipping: bool,
}

impl Framer {
    /// A line over the limit is being skipped: its start lies before the window.
    pub(crate) fn is_skipping(&self) -> bool {
        self.skipping
    }

    /// The window is filled anew from its beginning.
    pub(crate) fn rewind(&mut self) {
        if self.skipping {
            (self.scanned, self.line) = (0, 0);
        } else {
            *self = Self::default();
        }
    }

    /// The next frame. `documents`: this is a trace file.
    pub(crate) fn next(&mut self, window: &[u8], limit: usize, documents: bool) -> Frame {
        while let Some(end) = self.newline(window) {
            let line = window.get(self.line..end).unwrap_or_default();
            let first = self.line == 0 && !self.skipping;
            match self.step(line, first, documents) {
                Step::Whole => return self.whole(end, end + 1, limit),
                Step::CutBefore => {
                    let start = self.line;
                    return self.whole(start.saturating_sub(1), start, limit);
                }
                Step::Inside => {
                    self.scanned = end + 1;
                    self.line = end + 1;
                }
            }
        }
        self.scanned = window.len();
        let over = window.len() > limit;
        let cut = match &self.document {
            Some(_) if self.line > 0 && (over || self.skipping) => self.line,
            Some(_) if !over => 0,
            None if !over && !self.skipping => 0,
            _ => window.len(),
        };
        if cut > 0 { self.skip(cut) } else { Frame::More }
    }

    fn newline(&self, window: &[u8]) -> Option<usize> {
        let rest = window.get(self.scanned..)?;
        memchr::memchr(b'\n', rest).map(|at| self.scanned + at)
    }

    fn step(&mut self, line: &[u8], first: bool, documents: bool) -> Step {
        if !documents {
            return Step::Whole;
        }
        match &mut self.document {
            None if first && document::opens(line) => {
                self.document = Some(Document::new(line));
                Step::Inside
            }
            None => Step::Whole,
            Some(_) if document::is_export(line) => Step::CutBefore,
            Some(document) => {
                if document.closes(line) {
                    Step::Whole
                } else {
                    Step::Inside
                }
            }
        }
    }

    fn whole(&mut self, text: usize, len: usize, limit: usize) -> Frame {
        let skip = self.skipping || text > limit;
        *self = Self::default();
        if skip { Frame::Skip { len, done: true } } else { Frame::Line { text, len } }
    }

    /// Lets go of what is there. Of a document, whole lines where possible, so that its end is still seen.
    fn skip(&mut self, len: usize) -> Frame {
        self.skipping = true;
        self.scanned -= len;
        self.line = 0;
        Frame::Skip { len, done: false }
    }
}

enum Step {
    Whole,
    CutBefore,
    Inside,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// All lines of `text`, fed in pieces; a skipped line is shown as its length.
    fn lines(text: &[u8], piece: usize, limit: usize, documents: bool) -> (Vec<String>, usize) {
        let (mut framer, mut out) = (Framer::default(), Vec::new());
        let (mut start, mut end, mut skipped) = (0, 0, 0);
        loop {
            match framer.next(&text[start..end], limit, documents) {
                Frame::Line { text: n, len } => {
                    out.push(String::from_utf8_lossy(&text[start..start + n]).into_owned());
                    start += len;
                }
                Frame::Skip { len, done } => {
                    start += len;
                    skipped += len;
                    if done {
                        out.push(format!("<{skipped}>"));
                        skipped = 0;
                    }
                }
                Frame::More if end == text.len() => return (out, text.len() - start),
                Frame::More => {}
            }
            end =
                if start == end || end - start < limit + piece { (end + piece).min(text.len()) } else { end };
            if start == text.len() && end == start {
                return (out, 0);
            }
        }
    }

    fn check(text: &str, documents: bool, expected: &[&str], rest: usize) {
        for piece in [1, 2, 3, 7, 1000] {
            let (out, left) = lines(text.as_bytes(), piece, 40, documents);
            assert_eq!(
                (out.as_slice(), left),
                (&expected.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()[..], rest),
                "{text:?} in pieces of {piece}"
            );
        }
    }

    #[test]
    fn lines_end_at_newlines_and_nowhere_else() {
        check("", false, &[], 0);
        check("a\nbc\n", false, &["a", "bc"], 0);
        check("a\r\n\n\nb", false, &["a\r", "", ""], 1);
        check("[\n{\n", false, &["[", "{"], 0);
    }

    #[test]
    fn a_line_over_the_limit_is_skipped_and_its_neighbours_are_not() {
        let long = "x".repeat(60);
        check(&format!("a\n{long}\nb\n"), false, &["a", "<61>", "b"], 0);
        check(&format!("a\n{}\nb\n", "y".repeat(40)), false, &["a", &"y".repeat(40), "b"], 0);
    }

    #[test]
    fn a_document_over_several_lines_is_one_line() {
        check("[\n {\"a\": 1}\n]\n[{}]\n", true, &["[\n {\"a\": 1}\n]", "[{}]"], 0);
        check("[\n{\n\"a\": \"]\"\n}\n]\n[]\n", true, &["[\n{\n\"a\": \"]\"\n}\n]", "[]"], 0);
        check("{\r\n  \"a\": []\r\n}\r\nx\n", true, &["{\r\n  \"a\": []\r\n}\r", "x"], 0);
        check("[{}]\n[\n", true, &["[{}]"], 2);
    }

    #[test]
    fn a_cut_document_does_not_swallow_the_next_export() {
        check("[\n {\"a\":\n[{\"b\":1}]\n[{}]\n", true, &["[\n {\"a\":", "[{\"b\":1}]", "[{}]"], 0);
        check("[{\"a\"\n[{}]\n", true, &["[{\"a\"", "[{}]"], 0);
    }

    #[test]
    fn a_document_over_the_limit_is_skipped_to_its_end() {
        let long = format!("[\n{}]\n[{{}}]\n", " {\"a\": 1},\n".repeat(20));
        let whole = format!("<{}>", long.len() - 5);
        check(&long, true, &[&whole, "[{}]"], 0);
    }

    proptest! {
        #[test]
        fn no_byte_is_lost_whatever_the_pieces(text in "[\\[\\]{}\"a \n]{0,200}", piece in 1..50usize) {
            let plain: Vec<String> = text.split_inclusive('\n').filter(|l| l.ends_with('\n'))
                .map(|l| if l.len() > 41 { format!("<{}>", l.len()) } else { l[..l.len() - 1].to_owned() }).collect();
            prop_assert_eq!(lines(text.as_bytes(), piece, 40, false).0, plain);
            let once = lines(text.as_bytes(), 1000, 1000, true);
            prop_assert_eq!(&lines(text.as_bytes(), piece, 1000, true), &once);
            let bytes: usize = once.0.iter().map(|line| line.len() + 1).sum();
            prop_assert_eq!(bytes + once.1, text.len());
        }
    }
}
