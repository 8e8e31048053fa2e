//! XAPI's escapes in log lines.
//!
//! Since about 2017 every line of the OCaml services is pure ASCII: `\` is written `\\`, and each byte below 0x20 or
//! from 0x7f is written `\xHH` with upper-case digits (xen-api `ocaml/libs/log/debug.ml` with astring's
//! `String.Ascii.escape`). Older lines are as they were sent, and may hold `\/` or `\"` of JSON. So a text is taken
//! as escaped only if *every* backslash in it begins one of those two; a last one that is cut off by the end of the
//! line is left as it is.

use memchr::memchr;
use std::borrow::Cow;

/// What a backslash begins.
enum Escape {
    /// This byte, in so many characters.
    Byte(u8, usize),
    /// An escape that the end of the line cuts off.
    Cut,
    /// Nothing of XAPI's.
    Other,
}

/// Whether the text was escaped by XAPI.
pub(crate) fn is_escaped(text: &[u8]) -> bool {
    scan(text).is_some_and(|found| found.any) && text.is_ascii()
}

/// Whether the text was escaped by XAPI, asked of a program that may not do so: only with a `\xHH` in it.
pub(crate) fn shows_escapes(text: &[u8]) -> bool {
    scan(text).is_some_and(|found| found.hex) && text.is_ascii()
}

/// The text with its escapes undone, if it has them; what is not UTF-8 then becomes the replacement character.
pub(crate) fn text(bytes: &[u8], escaped: bool) -> Cow<'_, str> {
    if !escaped || memchr(b'\\', bytes).is_none() {
        return lossy(bytes);
    }
    Cow::Owned(
        String::from_utf8(unescape(bytes))
            .unwrap_or_else(|raw| String::from_utf8_lossy(raw.as_bytes()).into()),
    )
}

/// What is not UTF-8 becomes the replacement character. What is, as nearly all text is, is seen to be at the speed of
/// `from_utf8`, which the standard library's own way does not have.
pub(crate) fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

struct Found {
    any: bool,
    hex: bool,
}

/// What escapes there are; `None` if there is a backslash that begins none.
fn scan(text: &[u8]) -> Option<Found> {
    let mut found = Found { any: false, hex: false };
    let mut rest = text;
    while let Some(at) = memchr(b'\\', rest) {
        rest = rest.get(at..)?;
        match escape(rest) {
            Escape::Byte(byte, length) => {
                found.any = true;
                found.hex |= byte != b'\\';
                rest = rest.get(length..)?;
            }
            Escape::Cut => break,
            Escape::Other => return None,
        }
    }
    Some(found)
}

fn unescape(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, from)) = memchr(b'\\', rest).and_then(|at| rest.split_at_checked(at)) {
        plain.extend_from_slice(before);
        let Escape::Byte(byte, length) = escape(from) else {
            rest = from;
            break;
        };
        plain.push(byte);
        rest = from.get(length..).unwrap_or_default();
    }
    plain.extend_from_slice(rest);
    plain
}

/// Reads the escape at the start of the text, which is a backslash.
fn escape(text: &[u8]) -> Escape {
    match text {
        [_, b'\\', ..] => Escape::Byte(b'\\', 2),
        [_, b'x', high, low, ..] => match (upper_hex(*high), upper_hex(*low)) {
            (Some(high), Some(low)) if needs_escape(high << 4 | low) => Escape::Byte(high << 4 | low, 4),
            _ => Escape::Other,
        },
        [_] | [_, b'x'] => Escape::Cut,
        [_, b'x', digit] if upper_hex(*digit).is_some() => Escape::Cut,
        _ => Escape::Other,
    }
}

fn needs_escape(byte: u8) -> bool {
    !(0x20..0x7f).contains(&byte)
}

fn upper_hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undone_only_where_they_are_xapis() {
        let cases = [
            ("plain", "plain"),
            (r"a\\b", r"a\b"),
            (r"caf\xC3\xA9", "café"),
            (r"one\x0Atwo\x09", "one\ntwo\t"),
            (r"\\x0A", r"\x0A"),
            (r"bad \xFF byte", "bad \u{fffd} byte"),
            (r#"uuid\/uuid \\ \x0A"#, r#"uuid\/uuid \\ \x0A"#),
            (r#"\"quoted\" \\"#, r#"\"quoted\" \\"#),
            (r"lower \xc3 \\", r"lower \xc3 \\"),
            (r"printable \x41 \\", r"printable \x41 \\"),
            (r"\\ cut \", r"\ cut \"),
            (r"\\ cut \x", r"\ cut \x"),
            (r"\\ cut \xC", r"\ cut \xC"),
            (r"only cut \", r"only cut \"),
            ("\\\\ raw é", "\\\\ raw é"),
        ];
        for (raw, expected) in cases {
            let escaped = is_escaped(raw.as_bytes());
            assert_eq!(text(raw.as_bytes(), escaped), expected, "{raw}");
        }
    }

    #[test]
    fn other_programs_must_show_more() {
        assert!(shows_escapes(br"one\x0Atwo\\"));
        assert!(!shows_escapes(br"C:\\dir"));
        assert!(!shows_escapes(br#"a\"b\x0A"#));
    }
}
