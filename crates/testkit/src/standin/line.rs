//! A log line: its parts, the bracket around them, and the truth about it.
//!
//! The bracket is that of xen-api `ocaml/libs/log/debug.ml` (`format`), with the escaping of the whole message that
//! came in 2017: a backslash is doubled, and every byte that is not printable ASCII is `\xHH`.

use super::span::Service;
use super::time::{SimTime, bracket};
use crate::ledger::{MARKER_THREAD_BASE, Name, Rule, SpanId, TraceId};
use std::fmt::Write;

/// Who logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Program {
    /// xapi.
    Xapi,
    /// xenopsd, under its process name `xenopsd-xc`.
    Xenopsd,
    /// The network daemon.
    Networkd,
    /// The memory daemon.
    Squeezed,
    /// The statistics daemon.
    Rrdd,
    /// `observer.py`: Python, without a bracket.
    ObserverPy,
    /// The storage plugins, into `SMlog`.
    Sm,
    /// xapi's audit trail, into `audit.log`.
    Audit,
}

/// A log file of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Log {
    /// `xensource.log`, facility local5.
    Xensource,
    /// `SMlog`, facility local2.
    Sm,
    /// `audit.log`, facility local6.
    Audit,
}

impl Log {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Xensource, Self::Sm, Self::Audit];

    /// Its name below `var/log`.
    #[must_use]
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Xensource => "xensource.log",
            Self::Sm => "SMlog",
            Self::Audit => "audit.log",
        }
    }

    /// The syslog facility's number (RFC 3164: local0 is 16).
    #[must_use]
    pub fn facility(self) -> u8 {
        match self {
            Self::Xensource => 21,
            Self::Sm => 18,
            Self::Audit => 22,
        }
    }
}

impl Program {
    /// Its syslog tag, without the colon.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::Xapi | Self::Audit => "xapi",
            Self::Xenopsd => "xenopsd-xc",
            Self::Networkd => "xcp-networkd",
            Self::Squeezed => "squeezed",
            Self::Rrdd => "xcp-rrdd",
            Self::ObserverPy => "observer.py",
            Self::Sm => "SM",
        }
    }

    /// The service name its lines must arrive under; empty where that is open.
    #[must_use]
    pub fn service_name(self) -> &'static str {
        match self {
            Self::Xenopsd => "xenopsd",
            Self::ObserverPy | Self::Sm => "",
            other => other.tag(),
        }
    }

    /// The service whose spans are around its lines.
    #[must_use]
    pub fn service(self) -> Option<Service> {
        match self {
            Self::Xapi | Self::Audit => Some(Service::Xapi),
            Self::Xenopsd => Some(Service::Xenopsd),
            _ => None,
        }
    }

    /// Where it logs to.
    #[must_use]
    pub fn log(self) -> Log {
        match self {
            Self::Sm => Log::Sm,
            Self::Audit => Log::Audit,
            _ => Log::Xensource,
        }
    }
}

/// What is known of a line before it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Truth {
    /// The trace it belongs to.
    pub trace: Option<TraceId>,
    /// The innermost written span it was logged in.
    pub inside: Option<SpanId>,
    /// Its best evidence.
    pub rule: Rule,
    /// How long after the line that is on disk.
    pub evidence_after_ms: Option<u32>,
}

/// A line, ready to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When it is logged.
    pub at: SimTime,
    /// Index of its host.
    pub host: u16,
    /// Who logs it.
    pub program: Program,
    /// Everything after `tag: `.
    pub message: String,
    /// Its number.
    pub marker: u64,
    /// The truth about it.
    pub truth: Truth,
}

impl Line {
    /// The service name it must arrive under.
    #[must_use]
    pub fn service_name(&self) -> Name {
        Name::Borrowed(self.program.service_name())
    }
}

/// How a line is put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Bracket and body, the marker at the body's end.
    Usual,
    /// Bracket and body, the marker as thread number: the body's end has a meaning.
    Exact,
    /// rsyslog's "message repeated N times".
    Repeated(u32),
    /// No bracket.
    Plain,
    /// A bracket with the time in it.
    Timed,
}

/// The words of a line.
#[derive(Clone, Debug)]
pub(super) struct Words {
    pub(super) level: &'static str,
    pub(super) thread: i64,
    pub(super) origin: String,
    pub(super) task: String,
    pub(super) module: &'static str,
    pub(super) body: String,
    pub(super) shape: Shape,
}

impl Words {
    /// The message as syslog gets it.
    pub(super) fn message(&self, at: SimTime, f2: &str, marker: u64) -> String {
        match self.shape {
            Shape::Usual => {
                escape(&format!("{} {} m={marker:06}", self.head("", f2, self.thread), self.body))
            }
            Shape::Exact => escape(&self.exact(f2, marker)),
            Shape::Repeated(times) => {
                let inner =
                    escape(&format!("{} {} m={marker:06}", self.head("", f2, self.thread), self.body));
                format!("message repeated {times} times: [ {inner}]")
            }
            Shape::Plain => format!("{} m={marker:06}", self.body),
            Shape::Timed => {
                let time = format!("{}|", bracket(at));
                escape(&format!("{} {} m={marker:06}", self.head(&time, f2, self.thread), self.body))
            }
        }
    }

    /// rsyslog cuts the blank at the end of a line whose body is empty.
    fn exact(&self, f2: &str, marker: u64) -> String {
        let thread = i64::try_from(MARKER_THREAD_BASE + marker).unwrap_or(i64::MAX);
        let head = self.head("", f2, thread);
        if self.body.is_empty() { head } else { format!("{head} {}", self.body) }
    }

    fn head(&self, time: &str, f2: &str, thread: i64) -> String {
        let Self { level, origin, task, module, .. } = self;
        format!("[{time}{level:>5}|{f2}|{thread} {origin}|{task}|{module}]")
    }
}

/// As `Astring.String.Ascii.escape`.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'\\' => out.push_str("\\\\"),
            0x20..=0x7e => out.push(char::from(byte)),
            other => {
                let _ = write!(out, "\\x{other:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Shape, Words, escape};
    use crate::standin::SimTime;

    fn words(task: &str, body: &str, shape: Shape) -> Words {
        let (task, body) = (task.to_owned(), body.to_owned());
        Words { level: "info", thread: 7, origin: String::new(), task, module: "m", body, shape }
    }

    #[test]
    fn brackets_are_xapis() {
        for (shape, body, expected) in [
            (Shape::Usual, "text", "[ info||7 |t R:1|m] text m=000042"),
            (Shape::Exact, "", "[ info||1000000042 |t R:1|m]"),
            (Shape::Repeated(25), "x", "message repeated 25 times: [ [ info||7 |t R:1|m] x m=000042]"),
            (Shape::Plain, "plain", "plain m=000042"),
            (Shape::Timed, "('t')", "[19700101T00:00:00.000Z| info||7 |t R:1|m] ('t') m=000042"),
        ] {
            assert_eq!(words("t R:1", body, shape).message(SimTime(0), "", 42), expected);
        }
    }

    #[test]
    fn only_printable_ascii_is_left() {
        assert_eq!(escape("a\né\\\""), "a\\x0A\\xC3\\xA9\\\\\"");
    }
}
