//! The same log by a peer that can be had where this is measured: syslog-ng, of Debian. It reads trace files no more than any
//! other does, so the lines are neither joined nor redacted.
//!
//! `tests/performance` unpacks it (installed, it would take rsyslog's place). Where it is not there the row is left out.

use super::{MEGABYTE, cells};
use crate::Result;
use crate::corpus::{self, Corpus};
use crate::options::Options;
use crate::report::Report;
use crate::run::{self, Taken};
use crate::sink::{Mood, Sink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use testkit::driver::Agent;

/// A tenth of our own: it takes some ten times as long.
const FULL: u64 = 100 * MEGABYTE;
const CONFIG: &str = include_str!("peers/syslog-ng.conf");
/// Longer than it takes on a slow machine.
const DEADLINE: Duration = Duration::from_secs(900);
const LOOK: Duration = Duration::from_millis(20);

pub(crate) fn measure(options: &Options, report: &mut Report) -> Result<()> {
    let root = options.peers();
    let program = root.join("usr/sbin/syslog-ng");
    if !program.exists() {
        eprintln!("   left out: {} is not there", program.display());
        return Ok(());
    }
    let root = root.canonicalize()?;
    let corpus = corpus::logs(&options.corpora, options.scaled(FULL))?;
    let taken = run::median(options.runs, || catch_up(&root, &corpus))?;
    let what = "a peer: syslog-ng, the log by a regular expression to OTLP/JSON; neither joined nor redacted";
    report.run(cells(what, &taken, corpus.log_bytes, corpus.lines, (0.0, 0.0)));
    Ok(())
}

/// Reads the whole log from its beginning.
fn catch_up(root: &Path, corpus: &Corpus) -> Result<Taken> {
    let sink = Sink::start(Mood::Count)?;
    let own = tempfile::tempdir()?;
    let config = own.path().join("syslog-ng.conf");
    let log = corpus.log.canonicalize()?;
    let text = CONFIG.replace("@LOG@", &log.to_string_lossy()).replace("@URL@", &sink.url());
    std::fs::write(&config, text)?;
    let begin = Instant::now();
    let peer = Agent::start(&mut command(root, own.path(), &config))?;
    while sink.read(|came| came.records) < corpus.lines {
        std::thread::sleep(LOOK);
        if begin.elapsed() > DEADLINE || peer.read(|said| said.exit.is_some()) {
            let came = sink.read(|came| came.records);
            let said = peer.read(ToString::to_string);
            return Err(format!("the peer sent {came} of {} lines\n{said}", corpus.lines).into());
        }
    }
    let usage = peer.usage()?;
    peer.terminate(DEADLINE)?;
    let (wire_bytes, requests, last) = sink.read(|came| (came.bytes, came.requests, came.last));
    let wall = last.map_or(0.0, |last| last.duration_since(begin).as_secs_f64());
    let (cpu, peak_rss) = (usage.cpu.as_secs_f64(), usage.peak_rss);
    Ok(Taken { cpu, wall, peak_rss, wire_bytes, requests, ..Taken::default() })
}

/// In the foreground, with all its files in `own`; its libraries are where it was unpacked.
fn command(root: &Path, own: &Path, config: &Path) -> Command {
    let libraries = ["usr/lib/syslog-ng", "usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"];
    let libraries = libraries.map(|part| root.join(part).display().to_string()).join(":");
    let mut command = Command::new(root.join("usr/sbin/syslog-ng"));
    command.args(["--foreground", "--no-caps", "--cfgfile"]).arg(config);
    command.arg("--module-path").arg(root.join("usr/lib/syslog-ng/3.38"));
    command.arg("--persist-file").arg(own.join("persist"));
    command.arg("--pidfile").arg(own.join("pid"));
    command.arg("--control").arg(own.join("control"));
    command.env("LD_LIBRARY_PATH", libraries).env("TZ", "UTC");
    command
}
