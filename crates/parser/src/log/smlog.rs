//! SMlog: `SM: [pid] text`, and `SMAPIv3: [pid] - LEVEL - text`.
//!
//! Written by the storage manager (sm `util.py`, `SMlog`). A message is cut at its newlines into several
//! lines of the same pid; the blanks that a traceback begins with are kept. No line carries a task or a trace.

use super::header::number;

/// What stands behind the tag.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Message<'a> {
    /// The process.
    pub(crate) pid: Option<u32>,
    /// The level, where there is one: letters.
    pub(crate) level: &'a str,
    /// The rest.
    pub(crate) body: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads a message; one of another form is all body.
    pub(crate) fn parse(message: &'a [u8]) -> Self {
        let Some((pid, rest)) = split_pid(message) else { return Self { body: message, ..Self::default() } };
        let (level, body) = split_level(rest).unwrap_or(("", rest));
        Self { pid: Some(pid), level, body }
    }
}

fn split_pid(message: &[u8]) -> Option<(u32, &[u8])> {
    let inner = message.strip_prefix(b"[")?;
    let (pid, rest) = inner.split_at_checked(memchr::memchr(b']', inner)?)?;
    let rest = rest.strip_prefix(b"]")?;
    Some((number(pid)?, rest.strip_prefix(b" ").unwrap_or(rest)))
}

fn split_level(text: &[u8]) -> Option<(&str, &[u8])> {
    let rest = text.strip_prefix(b"- ")?;
    let (level, rest) = rest.split_at_checked(memchr::memchr(b' ', rest)?)?;
    let body = rest.strip_prefix(b" - ")?;
    let level = std::str::from_utf8(level).ok()?;
    level.bytes().all(|byte| byte.is_ascii_alphabetic()).then_some((level, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages() {
        let cases = [
            ("[23615] lock: x", (Some(23615), "", "lock: x")),
            ("[23615]   File \"x\"", (Some(23615), "", "  File \"x\"")),
            ("[7] - INFO - text", (Some(7), "INFO", "text")),
            ("[7] - no level", (Some(7), "", "- no level")),
            ("[7]", (Some(7), "", "")),
            ("[x] text", (None, "", "[x] text")),
            ("text", (None, "", "text")),
            ("", (None, "", "")),
        ];
        for (message, (pid, level, body)) in cases {
            assert_eq!(
                Message::parse(message.as_bytes()),
                Message { pid, level, body: body.as_bytes() },
                "{message}"
            );
        }
    }
}
