//! What comes in: spans, and what lines say.

use super::decide::{Subject, trace_bits};
use super::key::TaskKey;
use super::numbers::Meaning;
use super::origin::{HostNo, ServiceNo};
use super::spans::SpanRecord;
use super::tasks::LinkKind;
use super::{Correlator, Window};
use crate::evidence::{Fact, LineEvidence, SpanFacts};
use model::{SpanId, TaskId, Uuid};

impl<T> Correlator<T> {
    /// A span was read, whether it is shipped or is evidence alone. `file_host` is the host in its file's name, for a
    /// span that doesn't say.
    pub fn span(&mut self, span: &SpanFacts<'_>, file_host: Option<Uuid>) {
        let host = self.origins.host(span.host.or(file_host));
        let service = self.origins.service(span.service);
        let micros = (span.start_unix_micros, span.end_unix_micros.max(span.start_unix_micros));
        let trace = trace_bits(span.trace_id);
        let record = SpanRecord::new(trace, bits(span.span_id), span.parent_id.map_or(0, bits), micros);
        let record = record.from(host, service);
        match span.task.map(TaskKey::of) {
            None => self.spans.push(record),
            Some(task) => {
                self.spans.push(record.of_task(task, span.names_task));
                self.task_span(task, host, trace, span.names_task);
            }
        }
    }

    /// A line was read as evidence only: it was handed on before a restart, or is not to be shipped.
    pub fn teach(&mut self, line: &LineEvidence<'_>, host: Option<Uuid>) {
        self.learn(line, host);
    }

    /// Learns what the line says, then says what it gives to go by.
    pub(super) fn learn(&mut self, line: &LineEvidence<'_>, host: Option<Uuid>) -> Subject {
        let host = self.origins.host(host);
        let service = self.origins.service(line.service);
        let numbered = line.task_number.is_some() || !line.facts.is_empty();
        let program = if numbered { self.origins.service(line.program) } else { service };
        line.facts.iter().for_each(|fact| self.fact(fact, host, program));
        let subject = self.subject(line, host, service, program);
        if subject.has_id() {
            self.note_log_read(&subject);
        }
        if let Some((task, _)) = subject.start() {
            self.tasks.touch(task);
        }
        subject
    }

    /// Lines without an id don't count: their log, SMlog say, may be ahead of the one that links tasks.
    fn note_log_read(&mut self, subject: &Subject) {
        let read = self.logs_read.entry(subject.host).or_insert(i64::MIN);
        *read = subject.window.end_unix_nano.max(*read);
    }

    pub(super) fn subject(
        &self,
        line: &LineEvidence<'_>,
        host: HostNo,
        service: ServiceNo,
        program: ServiceNo,
    ) -> Subject {
        Subject {
            window: Window::of(line),
            host,
            service,
            context: line.context,
            task: line.task.map(TaskKey::of),
            number: line.task_number.map(|number| self.numbers.resolve((host, program), number)),
        }
    }

    fn task_span(&mut self, task: TaskKey, host: HostNo, trace: u128, own: bool) {
        self.tasks.note_span(task, host, trace, own);
        if own && self.held.len() > 0 {
            self.held.settle(task, |subject| subject.host.may_be(host));
        }
    }

    fn fact(&mut self, fact: Fact, host: HostNo, program: ServiceNo) {
        let process = (host, program);
        match fact {
            Fact::CreatedBy { child, parent } => self.link(child, host, parent, LinkKind::Created),
            Fact::Forwarded { dispatch: Some(dispatch), task } => {
                self.link(dispatch, host, task, LinkKind::Forwarded)
            }
            Fact::Forwarded { dispatch: None, .. } => {}
            Fact::NumberMeans { number, task, parent, context } => {
                let task = task.map(TaskKey::of);
                self.numbers.means(process, number, Meaning { task, parent, context });
            }
            Fact::NumberEnds { number } => self.numbers.ends(process, number),
            Fact::ProcessStarted => self.numbers.process_started(process),
        }
    }

    fn link(&mut self, from: TaskId, host: HostNo, to: TaskId, kind: LinkKind) {
        self.tasks.note_link(TaskKey::of(from), host, TaskKey::of(to), kind);
    }
}

fn bits(span: SpanId) -> u64 {
    u64::from_be_bytes(*span.bytes())
}
