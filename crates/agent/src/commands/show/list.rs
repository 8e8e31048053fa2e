//! Many traces, a row each; or tasks, where there are no spans.

use super::ERROR;
use super::catalog::{Shown, Task};
use crate::commands::draw::{Line, Style, clock_time, count, date_time, duration, fit};
use std::fmt::Write as _;

/// Error lines shown under a trace.
const ERROR_LINES: usize = 5;

/// A row for each trace; with `errors`, what failed stands below it.
pub(super) fn traces(traces: &[&Shown], errors: bool, style: &Style) -> String {
    let paint = style.paint();
    let heading = "start                    trace             duration   spans errors  lines  name";
    let mut text = format!("{}\n", paint.dim(&fit(heading, style.width)));
    for shown in traces {
        let row = row(shown, style);
        let _ = writeln!(text, "{}", if shown.errors() > 0 { paint.red(&row) } else { row });
        if errors {
            failures(&mut text, shown, style);
        }
    }
    text
}

fn row(shown: &Shown, style: &Style) -> String {
    let id = shown.trace.id.to_string();
    let facts = format!(
        "{}  {}  {:>8}  {:>6} {:>6} {:>6}  {}",
        date_time(shown.start_unix_nano()),
        id.get(..16).unwrap_or(&id),
        duration(shown.length_nanos()),
        shown.trace.spans.len(),
        shown.errors(),
        shown.trace.lines.len(),
        shown.name(),
    );
    fit(&facts, style.width)
}

fn failures(text: &mut String, shown: &Shown, style: &Style) {
    let paint = style.paint();
    for span in shown.trace.spans.iter().filter(|span| span.error.is_some()) {
        let message =
            span.error.as_deref().filter(|message| !message.is_empty()).unwrap_or("it says no more");
        let failed = format!("    ✗ {} ({}): {message}", span.name, span.service);
        let _ = writeln!(text, "{}", paint.red(&fit(&failed, style.width)));
    }
    let lines: Vec<&Line> = shown.trace.lines.iter().filter(|line| line.severity >= ERROR).collect();
    for line in lines.iter().take(ERROR_LINES) {
        let _ = writeln!(text, "{}", fit(&line_row(line), style.width));
    }
    if lines.len() > ERROR_LINES {
        let _ = writeln!(text, "    … {}", count(lines.len() - ERROR_LINES, "more error line"));
    }
}

fn line_row(line: &Line) -> String {
    format!("    {} {} {}: {}", clock_time(line.time_unix_nano), line.level, line.service, line.body)
}

/// A row for each task.
pub(super) fn tasks(tasks: &[(&str, &Task)], style: &Style) -> String {
    let paint = style.paint();
    let heading = "first line               last      lines errors  task            name";
    let mut text = format!("{}\n", paint.dim(&fit(heading, style.width)));
    for (id, task) in tasks {
        let (first, last) = (task.lines.first(), task.lines.last());
        let errors = task.lines.iter().filter(|line| line.severity >= ERROR).count();
        let row = format!(
            "{}  {}  {:>5} {:>6}  {id:<14}  {}",
            first.map(|line| date_time(line.time_unix_nano)).unwrap_or_default(),
            last.map(|line| clock_time(line.time_unix_nano)).unwrap_or_default(),
            task.lines.len(),
            errors,
            task.name,
        );
        let row = fit(&row, style.width);
        let _ = writeln!(text, "{}", if errors > 0 { paint.red(&row) } else { row });
    }
    text
}

/// One task's lines.
pub(super) fn lines(id: &str, task: &Task, style: &Style) -> String {
    let paint = style.paint();
    let title = format!("{id}  {}  {}", task.name, count(task.lines.len(), "line"));
    let mut text = format!("{}\n", paint.bold(&fit(&title, style.width)));
    for line in &task.lines {
        let row = fit(&line_row(line), style.width);
        let _ = writeln!(text, "{}", if line.severity >= ERROR { paint.red(&row) } else { row });
    }
    text
}
