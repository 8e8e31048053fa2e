//! What must be true of any text as a configuration: settings, or mistakes that name the file and the line; never a
//! panic, never the value of a header.
#![allow(unreachable_pub, reason = "an oracle of other crates' tests, too")]

use super::config::parse;
use std::path::Path;

/// The value of a header.
const SECRET: &str = "Qs3cretQ";
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
const VARIABLES: [&str; 6] = [
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_RESOURCE_ATTRIBUTES",
    "HTTPS_PROXY",
    HEADERS,
];

/// Any bytes: by the first of them a file, or the value of an environment variable.
pub fn check(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    // Files that it names are opened: not those that never end.
    if text.contains("/dev") || text.contains("/proc") || text.contains(SECRET) {
        return;
    }
    match VARIABLES.get(usize::from(*first).wrapping_sub(1)) {
        Some(variable) => check_variable(variable, text),
        None => check_file(text),
    }
}

fn check_file(text: &str) {
    said(text, &|_| None);
    // Behind a string that is not closed it would be no header.
    if toml::de::DeTable::parse(text).is_ok() {
        said(
            &format!("{text}\n[export.logs.headers]\nx-planted = \"{SECRET}\"\n\"a b\" = \"{SECRET}\""),
            &|_| None,
        );
    }
}

fn check_variable(variable: &str, text: &str) {
    said("", &|name| (name == variable).then(|| text.to_owned()));
    if variable == HEADERS {
        said("", &|name| (name == variable).then(|| format!("{text},x-planted={SECRET},a b={SECRET}")));
    }
}

fn said(text: &str, env: &dyn Fn(&str) -> Option<String>) {
    let Err(problems) = parse(Path::new("/t.toml"), text, env) else { return };
    let said = problems.to_string();
    assert!(!said.is_empty() && !said.contains(SECRET), "{said}");
    for line in said.lines() {
        assert!(line.starts_with("/t.toml") || line.starts_with("environment variable "), "{said}");
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
}
