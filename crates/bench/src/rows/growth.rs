//! Whether the cost of a record grows: with the size of a backlog, and with the number of files it lies in.

use super::{MEGABYTE, float};
use crate::Result;
use crate::corpus::{self, Corpus};
use crate::floors;
use crate::options::Options;
use crate::report::Report;
use crate::run::{self, Setting};
use testkit::standin::Compression;

const SMALL: u64 = 100 * MEGABYTE;
/// At whatever scale: less than some minutes of a host's spans holds no operation from beginning to end.
const LEAST: u64 = 50 * MEGABYTE;
const LARGE: u64 = 2_000 * MEGABYTE;

pub(crate) fn measure(options: &Options, report: &mut Report) -> Result<()> {
    let start = run::start_up(options)?;
    let small = corpus::traces(&options.corpora, options.scaled(SMALL).max(LEAST), Compression::Off)?;
    let large = corpus::traces(&options.corpora, options.scaled(LARGE).max(2 * LEAST), Compression::Off)?;
    let of = |corpus: &Corpus, runs| -> Result<f64> {
        // What is larger is not to pay for the disk.
        floors::read_only(&corpus::plain_files(&corpus.traces)?)?;
        let taken = run::median(runs, || run::catch_up(options, corpus, Setting::traces("none")))?;
        Ok((taken.cpu - start) / float(corpus.spans) * 1e6)
    };
    let (one, other) = (of(&small, options.runs)?, of(&large, options.runs.min(2))?);
    compare(report, "from 100 MB to 2 GB", one, other);
    let few = corpus::dealt(&options.corpora, &small, 10)?;
    let many = corpus::dealt(&options.corpora, &small, 10_000)?;
    let (one, other) = (of(&few, options.runs)?, of(&many, options.runs)?);
    compare(report, "from 10 to 10,000 files of the same 100 MB", one, other);
    Ok(())
}

fn compare(report: &mut Report, what: &str, one: f64, other: f64) {
    report.corpus(format!("CPU a span {what}: {one:.2} and {other:.2} µs"));
    report.at_most(format!("CPU a span, {what}, start-up subtracted"), other / one, 1.2, "×");
}
