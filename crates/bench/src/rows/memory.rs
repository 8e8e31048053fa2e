//! The most memory: in catch-up of everything, and with a collector that is down; by default and with 12 MiB. At a quarter of
//! the full size; the rows of traces and logs say it of theirs.

use super::{MEGABYTE, mebibytes};
use crate::Result;
use crate::corpus::{self, Corpus};
use crate::options::Options;
use crate::report::Report;
use crate::run::{self, Setting};
use crate::sink::{Mood, Sink};
use std::time::Duration;

const FULL: u64 = 250 * MEGABYTE;
/// The collector is down for so long: everything that is held is full in a second or two, and nothing grows after that.
const DOWN: Duration = Duration::from_secs(15);

pub(crate) fn measure(options: &Options, report: &mut Report) -> Result<()> {
    let corpus = corpus::logs(&options.corpora, options.scaled(FULL))?;
    report.corpus(format!("memory: {} MB of log, {} trace files", corpus.log_bytes / MEGABYTE, corpus.files));
    let settings = [("", "the default limits", 48.0), ("12MiB", "limits.memory = \"12MiB\"", 28.0)];
    for (memory, name, limit) in settings {
        let setting = Setting { memory, compression: "gzip", ..Setting::BOTH };
        let taken = run::catch_up(options, &corpus, setting)?;
        let peak = mebibytes(taken.peak_rss);
        report.at_most(format!("peak RSS in catch-up, {name}"), peak, limit, "MiB");
        let peak = mebibytes(down(options, &corpus, setting)?);
        report.at_most(format!("peak RSS, the collector down, {name}"), peak, limit, "MiB");
    }
    Ok(())
}

fn down(options: &Options, corpus: &Corpus, setting: Setting) -> Result<u64> {
    let sink = Sink::start(Mood::Refuse)?;
    let mut sandbox = run::sandbox(options, &sink, setting)?;
    run::point_to(&mut sandbox, corpus);
    let agent = run::start(&sandbox)?;
    std::thread::sleep(DOWN);
    let peak = agent.usage()?.peak_rss;
    agent.kill();
    Ok(peak)
}
