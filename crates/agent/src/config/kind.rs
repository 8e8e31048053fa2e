//! What a key's value may be: kinds, their units, and the check that gives a typed value or says what is allowed.

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

const SECOND: Duration = Duration::from_secs(1);
const UNITS: [(&str, Duration); 5] = [
    ("ms", Duration::from_millis(1)),
    ("s", SECOND),
    ("m", Duration::from_secs(60)),
    ("h", Duration::from_secs(3600)),
    ("d", Duration::from_secs(86_400)),
];
const SIZES: [(&str, u64); 7] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("kB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("B", 1),
];

impl Kind {
    /// The typed value, or what is wrong and what is allowed.
    pub(crate) fn check(self, value: &DeValue<'_>) -> Result<Value, String> {
        match (self, value) {
            (Self::Bool, DeValue::Boolean(flag)) => Ok(Value::Bool(*flag)),
            (Self::Count { min, max }, DeValue::Integer(number)) => {
                let number = u64::from_str_radix(&number.as_str().replace('_', ""), number.radix())
                    .map_err(|_| self.expected("a number out of range"))?;
                self.within(number, min, max).map(Value::Number)
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
            (_, DeValue::String(text)) => self.check_text(text),
            (_, other) => Err(self.expected(&format!("{} value", article(other.type_str())))),
        }
    }

    /// The typed value of a text: of a string in the file, or of an environment variable.
    pub(crate) fn check_text(self, text: &str) -> Result<Value, String> {
        let plain = || Value::Text(text.to_owned());
        match self {
            Self::Text if !text.is_empty() => Ok(plain()),
            Self::Path if text.starts_with('/') => Ok(plain()),
            Self::Url => check_url(text).map(|()| plain()).map_err(|why| self.expected(&why)),
            Self::Zone if text.parse::<chrono_tz::Tz>().is_ok() => Ok(plain()),
            Self::Address if text.parse::<std::net::SocketAddr>().is_ok() => Ok(plain()),
            Self::OneOf(allowed) if allowed.contains(&text) => Ok(plain()),
            Self::Pattern => check_pattern(text).map(|()| plain()),
            Self::Duration { min, max } => {
                let found = duration(text).ok_or_else(|| self.expected(&format!("{text:?}")))?;
                if (min..=max).contains(&found) {
                    Ok(Value::Duration(found))
                } else {
                    Err(self.expected(&format!("{text:?}")))
                }
            }
            Self::Size { min, max } => {
                let found = size(text).ok_or_else(|| self.expected(&format!("{text:?}")))?;
                self.within(found, min, max).map(Value::Number)
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

    fn within(self, number: u64, min: u64, max: u64) -> Result<u64, String> {
        if (min..=max).contains(&number) { Ok(number) } else { Err(self.expected(&number.to_string())) }
    }

    fn expected(self, found: &str) -> String {
        format!("{found} is not allowed here; expected {}", self.describe())
    }

    /// What is allowed, for messages and the reference.
    pub(crate) fn describe(self) -> String {
        match self {
            Self::Bool => "true or false".to_owned(),
            Self::Text => "a text".to_owned(),
            Self::Path => "an absolute path".to_owned(),
            Self::Url => "a URL such as \"http://host:4318\" or \"https://host/path\"".to_owned(),
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
            Self::Patterns => "a list of regular expressions".to_owned(),
            Self::Globs => "a list of globs".to_owned(),
            Self::Map => "a table of texts, such as { \"X-Scope-OrgID\" = \"dom0\" }".to_owned(),
        }
    }
}

fn article(noun: &str) -> String {
    let vowel = noun.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {noun}", if vowel { "an" } else { "a" })
}

fn check_url(text: &str) -> Result<(), String> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let parsed: Option<http::Uri> = text.parse().ok();
    match (rest, parsed.as_ref().and_then(http::Uri::host)) {
        (Some(_), Some(host)) if !host.is_empty() && !text.contains('@') => Ok(()),
        (Some(_), Some(_)) if text.contains('@') => {
            Err("a URL with a user name in it (put it in headers: Authorization)".to_owned())
        }
        _ => Err(format!("{text:?}")),
    }
}

fn check_pattern(text: &str) -> Result<(), String> {
    regex::Regex::new(text).map(|_| ()).map_err(|error| {
        let reason = error.to_string();
        let last = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        format!("{text:?} is no regular expression: {last}")
    })
}

/// `"90s"` as a duration: a whole number and a unit.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = split_unit(text)?;
    let unit = UNITS.iter().find(|(name, _)| *name == unit)?.1;
    unit.checked_mul(u32::try_from(number).ok()?)
}

/// `"16MiB"` in bytes: a whole number and a unit.
pub(crate) fn size(text: &str) -> Option<u64> {
    let (number, unit) = split_unit(text)?;
    number.checked_mul(SIZES.iter().find(|(name, _)| *name == unit)?.1)
}

fn split_unit(text: &str) -> Option<(u64, &str)> {
    let (number, unit) = text.split_at_checked(text.find(|c: char| !c.is_ascii_digit())?)?;
    Some((number.parse().ok()?, unit.trim_start()))
}

fn show_duration(duration: Duration) -> String {
    let fits = |unit: &Duration| !duration.is_zero() && duration.as_millis().is_multiple_of(unit.as_millis());
    match UNITS.iter().rev().find(|(_, unit)| fits(unit)) {
        Some((name, unit)) => format!("{}{name}", duration.as_millis() / unit.as_millis()),
        None => "0s".to_owned(),
    }
}

fn show_size(bytes: u64) -> String {
    let fits = |unit: u64| bytes >= unit && bytes.is_multiple_of(unit);
    match SIZES.iter().take(3).rev().find(|(_, unit)| fits(*unit)) {
        Some((name, unit)) => format!("{}{name}", bytes / unit),
        None => format!("{bytes}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_read() {
        let durations = [("500ms", 500), ("75s", 75_000), ("10m", 600_000), ("0s", 0), ("6d", 518_400_000)];
        for (text, millis) in durations {
            assert_eq!(duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for bad in ["", "5", "s", "-1s", "1.5s", "1 fortnight", "99999999999d"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
        assert_eq!(size("64KiB"), Some(65_536));
        assert_eq!(size("4 MiB"), Some(4 << 20));
        assert_eq!(size("16"), None);
    }

    #[test]
    fn durations_and_sizes_show_in_their_largest_unit() {
        let cases = [(0, "0s"), (500, "500ms"), (75_000, "75s"), (600_000, "10m"), (518_400_000, "6d")];
        for (millis, text) in cases {
            assert_eq!(show_duration(Duration::from_millis(millis)), text);
        }
        assert_eq!(show_size(32 << 20), "32MiB");
        assert_eq!(show_size(1000), "1000B");
    }
}
