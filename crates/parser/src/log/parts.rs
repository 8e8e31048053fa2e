//! A line, taken apart.
//!
//! For: one shape for what all the formats read, which the record, the evidence and whoever explains a line are made
//! from. Promises: every line has parts; what is not there is empty or `None`; all text is as in the line, borrowed and
//! not unescaped. Leaves to others: the time (`clock`), the service (`program`), the record (`record`).

use super::bracket::Bracket;
use super::header::Header;
use super::pattern::{Groups, LinePattern};
use super::stamp::Stamp;
use super::task::Task;
use super::{Format, context, escape, smlog};
use crate::evidence::LineContext;

/// What stands in a line. Empty means that it does not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parts<'a> {
    /// The text of the timestamp that counts: the bracket's own, unless the line stands for repeated ones.
    pub time: &'a [u8],
    /// That timestamp.
    pub stamp: Option<Stamp>,
    /// The host in the syslog header.
    pub host: &'a [u8],
    /// The program in the syslog header: printable ASCII.
    pub program: &'a str,
    /// Its process, from the header or from the SMlog message.
    pub pid: Option<u32>,
    /// N of "message repeated N times".
    pub repeated: Option<u64>,
    /// The level as written, without padding.
    pub level: &'a [u8],
    /// The bracket's second field: a host's name or a trace context.
    pub f2: &'a [u8],
    /// The thread's number; may be negative.
    pub thread: Option<i64>,
    /// The HTTP client that the thread serves.
    pub client: &'a [u8],
    /// The thread's name.
    pub origin: &'a [u8],
    /// The task field.
    pub task: Task<'a>,
    /// The module.
    pub module: &'a str,
    /// The message.
    pub body: &'a [u8],
    /// Whether XAPI's escapes are to be undone in the texts.
    pub escaped: bool,
    /// The trace context that counts: f2's, else the task field's, else the message's.
    pub context: Option<LineContext>,
    /// Further named groups of a configured expression.
    pub others: Vec<(&'a str, &'a [u8])>,
}

impl<'a> Parts<'a> {
    /// Takes a line apart. It has no newline; a carriage return at its end is not part of it.
    #[must_use]
    pub fn parse(format: &'a Format, line: &'a [u8]) -> Self {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match format {
            Format::Xensource | Format::Audit | Format::Syslog => Self::of_service(Header::parse(line)),
            Format::Smlog => Self::of_storage(Header::parse(line)),
            Format::Regex(pattern) => Self::of_pattern(pattern, line),
        }
    }

    fn of_header(header: &Header<'a>) -> Self {
        Self {
            time: header.time,
            stamp: header.stamp,
            host: header.host,
            program: header.program,
            pid: header.pid,
            repeated: header.repeated,
            body: header.message,
            ..Self::default()
        }
    }

    fn of_storage(header: Header<'a>) -> Self {
        let message = smlog::Message::parse(header.message);
        let pid = message.pid.or(header.pid);
        Self { pid, level: message.level.as_bytes(), body: message.body, ..Self::of_header(&header) }
    }

    fn of_service(header: Header<'a>) -> Self {
        let parts = Self::of_header(&header);
        match Bracket::parse(header.message) {
            Some(bracket) => parts.with_bracket(bracket, escape::is_escaped(header.message)),
            None => {
                let escaped = escape::shows_escapes(header.message);
                Self { escaped, context: context::find(header.message), ..parts }
            }
        }
    }

    fn with_bracket(self, bracket: Bracket<'a>, escaped: bool) -> Self {
        let task = Task::parse(bracket.task);
        let own_time = bracket.time.filter(|_| self.repeated.is_none());
        let (time, stamp) = own_time.map_or((self.time, self.stamp), |(text, stamp)| (text, Some(stamp)));
        let context = context::parse(bracket.f2).or(task.context).or_else(|| context::find(bracket.body));
        Self {
            time,
            stamp,
            level: bracket.level.as_bytes(),
            f2: bracket.f2,
            thread: Some(bracket.thread),
            client: bracket.client,
            origin: bracket.origin,
            task,
            module: bracket.module,
            body: bracket.body,
            escaped,
            context,
            ..self
        }
    }

    fn of_pattern(pattern: &'a LinePattern, line: &'a [u8]) -> Self {
        let Some(groups) = pattern.groups(line) else { return Self { body: line, ..Self::default() } };
        let Groups { time, severity: level, body, context, others } = groups;
        Self { time, stamp: Stamp::parse(time), level, body, context, others, ..Self::default() }
    }
}
