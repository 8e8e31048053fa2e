//! The task field of a line, and the same text where a message quotes it: XAPI's debug string.
//!
//! `name id`, `name`, `id` or nothing, then perhaps `\x0A` and a trace context (xen-api
//! `ocaml/xapi-idl/lib/debug_info.ml`, `ocaml/xapi/context.ml`). The name is free text set by API clients. xenopsd's
//! parallel workers have `Parallel:task=<n>.atoms=<k>.(<what>)` instead of an id
//! (`ocaml/xenopsd/lib/xenops_server.ml`, `perform_atomic`).

use super::context;
use crate::evidence::LineContext;
use memchr::memmem;
use model::TaskId;

/// A task field, as read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Task<'a> {
    /// Its name, still escaped, without blanks around it; may be empty.
    pub name: &'a [u8],
    /// Its id.
    pub id: Option<TaskId>,
    /// The id as it stands there; empty where there is none.
    pub id_text: &'a str,
    /// xenopsd's number, where the name is that of a parallel worker and there is no id.
    pub number: Option<u64>,
    /// The trace context behind it.
    pub context: Option<LineContext>,
}

impl<'a> Task<'a> {
    /// Reads a debug string.
    #[must_use]
    pub fn parse(text: &'a [u8]) -> Self {
        let (log, tail) = split_context(text);
        let (name, word, id) = split_id(log.trim_ascii());
        let number = if id.is_none() { parallel_number(name) } else { None };
        let id_text = std::str::from_utf8(word).ok().filter(|_| id.is_some()).unwrap_or_default();
        Self { name, id, id_text, number, context: tail.and_then(context::of_debug_string) }
    }
}

/// Cuts at the first newline, as XAPI escapes it, as rsyslog does, or raw.
fn split_context(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    let cut = |at: usize, width: usize| (text.get(..at).unwrap_or(text), text.get(at + width..));
    match memchr::memchr3(b'\\', b'#', b'\n', text) {
        None => (text, None),
        Some(_) => [br"\x0A".as_slice(), b"#012", b"\n"]
            .iter()
            .filter_map(|newline| memmem::find(text, newline).map(|at| (at, newline.len())))
            .min()
            .map_or((text, None), |(at, width)| cut(at, width)),
    }
}

/// The id is the last word, if it is one. `NULL` stands for the lack of one.
fn split_id(text: &[u8]) -> (&[u8], &[u8], Option<TaskId>) {
    let start = memchr::memrchr(b' ', text).map_or(0, |blank| blank + 1);
    let (name, word) = text.split_at_checked(start).unwrap_or((text, b""));
    match TaskId::parse(word) {
        None if word != b"NULL" => (text, b"", None),
        id => (name.trim_ascii_end(), word, id),
    }
}

/// The number in `Parallel:task=<n>.…` and `Nested_parallel:task=<n>.…`.
pub(crate) fn parallel_number(text: &[u8]) -> Option<u64> {
    let rest =
        text.strip_prefix(b"Parallel:task=").or_else(|| text.strip_prefix(b"Nested_parallel:task="))?;
    let (number, rest) = take_number(rest)?;
    rest.starts_with(b".").then_some(number)
}

/// Reads a decimal number off the front.
pub(crate) fn take_number(text: &[u8]) -> Option<(u64, &[u8])> {
    /// So many digits fit into the number, whatever they are.
    const SHORT: usize = 19;
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = text.split_at_checked(digits)?;
    if (1..=SHORT).contains(&digits) {
        return Some((number.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')), rest));
    }
    Some((std::str::from_utf8(number).ok()?.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, name: &str, id: Option<&str>, number: Option<u64>, has_context: bool) {
        let task = Task::parse(text.as_bytes());
        assert_eq!(String::from_utf8_lossy(task.name), name, "{text}");
        assert_eq!(task.id.map(|id| id.to_string()).as_deref(), id, "{text}");
        assert_eq!((task.number, task.context.is_some()), (number, has_context), "{text}");
    }

    #[test]
    fn fields() {
        let context = "00-0a07bfbf3925e3d4776995171a9222cd-d4bcd152c96bd105-01";
        let start = "Async.VM.start R:c9be3e35c13c";
        check("", "", None, None, false);
        check(start, "Async.VM.start", Some("R:c9be3e35c13c"), None, false);
        check("R:c9be3e35c13c", "", Some("R:c9be3e35c13c"), None, false);
        check("a | b]  D:206ed8a2473a", "a | b]", Some("D:206ed8a2473a"), None, false);
        check("VM.stat NULL", "VM.stat", None, None, false);
        check("Xapi.watchdog", "Xapi.watchdog", None, None, false);
        check("two words", "two words", None, None, false);
        check(
            "Parallel:task=5.atoms=1.(VBD.plug)",
            "Parallel:task=5.atoms=1.(VBD.plug)",
            None,
            Some(5),
            false,
        );
        check(
            "Nested_parallel:task=17.atoms=2.(x)",
            "Nested_parallel:task=17.atoms=2.(x)",
            None,
            Some(17),
            false,
        );
        check("Parallel:task=x", "Parallel:task=x", None, None, false);
        check(
            &format!(r#"{start}\x0A{{"traceparent":"{context}","baggage":[["span.depth","3"]]}}"#),
            "Async.VM.start",
            Some("R:c9be3e35c13c"),
            None,
            true,
        );
        check(&format!(r"{start}\x0A{context}"), "Async.VM.start", Some("R:c9be3e35c13c"), None, true);
        check(&format!("{start}#012{context}"), "Async.VM.start", Some("R:c9be3e35c13c"), None, true);
        check(r"name\x0A", "name", None, None, false);
        check(r"C:\\dir #1", r"C:\\dir #1", None, None, false);
    }
}
