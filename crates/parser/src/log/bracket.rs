//! The bracket that XAPI's OCaml services put before each message.
//!
//! `[<time>|<level>|<f2>|<thread> <origin>|<task>|<module>] <message>`, by xen-api `ocaml/libs/log/debug.ml`:
//! - `<time>|` stands there only in the audit log and where a service logs to its standard output: UTC, milliseconds;
//! - `<f2>` was the host's name until 2019, then empty, and since v26.8.0 is a trace context when one is known; for
//!   one commit of 2019 the field was not there at all;
//! - `<origin>` is the thread's name, with the HTTP client before it where one is known: `HTTPS 10.0.0.1->INET :::80`;
//! - `<task>` is free text, and may hold `|` and `]`.
//!
//! So it is split from both ends: level, f2 and thread from the left; the module is the last field before the first
//! `]` that ends the bracket and has a module's name before it.

use super::stamp::Stamp;
use memchr::{memchr, memchr_iter, memrchr};

/// A bracket, as read; nothing unescaped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bracket<'a> {
    /// Its own timestamp.
    pub(crate) time: Option<(&'a [u8], Stamp)>,
    /// The level, without padding: letters.
    pub(crate) level: &'a str,
    /// The second field.
    pub(crate) f2: &'a [u8],
    /// The thread's number; may be -1.
    pub(crate) thread: i64,
    /// The HTTP client.
    pub(crate) client: &'a [u8],
    /// The thread's name.
    pub(crate) origin: &'a [u8],
    /// The task field.
    pub(crate) task: &'a [u8],
    /// The module.
    pub(crate) module: &'a str,
    /// What follows the bracket and one blank.
    pub(crate) body: &'a [u8],
}

impl<'a> Bracket<'a> {
    /// Reads a message that begins with a bracket of this form.
    pub(crate) fn parse(message: &'a [u8]) -> Option<Self> {
        let rest = message.strip_prefix(b"[")?;
        let (time, rest) = split_time(rest);
        let (level, rest) = split_bar(rest)?;
        let level = word(level.trim_ascii(), |byte| byte.is_ascii_alphabetic())?;
        let (f2, thread, rest) = split_f2(rest)?;
        let (thread, origin) = split_thread(thread)?;
        let (client, origin) = split_client(origin);
        let (task, module, body) = split_module(rest)?;
        Some(Self { time, level, f2, thread, client, origin, task, module, body })
    }
}

fn split_bar(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (field, rest) = text.split_at_checked(memchr(b'|', text)?)?;
    Some((field, rest.get(1..)?))
}

/// A text of such characters only, at least one.
#[inline]
fn word(text: &[u8], fits: impl Fn(&u8) -> bool) -> Option<&str> {
    let whole = !text.is_empty() && text.iter().all(fits);
    std::str::from_utf8(text).ok().filter(|_| whole)
}

fn split_time(rest: &[u8]) -> (Option<(&[u8], Stamp)>, &[u8]) {
    let timed = |rest| {
        let (text, after) = split_bar(rest)?;
        Some(((text, Stamp::parse(text)?), after))
    };
    match rest.first() {
        Some(b'0'..=b'9') => timed(rest).map_or((None, rest), |(time, after)| (Some(time), after)),
        _ => (None, rest),
    }
}

/// f2 and the thread field. A first field that is a number with a blank behind it is the thread: then there is no f2.
fn split_f2(rest: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (first, after) = split_bar(rest)?;
    if first.contains(&b' ') && split_thread(first).is_some() {
        return Some((b"", first, after));
    }
    let (thread, after) = split_bar(after)?;
    Some((first, thread, after))
}

fn split_thread(field: &[u8]) -> Option<(i64, &[u8])> {
    let end = memchr(b' ', field).unwrap_or(field.len());
    let (number, origin) = field.split_at_checked(end)?;
    let number = whole_number(number)?;
    Some((number, origin.strip_prefix(b" ").unwrap_or(origin)))
}

