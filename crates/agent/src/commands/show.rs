//! `show`: traces and their log lines from files and archives, in the terminal, as JSON, or as one page.
//!
//! What is read goes through the very engine that ships it, with a receiver in this process at its end: so what is shown
//! is what a backend would have, joined and redacted. Needs neither root nor a store nor a network.

mod catalog;
mod json;
mod list;
mod page;
mod read;
mod select;
#[cfg(test)]
mod tests;
mod when;

pub(crate) use when::parse as time;

use super::draw::{self, Style};
use crate::cli::{Failure, Outcome, ShowOptions};
use catalog::{Catalog, Shown, Task};
use select::Filter;
use std::io::{BufWriter, Write};
use std::path::Path;

/// OTLP's number from which a line tells of an error.
const ERROR: u8 = 17;

/// Spans and lines under each that are drawn of one trace.
const DRAWN: (usize, usize) = (2_000, 200);

/// Shows what was asked for.
#[expect(clippy::print_stdout, reason = "its answer")]
pub(crate) fn main(options: &ShowOptions) -> Outcome {
    let filter = filter(options)?;
    let catalog = read::read(options)?;
    let (traces, tasks) = (filter.traces(&catalog), filter.tasks(&catalog));
    if let Some(path) = &options.html {
        return write_page(path, &traces, &tasks);
    }
    if traces.is_empty() && tasks.is_empty() {
        return Err(Failure::Running(nothing(&catalog)));
    }
    if options.json {
        let text = serde_json::to_string(&json::data(&traces, &tasks));
        println!("{}", text.map_err(|error| Failure::Running(error.to_string()))?);
        return Ok(());
    }
    print!("{}", text(options, &catalog, &traces, &tasks));
    Ok(())
}

fn filter(options: &ShowOptions) -> Result<Filter, Failure> {
    let trace = options.trace.as_ref().map(|id| id.to_lowercase());
    if let Some(id) =
        trace.as_ref().filter(|id| id.len() < 4 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()))
    {
        let message = format!("--trace {id}: expected a trace id, or its first 4 to 31 hexadecimal digits");
        return Err(Failure::Usage(message));
    }
    Ok(Filter {
        trace,
        task: options.task.clone(),
        vm: options.vm.clone(),
        name: options.name.clone(),
        errors: options.errors,
        slowest: options.slowest,
        since: options.since,
        until: options.until,
    })
}

/// One trace is drawn, several are listed.
fn text(options: &ShowOptions, catalog: &Catalog, traces: &[&Shown], tasks: &[(&str, &Task)]) -> String {
    let style = Style { marks: true, ..Style::of_stdout(DRAWN.0, DRAWN.1) };
    let asked_for_one = options.trace.is_some() || options.task.is_some();
    let mut text = match traces {
        [] => String::new(),
        [one] if asked_for_one => draw::trace(&one.trace, &style),
        several => list::traces(several, options.errors, &style),
    };
    match tasks {
        [(id, task)] if options.task.is_some() => text.push_str(&list::lines(id, task, &style)),
        [_, ..] if !catalog.has_spans() || options.task.is_some() => {
            text.push_str(&list::tasks(tasks, &style))
        }
        _ => {}
    }
    text
}

/// Why nothing is shown.
fn nothing(catalog: &Catalog) -> String {
    let (traces, tasks) = (catalog.traces().len(), catalog.tasks.len());
    if traces == 0 && tasks == 0 {
        let lines = catalog.lines;
        return format!("there is neither a span nor a line with a task in there ({lines} lines were read)");
    }
    format!("nothing fits: there are {traces} traces and {tasks} tasks; leave out a filter to see them")
}

fn write_page(path: &Path, traces: &[&Shown], tasks: &[(&str, &Task)]) -> Outcome {
    let failed = |error: std::io::Error| Failure::Running(format!("{}: {error}", path.display()));
    let mut out = BufWriter::new(std::fs::File::create(path).map_err(failed)?);
    page::write(&json::data(traces, tasks), &mut out).map_err(failed)?;
    out.flush().map_err(failed)
}
