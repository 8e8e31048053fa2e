//! What the host's programs write in a simulation, and when: operations with spans and log lines, all from one seed.
//!
//! Cheaper and poorer than the testkit's stand-in, so that ten thousand seeds take minutes: each record has its number in
//! it (a span as its id, a line as a word), and the trace that it belongs to is known.

use chrono::DateTime;
use std::fmt::Write;
use testkit::standin::Rng;

pub(super) const SECOND: u64 = 1_000_000_000;
/// How long something is written.
pub(super) const ACTIVE: u64 = 150 * SECOND;
/// The wall clock at the begin of each simulation, if it did not jump: 2026-03-03.
pub(super) const EPOCH_NANO: i64 = 1_772_500_000_000_000_000;
pub(super) const HOST: &str = "6e7e2f49-3168-465e-a22c-93f68f1c31ab";
/// Span ids are this and the record's number.
const SPAN_BASE: u64 = 0x51a0_0000_0000_0000;
/// Lines have this and the record's number, in eight digits, in their text.
const MARKER: &str = "mk";
const OPERATIONS: u64 = 90;
const NOISE: u64 = 300;

/// A log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Log {
    Xensource,
    Sm,
}

/// A program that writes trace files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Xapi,
    Xenopsd,
    /// Each call is a process with a file of its own.
    Smapi,
}

impl Service {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Xapi => "xapi",
            Self::Xenopsd => "xenopsd",
            Self::Smapi => "smapi",
        }
    }
}

/// Where one line of a file goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Log(Log),
    Traces(Service),
}

/// One line of a file, to be written at a time.
#[derive(Clone, Debug)]
pub(super) struct Writing {
    /// Nanoseconds since the begin.
    pub(super) at: u64,
    pub(super) target: Target,
    /// Numbers of its records: one, or the spans of the array.
    pub(super) records: Vec<u32>,
}

/// How a line says what it belongs to.
#[derive(Clone, Copy, Debug)]
enum Id {
    Task,
    Context,
    None,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Span { service: Service, start: u64, end: u64, own: bool },
    Line { log: Log, service: Service, id: Id },
}

/// A span or a line.
#[derive(Clone, Copy, Debug)]
struct Record {
    operation: Option<u32>,
    what: What,
    padding: u16,
}

/// Everything that is written in one simulation.
pub(super) struct Script {
    records: Vec<Record>,
    tasks: Vec<u64>,
    salt: u64,
    pub(super) writes: Vec<Writing>,
}

