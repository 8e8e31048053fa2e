//! The ledger's comparison, on arrivals with known mistakes.

use crate::corpus::{corpus, usual};
use testkit::ledger::{Arrived, ArrivedLine, ArrivedSpan, Ledger, SpanId, TraceId};
use testkit::standin::{Options, SECOND};

/// What a faultless agent would deliver.
fn faultless(ledger: &Ledger) -> Arrived {
    let spans = ledger.spans.iter().filter(|span| !span.tracer);
    let line = |line: &testkit::ledger::WrittenLine| ArrivedLine {
        marker: Some(line.marker),
        trace: line.trace,
        span: line.inside,
        service: line.service.clone(),
    };
    Arrived {
        spans: spans.map(|s| ArrivedSpan { trace: s.trace, id: s.id, service: s.service.clone() }).collect(),
        lines: ledger.lines.iter().map(line).collect(),
    }
}

#[test]
fn the_checker_sees_what_is_wrong() {
    let (_directory, standin) = corpus(Options { spans: Some(3_000), ..usual() });
    let ledger = standin.ledger();
    let report = ledger.check(&faultless(ledger));
    assert!(report.is_whole() && report.joins.wrong() == 0 && report.tracer_written > 0, "{report}");
    assert_eq!((report.joins.required_share(), report.wrong_service), (1.0, 0));
    assert_eq!(
        (report.joins.span_apart.count, report.joins.span_unknown.count, report.joins.span_above),
        (0, 0, 0)
    );

    let mut arrived = faultless(ledger);
    arrived.spans.swap_remove(0);
    arrived.lines.push(arrived.lines[0].clone());
    arrived.spans[0].service = "other".into();
    arrived.lines[1].marker = Some(u64::MAX);
    arrived.lines[2].marker = None;
    let joined: Vec<usize> =
        (10..arrived.lines.len()).filter(|i| arrived.lines[*i].span.is_some()).take(3).collect();
    arrived.lines[joined[0]].trace = Some(TraceId(1));
    arrived.lines[joined[1]].span = Some(SpanId(1));
    arrived.lines[joined[2]].trace = None;
    let report = ledger.check(&arrived);
    assert_eq!((report.missing, report.duplicates, report.unknown, report.unmarked), (3, 1, 1, 1));
    assert_eq!((report.wrong_service, report.joins.wrong(), report.joins.unjoined_examples.count), (1, 1, 1));
    assert_eq!(report.joins.span_unknown.count, 2);
    assert!(!report.is_whole() && report.joins.required_share() < 1.0);
    let text = report.to_string();
    assert!(text.contains(" written ≠ ") && text.ends_with("1 duplicates; 2 that nobody wrote"), "{text}");
}

#[test]
fn a_span_that_does_not_overlap_is_seen() {
    let (_directory, standin) = corpus(Options { spans: Some(3_000), ..usual() });
    let ledger = standin.ledger();
    let (line, far) = ledger
        .lines
        .iter()
        .filter_map(|line| {
            let trace = line.trace?;
            let far = ledger
                .spans
                .iter()
                .find(|span| span.trace == trace && span.end / SECOND + 5 < line.second)?;
            Some((line, far))
        })
        .next()
        .unwrap();
    let record =
        ArrivedLine { marker: Some(line.marker), trace: line.trace, span: Some(far.id), service: "".into() };
    let report = ledger.check(&Arrived { spans: vec![], lines: vec![record] });
    assert_eq!(report.joins.span_apart.count, 1);
}

#[test]
fn ledgers_survive_their_file() {
    let (_directory, standin) = corpus(Options { spans: Some(2_000), ..usual() });
    let mut bytes = Vec::new();
    standin.ledger().save(&mut bytes).unwrap();
    assert!(Ledger::load(&bytes[..]).unwrap() == *standin.ledger());
    let arrived = Arrived::load(&bytes[..]).unwrap();
    assert_eq!(
        (arrived.spans.len(), arrived.lines.len()),
        (standin.ledger().spans.len(), standin.ledger().lines.len())
    );
    let error = Ledger::load(&b"{\"hosts\":[]}\nnonsense\n"[..]).unwrap_err();
    assert!(error.to_string().starts_with("line 2: "), "{error}");
}
