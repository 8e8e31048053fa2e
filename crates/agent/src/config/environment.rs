//! OpenTelemetry's environment variables: they fill what the file leaves unset.
//!
//! Source: OpenTelemetry specification, "OpenTelemetry Protocol Exporter", "General SDK Configuration" and
//! "Environment Variable Specification". A signal's own variable fills the signal's own key, unless the file sets
//! the general key: the file is nearer.

use super::keys::SIGNALS;
use super::kind::Value;
use super::problem::{Place, Problems};
use super::written::{Found, Written, kind_of};

/// The variables that name a key of `[export]`, for all signals or (`OTEL_EXPORTER_OTLP_TRACES_…`) for one. The
/// protocol comes first: what an endpoint may look like depends on it.
pub(super) const EXPORT: [(&str, &str); 8] = [
    ("PROTOCOL", "protocol"),
    ("ENDPOINT", "endpoint"),
    ("COMPRESSION", "compression"),
    ("TIMEOUT", "timeout"),
    ("HEADERS", "headers"),
    ("CERTIFICATE", "tls.ca_file"),
    ("CLIENT_CERTIFICATE", "tls.cert_file"),
    ("CLIENT_KEY", "tls.key_file"),
];

/// Looks a variable up.
pub(super) type Env<'e> = dyn Fn(&str) -> Option<String> + 'e;

/// Fills `written` from the environment, which `env` looks up. Empty variables count as unset.
pub(super) fn fill(written: &mut Written, env: &Env<'_>, problems: &mut Problems) {
    let env = |name: &str| env(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    for (suffix, rest) in EXPORT {
        let in_file = written.values.contains_key(&format!("export.{rest}"));
        for signal in SIGNALS.iter().copied().filter(|_| !in_file).map(Some).chain([None]) {
            let name = variable(signal, suffix);
            let Some(text) = env(&name) else { continue };
            let text = if suffix == "ENDPOINT" { with_scheme(text, signal, written, &env) } else { text };
            set(written, &name, &key(signal, rest), &text, problems);
        }
    }
    if let Some(text) = env("OTEL_RESOURCE_ATTRIBUTES") {
        add_resource_attributes(written, &text, problems);
    }
}

/// Sends all signals to one endpoint, which the command line names.
pub(super) fn set_endpoint(written: &mut Written, text: &str, problems: &mut Problems) {
    let (path, place) = ("export.endpoint", Place::Option("--endpoint"));
    let value = kind_of(path).ok_or_else(String::new).and_then(|kind| kind.check_text(text));
    match value {
        Ok(value) => drop(written.values.insert(path.to_owned(), Found { value, place })),
        Err(message) => problems.add(&place, path, message),
    }
}

/// The variable of one signal, or of all.
fn variable(signal: Option<&str>, suffix: &str) -> String {
    match signal {
        Some(signal) => format!("OTEL_EXPORTER_OTLP_{}_{suffix}", signal.to_uppercase()),
        None => format!("OTEL_EXPORTER_OTLP_{suffix}"),
    }
}

fn key(signal: Option<&str>, rest: &str) -> String {
    match signal {
        Some(signal) => format!("export.{signal}.{rest}"),
        None => format!("export.{rest}"),
    }
}

/// For gRPC an endpoint may be without a scheme; `…_INSECURE` says whether TLS is used then.
fn with_scheme(text: String, signal: Option<&str>, written: &Written, env: &Env<'_>) -> String {
    let protocol =
        || written.values.get(&key(signal, "protocol")).or_else(|| written.values.get("export.protocol"));
    let is_grpc = || protocol().is_some_and(|found| found.value == Value::Text("grpc".to_owned()));
    if text.contains("://") || !is_grpc() {
        return text;
    }
    let insecure = env(&variable(signal, "INSECURE")).or_else(|| env(&variable(None, "INSECURE")));
    let insecure = insecure.is_some_and(|text| text.eq_ignore_ascii_case("true"));
    format!("{}://{text}", if insecure { "http" } else { "https" })
}

fn set(written: &mut Written, name: &str, path: &str, text: &str, problems: &mut Problems) {
    if written.values.contains_key(path) {
        return;
    }
    let kind = || kind_of(path).ok_or_else(String::new);
    let value = match path.rsplit('.').next() {
        Some("headers") => pairs(text).map(Value::Map),
        Some("timeout") => kind().and_then(|kind| kind.check_text(&timeout(text)?)),
        // The specification wants names in any case.
        Some("protocol" | "compression") => kind().and_then(|kind| kind.check_text(&text.to_lowercase())),
        _ => kind().and_then(|kind| kind.check_text(text)),
    };
    let place = Place::Variable(name.to_owned());
    match value {
        Ok(value) => drop(written.values.insert(path.to_owned(), Found { value, place })),
        Err(message) => problems.add(&place, path, message),
    }
}

/// The specification gives timeouts in milliseconds, without a unit.
fn timeout(text: &str) -> Result<String, String> {
    let millis: u64 = text.parse().map_err(|_| format!("{text:?} is no number of milliseconds"))?;
    Ok(format!("{millis}ms"))
}

/// Attributes of the file win over those of the environment. A `service.name` would be said of every record and is
/// passed over: each line and span says its own.
fn add_resource_attributes(written: &mut Written, text: &str, problems: &mut Problems) {
    let place = Place::Variable("OTEL_RESOURCE_ATTRIBUTES".to_owned());
    let new = match pairs(text) {
        Ok(new) => new,
        Err(message) => return problems.add(&place, "resource.attributes", message),
    };
    let path = "resource.attributes".to_owned();
    let found = written.values.entry(path).or_insert(Found { value: Value::Map(Vec::new()), place });
    if let Value::Map(attributes) = &mut found.value {
        for (key, value) in new {
            if key != "service.name" && attributes.iter().all(|(have, _)| *have != key) {
                attributes.push((key, value));
            }
        }
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
        let (byte, after) = escape(rest).unwrap_or((first, after));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The byte that `text` begins with as `%HH`, and what follows.
fn escape(text: &[u8]) -> Option<(u8, &[u8])> {
    let ([b'%', high, low], after) = text.split_first_chunk()? else { return None };
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    Some((digit(high)? << 4 | digit(low)?, after))
}
