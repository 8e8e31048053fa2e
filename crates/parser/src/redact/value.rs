//! The value that stands at a place, in whatever way it is written.

use super::key::{Key, Kind};
use super::quote::Quote;
use super::text::{Found, eat, rest, skip_blanks};
use std::ops::Range;

/// How far the end of a bracket is looked for, so that hostile text can't make it quadratic.
const MAX_BRACKET: usize = 1024;

/// What ends a bare value.
const ENDS: &[u8] = b" \t\r\n,;)]}\"'<>|";

/// Authorization schemes, which stand before the credentials (IANA's registry, and some that are in use).
const SCHEMES: [&str; 12] = [
    "basic",
    "bearer",
    "digest",
    "negotiate",
    "ntlm",
    "kerberos",
    "oauth",
    "token",
    "apikey",
    "hoba",
    "mutual",
    "key",
];

/// Adds the secret at `at` to what was found; where it ends.
pub(super) fn find(text: &[u8], at: usize, key: &Key, found: &mut Found<'_>) -> usize {
    let value = Value::at(text, at, key.kind);
    match key.kind {
        Kind::Session => find_references(text, value.inside.clone(), found),
        _ if value.quoted => found.add(value.inside.clone()),
        _ => found.add_unless_empty(value.inside.clone()),
    }
    value.end
}

/// Where the value at `at` ends, with its quotes.
pub(super) fn end(text: &[u8], at: usize, kind: Kind) -> usize {
    Value::at(text, at, kind).end
}

/// A value's own text, without its quotes, and where it ends with them.
struct Value {
    inside: Range<usize>,
    end: usize,
    quoted: bool,
}

impl Value {
    fn at(text: &[u8], at: usize, kind: Kind) -> Self {
        let unprefixed = behind_prefix(text, at);
        match Quote::open(text, unprefixed) {
            Some((quote, start)) => {
                let end = quote.close(text, start);
                Self { inside: start..end, end: quote.behind(text, end), quoted: true }
            }
            None => {
                let end = bare_end(text, at, kind);
                Self { inside: at..end, end, quoted: false }
            }
        }
    }
}

/// Behind the letter of a Python literal (`u'…'`, `b'…'`).
fn behind_prefix(text: &[u8], at: usize) -> usize {
    match rest(text, at) {
        [b'u' | b'b' | b'r' | b'f' | b'U' | b'B', b'"' | b'\'' | b'\\', ..] => at + 1,
        _ => at,
    }
}

fn bare_end(text: &[u8], at: usize, kind: Kind) -> usize {
    match kind {
        Kind::Session | Kind::Secret => word_end(text, at),
        Kind::Cookie => cookie_end(text, at),
        Kind::Authorization => authorization_end(text, at),
    }
}

/// Behind a bare word; one that begins with a bracket goes on to the bracket's other half.
fn word_end(text: &[u8], at: usize) -> usize {
    let mut end = behind_bracket(text, at).unwrap_or(at);
    while let Some(byte) = text.get(end).filter(|byte| !ENDS.contains(byte)) {
        let backslashes = rest(text, end).iter().take_while(|byte| **byte == b'\\').count();
        let escaped = text.get(end + backslashes).filter(|_| backslashes > 0);
        let ends = match escaped {
            Some(b'"' | b'\'') => true,
            Some(b'n' | b'r' | b't') => backslashes == 1,
            _ => *byte == b'&',
        };
        if ends {
            break;
        }
        end += backslashes.max(1);
    }
    end
}

/// Behind the bracket that closes the one at `at`; strings inside are passed over.
fn behind_bracket(text: &[u8], at: usize) -> Option<usize> {
    let text = text.get(..text.len().min(at.saturating_add(MAX_BRACKET)))?;
    let mut depth = 0_usize;
    let mut place = at;
    loop {
        match text.get(place)? {
            b'[' | b'{' | b'(' => depth += 1,
            b']' | b'}' | b')' => depth = depth.checked_sub(1)?,
            b'"' | b'\'' => place = Quote::Mark(*text.get(place)?, 0).close(text, place + 1),
            _ => {}
        }
        place += 1;
        if depth == 0 {
            return (place > at + 1).then_some(place);
        }
    }
}

/// `a=b; c=d`: pairs go on behind a semicolon.
fn cookie_end(text: &[u8], at: usize) -> usize {
    let mut end = word_end(text, at);
    while let Some(behind) = eat(text, end, b";") {
        let next = skip_blanks(text, behind);
        let next_end = word_end(text, next);
        let is_pair = text.get(next..next_end).is_some_and(|pair| pair.contains(&b'='));
        if !is_pair {
            break;
        }
        end = next_end;
    }
    end
}

/// `Basic dXNlcg==`: a known scheme takes its credentials with it; those of Digest go to the line's end.
fn authorization_end(text: &[u8], at: usize) -> usize {
    let end = word_end(text, at);
    let scheme = text.get(at..end).unwrap_or_default();
    let is = |name: &str| scheme.eq_ignore_ascii_case(name.as_bytes());
    if is("digest") {
        return end + rest(text, end).iter().take_while(|byte| !matches!(byte, b'\r' | b'\n')).count();
    }
    let credentials = skip_blanks(text, end);
    if credentials > end && SCHEMES.iter().any(|name| is(name)) { word_end(text, credentials) } else { end }
}

/// Adds the session references in a stretch of text, where it is one or begins with one.
fn find_references(text: &[u8], range: Range<usize>, found: &mut Found<'_>) {
    let start = skip_blanks(text, range.start);
    let start = start + usize::from(matches!(rest(text, start), [b'[' | b'(' | b'{', ..]));
    let Some(behind) = eat(text, start, b"OpaqueRef:") else { return };
    let id =
        rest(text, behind).iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-').count();
    if text.get(behind..behind + id) != Some(b"NULL") {
        found.add(start..(behind + id).min(range.end.max(behind)));
    }
}
