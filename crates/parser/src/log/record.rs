//! From a line's parts to its record.

use super::clock::LineTime;
use super::parts::Parts;
use super::{HostContext, LogSource, escape, keys, uid};
use memchr::memmem::Finder;
use model::{KeyValue, LogFields, LogRecord, Resource, Severity, ValueRef};
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
    /// The domain that its program serves.
    pub(crate) domain: Option<u32>,
}

/// What a line's level is, as a number.
pub(crate) fn severity(parts: &Parts<'_>) -> Option<Severity> {
    if parts.level.is_empty() {
        return None;
    }
    std::str::from_utf8(parts.level).ok().and_then(Severity::parse)
}

/// A line's record while it still lies in the line: nothing is copied before it is asked for.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    place: Place<'a>,
    parts: Parts<'a>,
    severity: Option<Severity>,
    domain: Option<u32>,
    /// Nanoseconds since the epoch. May be moved.
    pub time_unix_nano: u64,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(place: Place<'a>, parts: Parts<'a>, found: Found) -> Self {
        let Found { severity, time, domain } = found;
        Self { place, parts, severity, domain, time_unix_nano: time.with_place(place.start) }
    }

    /// Whether it has attributes with names that a configured expression gave.
    #[must_use]
    pub fn has_foreign_keys(&self) -> bool {
        !self.parts.others.is_empty()
    }

    /// The record, without its resource.
    #[must_use]
    pub fn record(&self) -> LogRecord<'a> {
        let parts = &self.parts;
        let mut attributes = List(Vec::with_capacity(12 + parts.others.len()));
        self.visit(&mut attributes);
        for (key, value) in &parts.others {
            if !attributes.0.iter().any(|known| known.key == *key) {
                attributes.text(key, escape::lossy(value));
            }
        }
        LogRecord {
            time_unix_nano: self.time_unix_nano,
            severity: self.severity,
            severity_text: escape::lossy(parts.level),
            body: escape::text(parts.body, parts.escaped),
            resource: Resource::default(),
            attributes: attributes.0,
        }
    }

    /// All attributes but those of foreign keys.
    fn visit(&self, list: &mut impl Attributes<'a>) {
        let (Place { source, host, line, start }, parts) = (self.place, &self.parts);
        list.text(keys::LOG_FILE_PATH, source.path().into());
        list.brief(keys::LOG_RECORD_UID, &uid::hex(host.uuid(), source, start, line));
        let repeated = parts.repeated.map(|times| i64::try_from(times).unwrap_or(i64::MAX));
        list.number(keys::LOG_REPEAT_COUNT, repeated);
        list.text(keys::PROCESS_EXECUTABLE_NAME, parts.program.into());
        list.number(keys::PROCESS_PID, parts.pid.map(i64::from));
        list.number(keys::XEN_DOMAIN_ID, self.domain.map(i64::from));
        list.text(keys::CODE_NAMESPACE, parts.module.into());
        list.number(keys::THREAD_ID, parts.thread);
        list.text(keys::THREAD_NAME, escape::text(parts.origin, parts.escaped));
        list.text(keys::CLIENT_ADDRESS, escape::lossy(parts.client));
        list.text(keys::TASK_NAME, escape::text(parts.task.name, parts.escaped));
        list.text(keys::TASK_ID, parts.task.id_text.into());
        list.text(keys::SESSION_TRACK_ID, track_id(parts.body).unwrap_or_default().into());
    }
}

impl LogFields for Fields<'_> {
    fn time_unix_nano(&self) -> u64 {
        self.time_unix_nano
    }

    fn severity(&self) -> Option<Severity> {
        self.severity
    }

    fn severity_text(&self) -> Cow<'_, str> {
        escape::lossy(self.parts.level)
    }

    fn body(&self) -> Cow<'_, str> {
        escape::text(self.parts.body, self.parts.escaped)
    }

    fn attributes(&self, each: &mut dyn FnMut(&str, ValueRef<'_>)) {
        if self.has_foreign_keys() {
            return self.record().attributes(each);
        }
        self.visit(&mut Lent(each));
    }
}

/// Takes attributes; what is not there is left out.
trait Attributes<'a> {
    fn text(&mut self, key: &'a str, value: Cow<'a, str>);

    /// A text that does not last.
    fn brief(&mut self, key: &'a str, value: &[u8; 32]);

    fn number(&mut self, key: &'a str, value: Option<i64>);
}

/// Into a list.
struct List<'a>(Vec<KeyValue<'a>>);

impl<'a> Attributes<'a> for List<'a> {
    fn text(&mut self, key: &'a str, value: Cow<'a, str>) {
        if !value.is_empty() {
            self.0.push(KeyValue::str(key, value));
        }
    }

    fn brief(&mut self, key: &'a str, value: &[u8; 32]) {
        self.text(key, escape::lossy(value).into_owned().into());
    }

    fn number(&mut self, key: &'a str, value: Option<i64>) {
        self.0.extend(value.map(|value| KeyValue::int(key, value)));
    }
}

/// On to whoever asked.
struct Lent<'e>(&'e mut dyn FnMut(&str, ValueRef<'_>));

impl<'a> Attributes<'a> for Lent<'_> {
    fn text(&mut self, key: &'a str, value: Cow<'a, str>) {
        if !value.is_empty() {
            (self.0)(key, ValueRef::Str(&value));
        }
    }

    fn brief(&mut self, key: &'a str, value: &[u8; 32]) {
        (self.0)(key, ValueRef::Str(&escape::lossy(value)));
    }

    fn number(&mut self, key: &'a str, value: Option<i64>) {
        if let Some(value) = value {
            (self.0)(key, ValueRef::Int(value));
        }
    }
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
