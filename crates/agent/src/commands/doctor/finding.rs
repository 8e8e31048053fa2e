//! One thing that was looked at, and how it is.

use serde::Serialize;

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// The agent works, but somebody should look.
    Warn,
    /// Something will not be delivered before it is mended.
    Fail,
}

/// Every id, in the order of `docs/doctor.md`.
pub(super) const IDS: [&str; 31] = [
    "config.file",
    "config.warning",
    "host.identity",
    "host.pool",
    "host.xapi",
    "rights",
    "traces.directory",
    "traces.files",
    "traces.growing",
    "traces.twice",
    "traces.smapi",
    "logs.file",
    "logs.growing",
    "inotify",
    "space",
    "state.directory",
    "state.rejected",
    "agent.running",
    "agent.version",
    "agent.degraded",
    "agent.endpoint",
    "agent.losses",
    "net.dns",
    "net.tcp",
    "net.tls",
    "net.clock",
    "otlp.traces",
    "otlp.logs",
    "otlp.metrics",
    "test.traces",
    "test.logs",
];

/// A thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// One of [`IDS`].
    pub(super) id: &'static str,
    pub(super) level: Level,
    /// Which file, signal or host, where there are several; else empty.
    pub(super) subject: String,
    /// How it is, in a sentence.
    pub(super) text: String,
    /// Commands to run, or keys to change.
    pub(super) mend: Vec<String>,
}

impl Finding {
    pub(super) fn ok(id: &'static str, text: impl Into<String>) -> Self {
        Self::new(Level::Ok, id, text)
    }

    pub(super) fn warn(id: &'static str, text: impl Into<String>) -> Self {
        Self::new(Level::Warn, id, text)
    }

    pub(super) fn fail(id: &'static str, text: impl Into<String>) -> Self {
        Self::new(Level::Fail, id, text)
    }

    fn new(level: Level, id: &'static str, text: impl Into<String>) -> Self {
        debug_assert!(IDS.contains(&id), "{id} is not in the list");
        Self { id, level, subject: String::new(), text: text.into(), mend: Vec::new() }
    }

    /// What it is about.
    pub(super) fn of(self, subject: impl ToString) -> Self {
        Self { subject: subject.to_string(), ..self }
    }

    /// One more thing to do about it.
    pub(super) fn mend(mut self, what: impl Into<String>) -> Self {
        self.mend.push(what.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_page_has_every_finding() {
        let page = include_str!("../../../../../docs/doctor.md");
        let table = page.split("## Findings").nth(1).and_then(|rest| rest.split("## JSON").next()).unwrap();
        let first = |row: &'static str| row.strip_prefix("| `").and_then(|rest| rest.split('`').next());
        let described: BTreeSet<&str> = table.lines().filter_map(first).collect();
        assert_eq!(described, IDS.into_iter().collect());
    }
}
