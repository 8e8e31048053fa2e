//! Text from the data, made fit for a terminal.

use std::borrow::Cow;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The text with nothing in it that could move the cursor, change colours or turn the direction of writing: line ends
/// become `⏎`, tabs a blank, and all else of that kind `�`.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let replaced = text.chars().map(|char| match char {
        '\n' => '⏎',
        '\t' => ' ',
        char if is_plain(char) => char,
        _ => '\u{fffd}',
    });
    Cow::Owned(replaced.collect())
}

/// Neither a control character nor one that orders directions (Unicode TR 9).
fn is_plain(char: char) -> bool {
    let directs = matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !char.is_control() && !directs
}

/// How many columns the text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// The text, cleaned, in at most so many columns; what is cut off is `…`.
pub(crate) fn fit(text: &str, columns: usize) -> String {
    // Bodies may have megabytes, rows have not. No character that is shown takes more than some bytes of them.
    let near =
        text.char_indices().nth(4 * columns + 4).map_or(text, |(end, _)| text.get(..end).unwrap_or(text));
    let clean = clean(near);
    if near.len() == text.len() && width(&clean) <= columns {
        return clean.into_owned();
    }
    let mut used = 1;
    let taken = clean.chars().take_while(|char| {
        used += char.width().unwrap_or(0);
        used <= columns
    });
    let mut cut: String = taken.collect();
    if columns > 0 {
        cut.truncate(cut.trim_end().len());
        cut.push('…');
    }
    cut
}

/// The same, filled up with blanks on the right.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    let mut text = fit(text, columns);
    let blanks = columns.saturating_sub(width(&text));
    text.extend(std::iter::repeat_n(' ', blanks));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_drives_a_terminal_is_replaced() {
        for (text, expected) in [
            ("plain é", "plain é"),
            ("a\nb\tc", "a⏎b c"),
            ("\x1b[31mred\x07", "\u{fffd}[31mred\u{fffd}"),
            ("a\u{202e}b\u{9b}c", "a\u{fffd}b\u{fffd}c"),
        ] {
            assert_eq!(clean(text), expected, "{text:?}");
        }
    }

    #[test]
    fn texts_are_cut_to_their_columns() {
        for (text, columns, expected) in [
            ("short", 5, "short"),
            ("longer", 5, "long…"),
            ("long er", 6, "long…"),
            ("日本語", 6, "日本語"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
            ("x", 0, ""),
            ("", 3, ""),
        ] {
            assert_eq!(fit(text, columns), expected, "{text} {columns}");
            assert!(width(&fit(text, columns)) <= columns);
        }
        assert_eq!(pad("ab", 4), "ab  ");
        assert_eq!(pad("日本語", 6).width(), 6);
        assert_eq!(fit(&"é".repeat(1 << 20), 3), "éé…");
    }
}
