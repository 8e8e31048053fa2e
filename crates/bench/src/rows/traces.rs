//! Trace files to OTLP: by each compression, and from files that are compressed themselves.

use super::{MEGABYTE, cells, float, mebibytes};
use crate::corpus::{self, Corpus};
use crate::floors;
use crate::options::Options;
use crate::report::Report;
use crate::run::{self, Setting};
use crate::{Result, sdk};
use testkit::standin::Compression;

const FULL: u64 = 500 * MEGABYTE;

pub(crate) fn measure(options: &Options, report: &mut Report) -> Result<()> {
    let corpus = corpus::traces(&options.corpora, options.scaled(FULL), Compression::Off)?;
    describe(&corpus, report);
    let files = corpus::plain_files(&corpus.traces)?;
    let read = run::median_floor(options.runs, || floors::read_only(&files))?;
    let parse = run::median_floor(options.runs, || floors::parse(&corpus))?;
    let sizes = sdk::sizes(&corpus)?;
    let start = run::start_up(options)?;
    // Processor time, and bytes against what the SDK sends with gzip.
    let targets = [("none", 1.8, None), ("gzip", 3.5, Some(1.3)), ("zstd", 2.8, Some(1.0))];
    for (compression, cpu_limit, bytes_limit) in targets {
        let taken =
            run::median(options.runs, || run::catch_up(options, &corpus, Setting::traces(compression)))?;
        let what = format!("traces, sent by {compression}");
        let ratio = (taken.cpu - start) / parse;
        report.at_most(format!("{what}: CPU, × serde_json's parse"), ratio, cpu_limit, "×");
        let delivered = float(taken.count("/signals/traces/tally/delivered"));
        if let Some(limit) = bytes_limit {
            let ratio = float(taken.wire_bytes) / delivered / sizes.sdk_each();
            report.at_most(format!("{what}: bytes, × the SDK's exporter with gzip"), ratio, limit, "×");
        } else {
            let body = float(taken.count("/signals/traces/tally/request_bytes")) / delivered;
            let what = "traces, uncompressed bytes, × with the host's constants on each span";
            report.at_most(what, body / sizes.constants_each(), 0.7, "×");
            report.at_most("traces: peak RSS, the default limits", mebibytes(taken.peak_rss), 48.0, "MiB");
        }
        report.run(cells(&what, &taken, corpus.trace_bytes, corpus.spans, (read, parse)));
    }
    packed(options, report)
}

/// The same from `.zst`: the floor is the unpacking and the parse.
fn packed(options: &Options, report: &mut Report) -> Result<()> {
    let corpus = corpus::traces(&options.corpora, options.scaled(FULL), Compression::Library)?;
    let unpack = run::median_floor(options.runs, || floors::unpack(&corpus.traces))?;
    let taken = run::median(options.runs, || run::catch_up(options, &corpus, Setting::traces("none")))?;
    let what = "traces in .zst, sent by none; × unpack only";
    report.run(cells(what, &taken, corpus.trace_bytes, corpus.spans, (unpack, 0.0)));
    Ok(())
}

pub(super) fn describe(corpus: &Corpus, report: &mut Report) {
    let each = float(corpus.trace_bytes) / float(corpus.spans);
    report.corpus(format!(
        "{} MB of trace files: {} spans of {each:.0} bytes in {} files",
        corpus.trace_bytes / MEGABYTE,
        corpus.spans,
        corpus.files
    ));
}
