//! What speaks for or against a join, gathered from the files.

use super::files::Files;
use super::place::modified_second;
use super::{second_text, shown};
use crate::commands::draw::{Paint, clean, count};
use crate::config::{LogSettings, Settings};
use crate::engine;
use model::{NANOS_PER_MICRO, NANOS_PER_SECOND, Now, Span, SpanId, TraceId, Uuid};
use parser::correlate::{self, Correlator, Window};
use parser::evidence::{Fact, Facts, LineEvidence, SpanFacts};
use parser::log::{HostContext, LogReader};
use parser::redact::Redactor;
use parser::zipkin::{self, Context, DropRules};
use serde::Serialize;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;
use watcher::{Item, LogId, StreamKind, Taken};

/// How far back the agent reads again after a restart.
const BACK_SECONDS: i64 = 600;
/// As many spans of the line's second are remembered by name; a busy host has some hundreds.
const NAMED: usize = 20_000;

/// The time from which evidence is gathered, in seconds since the epoch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    line: i64,
    from: i64,
    to: i64,
}

impl Times {
    /// From ten minutes before the line to `wait` after it.
    pub(super) fn around(line: i64, wait: Duration) -> Self {
        let wait = i64::try_from(wait.as_secs()).unwrap_or(i64::MAX);
        Self { line, from: line.saturating_sub(BACK_SECONDS), to: line.saturating_add(wait) }
    }

    fn meets(&self, facts: &SpanFacts<'_>) -> bool {
        let micros = |second: i64| u64::try_from(second).unwrap_or(0).saturating_mul(1_000_000);
        facts.end_unix_micros >= micros(self.from)
            && facts.start_unix_micros < micros(self.to.saturating_add(1))
    }
}

/// A span that was open in the line's second.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Open {
    #[serde(serialize_with = "super::why::as_text")]
    pub(super) trace_id: TraceId,
    #[serde(serialize_with = "super::why::as_text")]
    pub(super) span_id: SpanId,
    pub(super) name: String,
    pub(super) service: String,
    pub(super) start_unix_nano: u64,
    pub(super) end_unix_nano: u64,
}

/// What is known by now.
pub(super) struct Known {
    pub(super) correlator: Correlator<()>,
    pub(super) host: Option<Uuid>,
    pub(super) open: Vec<Open>,
}

/// How much was read, and what was not.
#[derive(Debug, Default, Serialize)]
pub(super) struct Gathered {
    from_unix: i64,
    to_unix: i64,
    trace_files: u64,
    /// Of those, spans that were near the line's time.
    spans: u64,
    /// Pieces of them that are no spans.
    unreadable_spans: u64,
    logs: Vec<LogRead>,
    /// What could not be read, and why.
    missing: Vec<String>,
}

#[derive(Debug, Serialize)]
struct LogRead {
    file: String,
    /// Lines near the line's time.
    lines: u64,
}

/// The gathering.
pub(super) struct Evidence<'r> {
    times: Times,
    pub(super) host: HostContext,
    pub(super) known: Known,
    pub(super) gathered: Gathered,
    redactor: &'r Redactor,
}

impl<'r> Evidence<'r> {
    pub(super) fn new(settings: &Settings, times: Times, host: HostContext, redactor: &'r Redactor) -> Self {
        let correlator =
            Correlator::new(correlate::Settings { wait: settings.wait, ..correlate::Settings::default() });
        let known = Known { correlator, host: host.uuid(), open: Vec::new() };
        let gathered = Gathered { from_unix: times.from, to_unix: times.to, ..Gathered::default() };
        Self { times, host, known, gathered, redactor }
    }

