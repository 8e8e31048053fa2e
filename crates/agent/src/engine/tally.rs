//! What was done with every record and byte: plain numbers, for status, metrics and tests.

use serde::Serialize;
use std::collections::BTreeMap;

/// Numbers by reason.
pub(crate) type ByReason = BTreeMap<String, u64>;

/// One signal's numbers since the start. Counts are of records unless the name says bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct SignalTally {
    /// Lines read for delivery.
    pub(crate) lines: u64,
    /// Uncompressed bytes read for delivery.
    pub(crate) read_bytes: u64,
    /// Records found in the lines.
    pub(crate) records: u64,
    /// Settled as delivered.
    pub(crate) delivered: u64,
    /// Requests sent.
    pub(crate) requests: u64,
    /// Their bytes, before compression.
    pub(crate) request_bytes: u64,
    /// Second copies of spans, not sent.
    pub(crate) folded: u64,
    /// Values replaced by `[redacted]`.
    pub(crate) redacted: u64,
    /// Left out on purpose, by rule.
    pub(crate) dropped: ByReason,
    /// Refused by the server within requests whose other records it stored.
    pub(crate) refused: ByReason,
    /// Kept in `rejected/`: what could not be read, or was refused for good.
    pub(crate) set_aside: ByReason,
    /// Sent once more, though the server may have had them.
    pub(crate) resent: ByReason,
    /// Bytes of files that are not wanted: too old at the first start, or before where a log is begun.
    pub(crate) passed_over_bytes: ByReason,
    /// Bytes that were wanted and are not delivered.
    pub(crate) lost_bytes: ByReason,
}

/// Adds `count` to the number of `reason`.
pub(crate) fn add(numbers: &mut ByReason, reason: &str, count: u64) {
    match numbers.get_mut(reason) {
        Some(number) => *number += count,
        None => {
            numbers.insert(reason.to_owned(), count);
        }
    }
}

/// Both signals' numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tallies {
    pub(crate) traces: SignalTally,
    pub(crate) logs: SignalTally,
}

impl Tallies {
    pub(crate) fn get(&mut self, signal: super::Signal) -> &mut SignalTally {
        match signal {
            super::Signal::Traces => &mut self.traces,
            super::Signal::Logs => &mut self.logs,
        }
    }
}
