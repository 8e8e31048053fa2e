//! What must be true of any bytes as a line of a log: a record comes of it, at worst as plain text, and no secret that
//! was in it is in the redacted record.
#![allow(clippy::expect_used, unreachable_pub, reason = "an oracle says so by failing")]

use model::LogFields;
use parser::log::{Format, HostContext, LinePattern, LogReader, LogSource, TimeMark, Zone};
use parser::redact::Redactor;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// A log of each format.
pub static SOURCES: LazyLock<Vec<LogSource>> = LazyLock::new(|| {
    let pattern = r"^(?<time>.{15}) (?<host>\S+) (?<severity>\w+): (?<body>.*)$";
    let pattern = LinePattern::new(pattern).expect("a good pattern");
    let paris = Zone::parse("Europe/Paris").expect("a good zone");
    [Format::Xensource, Format::Smlog, Format::Audit, Format::Syslog, Format::Regex(pattern)]
        .map(|format| LogSource::new("/var/log/x.log", format).with_zone(paris))
        .into()
});

static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| Redactor::new(true, &[]));

/// A secret and the way it is written.
const SECRET: &str = "Qs3cretQ";
const PLANTED: &[u8] = b" password='Qs3cretQ'";

/// The line in every format, after no line and after one of 2026.
pub fn check(line: &[u8]) {
    for mark in [0, 1_777_580_000] {
        check_after(line, mark);
    }
    // Behind a quote or another key word, it would not be plain where the secret begins and ends.
    if !REDACTOR.suspects(line) && !line.contains(&b'\\') {
        SOURCES.iter().for_each(|source| check_planted(source, &[line, PLANTED].concat()));
    }
}

/// The line in every format, after a line with this mark.
pub fn check_after(line: &[u8], mark: u64) {
    SOURCES.iter().for_each(|source| check_as(source, line, mark));
}

fn check_planted(source: &LogSource, line: &[u8]) {
    let host = HostContext::new(None, "host");
    let mut record = LogReader::new(1_777_580_000).read(source, &host, line, 99).record;
    REDACTOR.record(&mut record, REDACTOR.suspects(line));
    assert!(!format!("{record:?}").contains(SECRET), "{record:?}");
}

/// What an encoder gets.
fn lent(fields: &dyn LogFields) -> Vec<String> {
    let (time, level) = (fields.time_unix_nano(), fields.severity());
    let mut all = vec![format!("{time} {level:?} {} {}", fields.severity_text(), fields.body())];
    fields.attributes(&mut |key, value| all.push(format!("{key} {value:?}")));
    all
}

fn check_as(source: &LogSource, line: &[u8], mark: u64) {
    let host = HostContext::new(None, "host");
    let mut reader = LogReader::new(1_777_580_000);
    reader.restore(TimeMark::from(mark));
    let mut read = reader.read(source, &host, line, 99);
    let service = read.record.resource.get("service.name");
    assert!(service == Some(read.evidence.service) && service.is_some_and(|name| !name.is_empty()));
    assert!(read.record.attributes.iter().any(|kv| kv.key == "log.record.uid"));
    let keys: BTreeSet<_> = read.record.attributes.iter().map(|kv| &kv.key).collect();
    let shadows = |key: &&str| key.is_empty() || *key == "trace_id" || *key == "span_id";
    assert!(
        keys.len() == read.record.attributes.len() && !keys.iter().any(|key| shadows(&&***key)),
        "{keys:?}"
    );
    let mut raw = LogReader::new(1_777_580_000);
    raw.restore(TimeMark::from(mark));
    let raw = raw.read_raw(source, &host, line, 99);
    assert_eq!(
        lent(&raw.fields),
        lent(&read.record),
        "encoded from the line or from the record, it is the same"
    );
    let end = line.strip_suffix(b"\r").unwrap_or(line);
    let body = source.parts(line).body;
    assert!(end.ends_with(body) || end.ends_with(b"]"), "the message goes to the line's end");
    assert!(body.is_empty() || !read.record.body.is_empty(), "a message is not lost");
    let mut again = LogReader::new(1_777_580_000);
    again.restore(TimeMark::from(mark));
    assert_eq!(again.learn(source, line).evidence, read.evidence, "delivered or not, it says the same");
    // A replacement character has three bytes and stands for one.
    assert!(read.record.body.len() <= 3 * line.len(), "a record is no longer than its line");
    REDACTOR.record_in_full(&mut read.record);
    assert_eq!(
        REDACTOR.record_in_full(&mut read.record),
        0,
        "to redact twice is to redact once: {:?}",
        read.record
    );
}
