//! Quotes: plain, escaped once or more often (JSON in JSON), and as entities (XML in XML).

use super::text::{eat, rest};
use memchr::{memchr, memmem};

/// An opening quote, as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quote {
    /// `"` or `'` behind so many backslashes.
    Mark(u8, usize),
    /// `&quot;` and the like.
    Entity(&'static [u8]),
}

const ENTITIES: [&[u8]; 4] = [b"&quot;", b"&apos;", b"&#39;", b"&#34;"];

impl Quote {
    /// The quote at `at`, and where what it holds begins.
    pub(super) fn open(text: &[u8], at: usize) -> Option<(Self, usize)> {
        let backslashes = rest(text, at).iter().take_while(|byte| **byte == b'\\').count();
        match rest(text, at + backslashes) {
            [mark @ (b'"' | b'\''), ..] => Some((Self::Mark(*mark, backslashes), at + backslashes + 1)),
            _ => ENTITIES.iter().find_map(|entity| Some((Self::Entity(entity), eat(text, at, entity)?))),
        }
    }

    /// Whether a quote ends just before `at`; where it begins.
    pub(super) fn ending_at(text: &[u8], at: usize) -> Option<usize> {
        let head = text.get(..at)?;
        match head {
            [.., b'"' | b'\''] => {
                let backslashes = head.iter().rev().skip(1).take_while(|byte| **byte == b'\\').count();
                Some(at - 1 - backslashes)
            }
            _ => ENTITIES.iter().find(|entity| head.ends_with(entity)).map(|entity| at - entity.len()),
        }
    }

    /// Where the closing quote for an opening one begins, from `at` on; the text's end if it is cut off.
    ///
    /// With n backslashes before the opening mark, a mark with k before it closes if k − n is a multiple of 2(n + 1):
    /// what is more is escaped backslashes, or an escaped mark. Fewer than n end the string around this one.
    pub(super) fn close(self, text: &[u8], at: usize) -> usize {
        let end = match self {
            Self::Mark(mark, level) => close_mark(text, at, mark, level),
            Self::Entity(entity) => memmem::find(rest(text, at), entity).map(|place| at + place),
        };
        end.unwrap_or(text.len())
    }

    /// Behind the closing quote that begins at `at`.
    pub(super) fn behind(self, text: &[u8], at: usize) -> usize {
        let length = match self {
            Self::Mark(_, _) => rest(text, at).iter().take_while(|byte| **byte == b'\\').count() + 1,
            Self::Entity(entity) => entity.len(),
        };
        text.len().min(at + length)
    }
}

fn close_mark(text: &[u8], from: usize, mark: u8, level: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let place = at + memchr(mark, rest(text, at))?;
        let inside = text.get(from..place)?;
        let backslashes = inside.iter().rev().take_while(|byte| **byte == b'\\').count();
        let closes = backslashes < level || (backslashes - level).is_multiple_of(2 * (level + 1));
        if closes {
            return Some(place - backslashes.min(level));
        }
        at = place + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_end_where_they_end() {
        let cases = [
            (r#""abc" x"#, "abc"),
            (r#"'a"b' x"#, "a\"b"),
            (r#""a\"b" x"#, r#"a\"b"#),
            (r#""a\\" x"#, r"a\\"),
            (r#"\"abc\" x"#, "abc"),
            (r#"\"a\\\"b\" x"#, r#"a\\\"b"#),
            (r#"\"a\\\\\" x"#, r"a\\\\"),
            (r#"\"cut" x"#, "cut"),
            (r#"\\\"abc\\\" x"#, "abc"),
            (r#""cut"#, "cut"),
            ("&quot;a&amp;b&quot; x", "a&amp;b"),
        ];
        for (text, inside) in cases {
            let (quote, start) = Quote::open(text.as_bytes(), 0).unwrap();
            let end = quote.close(text.as_bytes(), start);
            assert_eq!(&text[start..end], inside, "{text}");
            assert_eq!(
                text[quote.behind(text.as_bytes(), end)..].trim_start(),
                if inside == "cut" && text.len() < 5 { "" } else { "x" }
            );
        }
    }

    #[test]
    fn quotes_are_seen_from_behind() {
        for (text, start) in
            [("x\"", Some(1)), ("x\\\"", Some(1)), ("x&quot;", Some(1)), ("x", None), ("", None)]
        {
            assert_eq!(Quote::ending_at(text.as_bytes(), text.len()), start, "{text}");
        }
    }
}
