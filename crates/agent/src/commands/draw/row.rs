//! One row of text.

use super::bar::bar;
use super::text::{clean, fit, pad, width};
use super::tree::Row;
use super::units::{clock_time, duration};
use super::{Line, Span, Style, Trace};

const DURATION: usize = 7;
const LEVEL: usize = 5;
/// OTLP's numbers from which a line is coloured.
const WARNING: u8 = 13;
const ERROR: u8 = 17;

/// How wide each column is, and what the bars' scale is.
#[derive(Debug)]
pub(super) struct Columns {
    name: usize,
    service: usize,
    bar: usize,
    extent: (u64, u64),
}

impl Columns {
    pub(super) fn of(style: &Style, trace: &Trace) -> Self {
        let longest = trace.spans.iter().map(|span| width(&clean(&span.service))).max().unwrap_or(0);
        let (name, service) = (style.width * 9 / 20, longest.clamp(4, 12));
        let bar = style.width.saturating_sub(name + service + DURATION + 4);
        Self { name, service, bar, extent: trace.extent().unwrap_or_default() }
    }
}

/// The row, no wider than the style.
pub(super) fn draw(row: &Row<'_>, columns: &Columns, style: &Style) -> String {
    let paint = style.paint();
    match row {
        Row::Span { guide, span } => draw_span(guide, span, columns, style),
        Row::Error { guide, message } => {
            after(guide, style, |room| paint.red(&fit(&format!("✗ {message}"), room)))
        }
        Row::More { guide, text } => after(guide, style, |room| paint.dim(&fit(text, room))),
        Row::Line { guide, line, exact } => draw_line(guide, line, *exact, style),
    }
}

/// A guide, and what is made for the columns behind it.
fn after(guide: &str, style: &Style, text: impl FnOnce(usize) -> String) -> String {
    let room = style.width.saturating_sub(width(guide));
    format!("{}{}", style.paint().dim(guide), text(room))
}

fn draw_span(guide: &str, span: &Span, columns: &Columns, style: &Style) -> String {
    let paint = style.paint();
    let name = pad(&span.name, columns.name.saturating_sub(width(guide)));
    let service = pad(&span.service, columns.service);
    let bar = bar((span.start_unix_nano, span.end_unix_nano), columns.extent, columns.bar);
    let (name, bar) = match span.error {
        Some(_) => (paint.red(&name), paint.red(&bar)),
        None => (name, paint.of_name(&span.service, &bar)),
    };
    let length = duration(span.length_nanos());
    format!("{}{name} {} {length:>DURATION$} {bar}", paint.dim(guide), paint.of_name(&span.service, &service))
}

fn draw_line(guide: &str, line: &Line, exact: bool, style: &Style) -> String {
    let paint = style.paint();
    after(guide, style, |room| {
        let mark = if exact { '·' } else { '~' };
        let (time, level) = (clock_time(line.time_unix_nano), pad(&line.level, LEVEL));
        let text = fit(&format!("{mark} {time} {level} {}: {}", line.service, line.body), room);
        match line.severity {
            ERROR.. => paint.red(&text),
            WARNING.. => paint.yellow(&text),
            _ => paint.dim(&text),
        }
    })
}
