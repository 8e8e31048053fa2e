//! One page with everything in it: list, search, waterfall, lines. It asks no network for anything.

use super::json::Data;
use std::io::{self, Write};

/// The page; the data stands where [`PLACE`] is.
const PAGE: &str = include_str!("page.html");
const PLACE: &str = "/*DATA*/";

/// Writes the page.
///
/// # Errors
/// What the disk says.
pub(super) fn write(data: &Data<'_>, out: &mut impl Write) -> io::Result<()> {
    let (before, after) = PAGE.split_once(PLACE).unwrap_or((PAGE, ""));
    out.write_all(before.as_bytes())?;
    serde_json::to_writer(InScript(&mut *out), data)?;
    out.write_all(after.as_bytes())
}

/// Text inside of a `<script>`: nothing in it may end the element, or begin a comment there.
struct InScript<W>(W);

impl<W: Write> Write for InScript<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for piece in bytes.split_inclusive(|byte| matches!(byte, b'<' | b'>' | b'&')) {
            let (last, rest) = match piece.split_last() {
                Some((last @ (b'<' | b'>' | b'&'), rest)) => (Some(*last), rest),
                _ => (None, piece),
            };
            self.0.write_all(rest)?;
            if let Some(last) = last {
                write!(self.0, "\\u{last:04x}")?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_the_data_ends_the_script() {
        let mut out = Vec::new();
        serde_json::to_writer(InScript(&mut out), &["</script><!-- & ü"]).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, r#"["\u003c/script\u003e\u003c!-- \u0026 ü"]"#);
        let read: Vec<String> = serde_json::from_str(&text).unwrap();
        assert_eq!(read, ["</script><!-- & ü"]);
    }

    #[test]
    fn the_page_asks_nobody() {
        assert!(PAGE.contains(PLACE));
        for outside in ["http://", "https://", "src=", "@import", "fetch(", "XMLHttp"] {
            assert!(!PAGE.contains(outside), "{outside}");
        }
    }
}
