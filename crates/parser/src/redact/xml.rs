//! XML and XML-RPC, plain or with its brackets as entities.

use super::key::{Key, Kind};
use super::text::{Found, before, eat, rest};
use super::value;
use memchr::memmem;
use std::ops::Range;

/// How far an element's end is looked for, so that hostile text can't make it quadratic.
const MAX_ELEMENT: usize = 8 * 1024;

/// How many elements of one name may stand in each other.
const MAX_DEPTH: usize = 8;

/// Adds the value of a key that is an element's name or content; whether it was one.
pub(super) fn find_values(text: &[u8], key: &Key, found: &mut Found<'_>) -> bool {
    let inside = element(text, key).or_else(|| member(text, key));
    if let Some(inside) = &inside {
        texts(text, inside.clone(), key, found);
    }
    inside.is_some()
}

/// `<password>…</password>`: the content. Where the end is cut off, a word.
fn element(text: &[u8], key: &Key) -> Option<Range<usize>> {
    let opened = before(text, key.start) == Some(b'<') || text.get(..key.start)?.ends_with(b"&lt;");
    if !opened {
        return None;
    }
    let tag = behind_tag(text, key.end)?;
    let end = closing(text, tag, text.get(key.start..key.end)?);
    Some(tag..end.unwrap_or_else(|| value::end(text, tag, Kind::Secret)))
}

/// `<name>password</name><value>…</value>`, `<key>password</key><string>…</string>`: the content of the second.
fn member(text: &[u8], key: &Key) -> Option<Range<usize>> {
    let name = left(text, key.end).and_then(|at| eat(text, at, b"/"))?;
    let behind = eat(text, name, b"name").or_else(|| eat(text, name, b"key"))?;
    let next = left(text, skip_white(text, right(text, behind)?))?;
    let length = rest(text, next).iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let tag = text.get(next..next + length).filter(|tag| !tag.is_empty())?;
    let content = behind_tag(text, next + length)?;
    Some(content..closing(text, content, tag).unwrap_or(text.len()))
}

/// Adds each text between the tags of a stretch, so that the tags stay.
fn texts(text: &[u8], inside: Range<usize>, key: &Key, found: &mut Found<'_>) {
    let mut at = inside.start;
    while at < inside.end {
        let end = next_left(text, at).unwrap_or(inside.end).min(inside.end);
        let node = text.get(at..end).unwrap_or_default();
        let start = at + (node.len() - node.trim_ascii_start().len());
        let trimmed = start..start + node.trim_ascii().len();
        match key.kind {
            Kind::Session => drop(value::find(text, trimmed.start, key, found)),
            _ => found.add(trimmed),
        }
        at = next_right(text, end).unwrap_or(inside.end);
    }
}

/// Behind a tag whose name ends at `at`, over its attributes; `None` if it is none, or is empty (`/>`).
fn behind_tag(text: &[u8], at: usize) -> Option<usize> {
    if !matches!(rest(text, at), [b'>' | b' ' | b'\t' | b'&', ..]) {
        return None;
    }
    let behind = next_right(text, at)?;
    let head = text.get(at..behind)?;
    (!head.ends_with(b"/>") && !head.ends_with(b"/&gt;")).then_some(behind)
}

/// Where the closing tag of this name begins, from `at` on, past elements of the same name inside.
fn closing(text: &[u8], at: usize, name: &[u8]) -> Option<usize> {
    let window = text.get(at..text.len().min(at.saturating_add(MAX_ELEMENT)))?;
    let mut depth = 0_usize;
    for place in memmem::find_iter(window, name) {
        let behind = at + place + name.len();
        let Some(head) = window.get(..place).filter(|_| right_or_blank(text, behind)) else { continue };
        match (head.strip_suffix(b"/").and_then(strip_left), strip_left(head)) {
            (Some(before), _) if depth == 0 => return Some(at + before.len()),
            (Some(_), _) => depth -= 1,
            (None, Some(_)) if depth == MAX_DEPTH => return None,
            (None, Some(_)) => depth += 1,
            (None, None) => {}
        }
    }
    None
}

fn strip_left(head: &[u8]) -> Option<&[u8]> {
    head.strip_suffix(b"<").or_else(|| head.strip_suffix(b"&lt;"))
}

fn right_or_blank(text: &[u8], at: usize) -> bool {
    right(text, at).is_some() || rest(text, at).starts_with(b" ")
}

fn left(text: &[u8], at: usize) -> Option<usize> {
    eat(text, at, b"<").or_else(|| eat(text, at, b"&lt;"))
}

fn right(text: &[u8], at: usize) -> Option<usize> {
    eat(text, at, b">").or_else(|| eat(text, at, b"&gt;"))
}

fn next_left(text: &[u8], at: usize) -> Option<usize> {
    rest(text, at)
        .iter()
        .enumerate()
        .find(|(place, byte)| match byte {
            b'<' => true,
            b'&' => rest(text, at + place).starts_with(b"&lt;"),
            _ => false,
        })
        .map(|(place, _)| at + place)
}

/// Behind the next right bracket, if it comes within a tag's length.
fn next_right(text: &[u8], at: usize) -> Option<usize> {
    const MAX_TAG: usize = 256;
    (at..text.len().min(at.saturating_add(MAX_TAG))).find_map(|place| right(text, place))
}

fn skip_white(text: &[u8], at: usize) -> usize {
    at + rest(text, at).iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}
