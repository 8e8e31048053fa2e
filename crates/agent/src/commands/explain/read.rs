//! What is read out of a line, part by part, and the record that it becomes.

use super::{second_text, tell};
use crate::commands::draw::Paint;
use crate::engine::rule_name;
use model::{KeyValue, LogRecord, Value};
use parser::correlate::Window;
use parser::evidence::{Fact, LineEvidence};
use parser::log::{DropRule, LogSource, Parts, keys};
use parser::redact::Redactor;
use serde::Serialize;
use std::fmt::Write as _;

/// The parts of a line; empty or `None` where it has none. Texts are redacted, and unescaped but for the timestamp.
#[derive(Debug, Serialize)]
pub(super) struct Reading {
    timestamp: String,
    /// The line's second.
    time: String,
    unix_second: i64,
    host: String,
    program: String,
    service: String,
    process: Option<u32>,
    repeated: Option<u64>,
    level: String,
    severity: Option<u8>,
    /// The bracket's second field: a host's name, or a trace context.
    f2: String,
    thread: Option<i64>,
    origin: String,
    client: String,
    task_name: String,
    task_id: String,
    task_number: Option<u64>,
    module: String,
    track_id: String,
    trace_context: Option<String>,
    /// What it says about tasks.
    facts: Vec<String>,
    body: String,
    /// As it would be shipped.
    shipped: Shipped,
}

/// What only a line with a place has, and what a filter says.
#[derive(Debug, Default, Serialize)]
struct Shipped {
    /// The rule by which it is not shipped at all.
    left_out_by: Option<String>,
    log_file_path: String,
    time_unix_nano: Option<u64>,
    log_record_uid: Option<String>,
    resource: Vec<(String, String)>,
}

impl Reading {
    /// `record` is redacted already.
    pub(super) fn of(
        parts: &Parts<'_>,
        record: &LogRecord<'_>,
        line: &LineEvidence<'_>,
        redactor: &Redactor,
    ) -> Self {
        let text = |bytes: &[u8]| redactor.text(String::from_utf8_lossy(bytes)).into_owned();
        let attribute = |key: &str| attribute(&record.attributes, key);
        let context = line.context.map(|context| {
            let span = context.span_id.map_or_else(|| "no span".to_owned(), |span| format!("span {span}"));
            format!("trace {}, {span}", context.trace_id)
        });
        Self {
            timestamp: text(parts.time),
            time: second_text(line.second_unix),
            unix_second: line.second_unix,
            host: text(parts.host),
            program: parts.program.to_owned(),
            service: line.service.to_owned(),
            process: parts.pid,
            repeated: parts.repeated,
            level: text(parts.level),
            severity: record.severity.map(model::Severity::number),
            f2: text(parts.f2),
            thread: parts.thread,
            origin: attribute(keys::THREAD_NAME),
            client: attribute(keys::CLIENT_ADDRESS),
            task_name: attribute(keys::TASK_NAME),
            task_id: attribute(keys::TASK_ID),
            task_number: line.task_number,
            module: parts.module.to_owned(),
            track_id: attribute(keys::SESSION_TRACK_ID),
            trace_context: context,
            facts: line.facts.iter().map(fact).collect(),
            body: record.body.clone().into_owned(),
            shipped: Shipped::default(),
        }
    }

    /// Adds what the record has beyond the line's parts. Without a place, time and uid are not known to the digit.
    pub(super) fn with_shipping(
        mut self,
        source: &LogSource,
        record: &LogRecord<'_>,
        dropped: Option<DropRule>,
        has_place: bool,
    ) -> Self {
        let resource = record.resource.attributes.iter();
        self.shipped = Shipped {
            left_out_by: dropped.map(rule_name),
            log_file_path: source.path().to_owned(),
            time_unix_nano: has_place.then_some(record.time_unix_nano),
            log_record_uid: has_place.then(|| attribute(&record.attributes, keys::LOG_RECORD_UID)),
            resource: resource.map(|kv| (kv.key.clone().into_owned(), value(&kv.value))).collect(),
        };
        self
    }

