//! Log lines as events of their spans, for backends that take no logs.
//!
//! A line that has been let go, with a span that is still to be sent, is kept here for it; one that is still held when its
//! span is sent is looked up by what is known then (`Correlator::foresee`). A span never waits for lines: it takes what is
//! here. So that this is what belongs to it, its file is read as evidence first and delivered after that (`traces`), and
//! in a backlog behind the logs (`Engine::lines_up_to`).
//!
//! Promises: a line is an event of one span at most; the lines here take `room` bytes at most; each line that was wanted
//! and has a span is counted, as attached or with the reason why it is not. Leaves to others: which span a line belongs to.

use crate::config::AttachLogs;
use exporter::batch::HeldRecord;
use exporter::encode::{self, LineEvent};
use model::{Receipt, Severity, SpanId, TraceContext, TraceId};
use parser::correlate::{Correlator, HeldNo, Joined};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

/// Events from lines that one span gets at most: the limit that OpenTelemetry's SDKs have for all its events
/// (specification, "SDK environment variables", `OTEL_SPAN_EVENT_COUNT_LIMIT`).
const EVENTS: usize = 128;
/// Their bytes, encoded.
const EVENT_BYTES: usize = 64 << 10;
/// What a line costs here beside its event.
const OVERHEAD_BYTES: usize = 160;

type SpanKey = (TraceId, SpanId);

/// Lines since the start, by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct AttachTally {
    /// Became an event.
    pub(super) attached: u64,
    /// The span had been sent, or is not sent.
    pub(super) late: u64,
    /// The span had too many events, or too large ones.
    pub(super) cut: u64,
    /// There was no room to keep the line until the span was sent.
    pub(super) no_room: u64,
}

/// The lines for spans that are still to be sent.
#[derive(Debug)]
pub(super) struct Attacher {
    errors_only: bool,
    room: usize,
    bytes: usize,
    /// In the order in which they were let go.
    waiting: BTreeMap<u64, (SpanKey, LineEvent)>,
    by_span: HashMap<SpanKey, VecDeque<u64>>,
    next: u64,
    /// Held lines, by the span that they would get now.
    foreseen: HashMap<SpanKey, Vec<HeldNo>>,
    /// Held lines that are attached already.
    attached: HashSet<Receipt>,
    /// Those of them that were attached since this was asked last.
    done: Vec<HeldNo>,
    tally: AttachTally,
}

impl Attacher {
    /// `None`: no line is wanted. `room`: bytes.
    pub(super) fn new(wanted: AttachLogs, room: usize) -> Option<Self> {
        (wanted != AttachLogs::Off).then(|| Self {
            errors_only: wanted == AttachLogs::Errors,
            room,
            bytes: 0,
            waiting: BTreeMap::new(),
            by_span: HashMap::new(),
            next: 0,
            foreseen: HashMap::new(),
            attached: HashSet::new(),
            done: Vec::new(),
            tally: AttachTally::default(),
        })
    }

    /// Whether a line of this severity is to become an event.
    pub(super) fn wants(&self, severity: Option<Severity>) -> bool {
        self.wants_number(severity.map_or(0, |severity| severity.number().into()))
    }

    fn wants_number(&self, severity: u64) -> bool {
        !self.errors_only || severity >= u64::from(Severity::Error.number())
    }

    pub(super) fn tally(&self) -> AttachTally {
        self.tally
    }

    /// Bytes of memory in use.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether no more lines should be read: the other half is for those that are held now.
    pub(super) fn is_half_full(&self) -> bool {
        self.bytes >= self.room / 2
    }

    /// A line leaves the correlator.
    pub(super) fn let_go(&mut self, joined: &Joined<HeldRecord>) {
        let record = &joined.payload;
        if self.attached.remove(&record.receipt) {
            return;
        }
        let Some(span) = joined.context.as_ref().and_then(span_of) else { return };
        if let Some(event) = self.event(record) {
            self.keep(span, event);
        }
    }

    /// To be called before spans are sent: which held lines would be whose.
    pub(super) fn foresee(&mut self, correlator: &mut Correlator<HeldRecord>) {
        let mut foreseen: HashMap<SpanKey, Vec<HeldNo>> = HashMap::new();
        let is_new = correlator.foresee(&mut |no, record, context| {
            if let Some(span) = span_of(&context).filter(|_| !self.attached.contains(&record.receipt)) {
                foreseen.entry(span).or_default().push(no);
            }
        });
        if is_new {
            self.foreseen = foreseen;
        }
    }

