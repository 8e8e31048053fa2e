//! Which traces and tasks are wanted.

use super::catalog::{Catalog, Shown, Task};
use crate::order;
use std::cmp::Reverse;

/// What was asked for; all that is given must fit.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    /// The beginning of a trace id, in lower case.
    pub(super) trace: Option<String>,
    /// A task id.
    pub(super) task: Option<String>,
    /// A text in names, attributes or lines.
    pub(super) vm: Option<String>,
    /// A text in the names of spans, in any case.
    pub(super) name: Option<String>,
    pub(super) errors: bool,
    pub(super) slowest: Option<usize>,
    /// Nanoseconds since the epoch.
    pub(super) since: Option<u64>,
    pub(super) until: Option<u64>,
}

impl Filter {
    /// The traces that fit: by their start, or the slowest first.
    pub(super) fn traces<'c>(&self, catalog: &'c Catalog) -> Vec<&'c Shown> {
        let mut traces = catalog.traces();
        traces.retain(|shown| self.fits(shown));
        if let Some(number) = self.slowest {
            order::by_key(&mut traces, |shown| Reverse(shown.length_nanos()));
            traces.truncate(number);
        }
        traces
    }

    /// The tasks that fit, by their first line. Those whose lines were joined are in the traces.
    pub(super) fn tasks<'c>(&self, catalog: &'c Catalog) -> Vec<(&'c str, &'c Task)> {
        let tasks = catalog.tasks.iter().map(|(id, task)| (id.as_str(), task));
        let mut tasks: Vec<_> = tasks.filter(|(id, task)| self.fits_task(id, task)).collect();
        order::by_key(&mut tasks, |(id, task)| (task.lines.first().map(|line| line.time_unix_nano), *id));
        tasks
    }

    fn fits(&self, shown: &Shown) -> bool {
        self.trace.as_ref().is_none_or(|id| shown.trace.id.to_string().starts_with(id.as_str()))
            && self.task.as_ref().is_none_or(|id| shown.tasks.contains(id))
            && self.vm.as_ref().is_none_or(|text| mentions(shown, text))
            && self.name.as_ref().is_none_or(|text| is_named(shown, text))
            && (!self.errors || shown.errors() > 0)
            && self.since.is_none_or(|since| shown.start_unix_nano() + shown.length_nanos() >= since)
            && self.until.is_none_or(|until| shown.start_unix_nano() <= until)
    }

    fn fits_task(&self, id: &str, task: &Task) -> bool {
        let holds = |text: &String| task.name.contains(text) || in_lines(&task.lines, text);
        let within = |time: u64| {
            self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time <= until)
        };
        !task.lines.is_empty()
            && self.trace.is_none()
            && self.task.as_ref().is_none_or(|wanted| wanted == id)
            && self.vm.as_ref().is_none_or(holds)
            && self.name.as_ref().is_none_or(|name| contains(&task.name, name))
            && (!self.errors || task.lines.iter().any(|line| line.severity >= super::ERROR))
            && task.lines.iter().any(|line| within(line.time_unix_nano))
    }
}

fn mentions(shown: &Shown, text: &str) -> bool {
    shown.trace.spans.iter().any(|span| span.name.contains(text))
        || shown.facts.iter().any(|facts| facts.attributes.iter().any(|kv| kv.contains(text)))
        || in_lines(&shown.trace.lines, text)
}

fn in_lines(lines: &[crate::commands::draw::Line], text: &str) -> bool {
    lines.iter().any(|line| line.body.contains(text))
}

fn is_named(shown: &Shown, text: &str) -> bool {
    shown.trace.spans.iter().any(|span| contains(&span.name, text))
}

/// In any case.
fn contains(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}
