//! Takes secrets out of spans and log records before anything leaves.
//!
//! For: values of keys that say `password`, `passwd`, `secret`, `token`, `chap`, `authorization`, `cookie` or
//! `session_id` in any case and anywhere in the key; passwords in URLs; `OpaqueRef:…` where its key or the word before
//! it says session; what the user's own patterns match. SMAPI's spans carry call arguments (`xs.span.args.str`,
//! `xs.span.kwargs.str`: device-config with passwords and CHAP secrets), requests carry headers, log bodies carry
//! session references.
//!
//! Promises:
//! - The value is replaced by `[redacted]`, and nothing but the value: quotes, brackets, the key and its neighbours
//!   stay. It is found in JSON (also escaped, once or more often), Python literals and keyword arguments, XML and
//!   XML-RPC (also with entities), S-expressions, `key=value`, `key: value`, headers, command lines.
//! - A key word without a value behind it is prose, and left alone.
//! - To redact twice is to redact once. Text without a key word is unchanged, byte for byte, and costs one quick look
//!   and no allocation.
//! - Any text gives an answer in time that grows with its length alone.
//!
//! Leaves to others: what is set aside in files of its own stays exact; a secret under a key that doesn't say so can't
//! be known: that is what patterns are for.

mod glance;
mod key;
mod quote;
mod syntax;
mod text;
mod url;
mod value;
mod xml;

use glance::Glance;
use key::{Key, Keys, Kind};
use model::{KeyValue, LogRecord, Resource, Span, Status, Value};
use regex::Regex;
use std::borrow::Cow;
use text::Found;

/// What stands in a secret's place.
pub const REDACTED: &str = "[redacted]";

/// The rules, compiled.
#[derive(Debug)]
pub struct Redactor {
    enabled: bool,
    keys: Keys,
    glance: Glance,
    patterns: Vec<Regex>,
}

impl Redactor {
    /// The built-in rules and further patterns, of which the whole match is replaced; `enabled: false` leaves
    /// everything as it is.
    #[must_use]
    pub fn new(enabled: bool, patterns: &[Regex]) -> Self {
        Self { enabled, keys: Keys::new(), glance: Glance::new(), patterns: patterns.to_vec() }
    }

    /// A quick look at raw bytes, such as the JSON of a whole span or a whole log line: whether anything read from them
    /// may need redaction. `false` is certain; with patterns of the user's it is never `false`.
    #[must_use]
    pub fn suspects(&self, raw: &[u8]) -> bool {
        self.enabled && (!self.patterns.is_empty() || self.glance.suspects(raw))
    }

