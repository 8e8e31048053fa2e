//! Reading a world through the correlator, and what must hold whatever the order.

use super::world::{EPOCH, Line, WAIT_SECONDS, World, host};
use model::{NANOS_PER_SECOND, Now, TraceContext};
use parser::correlate::{Aim, Correlator, FilesRead, Joined, Outcome, Settings};
use std::collections::BTreeMap;
use std::time::Duration;

/// A line's host and place in its log.
pub(crate) type Name = (u8, usize);

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Left {
    pub(crate) context: Option<TraceContext>,
    pub(crate) outcome: Outcome,
    pub(crate) waited: Duration,
}

/// A reader part of the way through a world.
pub(crate) struct Reader<'w> {
    pub(crate) world: &'w World,
    pub(crate) correlator: Correlator<Name>,
    pub(crate) spans_read: BTreeMap<(u8, u8), usize>,
    pub(crate) lines_read: BTreeMap<u8, usize>,
    pub(crate) left: BTreeMap<Name, Left>,
}

pub(crate) fn now(mono: f64, second: f64) -> Now {
    let wall_unix_nano = EPOCH * NANOS_PER_SECOND + Duration::from_secs_f64(second).as_nanos() as u64;
    Now { mono: Duration::from_secs_f64(mono), wall_unix_nano }
}

impl<'w> Reader<'w> {
    pub(crate) fn new(world: &'w World) -> Self {
        Self {
            world,
            correlator: new_correlator(),
            spans_read: world.files.keys().map(|file| (*file, 0)).collect(),
            lines_read: world.logs.keys().map(|log| (*log, 0)).collect(),
            left: BTreeMap::new(),
        }
    }

    /// Reads what one flush wrote, of what is written by `until`; gives false if there is nothing.
    pub(crate) fn read_flush(&mut self, file: (u8, u8), until: u64) -> bool {
        let spans = &self.world.files[&file];
        let read = self.spans_read.get_mut(&file).unwrap();
        let Some(flushed) = spans.get(*read).map(|span| span.flushed).filter(|flushed| *flushed <= until)
        else {
            return false;
        };
        while let Some(span) = spans.get(*read).filter(|span| span.flushed == flushed) {
            self.correlator.span(&span.facts, None);
            *read += 1;
        }
        true
    }

    /// Reads one line, of those written by `until`; gives false if there is none.
    pub(crate) fn read_line(&mut self, log: u8, until: u64, now: Now) -> bool {
        let at = self.lines_read[&log];
        let Some(line) = self.world.logs[&log].get(at).filter(|line| line.second() <= until) else {
            return false;
        };
        let left = &mut self.left;
        let mut out = |joined| leave(left, joined);
        let hold = || ((log, at), 600);
        let at_once = self.correlator.line(&line.evidence, host(log), Aim::Trace, now, hold, &mut out);
        at_once.into_iter().for_each(|joined| out(joined.with((log, at))));
        *self.lines_read.get_mut(&log).unwrap() += 1;
        true
    }

    pub(crate) fn look(&mut self, files: FilesRead, now: Now) {
        let left = &mut self.left;
        self.correlator.advance(files, now, &mut |joined| leave(left, joined));
    }

    /// How far the files are read, given what is written by `until`.
    pub(crate) fn files_read(&self, until: u64) -> FilesRead {
        let unread = self.world.files.iter().filter_map(|(file, spans)| spans.get(self.spans_read[file]));
        let next = unread.map(|span| span.flushed).filter(|flushed| *flushed <= until).min();
        let logs_at_end = self
            .world
            .logs
            .iter()
            .all(|(log, lines)| lines.get(self.lines_read[log]).is_none_or(|line| line.second() > until));
        FilesRead {
            // All that was flushed before the next unread flush has been read.
            traces_up_to_unix_nano: next.map(|next| (EPOCH + next) * NANOS_PER_SECOND - 1),
            traces_at_end: next.is_none(),
            // XAPI traces its own tracing: while that is on, a file changes at every flush.
            last_change_unix_nano: Some((EPOCH + until) * NANOS_PER_SECOND),
            logs_at_end,
        }
    }
}

pub(crate) fn new_correlator() -> Correlator<Name> {
    let settings =
        Settings { wait: Duration::from_secs(WAIT_SECONDS), ..Settings::within(Duration::ZERO, 1 << 20) };
    Correlator::new(settings)
}

fn leave(left: &mut BTreeMap<Name, Left>, joined: Joined<Name>) {
    let Joined { payload, context, outcome, waited } = joined;
    let before = left.insert(payload, Left { context, outcome, waited });
    assert!(before.is_none(), "{payload:?} left twice");
}

/// What holds for each line in any order: it left once; its trace is right; its span is of that trace, and was there in
/// the line's second.
pub(crate) fn check_sound(world: &World, left: &BTreeMap<Name, Left>) {
    assert_eq!(left.len(), world.lines().count(), "every line leaves");
    for (name, line) in named(world) {
        let Some(context) = left[&name].context else { continue };
        assert!(line.right.contains(&context.trace_id), "a wrong trace: {name:?} {line:?} {context:?}");
        let Some(span_id) = context.span_id else { continue };
        let mut spans = world.spans().map(|span| &span.facts).filter(|span| span.span_id == span_id);
        let span = spans.find(|span| span.trace_id == context.trace_id).expect("the span is of the trace");
        let start = (EPOCH + line.second()) * 1_000_000;
        assert!(
            span.start_unix_micros < start + 1_000_000 && span.end_unix_micros >= start,
            "{line:?} {span:?}"
        );
    }
}

pub(crate) fn named(world: &World) -> impl Iterator<Item = (Name, &Line)> {
    world.logs.iter().flat_map(|(log, lines)| lines.iter().enumerate().map(|(at, line)| ((*log, at), line)))
}
