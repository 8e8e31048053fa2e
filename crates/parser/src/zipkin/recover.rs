//! Finding the way again in damaged text.
//!
//! In the midst of damage it isn't known whether a quote opens a string or ends one. But a span can only begin with
//! `{"` and one of its keys, and inside a string that quote would be escaped: so each such place is tried, and the
//! first that reads as a whole span is where reading goes on.

use super::draft::Draft;
use memchr::{memchr, memchr_iter};

const KEYS: [&str; 13] = [
    "tags",
    "traceId",
    "id",
    "name",
    "parentId",
    "kind",
    "timestamp",
    "duration",
    "annotations",
    "localEndpoint",
    "remoteEndpoint",
    "debug",
    "shared",
];

/// How many bytes may be read in vain, so that hostile text can't make the search quadratic.
#[derive(Debug)]
pub(super) struct Budget(usize);

impl Budget {
    /// Enough to read the text four times over.
    pub(super) fn of(text: &str) -> Self {
        Self(text.len().saturating_mul(4).saturating_add(64 * 1024))
    }

    /// Takes `bytes` off; whether they were there.
    pub(super) fn spend(&mut self, bytes: usize) -> bool {
        let left = self.0.checked_sub(bytes);
        self.0 = left.unwrap_or(0);
        left.is_some()
    }
}

/// The next place from `from` on where a whole span stands.
pub(super) fn next_span<'a>(
    text: &'a str,
    from: usize,
    draft: &mut Draft<'a>,
    budget: &mut Budget,
) -> Option<usize> {
    let places = memchr_iter(b'{', text.as_bytes().get(from..)?).map(|place| from + place);
    for place in places.filter(|place| may_begin(text, *place)) {
        let read = draft.read(text.get(place..)?);
        if read.is_ok() && draft.is_meant() {
            return Some(place);
        }
        let (Ok(spent) | Err(spent)) = read;
        if !budget.spend(spent) {
            return None;
        }
    }
    None
}

/// Whether the `{` at `place` may begin a span: one of a span's keys follows.
pub(super) fn may_begin(text: &str, place: usize) -> bool {
    let behind = text.get(place + 1..).unwrap_or_default().trim_ascii_start();
    let Some(key) = behind.strip_prefix('"') else { return false };
    KEYS.iter().any(|name| key.strip_prefix(name).is_some_and(|rest| rest.starts_with('"')))
}

/// The text with `\ufffd` for each escape that is half of a surrogate pair without the other half; `None` if there
/// is no such escape. The length stays the same.
///
/// JSON's grammar allows them and Python writes them (`json.dumps` of undecodable bytes); no text can hold them.
pub(super) fn without_lone_surrogates(text: &str) -> Option<String> {
    let mut fixed: Option<String> = None;
    let (mut kept, mut place) = (0, 0);
    while let Some(at) = text.as_bytes().get(place..).and_then(|rest| memchr(b'\\', rest)) {
        place += at;
        let first = escape(text, place);
        let pair = matches!(first, Some(0xd800..=0xdbff))
            && matches!(escape(text, place + ESCAPE), Some(0xdc00..=0xdfff));
        match first {
            Some(_) if pair => place += 2 * ESCAPE,
            Some(0xd800..=0xdfff) => {
                let fixed = fixed.get_or_insert_default();
                fixed.push_str(text.get(kept..place).unwrap_or_default());
                fixed.push_str("\\ufffd");
                place += ESCAPE;
                kept = place;
            }
            Some(_) => place += ESCAPE,
            None => place += 2,
        }
    }
    let mut fixed = fixed?;
    fixed.push_str(text.get(kept..).unwrap_or_default());
    Some(fixed)
}

/// The length of `\uXXXX`.
const ESCAPE: usize = 6;

/// The code unit of the `\uXXXX` at `place`.
fn escape(text: &str, place: usize) -> Option<u16> {
    let digits = text.get(place..place + ESCAPE)?.strip_prefix("\\u")?;
    let all_digits = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    all_digits.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
}

/// Cuts what separates values off the end of set-aside text.
pub(super) fn trim_separators(text: &str) -> &str {
    text.trim_end_matches([' ', '\t', '\r', '\n', ',', '['])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lone_surrogates_are_replaced() {
        let cases = [
            (r#"plain \n \u0041"#, None),
            (r#"a\ud83d\ude00b"#, None),
            (r#"a\ud83db"#, Some(r#"a\ufffdb"#)),
            (r#"\ude00\ud83d"#, Some(r#"\ufffd\ufffd"#)),
            (r#"\ud83d\ud83d\ude00"#, Some(r#"\ufffd\ud83d\ude00"#)),
            (r#"\\ud83d"#, None),
            (r#"\\\uD83D"#, Some(r#"\\\ufffd"#)),
            (r#"\ud83"#, None),
            ("\\", None),
        ];
        for (text, expected) in cases {
            assert_eq!(without_lone_surrogates(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn spans_begin_with_their_keys() {
        let cases = [
            (r#"{"tags":{}"#, true),
            ("{ \n \"id\"", true),
            (r#"{"identity":1"#, false),
            (r#"{\"tags\":"#, false),
            (r#"{}"#, false),
            ("{", false),
        ];
        for (text, expected) in cases {
            assert_eq!(may_begin(text, 0), expected, "{text}");
        }
    }

    #[test]
    fn the_search_is_bounded() {
        let text = r#"{"tags":"#.repeat(20_000) + r#"{"traceId":"1","id":"2"}"#;
        let mut budget = Budget::of(&text);
        assert_eq!(next_span(&text, 1, &mut Draft::default(), &mut budget), None);
        assert!(!budget.spend(1));
    }
}