    /// A span is sent: takes its lines.
    pub(super) fn take(
        &mut self,
        trace_id: TraceId,
        span_id: SpanId,
        correlator: &Correlator<HeldRecord>,
    ) -> Events {
        let span = (trace_id, span_id);
        let mut lines = self.take_waiting(span);
        for no in self.foreseen.remove(&span).unwrap_or_default() {
            let Some(record) = correlator.held_line(no) else { continue };
            if let Some(event) = self.event(record).filter(|_| self.attached.insert(record.receipt)) {
                lines.push(event);
                self.done.push(no);
            }
        }
        lines.sort_by_key(|line| line.time_unix_nano);
        let events = Events::of(lines);
        self.tally.attached += events.fields.len() as u64;
        self.tally.cut += u64::from(events.dropped);
        events
    }

    /// The held lines that became events since it was asked last.
    pub(super) fn take_done(&mut self) -> Vec<HeldNo> {
        std::mem::take(&mut self.done)
    }

    /// All spans that were read have been sent: what is left came too late for its own.
    pub(super) fn all_sent(&mut self) {
        self.tally.late += self.waiting.len() as u64;
        self.waiting.clear();
        self.by_span.clear();
        self.bytes = 0;
    }

    fn event(&self, record: &HeldRecord) -> Option<LineEvent> {
        LineEvent::of(&record.bytes).filter(|event| self.wants_number(event.severity))
    }

    fn keep(&mut self, span: SpanKey, event: LineEvent) {
        let number = self.next;
        self.next += 1;
        self.bytes += cost(&event);
        self.waiting.insert(number, (span, event));
        self.by_span.entry(span).or_default().push_back(number);
        while self.bytes > self.room {
            self.drop_oldest();
            self.tally.no_room += 1;
        }
    }

    fn drop_oldest(&mut self) {
        let Some((_, (span, event))) = self.waiting.pop_first() else { return };
        self.bytes -= cost(&event);
        let Some(numbers) = self.by_span.get_mut(&span) else { return };
        numbers.pop_front();
        if numbers.is_empty() {
            self.by_span.remove(&span);
        }
    }

    fn take_waiting(&mut self, span: SpanKey) -> Vec<LineEvent> {
        let numbers = self.by_span.remove(&span).unwrap_or_default();
        let lines: Vec<LineEvent> =
            numbers.iter().filter_map(|number| Some(self.waiting.remove(number)?.1)).collect();
        self.bytes -= lines.iter().map(cost).sum::<usize>();
        lines
    }
}

fn span_of(context: &TraceContext) -> Option<SpanKey> {
    Some((context.trace_id, context.span_id?))
}

fn cost(event: &LineEvent) -> usize {
    event.field.len() + OVERHEAD_BYTES
}

/// A span's events from lines.
#[derive(Debug, Default)]
pub(super) struct Events {
    fields: Vec<Box<[u8]>>,
    dropped: u32,
}

impl Events {
    /// The earliest lines, as many as a span may have.
    fn of(lines: Vec<LineEvent>) -> Self {
        let (mut events, mut bytes) = (Self::default(), 0);
        for line in lines {
            if events.fields.len() < EVENTS && bytes + line.field.len() <= EVENT_BYTES {
                bytes += line.field.len();
                events.fields.push(line.field);
            } else {
                events.dropped = events.dropped.saturating_add(1);
            }
        }
        events
    }

