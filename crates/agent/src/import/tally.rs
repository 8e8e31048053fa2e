//! What became of an import, in words.

use super::advice;
use super::job::Job;
use super::ship::{Ended, Shipped};
use crate::engine::SignalTally;
use archive::Report;
use chrono::DateTime;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Broken members that are told one by one.
const TOLD: usize = 20;

/// Sums over all hosts.
#[derive(Default)]
pub(crate) struct Tally {
    hosts: usize,
    spans: u64,
    lines: u64,
    /// Lines that became events, and those that did not.
    attached: (u64, u64),
    bytes: u64,
    range: Option<(i64, i64)>,
    namespaces: BTreeSet<String>,
    /// By signal and reason.
    refused: BTreeMap<(&'static str, String), u64>,
    set_aside: BTreeMap<(&'static str, String), u64>,
    left_out: BTreeMap<(&'static str, String), u64>,
    lost: BTreeMap<(&'static str, String), u64>,
    folded: u64,
    redacted: u64,
    words: BTreeSet<String>,
    unreadable: Vec<String>,
    asides: BTreeSet<String>,
    broken: Vec<String>,
    broken_total: u64,
    harmless: (u64, u64, u64),
}

impl Tally {
    /// What the walks met.
    pub(crate) fn reports(&mut self, reports: &[Report]) {
        for report in reports {
            self.broken_total += report.broken_total;
            self.broken.extend(report.broken.iter().map(ToString::to_string));
            self.harmless.0 += report.links;
            self.harmless.1 += report.specials;
            self.harmless.2 += report.odd_names;
        }
    }

    /// A host was shipped, as far as it was.
    pub(crate) fn host(&mut self, job: &Job, shipped: &Shipped, store: &str) {
        self.hosts += 1;
        self.namespaces.insert(job.namespace.clone());
        self.range = match (self.range, job.range) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (known, new) => known.or(new),
        };
        for (signal, status) in &shipped.status.signals {
            self.signal(signal, &status.tally);
        }
        let correlation = &shipped.status.correlation;
        self.attached.0 += correlation.attached_lines;
        self.attached.1 += correlation.not_attached.values().sum::<u64>();
        self.words.extend(shipped.words.iter().map(|(signal, words)| format!("{signal}: {words}")));
        self.unreadable
            .extend(shipped.status.degraded.iter().filter(|text| text.contains("can't be read")).cloned());
        if shipped.status.signals.values().any(|status| !status.tally.set_aside.is_empty()) {
            self.asides.insert(format!("{store}/rejected"));
        }
    }

    fn signal(&mut self, signal: &'static str, tally: &SignalTally) {
        if signal == "traces" {
            self.spans += tally.delivered;
        } else {
            self.lines += tally.delivered;
        }
        self.bytes += tally.read_bytes;
        self.folded += tally.folded;
        self.redacted += tally.redacted;
        for (sums, numbers) in [
            (&mut self.refused, &tally.refused),
            (&mut self.set_aside, &tally.set_aside),
            (&mut self.left_out, &tally.dropped),
            (&mut self.lost, &tally.lost_bytes),
        ] {
            for (reason, count) in numbers {
                *sums.entry((signal, reason.clone())).or_default() += count;
            }
        }
    }

    /// Whether anything that was there did not arrive.
    pub(crate) fn has_losses(&self) -> bool {
        self.broken_total > 0
            || !self.unreadable.is_empty()
            || !self.refused.is_empty()
            || !self.set_aside.is_empty()
            || !self.lost.is_empty()
    }

    /// The whole, after the lines of the hosts. `shift_seconds`: times were moved by so much.
    pub(crate) fn text(&self, now_unix: i64, shift_seconds: i64) -> String {
        let mut text = self.head(shift_seconds);
        self.kept_back(&mut text);
        self.refusals(&mut text);
        self.damages(&mut text);
        let age = self.range.map_or(0, |(_, newest)| now_unix - newest - shift_seconds);
        if let Some(advice) = advice::of_age(age).filter(|_| self.spans > 0) {
            let _ = writeln!(text, "note: {advice}");
        }
        text
    }

    fn head(&self, shift_seconds: i64) -> String {
        let mut text = String::new();
        let namespaces: Vec<&str> = self.namespaces.iter().map(String::as_str).collect();
        let (hosts, lines) = (count(self.hosts as u64, "host"), count(self.lines, "line"));
        let _ = writeln!(text, "shipped {} and {lines} of {hosts}", count(self.spans, "span"));
        let _ = writeln!(text, "  service.namespace {}", namespaces.join(", "));
        if self.attached != (0, 0) {
            let (attached, not) = self.attached;
            let _ = writeln!(text, "  events of spans: {}; not attached: {not}", count(attached, "line"));
        }
        if let Some((oldest, newest)) = self.range {
            let _ = writeln!(
                text,
                "  from {} to {} UTC",
                date(oldest + shift_seconds),
                date(newest + shift_seconds)
            );
        }
        if shift_seconds != 0 {
            let _ = writeln!(text, "  moved in time by {}", days(shift_seconds));
        }
        if self.spans + self.lines == 0 && !self.has_losses() && self.left_out.is_empty() {
            text += "  all of it was shipped there before; --again ships it once more\n";
        }
        text
    }

    fn kept_back(&self, text: &mut String) {
        for ((signal, rule), number) in &self.left_out {
            let _ = writeln!(text, "  left out by {rule}: {} ({signal})", count(*number, "record"));
        }
        if self.folded > 0 {
            let _ = writeln!(text, "  second copies of spans, not sent: {}", self.folded);
        }
        if self.redacted > 0 {
            let _ = writeln!(text, "  secrets made unreadable: {}", self.redacted);
        }
    }

    fn refusals(&self, text: &mut String) {
        for ((signal, reason), number) in self.refused.iter().chain(&self.set_aside) {
            let _ = writeln!(text, "not taken, {signal}: {} ({reason})", count(*number, "record"));
            if let Some(advice) = advice::advice(reason) {
                let _ = writeln!(text, "  {advice}");
            }
        }
        self.words.iter().for_each(|words| {
            let _ = writeln!(text, "  the server said of {words}");
        });
        self.asides.iter().for_each(|folder| {
            let _ = writeln!(text, "  what was set aside is in {folder}");
        });
        if !self.refused.is_empty() {
            text.push_str("  once that is changed, import --again ships everything once more\n");
        }
    }

    fn damages(&self, text: &mut String) {
        for ((signal, reason), number) in &self.lost {
            let _ = writeln!(text, "could not be read, {signal}: {} ({reason})", count(*number, "byte"));
        }
        self.unreadable.iter().chain(&self.broken).take(TOLD).for_each(|broken| {
            let _ = writeln!(text, "broken: {broken}");
        });
        let more = (self.broken_total + self.unreadable.len() as u64).saturating_sub(TOLD as u64);
        if more > 0 {
            let _ = writeln!(text, "broken: {more} more");
        }
        let (links, specials, odd) = self.harmless;
        for (number, what) in [
            (links, "links, which are not followed"),
            (specials, "devices and other special files, passed over"),
            (odd, "names that are absolute, lead upwards or have control characters; harmless here"),
        ] {
            if number > 0 {
                let _ = writeln!(text, "note: {what}: {number}");
            }
        }
    }
}

/// The line of one host.
pub(crate) fn host_line(job: &Job, shipped: &Shipped) -> String {
    let delivered =
        |signal: &str| shipped.status.signals.get(signal).map_or(0, |status| status.tally.delivered);
    let outcomes = &shipped.status.correlation.outcomes;
    let joined: u64 = ["context", "task", "link"].iter().filter_map(|rule| outcomes.get(rule)).sum();
    let (spans, lines) = (count(delivered("traces"), "span"), count(delivered("logs"), "line"));
    let ended = if shipped.ended == Ended::Done { "" } else { ", not all of it" };
    format!("{}\n    {spans} and {lines} shipped{ended}, {joined} lines joined to a trace", job.story())
}

fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn date(unix: i64) -> String {
    DateTime::from_timestamp(unix, 0).unwrap_or_default().format("%Y-%m-%d %H:%M:%S").to_string()
}

fn days(seconds: i64) -> String {
    let (days, rest) = (seconds.abs() / 86_400, seconds.abs() % 86_400);
    let sign = if seconds < 0 { "-" } else { "+" };
    format!("{sign}{days}d {:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60)
}