    /// Learns from all trace files that changed since, of what lies near the line's time.
    pub(super) fn read_traces(&mut self, settings: &Settings, now: Now) {
        let Some(traces) = &settings.traces else {
            self.gathered.missing.push("traces: the configuration says not to read any".to_owned());
            return;
        };
        if let Some(why) = absent(&traces.directory) {
            self.gathered.missing.push(why);
            return;
        }
        let mut files = Files::of_traces(&traces.directory, self.times.from, settings, now);
        let rules = DropRules::new(traces.drop.iter().map(String::as_str));
        for info in files.all(StreamKind::Trace) {
            if modified_second(&info) < self.times.from {
                continue;
            }
            let (context, host) = self.file_context(&info.path, settings);
            let trouble = files.read(info.stream, &mut |item| {
                if let Item::Line(line) = item {
                    zipkin::read(line.bytes, &context, &rules, |item| self.take(item, host));
                }
                Taken::default()
            });
            self.gathered.trace_files += 1;
            self.gathered.missing.extend(trouble.map(|why| format!("{}: {why}", shown(&info.path))));
        }
        self.gathered.missing.extend(files.troubles);
    }

    /// What a trace file's name says. Without an inventory, that is also where the host's uuid comes from.
    fn file_context(&mut self, path: &Path, settings: &Settings) -> (Context, Option<Uuid>) {
        let name = path.file_name().and_then(std::ffi::OsStr::to_str).and_then(zipkin::file_name);
        let (service, host) = name.map_or(("", None), |name| (name.service, name.host));
        if self.known.host.is_none() && host.is_some() {
            self.known.host = host;
            self.host = HostContext::new(host, self.host.host_name.clone());
            self.host.extra.clone_from(&settings.resource);
        }
        (Context::new(self.host.host_name.clone()).fallback(service, host), host)
    }

    fn take(&mut self, item: zipkin::Item<'_, '_>, file_host: Option<Uuid>) {
        let (facts, name) = match item {
            zipkin::Item::Span { span, facts, .. } => {
                self.learn_names(span, &facts);
                (facts, span.name.clone())
            }
            zipkin::Item::Dropped { facts } => (facts, Cow::Borrowed("(left out by traces.drop)")),
            zipkin::Item::Bad { .. } => {
                self.gathered.unreadable_spans += 1;
                return;
            }
        };
        if !self.times.meets(&facts) {
            return;
        }
        self.gathered.spans += 1;
        self.known.correlator.span(&facts, file_host);
        let start = self.times.line.saturating_mul(NANOS_PER_SECOND.cast_signed());
        let second = Window {
            start_unix_nano: start,
            end_unix_nano: start.saturating_add(NANOS_PER_SECOND.cast_signed()),
        };
        if second.meets(facts.start_unix_micros, facts.end_unix_micros) && self.known.open.len() < NAMED {
            self.known.open.push(Open {
                trace_id: facts.trace_id,
                span_id: facts.span_id,
                name: self.redactor.text(name).into_owned(),
                service: facts.service.to_owned(),
                start_unix_nano: facts.start_unix_micros.saturating_mul(NANOS_PER_MICRO),
                end_unix_nano: facts.end_unix_micros.saturating_mul(NANOS_PER_MICRO),
            });
        }
    }

    /// The host's name-label and its pool's uuid stand in its spans alone.
    fn learn_names(&mut self, span: &Span<'_>, facts: &SpanFacts<'_>) {
        if facts.host.is_none() || facts.host != self.host.uuid() {
            return;
        }
        if let Some(name) = span.resource.get("xs.host.name").filter(|_| self.host.name_label.is_none()) {
            self.host.name_label = Some(name.to_owned());
            self.host.set_pool(span.resource.get("xs.pool.uuid").and_then(Uuid::parse));
        }
    }