    /// Appends them to the body of their span.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        self.fields.iter().for_each(|field| out.extend_from_slice(field));
        encode::dropped_events(self.dropped, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use exporter::batch::Groups;
    use model::{Correlation, LogRecord, Resource, Scope, StreamId};
    use parser::correlate::{Outcome, Settings};
    use std::time::Duration;

    fn ids(span: u64) -> SpanKey {
        (TraceId::from_bytes([7; 16]).unwrap(), SpanId::from_bytes(span.to_be_bytes()).unwrap())
    }

    /// A line at this nanosecond that leaves with this span; 0 for none.
    fn left(time_unix_nano: u64, severity: Severity, body: &str, span: u64) -> Joined<HeldRecord> {
        let record = LogRecord {
            time_unix_nano,
            severity: Some(severity),
            severity_text: "x".into(),
            body: body.into(),
            attributes: Vec::new(),
            resource: Resource::default(),
        };
        let mut bytes = Vec::new();
        encode::log_record(&record, &mut bytes);
        let group = Groups::new().get(&record.resource, &Scope::default());
        let receipt = Receipt { stream: StreamId(1), start: time_unix_nano };
        let context = TraceContext {
            trace_id: ids(1).0,
            span_id: SpanId::from_bytes(span.to_be_bytes()),
            traceparent_span_id: None,
            correlation: Correlation::Task,
        };
        Joined {
            payload: HeldRecord::new(&group, receipt, &bytes),
            context: Some(context),
            outcome: Outcome::Task,
            waited: Duration::ZERO,
        }
    }

    fn attacher(wanted: AttachLogs, room: usize) -> Attacher {
        Attacher::new(wanted, room).unwrap()
    }

    fn take(attacher: &mut Attacher, span: u64) -> Events {
        let correlator = Correlator::new(Settings::within(Duration::from_secs(75), 1 << 20));
        let (trace, span) = ids(span);
        attacher.take(trace, span, &correlator)
    }

    fn tally(attached: u64, late: u64, cut: u64, no_room: u64) -> AttachTally {
        AttachTally { attached, late, cut, no_room }
    }

    #[test]
    fn lines_go_with_their_own_span_in_the_order_of_time() {
        let mut lines = attacher(AttachLogs::All, 1 << 20);
        for (time, span) in [(3, 1), (2, 2), (1, 1), (4, 0)] {
            lines.let_go(&left(time, Severity::Debug, "text", span));
        }
        let events = take(&mut lines, 1);
        assert_eq!((events.fields.len(), events.dropped), (2, 0));
        assert!(events.fields[0] < events.fields[1], "the time stands first");
        assert_eq!(take(&mut lines, 1).fields.len(), 0, "once only");
        lines.all_sent();
        assert_eq!(lines.tally(), tally(2, 1, 0, 0));
        assert_eq!((lines.bytes(), lines.by_span.len()), (0, 0));
    }

    #[test]
    fn errors_are_told_apart() {
        let mut lines = attacher(AttachLogs::Errors, 1 << 20);
        let severities = [Severity::Debug, Severity::Warn, Severity::Error, Severity::Critical];
        for (time, severity) in severities.into_iter().enumerate() {
            lines.let_go(&left(time as u64 + 1, severity, "text", 1));
        }
        assert_eq!((take(&mut lines, 1).fields.len(), lines.tally()), (2, tally(2, 0, 0, 0)));
        let wanted = severities.map(|severity| lines.wants(Some(severity)));
        assert_eq!((wanted, lines.wants(None)), ([false, false, true, true], false));
        assert!(Attacher::new(AttachLogs::Off, 1).is_none());
    }

    /// `(lines, bytes of each)` of one span; what it gets, and what is cut.
    fn check_cut(lines: &[(usize, usize)], expected: (usize, u32)) {
        let mut attacher = attacher(AttachLogs::All, 64 << 20);
        let bodies = lines.iter().flat_map(|(count, bytes)| std::iter::repeat_n("x".repeat(*bytes), *count));
        for (time, body) in bodies.enumerate() {
            attacher.let_go(&left(time as u64 + 1, Severity::Info, &body, 1));
        }
        let events = take(&mut attacher, 1);
        assert_eq!((events.fields.len(), events.dropped), expected, "{lines:?}");
        assert!(events.fields.iter().map(|field| field.len()).sum::<usize>() <= EVENT_BYTES);
        assert_eq!(attacher.tally(), tally(expected.0 as u64, 0, expected.1.into(), 0));
    }

    #[test]
    fn a_span_gets_128_events_and_64_kib_at_most() {
        check_cut(&[(128, 10)], (128, 0));
        check_cut(&[(131, 10)], (128, 3));
        check_cut(&[(8, 8_000), (1, 8_000)], (8, 1));
        check_cut(&[(1, 10), (1, 100_000), (1, 10)], (2, 1));
    }

    #[test]
    fn of_lines_without_room_the_oldest_go() {
        let mut lines = attacher(AttachLogs::All, 2_000);
        for time in 1..=20 {
            lines.let_go(&left(time, Severity::Info, "text", 1 + time % 2));
            assert!(lines.bytes() <= 2_000);
        }
        let dropped = lines.tally().no_room;
        assert!((5..20).contains(&dropped), "{dropped}");
        let kept = take(&mut lines, 1).fields.len() + take(&mut lines, 2).fields.len();
        assert_eq!((kept as u64 + dropped, lines.bytes()), (20, 0));
        assert!(lines.by_span.is_empty() && lines.waiting.is_empty());
    }
}
