//! What was written, what arrived, and whether that is all.

use super::End;
use crate::commands::draw::{Paint, count};
use crate::engine::{SignalTally, Status};
use std::fmt::Write as _;
use testkit::ledger::{Accounted, Report, RuleTally};
use testkit::standin::Written;

/// The play in numbers.
pub(super) struct Tally {
    written: Written,
    report: Report,
    /// Left out on purpose, as the default configuration says: XAPI tracing its own tracing.
    dropped: u64,
    requests: u64,
    redacted: u64,
}

impl Tally {
    pub(super) fn new(written: Written, status: &Status, report: impl FnOnce(Accounted) -> Report) -> Self {
        let sum = |number: fn(&SignalTally) -> u64| {
            status.signals.values().map(|signal| number(&signal.tally)).sum()
        };
        let accounted = Accounted {
            set_aside: sum(|tally| tally.set_aside.values().sum()),
            lost: sum(|tally| tally.refused.values().sum()),
        };
        Self {
            written,
            report: report(accounted),
            dropped: sum(|tally| tally.dropped.values().sum()),
            requests: sum(|tally| tally.requests),
            redacted: sum(|tally| tally.redacted),
        }
    }
}

/// The tally in words.
pub(super) fn text(tally: &Tally, end: End, paint: Paint) -> String {
    let Tally { written, report, dropped, requests, redacted } = tally;
    let mut text = format!("{}\n", paint.bold(headline(end)));
    let _ = writeln!(
        text,
        "The stand-in wrote {} and {}; {requests} requests carried them.",
        count(usize::try_from(written.spans).unwrap_or(usize::MAX), "span"),
        count(usize::try_from(written.lines).unwrap_or(usize::MAX), "log line"),
    );
    let sum = match (report.is_whole(), end) {
        (true, _) => paint.green(&report.to_string()),
        (false, End::Interrupted) => format!("{report}; the others were on their way"),
        (false, _) => paint.red(&report.to_string()),
    };
    let _ = writeln!(text, "  {sum}");
    let _ =
        writeln!(text, "  {dropped} of the tracer's own spans left out by rule, {redacted} secrets redacted");
    text.push_str("Lines, by the best evidence that there was for them:\n");
    let joins = &report.joins;
    for (evidence, tally) in [
        ("a trace context in the line", joins.context),
        ("their task has a span", joins.task),
        ("their task leads to one that has", joins.link),
        ("none: they belong to no trace", joins.none),
    ] {
        row(&mut text, evidence, tally, paint);
    }
    let _ = writeln!(
        text,
        "Of the lines whose evidence came within the agent's wait, {:.1} % found their trace",
        joins.required_share() * 100.0
    );
    let _ = writeln!(
        text,
        "Lines whose span was named: {} the innermost, {} one above it, {} another open in that second",
        joins.span_exact, joins.span_above, joins.span_beside
    );
    text
}

fn headline(end: End) -> &'static str {
    match end {
        End::All => "All has arrived.",
        End::Late => "Not all has arrived in time.",
        End::Interrupted => "Ended early; this is the tally so far.",
    }
}

fn row(text: &mut String, evidence: &str, tally: RuleTally, paint: Paint) {
    if tally.lines == 0 {
        return;
    }
    let wrong = format!("{} wrong", tally.wrong);
    let wrong = if tally.wrong > 0 { paint.red(&wrong) } else { wrong };
    let _ = writeln!(
        text,
        "  {evidence:<33} {:>5} lines: {} right, {wrong}, {} without a trace",
        tally.lines, tally.right, tally.unjoined
    );
}

/// Why the play failed; `None` if it went well. What was still on its way when the user ended it is no failure.
pub(super) fn complaint(tally: &Tally, end: End) -> Option<String> {
    let report = &tally.report;
    let joins = &report.joins;
    let missing = if end == End::Interrupted {
        0
    } else {
        report.missing.saturating_sub(report.set_aside + report.lost)
    };
    let numbers = [
        ("did not arrive", missing, &report.missing_examples),
        ("arrived though nobody wrote them", report.unknown + report.unmarked, &report.unknown_examples),
        ("arrived under another service", report.wrong_service, &report.wrong_service_examples),
        ("were joined to a wrong trace", joins.wrong(), &joins.wrong_examples.examples),
        ("were joined to a span of another time", joins.span_apart.count, &joins.span_apart.examples),
        ("were joined to a span that nobody wrote", joins.span_unknown.count, &joins.span_unknown.examples),
    ];
    let found = numbers.iter().filter(|(_, number, _)| *number > 0);
    let told: Vec<String> = found
        .map(|(what, number, examples)| format!("{number} records {what}, such as: {}", examples.join("; ")))
        .collect();
    (!told.is_empty()).then(|| told.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::draw::Style;
    use testkit::ledger::{Arrived, Ledger};

    fn tally(change: impl FnOnce(&mut Report)) -> Tally {
        let mut report = Ledger::default().check(&Arrived::default());
        change(&mut report);
        Tally::new(Written { spans: 2, lines: 1, ..Written::default() }, &Status::default(), |_| report)
    }

    #[test]
    fn what_is_whole_is_no_failure() {
        let whole = tally(|report| (report.written, report.delivered) = (1_200, 1_200));
        let plain = Style { width: 80, colour: false, spans: 0, lines: 0, marks: false }.paint();
        let told = text(&whole, End::All, plain);
        assert!(told.contains("wrote 2 spans and 1 log line;"), "{told}");
        assert!(told.contains("1,200 written = 1,200 delivered + 0 set aside + 0 lost"), "{told}");
        assert_eq!(complaint(&whole, End::All), None);
    }

    #[test]
    fn what_is_wrong_is_told() {
        let missing = |report: &mut Report| {
            (report.written, report.delivered, report.missing) = (3, 1, 2);
            report.missing_examples = vec!["line m=7".to_owned()];
        };
        for (change, end, expected) in [
            (
                &missing as &dyn Fn(&mut Report),
                End::Late,
                Some("2 records did not arrive, such as: line m=7"),
            ),
            (&missing, End::Interrupted, None),
            (
                &|report| {
                    missing(report);
                    report.set_aside = 2;
                },
                End::Late,
                None,
            ),
            (&|report| report.joins.task.wrong = 1, End::All, Some("1 records were joined to a wrong trace")),
            (
                &|report| report.unmarked = 1,
                End::Interrupted,
                Some("1 records arrived though nobody wrote them"),
            ),
        ] {
            let complaint = complaint(&tally(|report| change(report)), end);
            assert_eq!(complaint.is_some(), expected.is_some(), "{complaint:?}");
            assert!(complaint.unwrap_or_default().starts_with(expected.unwrap_or_default()));
        }
    }
}