    /// Learns from these logs' lines near the line's time.
    pub(super) fn read_logs(&mut self, logs: &[LogSettings], settings: &Settings, now: Now) {
        let mut files = Files::of_logs(logs, settings, now);
        for (at, log) in logs.iter().enumerate() {
            self.gathered.missing.extend(absent(&log.path));
            let source = engine::source(log);
            for info in files.all(StreamKind::Log(LogId(at))) {
                if modified_second(&info) < self.times.from {
                    continue;
                }
                let (mut reader, mut lines) = (LogReader::new(modified_second(&info)), 0);
                let trouble = files.read(info.stream, &mut |item| {
                    let Item::Line(line) = item else { return Taken::default() };
                    let learned = reader.learn(&source, line.bytes);
                    if learned.unix_second > self.times.to {
                        return Taken::default().and_stop();
                    }
                    lines += u64::from(self.learn(&learned.evidence));
                    Taken::default()
                });
                self.gathered.logs.push(LogRead { file: shown(&info.path), lines });
                self.gathered.missing.extend(trouble.map(|why| format!("{}: {why}", shown(&info.path))));
            }
        }
        self.gathered.logs.retain(|log| log.lines > 0);
        self.gathered.missing.extend(files.troubles);
        self.gathered.missing.sort();
        self.gathered.missing.dedup();
    }

    fn learn(&mut self, line: &LineEvidence<'_>) -> bool {
        if line.second_unix < self.times.from {
            return false;
        }
        let line = if line.second_unix > self.times.line { later(line) } else { *line };
        self.known.correlator.teach(&line, self.host.uuid());
        true
    }
}

/// Why there is nothing under this name, if so. What is there and can't be read is told by the watcher.
fn absent(path: &Path) -> Option<String> {
    let why = match path.try_exists() {
        Ok(true) => return None,
        Ok(false) => "it is not there".to_owned(),
        Err(error) => error.to_string(),
    };
    Some(format!("{}: {why}", shown(path)))
}

/// Of a later line, what still counts for this one: which task works for which. What a task number means is asked when
/// a line is read, so its end or a new beginning of the count must not be learned before.
fn later<'a>(line: &LineEvidence<'a>) -> LineEvidence<'a> {
    let mut facts = Facts::default();
    for fact in line.facts.iter() {
        if matches!(fact, Fact::CreatedBy { .. } | Fact::Forwarded { .. }) {
            facts.push(fact);
        }
    }
    LineEvidence { facts, ..*line }
}

impl Gathered {
    /// For people.
    pub(super) fn tell(&self, text: &mut String, paint: Paint) {
        let _ = writeln!(text, "{}", paint.bold("What speaks for it"));
        let (from, to) = (second_text(self.from_unix), second_text(self.to_unix));
        let _ = writeln!(text, "  from {from} to {to}:");
        let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let (spans, files) =
            (count(number(self.spans), "span"), count(number(self.trace_files), "trace file"));
        let _ = writeln!(text, "  {spans} of {files}");
        if self.unreadable_spans > 0 {
            let _ = writeln!(
                text,
                "  {} of these files that can't be read",
                count(number(self.unreadable_spans), "piece")
            );
        }
        for log in &self.logs {
            let _ = writeln!(text, "  {} of {}", count(number(log.lines), "line"), clean(&log.file));
        }
        for missing in &self.missing {
            let _ = writeln!(text, "  {} {}", paint.yellow("could not read"), clean(missing));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_later_is_not_known_yet() {
        let task = |text: &str| model::TaskId::parse(text.as_bytes()).unwrap();
        let link = Fact::CreatedBy { child: task("D:1e95315e2423"), parent: task("R:6ff794f713fd") };
        for (fact, stays) in
            [(link, true), (Fact::NumberEnds { number: 3 }, false), (Fact::ProcessStarted, false)]
        {
            let mut facts = Facts::default();
            facts.push(fact);
            let line = LineEvidence {
                service: "xapi",
                program: "xapi",
                second_unix: 7,
                second_nanos: 0,
                unit_nanos: 1,
                context: None,
                task: None,
                task_number: None,
                facts,
            };
            assert_eq!(later(&line).facts.iter().any(|left| left == fact), stays, "{fact:?}");
        }
    }
}
