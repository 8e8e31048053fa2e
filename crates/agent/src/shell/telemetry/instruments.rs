//! The one table of the agent's own metrics: name, unit, meaning, and where the numbers are in [`Status`].
//!
//! OTLP (`otlp`) and Prometheus text (`prometheus`) are both made from it, and a test compares it with
//! `docs/telemetry.md`. Names and units follow OpenTelemetry's conventions (semantic-conventions `general/metrics.md`; for
//! `process.*`, `system/process-metrics.md`).

use crate::engine::{SignalTally, Status};
use std::collections::BTreeMap;

/// What a number does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A whole number that only grows.
    Counter,
    /// Seconds that only grow.
    Seconds,
    /// A whole number that goes up and down.
    Gauge,
    /// From 0 to 1.
    Ratio,
}

/// Takes a number with its attributes.
pub(super) type Take<'t> = &'t mut dyn FnMut(f64, &[(&'static str, &str)]);

/// A metric.
#[derive(Clone, Copy)]
pub(super) struct Instrument {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) about: &'static str,
    pub(super) kind: Kind,
    /// Gives all its numbers.
    pub(super) read: fn(&Status, Take<'_>),
}

const fn counter(
    name: &'static str,
    unit: &'static str,
    about: &'static str,
    read: fn(&Status, Take<'_>),
) -> Instrument {
    Instrument { name, unit, about, kind: Kind::Counter, read }
}

const fn gauge(
    name: &'static str,
    unit: &'static str,
    about: &'static str,
    read: fn(&Status, Take<'_>),
) -> Instrument {
    Instrument { name, unit, about, kind: Kind::Gauge, read }
}

/// Every metric.
pub(super) const INSTRUMENTS: [Instrument; 40] = [
    counter("xapi_observer.read.lines", "{line}", "lines read for delivery", |status, take| {
        tallies(status, take, |tally| tally.lines);
    }),
    counter("xapi_observer.read.size", "By", "uncompressed bytes read for delivery", |status, take| {
        tallies(status, take, |tally| tally.read_bytes);
    }),
    counter("xapi_observer.records.read", "{record}", "records found in the lines", |status, take| {
        tallies(status, take, |tally| tally.records);
    }),
    counter("xapi_observer.records.delivered", "{record}", "records settled as delivered", |status, take| {
        tallies(status, take, |tally| tally.delivered);
    }),
    counter(
        "xapi_observer.records.folded",
        "{record}",
        "second copies of spans, not sent",
        |status, take| {
            tallies(status, take, |tally| tally.folded);
        },
    ),
    counter("xapi_observer.values.redacted", "{value}", "values replaced by [redacted]", |status, take| {
        tallies(status, take, |tally| tally.redacted);
    }),
    counter("xapi_observer.requests", "{request}", "requests sent", |status, take| {
        tallies(status, take, |tally| tally.requests);
    }),
    counter("xapi_observer.requests.size", "By", "their bytes before compression", |status, take| {
        tallies(status, take, |tally| tally.request_bytes);
    }),
    counter("xapi_observer.records.dropped", "{record}", "left out on purpose, by rule", |status, take| {
        reasons(status, take, |tally| &tally.dropped);
    }),
    counter(
        "xapi_observer.records.refused",
        "{record}",
        "refused by the server, the others of the request stored",
        |status, take| reasons(status, take, |tally| &tally.refused),
    ),
    counter("xapi_observer.records.set_aside", "{record}", "kept in rejected/", |status, take| {
        reasons(status, take, |tally| &tally.set_aside);
    }),
    counter(
        "xapi_observer.records.resent",
        "{record}",
        "sent once more, though the server may have had them",
        |status, take| reasons(status, take, |tally| &tally.resent),
    ),
    counter("xapi_observer.passed_over.size", "By", "bytes of files that are not wanted", |status, take| {
        reasons(status, take, |tally| &tally.passed_over_bytes);
    }),
    counter(
        "xapi_observer.lost.size",
        "By",
        "bytes that were wanted and are not delivered",
        |status, take| reasons(status, take, |tally| &tally.lost_bytes),
    ),
    gauge("xapi_observer.queue.usage", "By", "memory of records on their way out", |status, take| {
        for (signal, status) in &status.signals {
            take(status.queue_bytes as f64, &[("signal", signal)]);
        }
    }),
    gauge("xapi_observer.queue.limit", "By", "the share they may take", |status, take| {
        for (signal, status) in &status.signals {
            take(status.queue_limit_bytes as f64, &[("signal", signal)]);
        }
    }),
    gauge(
        "xapi_observer.endpoint.state",
        "{state}",
        "1 for the state that the endpoint is in",
        |status, take| {
            for (signal, status) in &status.signals {
                states(take, &["ok", "retrying", "blocked", "refusing"], status.state, Some(signal));
            }
        },
    ),
    counter(
        "xapi_observer.correlation.lines",
        "{line}",
        "lines by what became of their join",
        |status, take| {
            for (outcome, number) in &status.correlation.outcomes {
                take(*number as f64, &[("outcome", outcome)]);
            }
        },
    ),
    Instrument {
        name: "xapi_observer.correlation.joined",
        unit: "1",
        about: "share of the lines with an id or context that found their trace",
        kind: Kind::Ratio,
        read: |status, take| {
            status.correlation.joined_share.into_iter().for_each(|share| take(share, &[]));
        },
    },
    gauge("xapi_observer.correlation.held", "{line}", "lines that wait for their span", |status, take| {
        take(status.correlation.held_lines as f64, &[]);
    }),
    counter("xapi_observer.correlation.waited", "{line}", "lines shipped that had waited", |status, take| {
        take(status.correlation.waited_lines as f64, &[]);
    }),
    Instrument {
        name: "xapi_observer.correlation.wait.time",
        unit: "s",
        about: "the seconds they waited, all together",
        kind: Kind::Seconds,
        read: |status, take| take(status.correlation.waited_seconds, &[]),
    },
    counter(
        "xapi_observer.correlation.evicted",
        "{entry}",
        "evidence forgotten as its memory was full",
        |status, take| {
            for (kind, number) in &status.correlation.evicted {
                take(*number as f64, &[("kind", kind)]);
            }
        },
    ),
    counter(
        "xapi_observer.correlation.attached",
        "{line}",
        "lines that became events of their spans",
        |status, take| take(status.correlation.attached_lines as f64, &[]),
    ),
    counter(
        "xapi_observer.correlation.not_attached",
        "{line}",
        "lines with a span that did not become events of it",
        |status, take| {
            for (reason, number) in &status.correlation.not_attached {
                take(*number as f64, &[("reason", reason)]);
            }
        },
    ),
    gauge("xapi_observer.lag.size", "By", "bytes in the files that are not settled yet", |status, take| {
        for signal in ["traces", "logs"] {
            let files = status.files.iter().filter(|file| file.signal == signal);
            let more = if signal == "traces" { status.more_files.lag_bytes } else { 0 };
            take((files.map(|file| file.lag_bytes).sum::<u64>() + more) as f64, &[("signal", signal)]);
        }
    }),
    gauge("xapi_observer.lag.time", "s", "age of the oldest record that is not settled", |status, take| {
        for signal in ["traces", "logs"] {
            let files = status.files.iter().filter(|file| file.signal == signal);
            let more = status.more_files.oldest_seconds.filter(|_| signal == "traces");
            let oldest = files.filter_map(|file| file.oldest_seconds).chain(more).max();
            take(oldest.unwrap_or_default() as f64, &[("signal", signal)]);
        }
    }),
    gauge("xapi_observer.files", "{file}", "files that are known, by state", |status, take| {
        for state in ["reading", "settled", "deleted"] {
            let files = status.files.iter().filter(|file| file.state == state);
            let more = if state == "reading" { status.more_files.count } else { 0 };
            take((files.count() as u64 + more) as f64, &[("state", state)]);
        }
        take(status.drained_files as f64, &[("state", "drained")]);
    }),
    gauge("xapi_observer.files.open", "{file}", "descriptors of watched files", |status, take| {
        take(status.descriptors.open as f64, &[]);
    }),
    gauge(
        "xapi_observer.files.deleted.size",
        "By",
        "bytes of deleted files that descriptors keep on disk",
        |status, take| take(status.descriptors.deleted_bytes as f64, &[]),
    ),
    gauge(
        "xapi_observer.watching.state",
        "{state}",
        "1 for how changes in files are noticed",
        |status, take| {
            states(take, &["notify", "polling"], status.watching, None);
        },
    ),
    counter("xapi_observer.watching.events", "{event}", "changes that the kernel told of", |status, take| {
        take(status.wakeups.events as f64, &[]);
    }),
    counter(
        "xapi_observer.watching.overflows",
        "{overflow}",
        "times that the kernel lost events and everything was looked at",
        |status, take| take(status.wakeups.overflows as f64, &[]),
    ),
    gauge(
        "xapi_observer.store.state",
        "{state}",
        "1 for the state of the checkpoint store",
        |status, take| {
            states(take, &["ok", "degraded", "unavailable"], status.store.state, None);
        },
    ),
    gauge("xapi_observer.degraded", "{problem}", "things that do not work as they should", |status, take| {
        take(status.degraded.len() as f64, &[]);
    }),
    gauge("xapi_observer.memory.usage", "By", "memory that is accounted for, by purpose", |status, take| {
        let memory = &status.memory;
        take(memory.held_lines_bytes as f64, &[("purpose", "held_lines")]);
        take(memory.evidence_bytes as f64, &[("purpose", "evidence")]);
        take(memory.requests_bytes as f64, &[("purpose", "requests")]);
    }),
    gauge("xapi_observer.memory.limit", "By", "limits.memory", |status, take| {
        take(status.memory.limit_bytes as f64, &[]);
    }),
    gauge("process.memory.usage", "By", "resident memory of the agent", |status, take| {
        take(status.process.rss_bytes as f64, &[]);
    }),
    gauge("process.unix.file_descriptor.count", "{file_descriptor}", "open descriptors", |status, take| {
        take(status.process.descriptors as f64, &[]);
    }),
    Instrument {
        name: "process.cpu.time",
        unit: "s",
        about: "processor time of the agent",
        kind: Kind::Seconds,
        read: |status, take| take(status.process.cpu_seconds, &[]),
    },
];

fn tallies(status: &Status, take: Take<'_>, number: fn(&SignalTally) -> u64) {
    for (signal, status) in &status.signals {
        take(number(&status.tally) as f64, &[("signal", signal)]);
    }
}

fn reasons(status: &Status, take: Take<'_>, numbers: fn(&SignalTally) -> &BTreeMap<String, u64>) {
    for (signal, status) in &status.signals {
        for (reason, number) in numbers(&status.tally) {
            take(*number as f64, &[("signal", signal), ("reason", reason)]);
        }
    }
}

/// 1 for the state that holds, 0 for the others: so a change is seen in a graph.
fn states(take: Take<'_>, all: &[&str], now: &str, signal: Option<&str>) {
    for state in all {
        let labels = [("state", *state), ("signal", signal.unwrap_or_default())];
        let labels = labels.get(..1 + usize::from(signal.is_some())).unwrap_or_default();
        take(f64::from(u8::from(*state == now)), labels);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The names that the page has.
    pub(super) fn described() -> BTreeSet<&'static str> {
        let page = include_str!("../../../../../docs/telemetry.md");
        let is_name = |word: &&str| word.starts_with("xapi_observer.") || word.starts_with("process.");
        let page = page.split("## `status").next().unwrap();
        page.split('`').filter(is_name).filter(|word| !word.ends_with('*')).collect()
    }

    #[test]
    fn the_page_names_what_is_emitted() {
        let emitted: BTreeSet<&str> = INSTRUMENTS.iter().map(|instrument| instrument.name).collect();
        assert_eq!(emitted.len(), INSTRUMENTS.len(), "a name twice");
        assert_eq!(described(), emitted, "left: docs/telemetry.md; right: the table");
    }

    #[test]
    fn each_metric_has_a_number_once_something_was_counted() {
        let status = crate::engine::status::tests::full();
        for instrument in INSTRUMENTS {
            let mut numbers = 0;
            (instrument.read)(&status, &mut |number, _| {
                assert!(number.is_finite() && number >= 0.0);
                numbers += 1;
            });
            assert!(numbers > 0, "{} has none", instrument.name);
        }
    }
}
