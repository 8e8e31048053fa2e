//! The syslog header: time, host, tag.
//!
//! `Mmm dd HH:MM:SS host tag[pid]: message` (rsyslog's `RSYSLOG_TraditionalFileFormat`, dom0's default) or the same with
//! an RFC 3339 time (`RSYSLOG_FileFormat`); and rsyslog's own `message repeated N times: [ … ]` around the message
//! (`$RepeatedMsgReduction on`, which dom0 has). Everything from the tag on may be missing.

use super::stamp::Stamp;
use super::task::take_number;

/// What stands before a message.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Header<'a> {
    /// The timestamp's text.
    pub(crate) time: &'a [u8],
    /// The timestamp.
    pub(crate) stamp: Option<Stamp>,
    /// The host.
    pub(crate) host: &'a [u8],
    /// The program, which is printable ASCII.
    pub(crate) program: &'a str,
    /// Its process.
    pub(crate) pid: Option<u32>,
    /// N further times.
    pub(crate) repeated: Option<u64>,
    /// What follows.
    pub(crate) message: &'a [u8],
}

impl<'a> Header<'a> {
    /// Reads the header; of a line without one, all is message.
    pub(crate) fn parse(line: &'a [u8]) -> Self {
        let Some((time, stamp, rest)) = Stamp::take(line) else {
            return Self { message: line, ..Self::default() };
        };
        let (host, rest) = split_word(rest);
        let (program, pid, message) = split_tag(rest).unwrap_or(("", None, rest));
        let (repeated, message) =
            split_repeated(message).map_or((None, message), |(n, inner)| (Some(n), inner));
        Self { time, stamp: Some(stamp), host, program, pid, repeated, message }
    }
}

fn split_word(text: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memchr(b' ', text).unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end).unwrap_or((text, b""));
    (word, rest.strip_prefix(b" ").unwrap_or(rest))
}

/// `tag:` or `tag[pid]:`, and the message after one blank.
fn split_tag(text: &[u8]) -> Option<(&str, Option<u32>, &[u8])> {
    let end = memchr::memchr2(b':', b' ', text)?;
    let (tag, rest) = text.split_at_checked(end)?;
    let message = rest.strip_prefix(b":")?;
    let (program, pid) = split_pid(tag);
    if program.is_empty() || !program.iter().all(u8::is_ascii_graphic) || program.starts_with(b"[") {
        return None;
    }
    Some((std::str::from_utf8(program).ok()?, pid, message.strip_prefix(b" ").unwrap_or(message)))
}

fn split_pid(tag: &[u8]) -> (&[u8], Option<u32>) {
    let inner = tag.strip_suffix(b"]");
    let at = inner.and_then(|inner| memchr::memrchr(b'[', inner));
    let pid = inner.zip(at).and_then(|(inner, at)| inner.get(at + 1..)).and_then(number);
    match (pid, at) {
        (Some(pid), Some(at)) => (tag.get(..at).unwrap_or(tag), Some(pid)),
        _ => (tag, None),
    }
}

/// Reads a text that is a decimal number and nothing else.
pub(crate) fn number(text: &[u8]) -> Option<u32> {
    let (number, rest) = take_number(text)?;
    rest.is_empty().then(|| u32::try_from(number).ok())?
}

/// `message repeated 25 times: [ <message>]`. The closing bracket may be cut off.
fn split_repeated(message: &[u8]) -> Option<(u64, &[u8])> {
    let (times, rest) = take_number(message.strip_prefix(b"message repeated ")?)?;
    let inner = rest.strip_prefix(b" times: [")?;
    let inner = inner.strip_prefix(b" ").unwrap_or(inner);
    Some((times, inner.strip_suffix(b"]").unwrap_or(inner)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, host: &str, program: &str, pid: Option<u32>, repeated: Option<u64>, message: &str) {
        let header = Header::parse(line.as_bytes());
        assert_eq!(String::from_utf8_lossy(header.host), host, "{line}");
        assert_eq!((header.program, header.pid, header.repeated), (program, pid, repeated), "{line}");
        assert_eq!(String::from_utf8_lossy(header.message), message, "{line}");
    }

    #[test]
    fn headers() {
        check("Jun 10 13:32:30 jupiter xapi: text", "jupiter", "xapi", None, None, "text");
        check("2026-06-10T13:32:30Z jupiter xapi:text", "jupiter", "xapi", None, None, "text");
        check("Jun 10 13:32:30 h qemu-dm-1[334]:  x", "h", "qemu-dm-1", Some(334), None, " x");
        check(
            "Jun 10 13:32:30 h /usr/bin/emu-manager[3]: x",
            "h",
            "/usr/bin/emu-manager",
            Some(3),
            None,
            "x",
        );
        check("Jun 10 13:32:30 h odd[tag]: x", "h", "odd[tag]", None, None, "x");
        check("Jun 10 13:32:30 h odd[99999999999]: x", "h", "odd[99999999999]", None, None, "x");
        check("Jun 10 13:32:30 h last message repeated", "h", "", None, None, "last message repeated");
        check("Jun 10 13:32:30 h [debug|x", "h", "", None, None, "[debug|x");
        check("Jun 10 13:32:30 h", "h", "", None, None, "");
        check("Jun 10 13:32:30", "", "", None, None, "");
        check("no header", "", "", None, None, "no header");
        check("", "", "", None, None, "");
        check("Jun 10 13:32:30 h x: message repeated 25 times: [ text]", "h", "x", None, Some(25), "text");
        check("Jun 10 13:32:30 h x: message repeated 2 times: [ cut", "h", "x", None, Some(2), "cut");
        let text = "message repeated many times: [ x]";
        check(&format!("Jun 10 13:32:30 h x: {text}"), "h", "x", None, None, text);
    }
}
