//! One dom0: its programs, the stand-in that speaks for XAPI, the agent, and the collector it sends to.

use super::arrivals::Arrivals;
use super::flow::Flow;
use super::logrotate::Logrotate;
use super::program;
use super::repeats::{Repeats, send};
use super::rsyslogd::Rsyslogd;
use crate::harness::{DEADLINE, Rig};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use testkit::collector::{self, Signal};
use testkit::driver::Agent;
use testkit::ledger::{Ledger, Rule, WrittenLine};
use testkit::standin::{Compression, Host, MILLI, Options, SECOND, SimTime, StandIn};

/// Calls begin and end within this time.
const BUSY: u64 = 16 * SECOND;
/// The stand-in begins no call within two minutes of its end.
const TAIL: u64 = 120 * SECOND;
/// How long the agent lets a line wait: longer than any call, and the flush after it, may take.
const WAIT: &str = "20s";
/// Evidence that is there so long after its line must have been found; the rest is for a loaded machine.
const SURELY_MS: u32 = 14_000;
/// What rsyslogd writes to a renamed log, at least, before it is told to open the new one.
const LINGERING_BYTES: u64 = 30_000;

/// Everything. Fields are dropped from the first to the last.
pub(super) struct Dom0 {
    agent: Option<Agent>,
    pub(super) flow: Flow,
    rsyslogd: Rsyslogd,
    logrotate: Logrotate,
    repeats: Repeats,
    log: PathBuf,
    saved: TempDir,
    rig: Rig,
}

impl Dom0 {
    /// Everything runs but the agent.
    pub(super) fn start(seed: u64) -> Self {
        program::command("zstd");
        let saved = tempfile::tempdir().unwrap();
        let save = Some(saved.path().to_owned());
        let mut rig = Rig::with(collector::Options { save, ..collector::Options::default() });
        let root = rig.sandbox.root().to_owned();
        // The programs need the directories that the stand-in lays, and the stand-in needs rsyslogd.
        let host = StandIn::new(options(seed), &root).unwrap().hosts().first().unwrap().clone();
        configure(&mut rig, &host);
        let rsyslogd = Rsyslogd::start(root.join("rsyslog"), &host);
        let log = host.log("xensource.log");
        let logrotate = Logrotate::new(&root, log.clone(), &rsyslogd.pid_file());
        let repeats = Repeats::default();
        let sink = repeats.sink(rsyslogd.connect());
        let flow = Flow::start(StandIn::with_log_sink(options(seed), &root, sink).unwrap());
        // Where nothing was ever traced, no line waits for a span.
        flow.until(|written| written.flushes > 0);
        Self { agent: None, flow, rsyslogd, logrotate, repeats, log, saved, rig }
    }

    /// Starts the agent; it runs when this returns.
    pub(super) fn start_agent(&mut self) {
        self.agent = Some(self.rig.run());
    }

    /// SIGTERM, and a good end.
    pub(super) fn stop_agent(&mut self) {
        self.rig.stop(&self.agent.take().unwrap());
    }

    /// Rotates as every night.
    pub(super) fn rotate_daily(&self) {
        self.rename(Logrotate::daily);
        self.flow.until(|_| size(&self.log) > 0);
    }

    /// Rotates at once.
    pub(super) fn rotate(&self) {
        self.rename(Logrotate::force);
        self.flow.until(|_| size(&self.log) > 0);
    }

    fn rename(&self, rotate: fn(&Logrotate)) {
        self.flow.until(|_| size(&self.log) > 0);
        let before = inode(&self.log);
        rotate(&self.logrotate);
        assert_eq!(inode(&self.sibling("1")), before, "the log was not renamed");
        assert_ne!(inode(&self.log), before, "no new log was made");
    }

