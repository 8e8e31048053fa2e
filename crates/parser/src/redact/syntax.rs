//! Where a key's value stands: the ways in which XAPI, SM and their tools write a key with its value.

use super::key::{Key, Kind};
use super::quote::Quote;
use super::text::{Found, before, eat, rest, skip_blanks};
use super::{value, xml};

/// Adds the values of a key, if it has any where it stands.
pub(super) fn find_values(text: &[u8], key: &Key, found: &mut Found<'_>) {
    if xml::find_values(text, key, found) {
        return;
    }
    let place = Place::of(text, key);
    let next = skip_blanks(text, place.behind);
    let _else_prose = assigned(text, next, &place, key, found)
        || listed(text, next, &place, key, found)
        || (next > place.behind && spaced(text, next, &place, key, found));
}

/// What a key stands in.
struct Place {
    /// Behind the key and its closing quote.
    behind: usize,
    /// It is quoted.
    quoted: bool,
    /// A left parenthesis stands before it.
    in_list: bool,
    /// A hyphen stands before it.
    option: bool,
}

impl Place {
    fn of(text: &[u8], key: &Key) -> Self {
        let quote = Quote::open(text, key.end);
        let start = Quote::ending_at(text, key.start).unwrap_or(key.start);
        Self {
            behind: quote.map_or(key.end, |(_, behind)| behind),
            quoted: quote.is_some(),
            in_list: before(text, start) == Some(b'('),
            option: before(text, key.start) == Some(b'-'),
        }
    }
}

/// `key=value`, `key: value`, `"key": "value"`, `'key' => 'value'`, `key%3Dvalue`.
fn assigned(text: &[u8], at: usize, place: &Place, key: &Key, found: &mut Found<'_>) -> bool {
    let Some(behind) = behind_sign(text, at) else { return false };
    let start = skip_blanks(text, behind);
    if place.quoted || !closes_around(text, start) {
        value::find(text, start, key, found);
    }
    true
}

fn behind_sign(text: &[u8], at: usize) -> Option<usize> {
    match rest(text, at) {
        [b':', b':', ..] | [b'=', b'=', ..] => None,
        [b'=', b'>', ..] | [b':', b'=', ..] => Some(at + 2),
        [b'=' | b':', ..] => Some(at + 1),
        [b'%', b'3', b'D' | b'd' | b'A' | b'a', ..] => Some(at + 3),
        _ => None,
    }
}

/// Whether the quote at `at` ends a string that began before the key, as in `["password=","x"]`: a bracket or comma
/// follows, and then what may follow in a list.
fn closes_around(text: &[u8], at: usize) -> bool {
    let Some((_, behind)) = Quote::open(text, at) else { return false };
    let after = match rest(text, behind) {
        [] => return true,
        [b',' | b']' | b'}' | b')', ..] => skip_blanks(text, behind + 1),
        _ => return false,
    };
    rest(text, after).first().is_none_or(|byte| b"\"'\\[]{}(),".contains(byte))
}

/// `('key', 'value')`, `'--key', 'value'`, `'key', '-v', 'value'`.
fn listed(text: &[u8], at: usize, place: &Place, key: &Key, found: &mut Found<'_>) -> bool {
    let Some(behind) = eat(text, at, b",").filter(|_| place.quoted) else { return false };
    let next = skip_blanks(text, behind);
    if let Some(start) = behind_value_option(text, next) {
        value::find(text, start, key, found);
        return true;
    }
    let pair = place.in_list && Quote::open(text, next).is_some() && closes_pair(text, next);
    if pair || place.option {
        value::find(text, next, key, found);
    }
    pair || place.option
}

/// Whether the quoted value at `at` is the last of its list.
fn closes_pair(text: &[u8], at: usize) -> bool {
    let Some((quote, start)) = Quote::open(text, at) else { return false };
    let end = quote.behind(text, quote.close(text, start));
    rest(text, skip_blanks(text, end)).first().is_none_or(|byte| *byte == b')')
}

/// Where the value begins behind `-v value`, `--value=value` or, as a list of words has it, `'-v', 'value'`
/// (`iscsiadm --name node.session.auth.password --value …`).
fn behind_value_option(text: &[u8], at: usize) -> Option<usize> {
    let quoted = Quote::open(text, at);
    let start = quoted.map_or(at, |(_, start)| start);
    let behind = eat(text, start, b"--value").or_else(|| eat(text, start, b"-v"))?;
    if let Some(value) = eat(text, behind, b"=") {
        return Some(value);
    }
    let behind = match quoted {
        Some(_) => eat(text, Quote::open(text, behind)?.1, b",")?,
        None => behind,
    };
    let value = skip_blanks(text, behind);
    (value > behind || quoted.is_some()).then_some(value)
}

/// `(key value)`, `('key' 'value')`, `--key value`, `key -v value`, `session OpaqueRef:…`.
fn spaced(text: &[u8], at: usize, place: &Place, key: &Key, found: &mut Found<'_>) -> bool {
    if let Some(start) = behind_value_option(text, at) {
        value::find(text, start, key, found);
    } else if place.in_list && place.quoted {
        quoted_atoms(text, at, key, found);
    } else if key.kind == Kind::Session || is_option(text, at, place) || is_pair(text, at, place) {
        value::find(text, at, key, found);
    } else {
        return false;
    }
    true
}

fn is_option(text: &[u8], at: usize, place: &Place) -> bool {
    place.option && rest(text, at).first() != Some(&b'-')
}

/// Whether there is one word at `at`, and then the right parenthesis.
fn is_pair(text: &[u8], at: usize, place: &Place) -> bool {
    let end = value::end(text, at, Kind::Secret);
    place.in_list && end > at && rest(text, skip_blanks(text, end)).first() == Some(&b')')
}

/// All the quoted words up to the right parenthesis.
fn quoted_atoms(text: &[u8], at: usize, key: &Key, found: &mut Found<'_>) {
    let mut at = at;
    while Quote::open(text, at).is_some() {
        at = skip_blanks(text, value::find(text, at, key, found));
    }
}
