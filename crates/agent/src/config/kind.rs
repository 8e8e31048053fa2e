//! What a key's value may be: kinds, and the check that gives a typed value or says what is allowed.

use super::units::{duration, lacks_unit, show_duration, show_size, size};
use super::url::{check_endpoint, check_proxy};
use std::time::Duration;
use toml::de::DeValue;

/// A value, checked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Bool(bool),
    Text(String),
    Duration(Duration),
    /// Bytes, or a plain count.
    Number(u64),
    Texts(Vec<String>),
    Map(Vec<(String, String)>),
}

/// What a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    /// Any text but the empty one.
    Text,
    /// An absolute path.
    Path,
    /// `http://` or `https://` and a host.
    Url,
    /// `http://` and a host, perhaps with user and password.
    Proxy,
    /// A time zone of the IANA database.
    Zone,
    /// An IP address and a port.
    Address,
    Duration {
        min: Duration,
        max: Duration,
    },
    Size {
        min: u64,
        max: u64,
    },
    Count {
        min: u64,
        max: u64,
    },
    OneOf(&'static [&'static str]),
    /// A regular expression.
    Pattern,
    /// A list of regular expressions.
    Patterns,
    /// A list of globs.
    Globs,
    /// A table of text.
    Map,
}

impl Kind {
    /// The typed value, or what is wrong and what is allowed.
    pub(crate) fn check(self, value: &DeValue<'_>) -> Result<Value, String> {
        match (self, value) {
            (Self::Bool, DeValue::Boolean(flag)) => Ok(Value::Bool(*flag)),
            (Self::Count { min, max }, DeValue::Integer(number)) => {
                let text = number.as_str().replace('_', "");
                let found = u64::from_str_radix(&text, number.radix()).ok();
                found
                    .filter(|found| (min..=max).contains(found))
                    .map(Value::Number)
                    .ok_or(self.expected(&text))
            }
            (Self::Duration { .. } | Self::Size { .. }, DeValue::Integer(number)) => {
                Err(self.without_unit(number.as_str()))
            }
            (Self::Patterns | Self::Globs, DeValue::Array(items)) => {
                let texts: Option<Vec<&str>> = items.iter().map(|item| item.get_ref().as_str()).collect();
                let texts = texts.ok_or_else(|| self.expected("a list with something else than texts"))?;
                self.texts(&texts)
            }
            (Self::Map, DeValue::Table(table)) => {
                let text = |(key, value): (&toml::Spanned<_>, &toml::Spanned<DeValue<'_>>)| {
                    let key: &std::borrow::Cow<'_, str> = key.get_ref();
                    value.get_ref().as_str().map(|value| (key.to_string(), value.to_owned()))
                };
                let pairs: Option<Vec<_>> = table.iter().map(text).collect();
                pairs.map(Value::Map).ok_or_else(|| self.expected("a table with something else than texts"))
            }
            // A map holds headers: what is written in its place is one, most likely.
            (Self::Map, DeValue::String(_)) => Err(self.expected("a text")),
            (Self::Bool | Self::Count { .. }, DeValue::String(text)) => {
                Err(format!("{}, without quotes", self.expected(&format!("{text:?}"))))
            }
            (_, DeValue::String(text)) => self.check_text(text),
            (_, other) => Err(self.expected(&format!("{} value", article(other.type_str())))),
        }
    }

    /// The typed value of a text: of a string in the file, or of an environment variable.
    pub(crate) fn check_text(self, text: &str) -> Result<Value, String> {
        if self == Self::Map {
            return Err(self.expected("a text"));
        }
        let plain = || Value::Text(text.to_owned());
        match self {
            Self::Text if !text.is_empty() => Ok(plain()),
            Self::Path if text.starts_with('/') => Ok(plain()),
            Self::Url => check_endpoint(text).map(|()| plain()),
            Self::Proxy => check_proxy(text).map(|()| plain()),
            Self::Zone if parser::log::Iana::named(text).is_some() => Ok(plain()),
            Self::Address if text.parse::<std::net::SocketAddr>().is_ok() => Ok(plain()),
            Self::OneOf(allowed) if allowed.contains(&text) => Ok(plain()),
            Self::Pattern => check_pattern(text).map(|()| plain()),
            Self::Duration { .. } | Self::Size { .. } if lacks_unit(text) => Err(self.without_unit(text)),
            Self::Duration { min, max } => {
                let found = duration(text).filter(|found| (min..=max).contains(found));
                found.map(Value::Duration).ok_or_else(|| self.expected(&format!("{text:?}")))
            }
            Self::Size { min, max } => {
                let found = size(text).filter(|found| (min..=max).contains(found));
                found.map(Value::Number).ok_or_else(|| self.expected(&format!("{text:?}")))
            }
            _ => Err(self.expected(&format!("{text:?}"))),
        }
    }

    fn texts(self, texts: &[&str]) -> Result<Value, String> {
        if self == Self::Patterns {
            texts.iter().try_for_each(|text| check_pattern(text))?;
        }
        Ok(Value::Texts(texts.iter().map(|text| (*text).to_owned()).collect()))
    }

    fn without_unit(self, number: &str) -> String {
        format!("{number} has no unit; expected {}", self.describe())
    }

    fn expected(self, found: &str) -> String {
        format!("{found} is not allowed here; expected {}", self.describe())
    }

    /// What is allowed, for messages.
    pub(crate) fn describe(self) -> String {
        match self {
            Self::Bool => "true or false".to_owned(),
            Self::Text => "a text".to_owned(),
            Self::Path => "an absolute path".to_owned(),
            Self::Url => "a URL such as \"http://host:4318\" or \"https://host/path\"".to_owned(),
            Self::Proxy => "an address such as \"http://proxy:3128\"".to_owned(),
            Self::Zone => "a time zone such as \"Europe/Paris\"".to_owned(),
            Self::Address => "an address such as \"127.0.0.1:9411\"".to_owned(),
            Self::Duration { min, max } => {
                format!(
                    "a duration from {} to {}, such as \"500ms\", \"30s\", \"10m\"",
                    show_duration(min),
                    show_duration(max)
                )
            }
            Self::Size { min, max } => {
                format!("a size from {} to {}, such as \"64KiB\", \"16MiB\"", show_size(min), show_size(max))
            }
            Self::Count { min, max } => format!("a number from {min} to {max}"),
            Self::OneOf(allowed) => {
                let quoted: Vec<String> = allowed.iter().map(|text| format!("{text:?}")).collect();
                quoted.join(" or ")
            }
            Self::Pattern => "a regular expression".to_owned(),
            Self::Patterns => "a list of regular expressions, such as ['heartbeat']".to_owned(),
            Self::Globs => "a list of globs, such as [\"Tracing.*\"]".to_owned(),
            Self::Map => "a table of texts, such as { \"X-Scope-OrgID\" = \"dom0\" }".to_owned(),
        }
    }
}

/// The noun with its article.
pub(super) fn article(noun: &str) -> String {
    let vowel = noun.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {noun}", if vowel { "an" } else { "a" })
}

fn check_pattern(text: &str) -> Result<(), String> {
    regex::Regex::new(text).map(|_| ()).map_err(|error| {
        let reason = error.to_string();
        let last = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        format!("{text:?} is no regular expression: {last}")
    })
}
