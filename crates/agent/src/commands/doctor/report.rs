//! All findings, for people and as JSON.

use super::finding::{Finding, Level};
use super::marked::Marked;
use super::secrets::Secrets;
use crate::commands::draw::{Paint, clean};
use serde::Serialize;
use std::fmt::Write as _;

/// What is shown.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    version: &'static str,
    summary: Summary,
    findings: Vec<Finding>,
    /// How to find what `--send-test` has sent.
    test: Option<Marked>,
}

/// How many findings of each kind there are.
#[derive(Debug, Default, Serialize)]
struct Summary {
    ok: usize,
    warn: usize,
    fail: usize,
}

impl Report {
    /// Findings in the order they were made; those of the test come last.
    pub(super) fn new(
        mut findings: Vec<Finding>,
        marked: Option<(Vec<Finding>, Option<Marked>)>,
        secrets: &Secrets,
    ) -> Self {
        let (sent, test) = marked.unwrap_or_default();
        findings.extend(sent);
        findings.iter_mut().for_each(|finding| finding.text = secrets.hide(&finding.text));
        let count = |level| findings.iter().filter(|finding| finding.level == level).count();
        let summary = Summary { ok: count(Level::Ok), warn: count(Level::Warn), fail: count(Level::Fail) };
        Self { version: env!("CARGO_PKG_VERSION"), summary, findings, test }
    }

    /// Whether anything fails.
    pub(super) fn fails(&self) -> bool {
        self.summary.fail > 0
    }

    pub(super) fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    pub(super) fn text(&self, paint: Paint) -> String {
        let mut text = String::new();
        self.findings.iter().for_each(|finding| show(&mut text, finding, paint));
        if let Some(test) = &self.test {
            let _ = writeln!(text, "\nto find the test {}:", test.id);
            test.ways().for_each(|way| {
                let _ = writeln!(text, "      {way}");
            });
        }
        let Summary { ok, warn, fail } = self.summary;
        let _ = writeln!(text, "\n{ok} ok, {warn} warn, {fail} fail");
        text
    }
}

fn show(text: &mut String, finding: &Finding, paint: Paint) {
    let level = match finding.level {
        Level::Ok => paint.green("ok  "),
        Level::Warn => paint.yellow("warn"),
        Level::Fail => paint.red("fail"),
    };
    let subject = if finding.subject.is_empty() { String::new() } else { format!("{}: ", finding.subject) };
    let _ = writeln!(text, "{level}  {:<16}  {}", finding.id, clean(&format!("{subject}{}", finding.text)));
    for mend in &finding.mend {
        let _ = writeln!(text, "{:24}{} {}", "", paint.dim("→"), clean(mend));
    }
}