impl Script {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let mut script =
            Self { records: Vec::new(), tasks: Vec::new(), salt: rng.bits(), writes: Vec::new() };
        let flush = [rng.range(3, 25) * SECOND, rng.range(3, 25) * SECOND];
        let mut spans: [Vec<(u64, u32)>; 2] = Default::default();
        for _ in 0..OPERATIONS {
            script.operation(rng, &mut spans);
        }
        for (service, spans) in [Service::Xapi, Service::Xenopsd].into_iter().zip(spans) {
            script.export(rng, service, spans, flush[service as usize]);
        }
        for _ in 0..NOISE {
            let log = if rng.chance(0.5) { Log::Sm } else { Log::Xensource };
            let what = What::Line { log, service: Service::Xapi, id: Id::None };
            let at = rng_time(rng, 0, ACTIVE);
            script.line(rng, None, at, what);
        }
        script.writes.sort_by_key(|write| write.at);
        script
    }

    fn operation(&mut self, rng: &mut Rng, spans: &mut [Vec<(u64, u32)>; 2]) {
        let number = u32::try_from(self.tasks.len()).expect("few");
        self.tasks.push(rng.bits() >> 16);
        let start = rng_time(rng, 0, ACTIVE - 30 * SECOND);
        let end = start + rng_time(rng, SECOND / 10, 25 * SECOND);
        for at in 0..rng.range(4, 7) {
            let own = at == 0;
            let (from, to) = if own { (start, end) } else { within(rng, start, end) };
            let service = if own || rng.chance(0.6) { Service::Xapi } else { Service::Xenopsd };
            let record = self.record(rng, Some(number), What::Span { service, start: from, end: to, own });
            spans[service as usize].push((to, record));
        }
        if rng.chance(0.12) {
            let what = What::Span { service: Service::Smapi, start, end, own: false };
            let record = self.record(rng, Some(number), what);
            let (at, target) = (end + SECOND / 4, Target::Traces(Service::Smapi));
            self.writes.push(Writing { at, target, records: vec![record] });
        }
        for _ in 0..rng.range(5, 9) {
            let service = if rng.chance(0.7) { Service::Xapi } else { Service::Xenopsd };
            let id = if rng.chance(0.1) { Id::Context } else { Id::Task };
            let at = rng_time(rng, start, end);
            self.line(rng, Some(number), at, What::Line { log: Log::Xensource, service, id });
        }
    }

    fn line(&mut self, rng: &mut Rng, operation: Option<u32>, at: u64, what: What) {
        let record = self.record(rng, operation, what);
        let What::Line { log, .. } = what else { return };
        self.writes.push(Writing { at, target: Target::Log(log), records: vec![record] });
    }

    fn record(&mut self, rng: &mut Rng, operation: Option<u32>, what: What) -> u32 {
        let padding = if rng.chance(0.02) { rng.range(500, 3000) } else { rng.range(0, 120) };
        self.records.push(Record { operation, what, padding: u16::try_from(padding).expect("small") });
        u32::try_from(self.records.len() - 1).expect("few")
    }

    /// A service flushes the spans that have ended at intervals, some in one array.
    fn export(&mut self, rng: &mut Rng, service: Service, mut spans: Vec<(u64, u32)>, every: u64) {
        spans.sort_unstable();
        let mut spans = spans.into_iter().peekable();
        let mut at = rng_time(rng, 0, every);
        while spans.peek().is_some() {
            at += every;
            while spans.peek().is_some_and(|(end, _)| *end <= at) {
                let most = usize::try_from(rng.range(1, 8)).expect("small");
                let records: Vec<u32> = std::iter::from_fn(|| spans.next_if(|(end, _)| *end <= at))
                    .take(most)
                    .map(|s| s.1)
                    .collect();
                self.writes.push(Writing { at, target: Target::Traces(service), records });
            }
        }
    }

    /// How many records there are.
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// The trace of a record, if it belongs to one.
    pub(super) fn trace(&self, record: u32) -> Option<u128> {
        let operation = self.records[record as usize].operation?;
        Some(u128::from(self.salt | 1) << 64 | u128::from(operation + 1))
    }

    pub(super) fn is_span(&self, record: u32) -> bool {
        matches!(self.records[record as usize].what, What::Span { .. })
    }

    /// Whether a line says a task or a trace.
    pub(super) fn has_id(&self, record: u32) -> bool {
        matches!(self.records[record as usize].what, What::Line { id: Id::Task | Id::Context, .. })
    }

    /// A line of a file as it is written by a wall clock that is off by `skew` nanoseconds, and where in it each record
    /// ends.
    pub(super) fn render(&self, write: &Writing, skew: i64) -> (Vec<u8>, Vec<usize>) {
        let mut text = String::new();
        let mut ends = Vec::new();
        if let Target::Log(_) = write.target {
            self.log_line(&mut text, write, skew);
            text.push('\n');
            ends.push(text.len());
            return (text.into_bytes(), ends);
        }
        for (nth, record) in write.records.iter().enumerate() {
            text.push(if nth == 0 { '[' } else { ',' });
            self.span(&mut text, *record, skew);
            ends.push(text.len());
        }
        text.push_str("]\n");
        (text.into_bytes(), ends)
    }

    fn log_line(&self, text: &mut String, write: &Writing, skew: i64) {
        let number = write.records[0];
        let Record { operation, what, padding } = self.records[number as usize];
        let What::Line { log, service, id } = what else { return };
        let time = DateTime::from_timestamp_nanos(wall(write.at, skew)).format("%b %e %H:%M:%S");
        let program = match (log, service) {
            (Log::Sm, _) => "SM",
            (_, Service::Xenopsd) => "xenopsd-xc",
            _ => "xapi",
        };
        let _ = write!(text, "{time} lab {program}: ");
        if log == Log::Sm {
            let _ = write!(text, "[{}] ", 100 + number % 7);
        } else {
            let (context, task) = (self.context(number, operation, id), self.task(operation, id));
            let _ = write!(text, "[ info|{context}|{} |{task}|dispatch] ", number % 50);
        }
        let _ = write!(text, "text {MARKER}{number:08} {:.<1$}", "", usize::from(padding));
    }

    fn context(&self, number: u32, operation: Option<u32>, id: Id) -> String {
        match (self.trace(number), operation, id) {
            (Some(trace), Some(_), Id::Context) => format!("00-{trace:032x}-{:016x}-01", SPAN_BASE >> 4 | 7),
            _ => String::new(),
        }
    }

    fn task(&self, operation: Option<u32>, id: Id) -> String {
        match (operation, id) {
            (Some(operation), Id::Task) => format!("VM.start R:{:012x}", self.tasks[operation as usize]),
            _ => String::new(),
        }
    }

    fn span(&self, text: &mut String, number: u32, skew: i64) {
        let Record { operation, what, padding } = self.records[number as usize];
        let (What::Span { service, start, end, own }, Some(operation)) = (what, operation) else { return };
        let (task, name) = (self.tasks[operation as usize], service.name());
        let _ = write!(text, "{{\"tags\":{{\"xs.xapi.task.id\":\"R:{task:012x}\",");
        if own {
            text.push_str("\"xs.xapi.task.name\":\"VM.start\",");
        }
        let (trace, id) = (self.trace(number).unwrap_or_default(), SPAN_BASE | u64::from(number));
        let (at, took) = (wall(start, skew) / 1000, (end - start) / 1000);
        let _ = write!(
            text,
            "\"xs.host.uuid\":\"{HOST}\",\"pad\":\"{:.<1$}\",\"service.name\":\"{name}\"}},\"annotations\":[],\
             \"localEndpoint\":{{\"serviceName\":\"{name}\"}},\"duration\":{took},\"timestamp\":{at},\
             \"name\":\"VM.start\",\"traceId\":\"{trace:032x}\",\"id\":\"{id:016x}\"}}",
            "",
            usize::from(padding)
        );
    }
}

/// The wall clock at this time of the simulation.
pub(super) fn wall(at: u64, skew: i64) -> i64 {
    EPOCH_NANO + at.cast_signed() + skew
}

/// The record that a span id names.
pub(super) fn record_of_span(id: u64) -> Option<u32> {
    (id & SPAN_BASE == SPAN_BASE).then(|| u32::try_from(id & 0xffff_ffff).ok()).flatten()
}

/// The records that are named in a text.
pub(super) fn records_in(text: &str) -> impl Iterator<Item = u32> + '_ {
    text.match_indices(MARKER).filter_map(|(at, _)| text.get(at + 2..at + 10)?.parse().ok())
}

/// A time from `low` to `high`.
pub(super) fn rng_time(rng: &mut Rng, low: u64, high: u64) -> u64 {
    rng.range(low, high.max(low))
}

fn within(rng: &mut Rng, start: u64, end: u64) -> (u64, u64) {
    let from = rng_time(rng, start, end);
    (from, rng_time(rng, from, end))
}
