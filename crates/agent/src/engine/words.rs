//! What a server says, made fit for the own log, for `status` and for the files of what is set aside.
//!
//! A server may say anything: repeat our credentials, quote a customer's line, go on for megabytes, or steer the
//! terminal that shows it. Promises: no value of our headers, nothing that the redactor knows as a secret (also where
//! the configuration switches redaction of the data off), one line without control characters, bounded.

use crate::config::{Export, Settings};
use parser::redact::{REDACTED, Redactor};
use std::borrow::Cow;

/// Characters that are kept.
const LONGEST: usize = 500;
/// Bytes that are looked at: redaction comes before the cut, so that no half of a secret is left.
const LOOKED_AT: usize = 16 << 10;
/// A shorter value of a header says nothing by itself, and would be found in every other word.
const SHORTEST_VALUE: usize = 4;

/// The rules.
#[derive(Debug)]
pub(crate) struct Words {
    redactor: Redactor,
    /// Values of headers, the longest first.
    values: Vec<String>,
}

impl Words {
    pub(crate) fn new(settings: &Settings) -> Self {
        let redactor = Redactor::new(true, &settings.redact_patterns);
        Self { redactor, values: header_values(&settings.export) }
    }

    /// The words as they may be shown.
    pub(crate) fn of(&self, message: &str) -> String {
        let mut text = head(message).to_owned();
        for value in self.values.iter().filter(|value| message.contains(value.as_str())) {
            text = text.replace(value.as_str(), REDACTED);
        }
        let text = self.redactor.text(Cow::Owned(text));
        let mut shown: String = text.chars().take(LONGEST).flat_map(plain).collect();
        if text.chars().nth(LONGEST).is_some() || message.len() > LOOKED_AT {
            shown.push('…');
        }
        shown
    }
}

/// The beginning, cut between characters.
fn head(message: &str) -> &str {
    let end = (0..=LOOKED_AT.min(message.len())).rev().find(|end| message.is_char_boundary(*end));
    message.get(..end.unwrap_or(0)).unwrap_or_default()
}

/// A character, or what is shown in its place.
fn plain(character: char) -> impl Iterator<Item = char> {
    let steers =
        character.is_control() || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let escaped = steers.then(|| character.escape_default());
    (!steers).then_some(character).into_iter().chain(escaped.into_iter().flatten())
}

/// The values of all headers, and of an authorization what stands behind its scheme.
fn header_values(export: &Export) -> Vec<String> {
    let all = [&export.traces, &export.logs, &export.metrics];
    let headers = all.into_iter().flatten().flat_map(|to| &to.transport.headers);
    let values =
        headers.flat_map(|(_, value)| [value.as_str(), value.rsplit(' ').next().unwrap_or_default()]);
    let mut values: Vec<String> = values
        .filter(|value| value.len() >= SHORTEST_VALUE && !value.starts_with("file:"))
        .map(str::to_owned)
        .collect();
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    values.dedup();
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn words() -> Words {
        let text = "[export]\nheaders = { Authorization = \"Basic aHVudGVyMg==\", \"X-Scope-OrgID\" = \"dom0\", \"X-N\" = \"7\" }\n[redact]\nenabled = false\n";
        Words::new(&crate::config::parse(Path::new("/t"), text, &|_| None).unwrap())
    }

    #[test]
    fn what_a_server_says_is_fit_to_be_shown() {
        let cases = [
            ("entry too far behind, 7 of 10", "entry too far behind, 7 of 10"),
            ("HTTP 401: Basic aHVudGVyMg== is not known", "HTTP 401: [redacted] is not known"),
            ("bad credentials aHVudGVyMg==", "bad credentials [redacted]"),
            ("no tenant dom0", "no tenant [redacted]"),
            ("refused: {\"password\": \"x y\"}", "refused: {\"password\": \"[redacted]\"}"),
            ("a\r\n\x1b[2Jb\u{202e}c\0", "a\\r\\n\\u{1b}[2Jb\\u{202e}c\\u{0}"),
            ("", ""),
        ];
        for (said, shown) in cases {
            assert_eq!(words().of(said), shown, "{said:?}");
        }
    }

    #[test]
    fn it_is_bounded_and_no_secret_is_cut_in_two() {
        let long = words().of(&"é".repeat(1 << 20));
        assert_eq!(long.chars().count(), LONGEST + 1);
        let at_the_cut = format!("{} password=hunter2hunter2", "x".repeat(LONGEST - 12));
        let shown = words().of(&at_the_cut);
        assert!(!shown.contains("hun") && shown.ends_with('…'), "{shown}");
        let at_the_end = format!("{}password=hunter2hunter2", "x ".repeat((LOOKED_AT - 12) / 2));
        assert!(!words().of(&at_the_end).contains("hunter2"));
    }
}
