//! What is measured, row by row.

mod growth;
mod latency;
mod logs;
mod memory;
mod peers;
pub(crate) mod rest;
mod size;
mod traces;

use crate::Result;
use crate::options::Options;
use crate::report::{Report, figure};
use crate::run::Taken;

type Row = fn(&Options, &mut Report) -> Result<()>;

/// All of them, in the order of the table.
pub(crate) const ALL: [(&str, Row); 8] = [
    ("traces", traces::measure),
    ("logs", logs::measure),
    ("peers", peers::measure),
    ("memory", memory::measure),
    ("latency", latency::measure),
    ("rest", rest::measure),
    ("growth", growth::measure),
    ("size", size::measure),
];

/// Their names, for the command line.
pub(crate) fn names() -> Vec<&'static str> {
    ALL.iter().map(|(name, _)| *name).collect()
}

const MEGABYTE: u64 = 1_000_000;

#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
fn float(number: u64) -> f64 {
    number as f64
}

fn mebibytes(bytes: u64) -> f64 {
    float(bytes) / float(1 << 20)
}

/// A row of the table of all runs. `floors`: reading only, and the work that nobody can do without, in seconds.
fn cells(what: &str, taken: &Taken, bytes: u64, records: u64, floors: (f64, f64)) -> Vec<String> {
    let (cpu, bytes, records) = (taken.cpu, float(bytes), float(records));
    let ratio = |floor: f64| if floor > 0.0 { figure(cpu / floor) } else { "–".to_owned() };
    vec![
        what.to_owned(),
        figure(cpu),
        figure(cpu / bytes * 1e9),
        figure(cpu / records * 1e6),
        figure(bytes / taken.wall / 1e6),
        ratio(floors.0),
        ratio(floors.1),
        figure(mebibytes(taken.peak_rss)),
        figure(float(taken.wire_bytes) / records),
        taken.requests.to_string(),
    ]
}