    /// A text, redacted.
    #[must_use]
    pub fn text<'a>(&self, text: Cow<'a, str>) -> Cow<'a, str> {
        match self.replaced(&text).0 {
            Some(redacted) => Cow::Owned(redacted),
            None => text,
        }
    }

    /// The value of a key, redacted: whole if the key says that it is a secret, else as text.
    #[must_use]
    pub fn value<'a>(&self, key: &str, value: Cow<'a, str>) -> Cow<'a, str> {
        match self.value_replaced(key, &value).0 {
            Some(redacted) => Cow::Owned(redacted),
            None => value,
        }
    }

    /// Redacts a span in place, if the JSON it was read from gives cause; how many secrets were replaced.
    pub fn span(&self, span: &mut Span<'_>, raw: &[u8]) -> u64 {
        if self.suspects(raw) { self.span_in_full(span) } else { 0 }
    }

    /// Redacts a span's name, status, tags, events and resource in place; how many secrets were replaced.
    pub fn span_in_full(&self, span: &mut Span<'_>) -> u64 {
        if !self.enabled {
            return 0;
        }
        let mut count = self.text_in(&mut span.name);
        if let Status::Error(message) = &mut span.status {
            count += self.text_in(message);
        }
        for event in &mut span.events {
            count += self.text_in(&mut event.name) + self.attributes_in(&mut event.attributes);
        }
        count + self.attributes_in(&mut span.attributes) + self.attributes_in(&mut span.resource.attributes)
    }

    /// Redacts a log record in place, if the line it was read from ([`suspects`](Self::suspects)) or a key that is not XAPI's
    /// own (a named group of a pattern, say) gives cause; how many secrets were replaced.
    pub fn record(&self, record: &mut LogRecord<'_>, suspects: bool) -> u64 {
        let cause = suspects || record.attributes.iter().any(|kv| self.is_foreign_secret(&kv.key));
        if cause { self.record_in_full(record) } else { 0 }
    }

    /// Redacts a resource in place; how many secrets were replaced.
    pub fn resource(&self, resource: &mut Resource<'_>) -> u64 {
        if self.enabled { self.attributes_in(&mut resource.attributes) } else { 0 }
    }

    /// Redacts a log record's body, attributes and resource in place; how many secrets were replaced.
    pub fn record_in_full(&self, record: &mut LogRecord<'_>) -> u64 {
        if !self.enabled {
            return 0;
        }
        self.text_in(&mut record.body)
            + self.attributes_in(&mut record.attributes)
            + self.attributes_in(&mut record.resource.attributes)
    }

    fn is_foreign_secret(&self, key: &str) -> bool {
        !key::is_of_log_lines(key) && self.keys.kind(key).is_some()
    }

    fn text_in(&self, text: &mut Cow<'_, str>) -> u64 {
        put(text, self.replaced(text))
    }

    fn attributes_in(&self, list: &mut [KeyValue<'_>]) -> u64 {
        list.iter_mut().map(|kv| self.attribute_in(kv)).sum()
    }

    fn attribute_in(&self, kv: &mut KeyValue<'_>) -> u64 {
        match &mut kv.value {
            Value::Str(text) => put(text, self.value_replaced(&kv.key, text)),
            Value::Int(_) | Value::Double(_) if self.hides_whole(&kv.key) => {
                kv.value = Value::Str(REDACTED.into());
                1
            }
            Value::Int(_) | Value::Double(_) | Value::Bool(_) => 0,
        }
    }

    fn hides_whole(&self, key: &str) -> bool {
        self.keys.kind(key).is_some_and(|kind| kind != Kind::Session)
    }

    /// The text with its secrets replaced, and how many; `None` if it has none.
    fn replaced(&self, text: &str) -> (Option<String>, usize) {
        if !self.suspects(text.as_bytes()) {
            return (None, 0);
        }
        let mut found = Found::in_text(text);
        while let Some(key) = self.keys.next(text, found.next_key_at()) {
            found.go_behind(key.end);
            syntax::find_values(text.as_bytes(), &key, &mut found);
        }
        url::find_passwords(text.as_bytes(), &mut found);
        for pattern in &self.patterns {
            pattern.find_iter(text).for_each(|hit| found.add(hit.range()));
        }
        found.replace()
    }

    fn value_replaced(&self, key: &str, value: &str) -> (Option<String>, usize) {
        if !self.enabled {
            return (None, 0);
        }
        let mut found = Found::in_text(value);
        match self.keys.kind(key) {
            None => return self.replaced(value),
            Some(Kind::Session) => {
                let whole = Key { start: 0, end: 0, kind: Kind::Session };
                value::find(value.as_bytes(), 0, &whole, &mut found);
                match found.replace() {
                    (None, _) => return self.replaced(value),
                    done => return done,
                }
            }
            Some(_) => found.add_unless_empty(0..value.len()),
        }
        found.replace()
    }
}

fn put(text: &mut Cow<'_, str>, (redacted, count): (Option<String>, usize)) -> u64 {
    if let Some(redacted) = redacted {
        *text = Cow::Owned(redacted);
    }
    u64::try_from(count).unwrap_or(u64::MAX)
}
