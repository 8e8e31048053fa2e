//! What a comparison found, in numbers first.

use std::fmt;

const EXAMPLES: usize = 10;

/// How often something was seen, and the first few of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// How often.
    pub count: u64,
    /// The first few, for people.
    pub examples: Vec<String>,
}

impl Sample {
    pub(super) fn note(&mut self, text: impl FnOnce() -> String) {
        self.count += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(text());
        }
    }
}

/// The outcome of a comparison. `Display` gives the one-line tally.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Spans and lines on disk, each once; the tracer's own spans are counted apart.
    pub written: u64,
    /// Of these, how many arrived.
    pub delivered: u64,
    /// As the agent says.
    pub set_aside: u64,
    /// As the agent says.
    pub lost: u64,
    /// Arrivals beyond the first of each.
    pub duplicates: u64,
    /// Entries that never arrived.
    pub missing: u64,
    /// Some of them.
    pub missing_examples: Vec<String>,
    /// Arrivals that are in no ledger.
    pub unknown: u64,
    /// Some of them.
    pub unknown_examples: Vec<String>,
    /// Log records without a marker.
    pub unmarked: u64,
    /// Arrivals under another service name.
    pub wrong_service: u64,
    /// Some of them.
    pub wrong_service_examples: Vec<String>,
    /// The tracer's own spans on disk.
    pub tracer_written: u64,
    /// Those of them that arrived: none, unless the agent was told to ship them.
    pub tracer_arrived: u64,
    /// How lines found their traces.
    pub joins: Joins,
}

/// Lines whose best evidence is of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleTally {
    /// Arrived lines.
    pub lines: u64,
    /// Of these: the evidence came surely within the wait.
    pub required: u64,
    /// Of the required: joined to the right trace.
    pub required_right: u64,
    /// Joined to the right trace, or rightly to none.
    pub right: u64,
    /// Joined to another trace, or to any where there is none.
    pub wrong: u64,
    /// Without a trace although there is one.
    pub unjoined: u64,
}

/// How lines found their traces and spans.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Joins {
    /// Lines that carry a trace context.
    pub context: RuleTally,
    /// Lines whose task has a span.
    pub task: RuleTally,
    /// Lines whose task leads to one that has.
    pub link: RuleTally,
    /// Lines that nothing leads anywhere.
    pub none: RuleTally,
    /// Named spans: the very one the line was logged in.
    pub span_exact: u64,
    /// Named spans: one above it.
    pub span_above: u64,
    /// Named spans: another that overlaps the line's second.
    pub span_beside: u64,
    /// Named spans that do not overlap the line's second: must be none.
    pub span_apart: Sample,
    /// Named spans that were never written: must be none.
    pub span_unknown: Sample,
    /// Lines joined wrongly.
    pub wrong_examples: Sample,
    /// Lines not joined although the evidence came in time.
    pub unjoined_examples: Sample,
}

impl Joins {
    /// Lines joined to a wrong trace.
    #[must_use]
    pub fn wrong(&self) -> u64 {
        self.context.wrong + self.task.wrong + self.link.wrong + self.none.wrong
    }

    /// Of the lines whose evidence came within the wait, the share with the right trace; 1 when there are none.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "a share for people and thresholds")]
    pub fn required_share(&self) -> f64 {
        let all = [self.context, self.task, self.link];
        let required: u64 = all.iter().map(|tally| tally.required).sum();
        let right: u64 = all.iter().map(|tally| tally.required_right).sum();
        if required == 0 { 1.0 } else { right as f64 / required as f64 }
    }
}

impl Report {
    /// Each written record arrived or was accounted for, and nothing arrived that was not written.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.written == self.delivered + self.set_aside + self.lost && self.unknown == 0 && self.unmarked == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [written, delivered, set_aside, lost, duplicates] =
            [self.written, self.delivered, self.set_aside, self.lost, self.duplicates].map(grouped);
        let sign = if self.written == self.delivered + self.set_aside + self.lost { "=" } else { "≠" };
        write!(
            f,
            "{written} written {sign} {delivered} delivered + {set_aside} set aside + {lost} lost; {duplicates} duplicates"
        )?;
        match self.unknown + self.unmarked {
            0 => Ok(()),
            unknown => write!(f, "; {} that nobody wrote", grouped(unknown)),
        }
    }
}

impl fmt::Display for Joins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, tally) in
            [("context", self.context), ("task", self.task), ("link", self.link), ("none", self.none)]
        {
            let [lines, required, required_right, right, wrong, unjoined] =
                [tally.lines, tally.required, tally.required_right, tally.right, tally.wrong, tally.unjoined]
                    .map(grouped);
            writeln!(
                f,
                "{name:8} {lines:>10} lines: {right} right, {wrong} wrong, {unjoined} unjoined; evidence in time {required}, of these right {required_right}"
            )?;
        }
        write!(
            f,
            "spans named: {} exact, {} above, {} beside, {} apart, {} unknown",
            self.span_exact,
            self.span_above,
            self.span_beside,
            self.span_apart.count,
            self.span_unknown.count
        )
    }
}

/// A number with commas between groups of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let lead = digits.len() % 3;
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && place % 3 == lead {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in
            [(0, "0"), (312, "312"), (4_000, "4,000"), (1_204_331, "1,204,331"), (12_000, "12,000")]
        {
            assert_eq!(grouped(number), text);
        }
    }
}
