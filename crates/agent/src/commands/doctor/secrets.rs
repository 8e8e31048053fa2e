//! What must not be shown: a server may answer with the very header it refused.

use crate::config::Settings;
use parser::redact::Redactor;
use std::borrow::Cow;

/// The values of headers, and the rules of redaction.
pub(super) struct Secrets {
    values: Vec<String>,
    redactor: Redactor,
}

impl Secrets {
    /// Reads the files that hold values of headers, as far as they can be read.
    pub(super) fn new(settings: &Settings) -> Self {
        let export = &settings.export;
        let ways = [&export.traces, &export.logs, &export.metrics].into_iter().flatten();
        let headers = ways.flat_map(|to| &to.transport.headers);
        let value = |(_, value): &(String, String)| match value.strip_prefix("file:") {
            Some(path) => std::fs::read_to_string(path).unwrap_or_default().trim_end().to_owned(),
            None => value.clone(),
        };
        Self::of(headers.map(value), Redactor::new(true, &settings.redact_patterns))
    }

    /// Shorter values are names of tenants and the like, and would hide words of ours.
    fn of(values: impl Iterator<Item = String>, redactor: Redactor) -> Self {
        Self { values: values.filter(|value| value.len() >= 8).collect(), redactor }
    }

    /// The text without them.
    pub(super) fn hide(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for value in &self.values {
            let bare = value.rsplit(' ').next().filter(|bare| bare.len() >= 8).unwrap_or(value);
            text = text.replace(value.as_str(), "[redacted]").replace(bare, "[redacted]");
        }
        self.redactor.text(Cow::Owned(text)).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echoed_header_is_hidden() {
        let values = ["Bearer abcdefgh1234", "dom0"].map(str::to_owned);
        let secrets = Secrets::of(values.into_iter(), Redactor::new(true, &[]));
        for (text, expected) in [
            ("401: token abcdefgh1234 is unknown", "[redacted]"),
            ("401: \"Bearer abcdefgh1234\"", "[redacted]"),
            ("dom0 is over its limit", "dom0 is over its limit"),
        ] {
            let hidden = secrets.hide(text);
            assert!(hidden.contains(expected) && !hidden.contains("abcdefgh1234"), "{hidden}");
        }
    }
}
