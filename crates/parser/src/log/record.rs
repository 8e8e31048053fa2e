//! From a line's parts to its record.

use super::clock::LineTime;
use super::parts::Parts;
use super::program::Program;
use super::{HostContext, LogSource, escape, keys, uid};
use memchr::memmem::Finder;
use model::{KeyValue, LogRecord, Resource, Severity};
use std::borrow::Cow;
use std::sync::LazyLock;

static TRACK_ID: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("trackid="));

/// Where a line stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) source: &'a LogSource,
    pub(crate) host: &'a HostContext,
    /// The raw line.
    pub(crate) line: &'a [u8],
    /// The offset of its first byte.
    pub(crate) start: u64,
}

/// What was concluded from its parts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) severity: Option<Severity>,
    pub(crate) time: LineTime,
}

/// What a line's level is, as a number.
pub(crate) fn severity(parts: &Parts<'_>) -> Option<Severity> {
    if parts.level.is_empty() {
        return None;
    }
    std::str::from_utf8(parts.level).ok().and_then(Severity::parse)
}

/// The record of a line, without its resource.
pub(crate) fn record<'a>(place: Place<'a>, parts: Parts<'a>, found: Found) -> LogRecord<'a> {
    LogRecord {
        time_unix_nano: found.time.with_place(place.start),
        severity: found.severity,
        severity_text: escape::lossy(parts.level),
        body: escape::text(parts.body, parts.escaped),
        resource: Resource::default(),
        attributes: attributes(place, parts),
    }
}

/// A list of attributes that leaves out what is not there.
struct Attributes<'a>(Vec<KeyValue<'a>>);

impl<'a> Attributes<'a> {
    fn text(&mut self, key: &'a str, value: impl Into<Cow<'a, str>>) {
        let value = value.into();
        if !value.is_empty() {
            self.0.push(KeyValue::str(key, value));
        }
    }

    fn number(&mut self, key: &'a str, value: Option<impl Into<i64>>) {
        if let Some(value) = value {
            self.0.push(KeyValue::int(key, value.into()));
        }
    }
}

fn attributes<'a>(place: Place<'a>, parts: Parts<'a>) -> Vec<KeyValue<'a>> {
    let mut list = Attributes(Vec::with_capacity(12 + parts.others.len()));
    list.text(keys::LOG_FILE_PATH, place.source.path());
    list.text(keys::LOG_RECORD_UID, uid::hex(place.host.uuid(), place.source, place.start, place.line));
    let repeated = parts.repeated.map(|times| i64::try_from(times).unwrap_or(i64::MAX));
    list.number(keys::LOG_REPEAT_COUNT, repeated);
    list.text(keys::PROCESS_EXECUTABLE_NAME, parts.program);
    list.number(keys::PROCESS_PID, parts.pid);
    list.number(keys::XEN_DOMAIN_ID, Program::parse(parts.program).domain);
    list.text(keys::CODE_NAMESPACE, parts.module);
    list.number(keys::THREAD_ID, parts.thread);
    list.text(keys::THREAD_NAME, escape::text(parts.origin, parts.escaped));
    list.text(keys::CLIENT_ADDRESS, escape::lossy(parts.client));
    list.text(keys::TASK_NAME, escape::text(parts.task.name, parts.escaped));
    list.text(keys::TASK_ID, parts.task.id_text);
    list.text(keys::SESSION_TRACK_ID, track_id(parts.body).unwrap_or_default());
    for (key, value) in parts.others {
        if !list.0.iter().any(|known| known.key == key) {
            list.text(key, escape::lossy(value));
        }
    }
    list.0
}

/// The hash that stands for the session the message is about, not that of the session's parent (xen-api
/// `ocaml/xapi/context.ml`, `trackid_of_session`; `ocaml/xapi/xapi_session.ml`).
fn track_id(body: &[u8]) -> Option<&str> {
    const LENGTH: usize = 32;
    let finder = &*TRACK_ID;
    finder.find_iter(body).find_map(|at| {
        let after = body.get(at + finder.needle().len()..)?;
        let digits = after.get(..LENGTH)?;
        let whole = digits.iter().all(u8::is_ascii_hexdigit)
            && !after.get(LENGTH).is_some_and(u8::is_ascii_alphanumeric)
            && !body.get(..at)?.ends_with(b"parent=");
        std::str::from_utf8(digits).ok().filter(|_| whole)
    })
}

#[cfg(test)]
mod tests {
    use super::track_id;

    #[test]
    fn track_ids() {
        let id = "9be672f1a72fb158013dce44c1df30fc";
        let cases = [
            (
                format!(
                    "Session.create trackid={id} pool=false parent=trackid=9834f5af41c964e225f24279aefe4e49"
                ),
                true,
            ),
            (format!("task x forwarded (trackid={id})"), true),
            (format!("('trackid={id}' 'sid')"), true),
            (format!("parent=trackid={id}"), false),
            (format!("trackid={id}0"), false),
            ("trackid=9be672".to_owned(), false),
            (format!("trackid= and trackid={id}"), true),
            ("no".to_owned(), false),
        ];
        for (body, found) in cases {
            assert_eq!(track_id(body.as_bytes()), found.then_some(id), "{body}");
        }
    }
}
