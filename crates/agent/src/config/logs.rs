//! The logs to read: the entries of `[[logs]]`.

use super::problem::{Place, Problems};
use super::settings::View;
use super::written::{Values, Written};
use model::Severity;
use parser::log::{Iana, Zone};
use regex::Regex;
use std::path::{Path, PathBuf};

/// One log.
#[derive(Clone, Debug)]
pub(crate) struct LogSettings {
    pub(crate) path: PathBuf,
    /// As in the file: `"xensource"`, `"smlog"`, `"audit"`, `"syslog"` or `"regex"`.
    pub(crate) format: String,
    pub(crate) pattern: Option<Regex>,
    pub(crate) service_name: Option<String>,
    /// The host's own, if there is none.
    pub(crate) timezone: Option<Zone>,
    pub(crate) min_severity: Option<Severity>,
    pub(crate) drop: Vec<Regex>,
    /// Globs.
    pub(crate) drop_modules: Vec<String>,
    pub(crate) start_at_end: bool,
}

impl LogSettings {
    /// A log with nothing said of it but its format.
    pub(crate) fn plain(path: PathBuf, format: &str) -> Self {
        Self {
            path,
            format: format.to_owned(),
            pattern: None,
            service_name: None,
            timezone: None,
            min_severity: None,
            drop: Vec::new(),
            drop_modules: Vec::new(),
            start_at_end: false,
        }
    }
}

/// The entries of `[[logs]]`; without any, the default one. `logs = []` asks for none.
pub(super) fn resolve(written: &Written, problems: &mut Problems) -> Vec<LogSettings> {
    let default = vec![(Place::Nowhere, Values::new())];
    let entries = written.logs.as_ref().unwrap_or(&default);
    let mut list: Vec<LogSettings> = Vec::new();
    for (place, values) in entries {
        let view = View { values };
        check(place, &view, problems);
        let log = log(&view);
        if let Some(other) = list.iter().find(|other| overlap(&log.path, &other.path)) {
            let (path, other) = (log.path.display(), other.path.display());
            let message = format!("{path} is read already as {other} or its rotated sibling");
            problems.add(place, "logs[].path", message);
        }
        list.push(log);
    }
    list
}

/// Whether one of the two names could be a rotated sibling of the other: `.1`, `.2.gz`, `-20260219`.
fn overlap(a: &Path, b: &Path) -> bool {
    let sibling = |of: &Path, other: &Path| {
        let rest = other.to_str().zip(of.to_str()).and_then(|(other, of)| other.strip_prefix(of));
        let number = rest.and_then(|rest| rest.strip_prefix(['.', '-']));
        number.is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()))
    };
    a == b || sibling(a, b) || sibling(b, a)
}

fn log(view: &View<'_>) -> LogSettings {
    LogSettings {
        path: view.path("logs[].path"),
        format: view.text("logs[].format").unwrap_or_default(),
        pattern: view.text("logs[].pattern").and_then(|text| Regex::new(&text).ok()),
        service_name: view.text("logs[].service_name"),
        timezone: view.text("logs[].timezone").as_deref().and_then(Iana::named).map(Zone::Named),
        min_severity: view.text("logs[].min_severity").and_then(|name| Severity::parse(&name)),
        drop: view.patterns("logs[].drop"),
        drop_modules: view.texts("logs[].drop_modules"),
        start_at_end: view.text("logs[].start_at").as_deref() == Some("end"),
    }
}

/// What one key of an entry says about another.
fn check(place: &Place, view: &View<'_>, problems: &mut Problems) {
    let format = view.text("logs[].format").unwrap_or_default();
    check_path(place, view, &format, problems);
    check_pattern(place, view, &format, problems);
    if view.texts("logs[].drop").iter().any(String::is_empty) {
        problems.add(&view.place("logs[].drop"), "logs[].drop", "an empty expression matches every line");
    }
}

fn check_path(place: &Place, view: &View<'_>, format: &str, problems: &mut Problems) {
    let path = view.text("logs[].path").unwrap_or_default();
    let is_default = !view.values.contains_key("logs[].path");
    let problem = if is_default && format != "xensource" {
        Some(format!("is needed: the default, {path}, is not in format {format:?}"))
    } else if path.contains(['*', '?']) {
        Some(format!("{path:?} has a wildcard in it; write a [[logs]] for each file"))
    } else if path.ends_with('/') {
        Some(format!("{path:?} is a directory; expected a file"))
    } else {
        None
    };
    if let Some(problem) = problem {
        let place = if is_default { place.clone() } else { view.place("logs[].path") };
        problems.add(&place, "logs[].path", problem);
    }
}

fn check_pattern(place: &Place, view: &View<'_>, format: &str, problems: &mut Problems) {
    let at = view.place("logs[].pattern");
    let pattern = view.text("logs[].pattern").and_then(|text| Regex::new(&text).ok());
    match (format, pattern) {
        ("regex", None) => {
            let message = "is needed by format \"regex\": a regular expression with named groups";
            problems.add(place, "logs[].pattern", message);
        }
        ("regex", Some(pattern)) if pattern.capture_names().flatten().next().is_none() => {
            problems.add(&at, "logs[].pattern", "has no named group, such as (?<body>.*)");
        }
        ("regex", _) | (_, None) => {}
        _ => problems.add(&at, "logs[].pattern", "is for format \"regex\" alone"),
    }
}
