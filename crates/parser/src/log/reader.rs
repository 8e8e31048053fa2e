//! One stream's lines, one after another.

use super::clock::{Clock, LineTime, TimeMark};
use super::filter::DropRule;
use super::host::{HostContext, Origin};
use super::parts::Parts;
use super::program::Program;
use super::record::{self, Fields, Found, Place};
use super::{LogSource, facts};
use crate::evidence::LineEvidence;
use model::LogRecord;

/// A line, read.
#[derive(Clone, Debug, PartialEq)]
pub struct LogLine<'a> {
    /// What is shipped.
    pub record: LogRecord<'a>,
    /// What the correlator learns.
    pub evidence: LineEvidence<'a>,
    /// Seconds since the epoch: the start of the line's second.
    pub unix_second: i64,
    /// What was known of time *before* this line: keep it with the line's offset to start here again.
    pub mark: TimeMark,
    /// The rule by which it is not to be shipped.
    pub dropped: Option<DropRule>,
}

/// A line, read, but no record made of it yet.
#[derive(Clone, Debug)]
pub struct RawLine<'a> {
    /// What is shipped.
    pub fields: Fields<'a>,
    /// What its resource is made of ([`HostContext::resource`]).
    pub origin: Origin<'a>,
    /// What the correlator learns.
    pub evidence: LineEvidence<'a>,
    /// Seconds since the epoch: the start of the line's second.
    pub unix_second: i64,
    /// What was known of time *before* this line: keep it with the line's offset to start here again.
    pub mark: TimeMark,
    /// The rule by which it is not to be shipped.
    pub dropped: Option<DropRule>,
}

/// A line that is read for its evidence alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Learned<'a> {
    /// What the correlator learns.
    pub evidence: LineEvidence<'a>,
    /// Seconds since the epoch: the start of the line's second.
    pub unix_second: i64,
    /// What was known of time before this line.
    pub mark: TimeMark,
}

/// Reads the lines of one stream in their order. Small and without buffers; what it knows is a [`TimeMark`].
#[derive(Clone, Copy, Debug)]
pub struct LogReader {
    clock: Clock,
}

impl LogReader {
    /// A reader at a stream's first line, of a file that was changed last at `modified_unix`, in seconds: the first
    /// line's year is found by that.
    #[must_use]
    pub fn new(modified_unix: i64) -> Self {
        Self { clock: Clock::new(modified_unix) }
    }

    /// What is known of time before the next line.
    #[must_use]
    pub fn mark(&self) -> TimeMark {
        self.clock.mark()
    }

    /// Goes to a place in the stream where this mark stood.
    pub fn restore(&mut self, mark: TimeMark) {
        self.clock.restore(mark);
    }

    /// Reads the next line: its bytes without the newline, and the offset of the first in the uncompressed stream.
    pub fn read<'a>(
        &mut self,
        source: &'a LogSource,
        host: &'a HostContext,
        line: &'a [u8],
        start: u64,
    ) -> LogLine<'a> {
        let RawLine { fields, origin, evidence, unix_second, mark, dropped } =
            self.read_raw(source, host, line, start);
        let record = LogRecord { resource: host.resource(&origin), ..fields.record() };
        LogLine { record, evidence, unix_second, mark, dropped }
    }

    /// The same without making a record: for a caller who encodes the line as it lies there.
    pub fn read_raw<'a>(
        &mut self,
        source: &'a LogSource,
        host: &'a HostContext,
        line: &'a [u8],
        start: u64,
    ) -> RawLine<'a> {
        let mark = self.mark();
        let parts = source.parts(line);
        let time = self.clock.read(parts.stamp, source.zone());
        let Program { service, domain } = source.program(&parts);
        let evidence = evidence(service, &parts, time);
        let severity = record::severity(&parts);
        let dropped = source.filters().rule(&parts, severity, line);
        let origin = Origin::of(service, &parts);
        let place = Place { source, host, line, start };
        let fields = Fields::new(place, parts, Found { severity, time, domain });
        RawLine { fields, origin, evidence, unix_second: time.second, mark, dropped }
    }

    /// Reads the next line for its evidence alone.
    pub fn learn<'a>(&mut self, source: &'a LogSource, line: &'a [u8]) -> Learned<'a> {
        let mark = self.mark();
        let parts = source.parts(line);
        let time = self.clock.read(parts.stamp, source.zone());
        Learned {
            evidence: evidence(source.program(&parts).service, &parts, time),
            unix_second: time.second,
            mark,
        }
    }
}

fn evidence<'a>(service: &'a str, parts: &Parts<'a>, time: LineTime) -> LineEvidence<'a> {
    LineEvidence {
        service,
        program: parts.program,
        second_unix: time.second,
        second_nanos: time.fraction.nanos,
        unit_nanos: time.fraction.unit,
        context: parts.context,
        task: parts.task.id,
        task_number: parts.task.number,
        facts: facts::of(parts),
    }
}
