//! Where a JSON document that was printed over several lines ends.

/// How deep in brackets a document is. Text is told from brackets; nothing else of JSON is looked at.
#[derive(Default)]
pub(super) struct Document {
    depth: u32,
}

impl Document {
    /// The document that `line` opens.
    pub(super) fn new(line: &[u8]) -> Self {
        let mut document = Self::default();
        document.closes(line);
        document
    }

    /// Whether this further line closes the last bracket. JSON text can't hold a raw newline, so each line
    /// begins outside of text: a cut string spoils no more than its own line.
    pub(super) fn closes(&mut self, line: &[u8]) -> bool {
        let (mut text, mut escaped) = (false, false);
        for &byte in line {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if text => escaped = true,
                b'"' => text = !text,
                b'[' | b'{' if !text => self.depth = self.depth.saturating_add(1),
                b']' | b'}' if !text => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
        self.depth == 0
    }
}

/// Whether a line opens a document and holds nothing else: `[`, `{`, `[{`.
pub(super) fn opens(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    !line.is_empty() && line.iter().all(|byte| matches!(byte, b'[' | b'{' | b' ' | b'\t'))
}

/// Whether a line looks like an export of its own: it begins, without indentation, with an array of objects.
pub(super) fn is_export(line: &[u8]) -> bool {
    line.strip_prefix(b"[").is_some_and(|rest| rest.trim_ascii_start().starts_with(b"{") && !opens(line))
}

/// Whether a last line without its newline is a whole array or object: then it is complete by its grammar.
pub(crate) fn is_whole(line: &[u8]) -> bool {
    matches!(line.first(), Some(b'[' | b'{')) && Document::default().closes(line)
}