    /// For people.
    pub(super) fn tell(&self, text: &mut String, paint: Paint) {
        let _ = writeln!(text, "{}", paint.bold("What is read out of it"));
        let time = if self.timestamp.is_empty() { "none: taken as of" } else { &self.timestamp };
        tell(text, "timestamp", &format!("{time} → {}", self.time));
        let program = if self.program.is_empty() { "none" } else { &self.program };
        let level = self.severity.map(|number| format!("{} → {number}", self.level));
        let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
        let parts = [
            ("host", self.host.clone()),
            ("program", format!("{program} → service {}", self.service)),
            ("process", number(self.process.map(i64::from))),
            ("repeated", self.repeated.map(|times| format!("{times} further times")).unwrap_or_default()),
            ("level", level.unwrap_or_else(|| self.level.clone())),
            ("second field", self.f2.clone()),
            ("thread", number(self.thread)),
            ("origin", self.origin.clone()),
            ("client", self.client.clone()),
            ("task name", self.task_name.clone()),
            ("task id", self.task_id.clone()),
            ("task number", self.task_number.map(|number| number.to_string()).unwrap_or_default()),
            ("module", self.module.clone()),
            ("track id", self.track_id.clone()),
            ("trace context", self.trace_context.clone().unwrap_or_default()),
        ];
        parts.iter().filter(|(_, value)| !value.is_empty()).for_each(|(name, value)| tell(text, name, value));
        self.facts.iter().for_each(|fact| tell(text, "says", fact));
        tell(text, "body", if self.body.is_empty() { "(empty)" } else { &self.body });
        self.shipped.tell(text, paint);
    }
}

impl Shipped {
    fn tell(&self, text: &mut String, paint: Paint) {
        let _ = writeln!(text, "{}", paint.bold("How it is shipped"));
        if let Some(rule) = &self.left_out_by {
            tell(text, "not at all:", &format!("left out by {rule} of its log; it still teaches"));
        }
        if let (Some(time), Some(uid)) = (self.time_unix_nano, &self.log_record_uid) {
            tell(text, "time", &format!("{time} ns: its second, and its place in the file"));
            tell(text, keys::LOG_RECORD_UID, uid);
        }
        tell(text, keys::LOG_FILE_PATH, &self.log_file_path);
        self.resource.iter().for_each(|(key, value)| tell(text, key, value));
    }
}

fn attribute(attributes: &[KeyValue<'_>], key: &str) -> String {
    let found = attributes.iter().find(|kv| kv.key == key);
    found.map(|kv| value(&kv.value)).unwrap_or_default()
}

fn value(value: &Value<'_>) -> String {
    match value {
        Value::Str(text) => text.clone().into_owned(),
        Value::Int(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Double(number) => number.to_string(),
    }
}

fn fact(fact: Fact) -> String {
    match fact {
        Fact::CreatedBy { child, parent } => format!("task {child} was created by task {parent}"),
        Fact::Forwarded { dispatch: Some(dispatch), task } => {
            format!("task {dispatch} goes on here with task {task} of another host")
        }
        Fact::Forwarded { dispatch: None, task } => format!("task {task} of another host goes on here"),
        Fact::NumberMeans { number, task, parent, context } => {
            let mut meanings = Vec::new();
            meanings.extend(task.map(|task| format!("task {task}")));
            meanings.extend(parent.map(|parent| format!("task number {parent}")));
            meanings.extend(context.map(|context| format!("trace {}", context.trace_id)));
            format!("task number {number} works for {}", meanings.join(", "))
        }
        Fact::NumberEnds { number } => format!("task number {number} has ended"),
        Fact::ProcessStarted => "the program has started anew: its task numbers begin again".to_owned(),
    }
}

/// The time in which the line was written, for people.
pub(super) fn window_text(window: &Window) -> String {
    let length = window.end_unix_nano.saturating_sub(window.start_unix_nano);
    let unit = crate::commands::draw::duration(u64::try_from(length).unwrap_or(0));
    let start = window.start_unix_nano / model::NANOS_PER_SECOND.cast_signed();
    format!("{unit} from {}", second_text(start))
}
