//! `explain`: what is read out of one log line, and why it is joined as it is.
//!
//! The line is given as text, or as a file and a byte of it. What the agent would know of it is gathered as the agent
//! does after a restart: the trace files that changed since ten minutes before the line, and the log's own lines of
//! that time. Then the correlator is asked for its reasons.
//!
//! Promises: changes nothing, keeps no state, needs no running agent; says what it could not read, and explains the rest
//! all the same; everything shown is redacted. What it knows may be more than the agent knew when it had to decide: all
//! that is on disk by now.
//!
//! `subject` reads what was asked; `files` reads logs and trace files; `place` finds the line; `evidence` gathers;
//! `read` and `why` say what was found, for people and as JSON.

mod evidence;
mod files;
mod place;
mod read;
mod subject;
mod why;

use super::check::load;
use super::draw::{Paint, Style, clean, date_time};
use crate::cli::{ExplainOptions, Failure, Outcome};
use crate::config::Settings;
use crate::shell::clock::Clock;
use crate::{engine, host};
use evidence::{Evidence, Gathered, Times};
use model::Now;
use parser::log::{HostContext, LogLine, LogReader, LogSource};
use parser::redact::Redactor;
use place::Placed;
use read::Reading;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::Path;
use subject::Subject;
use why::Why;

/// Everything that is said of a line.
#[derive(Debug, Serialize)]
struct Answer {
    /// The line as it stands in the file, redacted.
    line: String,
    /// Where it stands; `None` for a line given as text.
    place: Option<Where>,
    read: Reading,
    evidence: Gathered,
    why: Why,
}

/// A line's place.
#[derive(Debug, Serialize)]
struct Where {
    /// The file that was named.
    file: String,
    /// The log that it belongs to, as the configuration or its own name says.
    log: String,
    /// Whether that log is one of the configuration.
    configured: bool,
    /// The line's first byte in the uncompressed file.
    start: u64,
    /// The first byte behind its newline.
    end: u64,
}

/// A line that is to be explained, and what it is read by.
struct Case {
    bytes: Vec<u8>,
    source: LogSource,
    reader: LogReader,
    placed: Option<Placed>,
}

/// Answers on standard output.
#[expect(clippy::print_stdout, reason = "its answer")]
pub(crate) fn main(options: &ExplainOptions) -> Outcome {
    let subject = subject::parse(&options.subject, &|path| path.is_file()).map_err(Failure::Usage)?;
    let settings = load(options.config.config.as_deref())?;
    let answer = explain(&subject, &settings, Clock::start().now())?;
    if options.json {
        let json = serde_json::to_string(&answer).map_err(|error| Failure::Running(error.to_string()))?;
        println!("{json}");
    } else {
        print!("{}", text(&answer, Style::of_stdout(0, 0).paint()));
    }
    Ok(())
}

fn explain(subject: &Subject, settings: &Settings, now: Now) -> Result<Answer, Failure> {
    let redactor = Redactor::new(settings.redact, &settings.redact_patterns);
    let Case { bytes, source, mut reader, placed } = case(subject, settings, now)?;
    let host = host_context(settings);
    let start = placed.as_ref().map_or(0, |placed| placed.start);
    // Its time alone, to know which evidence is of use; the record is made once the host is known.
    let second = LogReader::learn(&mut reader.clone(), &source, &bytes).unix_second;
    let times = Times::around(second, settings.wait);
    let mut evidence = Evidence::new(settings, times, host, &redactor);
    evidence.read_traces(settings, now);
    let logs = placed.as_ref().map_or(settings.logs.as_slice(), |placed| std::slice::from_ref(&placed.log));
    evidence.read_logs(logs, settings, now);
    let line = reader.read(&source, &evidence.host, &bytes, start);
    let why = Why::of(&mut evidence.known, &line.evidence, &settings.wait);
    Ok(Answer {
        line: redactor.text(String::from_utf8_lossy(&bytes)).into_owned(),
        place: placed.as_ref().map(Placed::told),
        read: reading(line, &source, &bytes, &redactor, placed.is_some()),
        evidence: evidence.gathered,
        why,
    })
}

fn case(subject: &Subject, settings: &Settings, now: Now) -> Result<Case, Failure> {
    match subject {
        Subject::Place { path, offset } => {
            let placed = place::find(path, *offset, settings, now)?;
            let (source, reader) = (engine::source(&placed.log), placed.reader);
            Ok(Case { bytes: placed.bytes.clone(), source, reader, placed: Some(placed) })
        }
        Subject::Line(bytes) => {
            let reader = LogReader::new(now.unix_seconds().cast_signed());
            Ok(Case {
                bytes: bytes.clone(),
                source: place::likely_source(bytes, settings),
                reader,
                placed: None,
            })
        }
    }
}

fn host_context(settings: &Settings) -> HostContext {
    let mut host = HostContext::new(host::installation_uuid(&settings.inventory), host::host_name());
    host.extra.clone_from(&settings.resource);
    host
}

fn reading(
    line: LogLine<'_>,
    source: &LogSource,
    bytes: &[u8],
    redactor: &Redactor,
    has_place: bool,
) -> Reading {
    let LogLine { mut record, evidence, dropped, .. } = line;
    redactor.record(&mut record, redactor.suspects(bytes));
    Reading::of(&source.parts(bytes), &record, &evidence, redactor)
        .with_shipping(source, &record, dropped, has_place)
}

/// The answer for people.
fn text(answer: &Answer, paint: Paint) -> String {
    let mut text = format!("{}\n  {}\n", paint.bold("The line"), clean(&answer.line));
    if let Some(place) = &answer.place {
        let _ = writeln!(text, "  {} bytes {} to {}", clean(&place.file), place.start, place.end);
        if !place.configured {
            let _ =
                writeln!(text, "  (no log of the configuration; read as {} by its name)", clean(&place.log));
        }
    }
    answer.read.tell(&mut text, paint);
    answer.evidence.tell(&mut text, paint);
    answer.why.tell(&mut text, paint);
    text
}

/// A line `  name   value`, cleaned.
fn tell(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "  {name:<19} {}", clean(value));
}

/// A second for people.
fn second_text(unix_second: i64) -> String {
    let nanos = u64::try_from(unix_second).unwrap_or(0).saturating_mul(model::NANOS_PER_SECOND);
    date_time(nanos)
}

/// A path for people.
fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests;