    /// Rotates while nobody finds rsyslogd's process id, as on hosts where it stands in another file than XAPI's rules
    /// name: rsyslogd writes on to the renamed file until somebody else tells it.
    pub(super) fn rotate_without_hup(&self) {
        let (pid_file, hidden) = (self.rsyslogd.pid_file(), self.rig.sandbox.root().join("hidden.pid"));
        fs::rename(&pid_file, &hidden).unwrap();
        self.rename(Logrotate::force);
        let renamed = self.sibling("1");
        let before = size(&renamed);
        self.flow.until(|_| size(&renamed) > before + LINGERING_BYTES);
        assert_eq!(size(&self.log), 0, "rsyslogd opened the new log by itself");
        fs::rename(&hidden, &pid_file).unwrap();
        self.rsyslogd.hang_up();
        self.flow.until(|_| size(&self.log) > 0);
    }

    fn sibling(&self, ending: &str) -> PathBuf {
        self.log.with_extension(format!("log.{ending}"))
    }

    /// The endings of the log's rotated siblings.
    pub(super) fn siblings(&self) -> Vec<String> {
        let entries = fs::read_dir(self.log.parent().unwrap()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut endings: Vec<_> =
            names.filter_map(|name| name.strip_prefix("xensource.log.").map(str::to_owned)).collect();
        endings.sort();
        endings
    }

    /// Lets the stand-in come to its end, waits for all of it, stops everything, and judges what arrived.
    pub(super) fn finish(mut self) {
        let mut ledger = self.flow.finish();
        ledger.lines.push(self.last_line(&ledger));
        let repeated = self.repeats.all();
        assert!(repeated.len() > 10, "only {} lines were repeated", repeated.len());
        let lines = (ledger.lines.len() + repeated.len()) as u64;
        let spans = ledger.spans.iter().filter(|span| !span.tracer).count() as u64;
        let late = self.rig.collector.wait_for(
            |state| state.distinct(Signal::Logs) >= lines && state.distinct(Signal::Traces) >= spans,
            DEADLINE,
        );
        self.stop_agent();
        self.rsyslogd.stop();
        // What is missing says more than that something is.
        Arrivals::decode(self.saved.path(), &repeated).judge(&ledger, &repeated, SURELY_MS);
        late.unwrap();
    }

    /// One more line: rsyslogd says how often a message was repeated when the next one comes.
    fn last_line(&self, ledger: &Ledger) -> WrittenLine {
        let marker = ledger.lines.iter().map(|line| line.marker).max().unwrap() + 1;
        let now = SimTime::now();
        let time = chrono::DateTime::<chrono::Utc>::from(now.to_system()).format("%b %e %H:%M:%S");
        let text = format!("<174>{time} xapi: [ info||0 ||xapi] the end m={marker}");
        send(&self.rsyslogd.connect(), &text).unwrap();
        let (service, second) = ("xapi".into(), now.second());
        let (trace, inside, evidence_after_ms) = (None, None, None);
        WrittenLine { marker, host: 0, service, second, trace, inside, rule: Rule::None, evidence_after_ms }
    }
}

/// So many lines that held ones fit into the agent's usual share of memory.
fn options(seed: u64) -> Options {
    let start = SimTime::now();
    Options {
        seed,
        start,
        end: start.plus(BUSY + TAIL),
        spans: Some(4_000),
        long_share: 0.0,
        flush_interval: SECOND,
        file_size: 100_000,
        compression: Compression::Program,
        compression_delay: 300 * MILLI,
        ..Options::default()
    }
}

fn configure(rig: &mut Rig, host: &Host) {
    let log = |name: &str, format: &str| format!("{{ path = {:?}, format = {format:?} }}", host.log(name));
    let logs = format!("[{}, {}]", log("xensource.log", "xensource"), log("SMlog", "smlog"));
    let path = |path: &str| host.root.join(path).to_str().unwrap().to_owned();
    rig.sandbox
        .set("logs", logs)
        .set_text("traces.directory", &path("var/log/dt"))
        .set_text("host.inventory", &path("etc/xensource-inventory"))
        .set_text("correlation.wait", WAIT);
}

fn inode(path: &Path) -> u64 {
    fs::metadata(path).unwrap().ino()
}

/// 0 as long as there is no such file.
fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |meta| meta.len())
}
