//! A log to OTLP, its trace files beside it: joined, redacted, uncompressed.
//!
//! The lines' own cost is that of both signals less that of the traces alone.

use super::{MEGABYTE, cells, float, mebibytes, traces};
use crate::Result;
use crate::corpus::{self, Corpus};
use crate::floors;
use crate::options::Options;
use crate::report::Report;
use crate::run::{self, Setting, Taken};

const FULL: u64 = 1_000 * MEGABYTE;

pub(crate) fn measure(options: &Options, report: &mut Report) -> Result<()> {
    let corpus = corpus::logs(&options.corpora, options.scaled(FULL))?;
    let newlines = run::median_floor(options.runs, || floors::newlines(&corpus.log))?;
    let split = run::median_floor(options.runs, || floors::split_and_encode(&corpus.log))?;
    // The traces' first run is not to pay for the disk what that of both does not.
    floors::read_only(&corpus::plain_files(&corpus.traces)?)?;
    let alone = run::median(options.runs, || run::catch_up(options, &corpus, Setting::traces("none")))?;
    let both = run::median(options.runs, || run::catch_up(options, &corpus, Setting::BOTH))?;
    traces::describe(&corpus, report);
    describe(&corpus, &both, report);
    let lines = float(corpus.lines);
    let cpu = both.cpu - alone.cpu;
    report.at_most("logs: CPU a line, joined and redacted", cpu / lines * 1e6, 1.0, "µs");
    report.at_most("logs: CPU, × (plain splitter + encoder)", cpu / split, 3.0, "×");
    report.at_most(
        "logs and their traces: peak RSS, the default limits",
        mebibytes(both.peak_rss),
        48.0,
        "MiB",
    );
    let logs = Taken {
        cpu,
        wall: both.wall - alone.wall,
        wire_bytes: both.wire_bytes - alone.wire_bytes,
        requests: both.requests.saturating_sub(alone.requests),
        ..both.clone()
    };
    let what = "logs alone: both less traces; × newlines, × splitter + encoder";
    report.run(cells(what, &logs, corpus.log_bytes, corpus.lines, (newlines, split)));
    let (bytes, records) = (corpus.log_bytes + corpus.trace_bytes, corpus.lines + corpus.spans);
    report.run(cells("logs and their traces", &both, bytes, records, (0.0, 0.0)));
    Ok(())
}

fn describe(corpus: &Corpus, taken: &Taken, report: &mut Report) {
    let outcome = |name: &str| float(taken.count(&format!("/correlation/outcomes/{name}")));
    let lines = float(corpus.lines);
    let with_id = 1.0 - outcome("no_id") / lines;
    let joined = (outcome("context") + outcome("task") + outcome("link")) / (lines - outcome("no_id"));
    report.corpus(format!(
        "{} MB of xensource.log: {} lines of {:.0} bytes, {:.1} % with an id, {:.1} % of these joined, {} values redacted",
        corpus.log_bytes / MEGABYTE,
        corpus.lines,
        float(corpus.log_bytes) / lines,
        with_id * 100.0,
        joined * 100.0,
        taken.count("/signals/logs/tally/redacted")
    ));
}
