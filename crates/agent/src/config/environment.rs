//! OpenTelemetry's environment variables: they fill what the file leaves unset.
//!
//! Source: OpenTelemetry specification, "OpenTelemetry Protocol Exporter" and "General SDK Configuration".
//! A signal's own variable fills the signal's own key, unless the file sets the general key: the file is nearer.

use super::keys::SIGNALS;
use super::kind::Value;
use super::problem::Problems;
use super::written::{Found, Written, kind_of};

/// The variables that name a key of `[export]`, for all signals or (`OTEL_EXPORTER_OTLP_TRACES_…`) for one.
const EXPORT: [(&str, &str); 8] = [
    ("ENDPOINT", "endpoint"),
    ("PROTOCOL", "protocol"),
    ("COMPRESSION", "compression"),
    ("TIMEOUT", "timeout"),
    ("HEADERS", "headers"),
    ("CERTIFICATE", "tls.ca_file"),
    ("CLIENT_CERTIFICATE", "tls.cert_file"),
    ("CLIENT_KEY", "tls.key_file"),
];

/// Fills `written` from the environment, which `env` looks up. Empty variables count as unset.
pub(crate) fn fill(written: &mut Written, env: &dyn Fn(&str) -> Option<String>, problems: &mut Problems) {
    let env = |name: &str| env(name).filter(|text| !text.trim().is_empty());
    for (suffix, rest) in EXPORT {
        let general = format!("export.{rest}");
        let in_file = written.values.contains_key(&general);
        for signal in SIGNALS {
            let name = format!("OTEL_EXPORTER_OTLP_{}_{suffix}", signal.to_uppercase());
            if let Some(text) = env(&name).filter(|_| !in_file) {
                set(written, &name, &format!("export.{signal}.{rest}"), &text, problems);
            }
        }
        let name = format!("OTEL_EXPORTER_OTLP_{suffix}");
        if let Some(text) = env(&name) {
            set(written, &name, &general, &text, problems);
        }
    }
    if let Some(text) = env("OTEL_RESOURCE_ATTRIBUTES") {
        add_resource_attributes(written, &text, problems);
    }
}

fn set(written: &mut Written, name: &str, path: &str, text: &str, problems: &mut Problems) {
    if written.values.contains_key(path) {
        return;
    }
    let value = match path.rsplit('.').next() {
        Some("headers") => pairs(text).map(Value::Map),
        Some("timeout") => timeout(path, text),
        _ => kind_of(path).ok_or_else(String::new).and_then(|kind| kind.check_text(text)),
    };
    match value {
        Ok(value) => {
            written.values.insert(path.to_owned(), Found { value, line: 0 });
        }
        Err(message) => problems.add(0, &format!("{name} (for {path})"), message),
    }
}

/// The specification gives timeouts in milliseconds, without a unit.
fn timeout(path: &str, text: &str) -> Result<Value, String> {
    let millis: u64 = text.trim().parse().map_err(|_| format!("{text:?} is no number of milliseconds"))?;
    kind_of(path).ok_or_else(String::new)?.check_text(&format!("{millis}ms"))
}

/// Attributes of the file win over those of the environment.
fn add_resource_attributes(written: &mut Written, text: &str, problems: &mut Problems) {
    let new = match pairs(text) {
        Ok(new) => new,
        Err(message) => return problems.add(0, "OTEL_RESOURCE_ATTRIBUTES", message),
    };
    let path = "resource.attributes".to_owned();
    let found = written.values.entry(path).or_insert(Found { value: Value::Map(Vec::new()), line: 0 });
    if let Value::Map(attributes) = &mut found.value {
        let unset: Vec<_> =
            new.into_iter().filter(|(key, _)| attributes.iter().all(|(have, _)| have != key)).collect();
        attributes.extend(unset);
    }
}

/// `a=1,b=2` with percent-encoded values (W3C Baggage's form).
fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let pair = |part: &str| {
        let (key, value) = part.split_once('=').ok_or("a part has no \"=\"; expected key=value,key=value")?;
        let key = key.trim();
        if key.is_empty() {
            return Err("a key is empty; expected key=value,key=value".to_owned());
        }
        Ok((key.to_owned(), percent_decode(value.trim())))
    };
    text.split(',').filter(|part| !part.trim().is_empty()).map(pair).collect()
}

fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = (first == b'%').then(|| after.get(..2)).flatten();
        let decoded = code
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(decoded.unwrap_or(first));
        rest = if decoded.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
