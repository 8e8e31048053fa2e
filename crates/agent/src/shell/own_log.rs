//! The agent's own log: lines on stderr, which journald keeps with their priority.
//!
//! Form: `<N>` with syslog's priority where stderr goes to the journal (`JOURNAL_STREAM` is set), then the level,
//! the message and its fields. Never a header's value, a key or the content of a customer's line.

use std::fmt;
use std::io::IsTerminal;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

/// Begins to log at `level` (`error` … `trace`). Later calls change nothing.
pub(crate) fn start(level: &str) {
    let level: LevelFilter = level.parse().unwrap_or(LevelFilter::INFO);
    // The libraries below say much at info that is no news to an admin.
    let filter = EnvFilter::new("warn")
        .add_directive(format!("xapi_observer={level}").parse().unwrap_or_else(|_| LevelFilter::INFO.into()));
    let journal = std::env::var_os("JOURNAL_STREAM").is_some();
    let form =
        Form { journal, colour: std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() };
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .event_format(form)
        .try_init();
}

struct Form {
    journal: bool,
    colour: bool,
}

impl Form {
    fn head(&self, level: Level, writer: &mut Writer<'_>) -> fmt::Result {
        let (priority, name, colour) = match level {
            Level::ERROR => (3, "error", "\x1b[31m"),
            Level::WARN => (4, "warning", "\x1b[33m"),
            Level::INFO => (6, "info", "\x1b[32m"),
            _ => (7, "debug", "\x1b[2m"),
        };
        if self.journal {
            write!(writer, "<{priority}>")
        } else if self.colour {
            write!(writer, "{colour}{name}\x1b[0m: ")
        } else {
            write!(writer, "{name}: ")
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>, N: for<'a> FormatFields<'a> + 'static> FormatEvent<S, N>
    for Form
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        self.head(*event.metadata().level(), &mut writer)?;
        let mut line = Line::default();
        event.record(&mut line);
        writeln!(writer, "{}{}", line.message, line.fields)
    }
}

/// The message first, then ` key=value` for each field; control characters escaped, so that a path can't forge lines.
/// No field may be called `message`: to `tracing` the text of the event is just that field.
#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Line {
    fn add(&mut self, field: &Field, text: &str) {
        use std::fmt::Write as _;
        let clean: String = text
            .chars()
            .flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] })
            .collect();
        if field.name() == "message" {
            self.message = clean;
        } else {
            let quote = if clean.contains(' ') || clean.is_empty() { "\"" } else { "" };
            let _ = write!(self.fields, " {}={quote}{clean}{quote}", field.name());
        }
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, &format!("{value:?}"));
    }
}
