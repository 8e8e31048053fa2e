//! Puts what happens on disk, byte by byte as the real programs do.

mod log;
mod rotate;
mod traces;
mod zst;

pub use log::{LogMessage, LogSink};

use super::host::Host;
use super::line::{Line, Log};
use super::operation::{Act, SmBatch};
use super::options::Options;
use super::rng::{hash, unit};
use super::span::{Service, Span};
use super::time::{SECOND, SimTime};
use super::timeline::Event;
use crate::ledger::{Ledger, Name, WrittenLine, WrittenSpan};
use log::LogFile;
use std::collections::BTreeMap;
use std::io;
use traces::TraceFile;

/// For so long a second observer stays as it is.
const OBSERVER_PERIOD: u64 = 600 * SECOND;

/// The files of all hosts, and the ledger of what is in them.
pub(super) struct Disk {
    options: Options,
    hosts: Vec<Host>,
    traces: BTreeMap<(u16, Service), TraceFile>,
    logs: BTreeMap<(u16, Log), LogFile>,
    sink: Option<LogSink>,
    pub(super) ledger: Ledger,
    pub(super) written: Written,
}

/// What was done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Spans, repeats included.
    pub spans: u64,
    /// Lines of logs.
    pub lines: u64,
    /// Bytes of trace files, before compression.
    pub trace_bytes: u64,
    /// Bytes of logs.
    pub log_bytes: u64,
    /// Flushes that wrote something.
    pub flushes: u64,
    /// Trace files that were compressed.
    pub compressed: u64,
    /// Logs that were rotated.
    pub rotated: u64,
}

impl Disk {
    pub(super) fn new(options: Options, hosts: &[Host], sink: Option<LogSink>) -> io::Result<Self> {
        for (number, host) in hosts.iter().enumerate() {
            host.lay(number == 0)?;
        }
        let ledger =
            Ledger { hosts: hosts.iter().map(|host| host.uuid.clone()).collect(), ..Ledger::default() };
        let (traces, logs) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { options, hosts: hosts.to_vec(), traces, logs, sink, ledger, written: Written::default() })
    }

    /// Does what happens at this moment; answers when something is left to do by itself.
    pub(super) fn apply(&mut self, at: SimTime, event: Event) -> io::Result<Option<SimTime>> {
        match event {
            Event::Ended(span) => self.ended(*span),
            Event::Logged(line) => self.logged(&line)?,
            Event::Batch(host, batch) => self.batch(host, &batch)?,
            Event::Service(host, Act::Flush(service)) => return self.flush(at, host, service),
            Event::Service(host, Act::Restart(service, clean)) => self.restart(at, host, service, clean)?,
        }
        Ok(None)
    }

    fn ended(&mut self, span: Span) {
        self.traces.entry((span.host, span.service)).or_default().waiting.push(span);
    }

    fn flush(&mut self, at: SimTime, host: u16, service: Service) -> io::Result<Option<SimTime>> {
        let copies = if self.doubled(at) { 2 } else { 1 };
        let (Some(file), Some(of)) =
            (self.traces.get_mut(&(host, service)), self.hosts.get(usize::from(host)))
        else {
            return Ok(None);
        };
        let spans = std::mem::take(&mut file.waiting);
        let done = file.export(&self.options, of, service, at, spans, copies)?;
        self.written.flushes += u64::from(!done.spans.is_empty());
        self.written.trace_bytes += done.bytes;
        self.written.compressed += u64::from(done.compressing.is_some());
        done.spans.iter().for_each(|span| self.enter_span(span, copies));
        Ok(done.compressing)
    }

    fn restart(&mut self, at: SimTime, host: u16, service: Service, clean: bool) -> io::Result<()> {
        if clean {
            self.flush(at, host, service)?;
        }
        if let Some(file) = self.traces.get_mut(&(host, service)) {
            file.restart()?;
        }
        Ok(())
    }

    /// Completes the compressed files that are due by now.
    pub(super) fn complete(&mut self, now: SimTime) -> io::Result<()> {
        self.traces.values_mut().try_for_each(|file| file.complete(now))
    }

    fn batch(&mut self, host: u16, batch: &SmBatch) -> io::Result<()> {
        let Some(of) = self.hosts.get(usize::from(host)) else { return Ok(()) };
        self.written.trace_bytes += traces::plugin(&self.options, of, batch)?;
        batch.spans.iter().for_each(|span| self.enter_span(span, 1));
        Ok(())
    }

    fn logged(&mut self, line: &Line) -> io::Result<()> {
        let Some(host) = self.hosts.get(usize::from(line.host)) else { return Ok(()) };
        let log = line.program.log();
        let file = self.logs.entry((line.host, log)).or_insert_with(|| LogFile::new(host, log));
        let text = LogMessage::new(host, line, self.options.zone);
        match &mut self.sink {
            Some(sink) => sink(&text)?,
            None => self.written.rotated += u64::from(file.write(&self.options, &text)?),
        }
        self.written.log_bytes += text.bytes();
        self.written.lines += 1;
        if self.options.ledger {
            self.ledger.lines.push(entry(line));
        }
        Ok(())
    }

    fn enter_span(&mut self, span: &Span, copies: u8) {
        self.written.spans += u64::from(copies);
        if !self.options.ledger {
            return;
        }
        let Span { host, trace, id, parent, kind, .. } = *span;
        self.ledger.spans.push(WrittenSpan {
            trace,
            id,
            parent,
            kind,
            service: Name::Borrowed(span.service.name()),
            host,
            start: span.start.0,
            end: span.end.0,
            copies,
            tracer: span.tracer,
        });
    }

    fn doubled(&self, at: SimTime) -> bool {
        let period = at.0 / OBSERVER_PERIOD;
        unit(hash(&[self.options.seed, 0x0b5, period])) < self.options.doubled_share
    }

    /// Everything buffered goes to the files; with `left`, they get the simulated time too.
    pub(super) fn sync(&mut self, left: Option<SimTime>) -> io::Result<()> {
        let time = left.filter(|_| self.options.set_times);
        self.logs.values_mut().try_for_each(|file| file.sync(time))
    }
}

fn entry(line: &Line) -> WrittenLine {
    WrittenLine {
        marker: line.marker,
        host: line.host,
        service: line.service_name(),
        second: line.at.second(),
        trace: line.truth.trace,
        inside: line.truth.inside,
        rule: line.truth.rule,
        evidence_after_ms: line.truth.evidence_after_ms,
    }
}
