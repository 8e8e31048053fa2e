//! Severities.

/// A log level as a number of OTLP's scale; the discriminants are those numbers.
///
/// Source: OpenTelemetry log data model for the scale, xen-api `ocaml/libs/log/debug.ml` for the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// For those who debug.
    Debug = 5,
    /// Something normal happened.
    Info = 9,
    /// An entry of the audit trail.
    Audit = 10,
    /// Something may be wrong.
    Warn = 13,
    /// Something failed.
    Error = 17,
    /// The service can't go on.
    Critical = 21,
}

impl Severity {
    /// OTLP's number.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The level that the text names, in any case and with the usual other names.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        const NAMES: [(&str, Severity); 19] = [
            ("debug", Severity::Debug),
            ("trace", Severity::Debug),
            ("app", Severity::Info),
            ("info", Severity::Info),
            ("information", Severity::Info),
            ("notice", Severity::Info),
            ("audit", Severity::Audit),
            ("warn", Severity::Warn),
            ("warning", Severity::Warn),
            ("err", Severity::Error),
            ("error", Severity::Error),
            ("exception", Severity::Error),
            ("crit", Severity::Critical),
            ("critical", Severity::Critical),
            ("alert", Severity::Critical),
            ("emerg", Severity::Critical),
            ("emergency", Severity::Critical),
            ("fatal", Severity::Critical),
            ("panic", Severity::Critical),
        ];
        // These are nearly all there are.
        match text {
            "debug" => return Some(Self::Debug),
            "info" => return Some(Self::Info),
            "warn" => return Some(Self::Warn),
            "error" => return Some(Self::Error),
            _ => {}
        }
        NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, severity)| *severity)
    }
}

#[cfg(test)]
mod tests {
    use super::Severity;

    #[test]
    fn numbers_are_those_of_the_contract() {
        let cases = [("debug", 5), ("info", 9), ("warn", 13), ("error", 17), ("critical", 21), ("audit", 10)];
        for (text, number) in cases {
            assert_eq!(Severity::parse(text).map(Severity::number), Some(number), "{text}");
        }
        assert_eq!(Severity::parse("WARNING"), Some(Severity::Warn));
        assert_eq!(Severity::parse("loud"), None);
    }
}
