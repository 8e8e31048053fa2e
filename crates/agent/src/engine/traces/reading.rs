//! Lines of a trace file on their way to the outlet: each span once, without its secrets, in its group.
//!
//! Promises: what is no span is counted and kept with its place; a line whose evidence is wanted teaches as it passes.
//! Leaves to others: which file is read, and how far.

use super::{File, end_unix_nano, passed_over};
use crate::engine::attach::Attacher;
use crate::engine::identity::Identity;
use crate::engine::origin::Shift;
use crate::engine::outlet::Outlet;
use crate::engine::set_aside::{Form, Keep, Rejected};
use crate::engine::tally::{SignalTally, add};
use crate::span_metrics::SpanMetrics;
use exporter::batch::{Group, Groups, HeldRecord};
use exporter::encode;
use model::{Now, Span};
use parser::correlate::Correlator;
use parser::evidence::SpanFacts;
use parser::redact::Redactor;
use parser::zipkin::{self, DropRules, Folded, Item};
use std::path::Path;
use std::sync::Arc;
use watcher::{Line, Taken};

/// Of one damaged line so many pieces are kept; the rest is counted. A hostile line may have half a million.
const BAD_KEPT: u64 = 64;

/// Lines of one file on their way to the outlet.
pub(super) struct Reading<'r> {
    pub(super) file: &'r mut File,
    pub(super) rules: &'r DropRules,
    pub(super) redactor: &'r Redactor,
    pub(super) folded: &'r mut Folded,
    pub(super) shift: Shift,
    pub(super) groups: &'r mut Groups,
    /// That of the span before, as long as resource and scope stay the same.
    pub(super) group: Option<Arc<Group>>,
    pub(super) correlator: &'r mut Correlator<HeldRecord>,
    pub(super) outlet: &'r mut Outlet,
    pub(super) identity: &'r mut Identity,
    pub(super) tally: &'r mut SignalTally,
    pub(super) metrics: Option<&'r mut SpanMetrics>,
    pub(super) attacher: Option<&'r mut Attacher>,
    pub(super) keep: &'r mut dyn Keep,
    pub(super) path: &'r Path,
    /// How far evidence is wanted.
    pub(super) limit: Option<u64>,
    /// Up to which time spans may be sent.
    pub(super) up_to: Option<u64>,
    pub(super) now: Now,
    /// The line at hand teaches as well.
    pub(super) along: bool,
    /// The newest end of a span that was read.
    pub(super) newest: u64,
    /// Bytes of the line at hand that were no span, so far.
    pub(super) bad: u64,
    /// Records of the line at hand that went to the outlet.
    pub(super) parts: u32,
}

impl Reading<'_> {
    pub(super) fn take(&mut self, item: watcher::Item<'_>) -> Taken {
        match item {
            // What it says is read as evidence, apart from the delivery.
            watcher::Item::Settled(_) => Taken::default(),
            watcher::Item::Skipped(skipped) => {
                passed_over(self.tally, skipped.reason, skipped.bytes);
                Taken::default()
            }
            watcher::Item::Line(line) => {
                self.line(line);
                let taken = Taken::parts(self.parts);
                let may_go = self.up_to.is_none_or(|up_to| self.newest <= up_to);
                if may_go && self.outlet.has_room() { taken } else { taken.and_stop() }
            }
        }
    }

    fn line(&mut self, line: Line<'_>) {
        self.parts = 0;
        self.bad = 0;
        self.along =
            self.file.evidence_at == line.start && self.limit.is_none_or(|limit| self.newest <= limit);
        self.tally.lines += 1;
        self.tally.read_bytes += line.end - line.start;
        let (context, rules) = (Arc::clone(&self.file.context), self.rules);
        zipkin::read(line.bytes, &context, rules, |item| match item {
            Item::Span { span, facts, raw, new_origin } => {
                self.learn(&facts);
                self.group.take_if(|_| new_origin);
                self.span(span, &facts, raw, line);
            }
            Item::Dropped { facts } => {
                self.learn(&facts);
                self.tally.records += 1;
                add(&mut self.tally.dropped, "traces.drop", 1);
            }
            Item::Bad { offset, bytes, reason } => self.bad(offset, bytes, reason, line),
        });
        self.file.deliver_at = line.end;
        if self.along {
            self.file.evidence_at = line.end;
        }
    }

    fn learn(&mut self, facts: &SpanFacts<'_>) {
        self.newest = self.newest.max(end_unix_nano(facts));
        if self.along {
            self.correlator.span(facts, self.file.host);
        }
    }

    fn span(&mut self, span: &mut Span<'_>, facts: &SpanFacts<'_>, raw: &[u8], line: Line<'_>) {
        self.tally.records += 1;
        if !self.folded.first_seen(facts, span.kind) {
            self.tally.folded += 1;
            self.parts += u32::from(self.outlet.follow(line.receipt));
            return;
        }
        if self.group.is_none() {
            self.identity.span(span, facts.host);
        }
        let redacted = self.redactor.span(span, raw);
        self.tally.redacted += redacted;
        if let Some(metrics) = &mut self.metrics {
            metrics.observe(span, self.now);
        }
        self.shift.span(span);
        // What was redacted may be the resource.
        let before = self.group.take().filter(|_| redacted == 0);
        let group = before.unwrap_or_else(|| self.groups.get(&span.resource, &span.scope));
        let attacher = self.attacher.as_mut();
        let lines = attacher.map(|attacher| attacher.take(span.trace_id, span.span_id, self.correlator));
        self.outlet.push(&group, line.receipt, self.now, |out| {
            encode::span(span, out);
            lines.iter().for_each(|lines| lines.encode(out));
        });
        self.group = Some(group).filter(|_| redacted == 0);
        self.parts += 1;
    }

    fn bad(&mut self, offset: usize, bytes: &[u8], reason: zipkin::Reason, line: Line<'_>) {
        add(&mut self.tally.set_aside, reason.as_str(), 1);
        self.bad += 1;
        if self.bad > BAD_KEPT {
            return;
        }
        self.keep.keep(&Rejected {
            signal: "traces",
            reason: reason.as_str(),
            message: "not a span that can be read",
            path: &self.path.to_string_lossy(),
            offset: line.start + offset as u64,
            form: Form::Source,
            bytes,
        });
    }
}