/// As `str::parse` does it; nearly all are a few digits.
fn whole_number(text: &[u8]) -> Option<i64> {
    const SHORT: usize = 18;
    if !text.is_empty() && text.len() <= SHORT && text.iter().all(u8::is_ascii_digit) {
        return Some(text.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')));
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn split_client(origin: &[u8]) -> (&[u8], &[u8]) {
    let client = origin.strip_prefix(b"HTTPS ").or_else(|| origin.strip_prefix(b"HTTP "));
    let split = client.and_then(|client| {
        let at = client.windows(2).position(|pair| pair == b"->")?;
        Some((client.get(..at)?, client.get(at + 2..)?))
    });
    split.unwrap_or((b"", origin))
}

/// Task, module and body. A module holds no `]`, so its bar is looked for behind the `]` before: one pass in all.
fn split_module(rest: &[u8]) -> Option<(&[u8], &str, &[u8])> {
    let mut from = 0;
    memchr_iter(b']', rest).find_map(|end| {
        let start = std::mem::replace(&mut from, end + 1);
        let body = match rest.get(end + 1..)? {
            [] => b"".as_slice(),
            [b' ', body @ ..] => body,
            _ => return None,
        };
        let bar = start + memrchr(b'|', rest.get(start..end)?)?;
        let module = word(rest.get(bar + 1..end)?, is_module)?;
        Some((rest.get(..bar)?, module, body))
    })
}

fn is_module(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_.-".contains(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(message: &str) -> String {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        Bracket::parse(message.as_bytes()).map_or_else(String::new, |bracket| {
            let fields = [bracket.f2, bracket.client, bracket.origin, bracket.task, bracket.body].map(text);
            let time = bracket.time.map(|(time, _)| text(time)).unwrap_or_default();
            format!("{time};{};{};{};{}", bracket.level, bracket.thread, bracket.module, fields.join(";"))
        })
    }

    #[test]
    fn brackets() {
        let id = "D:b8abf662d7de";
        let cases = [
            (format!("[debug|jup|85 |f {id}|xapi] text"), format!(";debug;85;xapi;jup;;;f {id};text")),
            ("[ warn||0 ||xapi] a [b] c|d] e".into(), ";warn;0;xapi;;;;;a [b] c|d] e".into()),
            ("[error||0 |Xapi.watchdog|backtrace]".into(), ";error;0;backtrace;;;;Xapi.watchdog;".into()),
            ("[error||0 |Xapi.watchdog|backtrace] ".into(), ";error;0;backtrace;;;;Xapi.watchdog;".into()),
            ("[debug|c|7|t|xenops] x".into(), ";debug;7;xenops;c;;;t;x".into()),
            ("[debug||-1 |t|xenops] x".into(), ";debug;-1;xenops;;;;t;x".into()),
            ("[debug|9 INET :::80|t|xapi] x".into(), ";debug;9;xapi;;;INET :::80;t;x".into()),
            (
                "[debug||9 HTTPS 10.0.0.1->INET :::80|t|xapi] x".into(),
                ";debug;9;xapi;;10.0.0.1;INET :::80;t;x".into(),
            ),
            ("[debug||9 HTTP fe80::1->:::80|t|xapi] x".into(), ";debug;9;xapi;;fe80::1;:::80;t;x".into()),
            ("[debug||9 HTTPS odd|t|xapi] x".into(), ";debug;9;xapi;;;HTTPS odd;t;x".into()),
            (
                format!("[20260430T20:26:40.089Z|audit||9 |f {id}|audit] ('t')"),
                format!("20260430T20:26:40.089Z;audit;9;audit;;;;f {id};('t')"),
            ),
            (format!("[ info||1 |a|b]c] d [e {id}|xapi] x"), format!(";info;1;xapi;;;;a|b]c] d [e {id};x")),
            (
                r#"[debug||1 |t\x0A{"baggage":[["span.depth","3"]]}|xenops_server] x"#.into(),
                r#";debug;1;xenops_server;;;;t\x0A{"baggage":[["span.depth","3"]]};x"#.into(),
            ),
        ];
        for (message, expected) in cases {
            assert_eq!(shown(&message), expected, "{message}");
        }
    }

    #[test]
    fn what_is_no_bracket() {
        let cases = [
            "",
            "[",
            "text",
            "[origin software=\"rsyslogd\"] start",
            "[debug",
            "[debug||0 ",
            "[debug||0 |task|modu",
            "[debug||0 |task|no module] x",
            "[debug||thread|task|xapi] x",
            "[||0 |task|xapi] x",
            "[debug||0 |xapi] x",
        ];
        for message in cases {
            assert_eq!(shown(message), "", "{message}");
        }
    }
}
