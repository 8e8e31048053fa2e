//! The agent's own log: lines on stderr, which journald keeps with their priority.
//!
//! Form: where stderr is the journal, `<N>` with syslog's priority (sd-daemon(3)), else the level; then the message's
//! id, its text and its fields. Each id has a section in `docs/messages.md`. Never a header's value, a key or the
//! content of a customer's line: whatever a library or the system says is redacted once more here, and cut.
//!
//! Never fed to itself: `run` refuses a log that is its own stderr, and lines of this program in other logs (the
//! journal hands them to rsyslog, which writes `daemon.log`) are left out by the engine (`engine/logs.rs`).

use parser::redact::Redactor;
use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io::IsTerminal;
use std::sync::{LazyLock, OnceLock};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, reload};

/// The id of what a library says.
const LIBRARY: &str = "XO1901";

/// Characters of one field: more is no message but data.
const LONGEST: usize = 4096;

/// Always on, whatever the configuration says of the data.
static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| Redactor::new(true, &[]));

/// Lets the level be changed while it runs.
static LEVEL: OnceLock<reload::Handle<Targets, Registry>> = OnceLock::new();

/// Begins to log at `level` (`error` … `trace`). Later calls change nothing.
pub(crate) fn start(level: &str) {
    let (filter, handle) = reload::Layer::new(filter(level));
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let form = Form { journal: is_journal(), colour };
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).event_format(form);
    if tracing_subscriber::registry().with(filter).with(lines).try_init().is_ok() {
        let _ = LEVEL.set(handle);
    }
}

/// Goes on at another level.
pub(crate) fn set_level(level: &str) {
    // Without a handle nothing is logged at all.
    let _ = LEVEL.get().map(|handle| handle.reload(filter(level)));
}

/// The libraries below say much at info that is no news to an admin.
fn filter(level: &str) -> Targets {
    let level: LevelFilter = level.parse().unwrap_or(LevelFilter::INFO);
    Targets::new().with_default(LevelFilter::WARN).with_target("xapi_observer", level)
}

/// Why a command ended, for stderr: the text for people, and for the journal with priority and id on each line.
pub(crate) fn failure(id: &str, text: &str) -> String {
    failure_to(is_journal(), id, text)
}

fn failure_to(journal: bool, id: &str, text: &str) -> String {
    let head = if journal { format!("<3>{id} ") } else { String::new() };
    text.lines().fold(String::new(), |mut all, line| {
        let _ = writeln!(all, "{head}{line}");
        all
    })
}

/// Whether stderr is the journal: `JOURNAL_STREAM` names its device and inode (systemd.exec(5)). A program started by
/// a service inherits the variable, with its stderr perhaps elsewhere.
fn is_journal() -> bool {
    let said = std::env::var("JOURNAL_STREAM").unwrap_or_default();
    let stderr = rustix::fs::fstat(std::io::stderr());
    stderr.is_ok_and(|stat| names(&said, stat.st_dev, stat.st_ino))
}

fn names(said: &str, device: u64, inode: u64) -> bool {
    let said = said.split_once(':').map(|(device, inode)| (device.parse(), inode.parse()));
    said == Some((Ok(device), Ok(inode)))
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
        match line.id.is_empty() {
            true => write!(writer, "{LIBRARY} {}: ", event.metadata().target())?,
            false => write!(writer, "{} ", line.id)?,
        }
        writeln!(writer, "{}{}", line.message, line.fields)
    }
}

/// The id, the message, then ` key=value` for each field; control characters escaped, so that a path can't forge
/// lines. No field may be called `message`: to `tracing` the text of the event is just that field.
#[derive(Default)]
struct Line {
    id: String,
    message: String,
    fields: String,
}

impl Line {
    fn add(&mut self, field: &Field, text: &str) {
        let text = REDACTOR.value(field.name(), Cow::Borrowed(text));
        let clean: String = text
            .chars()
            .take(LONGEST)
            .flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] })
            .collect();
        match field.name() {
            "message" => self.message = clean,
            "id" => self.id = clean,
            name => {
                let quote = if clean.contains(' ') || clean.is_empty() { "\"" } else { "" };
                let _ = write!(self.fields, " {name}={quote}{clean}{quote}");
            }
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

#[cfg(test)]
mod tests;
