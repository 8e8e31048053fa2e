//! What arrived, as Python's protobuf reads it, held against the ledger.

use super::repeats::Repeated;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use testkit::decoder::{self, Decoded};
use testkit::ledger::{Accounted, ArrivedLine, ArrivedSpan, Checker, Ledger, Report};

/// Spans, lines, and lines that say how often another was repeated.
#[derive(Default)]
pub(super) struct Arrivals {
    spans: Vec<ArrivedSpan>,
    lines: Vec<ArrivedLine>,
    repeats: Vec<(ArrivedLine, u64)>,
}

impl Arrivals {
    /// Decodes the bodies that the collector saved.
    pub(super) fn decode(saved: &Path, repeated: &Repeated) -> Self {
        let mut arrivals = Self::default();
        decoder::each(saved, |row| arrivals.add(&row, repeated)).unwrap();
        arrivals
    }

    fn add(&mut self, row: &Decoded, repeated: &Repeated) {
        match row.kind.as_str() {
            "span" => self.spans.push(decoder::span(row).unwrap()),
            "log" => self.add_line(row, repeated),
            _ => {}
        }
    }

    /// The stand-in writes some reduced lines itself: these are lines like others.
    fn add_line(&mut self, row: &Decoded, repeated: &Repeated) {
        let line = decoder::line(row);
        let times = row.attributes.get("log.repeat_count").and_then(Value::as_u64);
        let is_ours = line.marker.is_some_and(|marker| repeated.contains_key(&marker));
        match times.filter(|_| is_ours) {
            Some(times) => self.repeats.push((line, times)),
            None => self.lines.push(line),
        }
    }

    /// Everything is there, once, and joined right; evidence that was there `surely_ms` after its line was found.
    pub(super) fn judge(&self, ledger: &Ledger, repeated: &Repeated, surely_ms: u32) {
        let report = self.report(ledger, self.lines.iter(), surely_ms);
        check(&report);
        let joins = &report.joins;
        assert!(
            joins.task.right > 0 && joins.link.right > 0 && joins.span_exact > 0,
            "too few joins: {joins}"
        );
        let said: BTreeMap<u64, u64> =
            self.repeats.iter().map(|(line, times)| (line.marker.unwrap(), *times)).collect();
        let expected: BTreeMap<u64, u64> =
            repeated.iter().map(|(marker, times)| (*marker, u64::from(*times))).collect();
        assert_eq!(said, expected, "how often lines were repeated");
        let mut of_repeated = ledger.clone();
        of_repeated.lines.retain(|line| repeated.contains_key(&line.marker));
        check(&self.report(&of_repeated, self.repeats.iter().map(|(line, _)| line), surely_ms));
    }

    /// All spans are there, once.
    pub(super) fn judge_spans(&self, ledger: &Ledger) {
        check(&self.report(ledger, self.lines.iter(), 0));
    }

    fn report<'a>(
        &self,
        ledger: &Ledger,
        lines: impl Iterator<Item = &'a ArrivedLine>,
        surely_ms: u32,
    ) -> Report {
        let mut checker = Checker::new(ledger).with_wait_ms(surely_ms);
        self.spans.iter().for_each(|span| checker.span(span));
        lines.for_each(|line| checker.line(line));
        checker.report(Accounted::default())
    }
}

fn check(report: &Report) {
    let joins = &report.joins;
    let bad = [
        report.missing,
        report.duplicates,
        report.unknown,
        report.unmarked,
        report.wrong_service,
        report.tracer_arrived,
        joins.wrong(),
        joins.unjoined_examples.count,
        joins.span_apart.count,
        joins.span_unknown.count,
    ];
    assert!(report.is_whole() && bad == [0; 10], "{report}\n{joins}\n{report:#?}");
}
