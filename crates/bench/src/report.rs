//! The tables, as they stand in docs/performance.md.

use std::fmt;

/// Everything that was measured.
#[derive(Debug, Default)]
pub(crate) struct Report {
    head: String,
    targets: Vec<Target>,
    runs: Vec<Vec<String>>,
    corpora: Vec<String>,
}

/// A target and what was reached.
#[derive(Debug)]
struct Target {
    what: String,
    measured: f64,
    limit: f64,
    unit: &'static str,
}

impl Report {
    pub(crate) fn new(head: String) -> Self {
        Self { head, ..Self::default() }
    }

    /// What was measured must be `limit` at most; `unit` stands behind both, or before them where it is `×`.
    pub(crate) fn at_most(&mut self, what: impl Into<String>, measured: f64, limit: f64, unit: &'static str) {
        let what = what.into();
        eprintln!("   {what}: {measured:.2} {unit} (at most {limit})");
        self.targets.push(Target { what, measured, limit, unit });
    }

    /// A line about a corpus: its counts.
    pub(crate) fn corpus(&mut self, text: String) {
        eprintln!("   {text}");
        if !self.corpora.contains(&text) {
            self.corpora.push(text);
        }
    }

    /// A row of the second table.
    pub(crate) fn run(&mut self, cells: Vec<String>) {
        eprintln!("   {}", cells.join(" | "));
        self.runs.push(cells);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.head)?;
        self.corpora.iter().try_for_each(|line| writeln!(f, "- {line}"))?;
        writeln!(f, "\n| what | measured | target | met |\n|---|---:|---:|---|")?;
        for Target { what, measured, limit, unit } in &self.targets {
            let met = if measured <= limit { "yes" } else { "**no**" };
            writeln!(f, "| {what} | {} {unit} | ≤ {limit} {unit} | {met} |", figure(*measured))?;
        }
        if self.runs.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "\n| catch-up | CPU s | CPU s/GB | µs/record | MB/s | × read only | × parse or split | peak RSS MiB | sent B/record | requests |"
        )?;
        writeln!(f, "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")?;
        self.runs.iter().try_for_each(|cells| writeln!(f, "| {} |", cells.join(" | ")))
    }
}

/// Three digits that count.
pub(crate) fn figure(number: f64) -> String {
    match number {
        number if number >= 100.0 => format!("{number:.0}"),
        number if number >= 10.0 => format!("{number:.1}"),
        number => format!("{number:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_met_or_not() {
        let mut report = Report::new("head\n".to_owned());
        report.at_most("memory", 47.91, 48.0, "MiB");
        report.at_most("time", 123.4, 99.0, "ms");
        let text = report.to_string();
        assert!(text.contains("| memory | 47.9 MiB | ≤ 48 MiB | yes |"), "{text}");
        assert!(text.contains("| time | 123 ms | ≤ 99 ms | **no** |"), "{text}");
    }
}
