//! The reading: each host's files through the agent's engine, into the catalog.
//!
//! As an import, with two differences: requests go nowhere but into the catalog, and time is played, so that nothing waits
//! for a clock. Positions are kept nowhere.

use super::catalog::Catalog;
use crate::cli::{Failure, ShowOptions};
use crate::config::{self, AttachLogs, Settings};
use crate::engine::{Engine, Keep, Origin, Rejected, Shift, Signal};
use crate::import::{Gathering, Job, Progress, Spool, Watch, Wishes, gather, jobs, logs_of};
use crate::shell::clock::Clock;
use archive::{Layout, Limits, Walk};
use exporter::classify::{Answer, Http, Partial, Reply};
use model::{NANOS_PER_SECOND, Now};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use watcher::store::Entries;

/// Bytes of the temporary file.
const SPOOL: u64 = 16 << 30;
/// Memory of the engine: more than an agent has, as all of a day is looked at together.
const MEMORY: u64 = 256 << 20;
/// How far the clock stands past the newest data, in seconds: no line waits.
const PAST: i64 = 3600;
/// Damaged places that are told.
const BROKEN_TOLD: usize = 5;

/// Reads everything. What can't be read is told on standard error, and the rest goes on.
///
/// # Errors
/// A path at which there is nothing to read, or a wrong configuration.
pub(super) fn read(options: &ShowOptions) -> Result<Catalog, Failure> {
    let settings = settings(options)?;
    let progress = Progress::start(Clock::start());
    let outcome = Reading { options, settings, progress: &progress, watch: Watch::default() }.all();
    progress.end();
    let (catalog, told) = outcome?;
    tell(&told, &catalog);
    Ok(catalog)
}

/// With `--config` what it says of logs, dropped spans and redaction; else defaults, so that no rights are needed.
fn settings(options: &ShowOptions) -> Result<Settings, Failure> {
    let usage = |problems: config::Problems| Failure::Usage(problems.to_string());
    let defaults = config::parse(Path::new("defaults"), "", &|_| None).map_err(usage)?;
    let mut settings = match &options.config {
        Some(path) => config::load(Some(path), &|_| None).map_err(usage)?,
        None => defaults.clone(),
    };
    settings.traces = settings.traces.or(defaults.traces);
    settings.export = defaults.export;
    // Lines are shown as lines.
    settings.attach_logs = AttachLogs::Off;
    settings.limits.memory_bytes = settings.limits.memory_bytes.max(MEMORY);
    settings.span_metrics = false;
    settings.zipkin = None;
    Ok(settings)
}

#[expect(clippy::print_stderr, reason = "what the reader of the answer should know beside it")]
fn tell(told: &[String], catalog: &Catalog) {
    told.iter().for_each(|words| eprintln!("{words}"));
    if catalog.set_aside > 0 {
        eprintln!("{} pieces of trace files can't be read as spans", catalog.set_aside);
    }
    if catalog.left_out > 0 {
        let number = catalog.left_out;
        eprintln!("{number} lines were left out, as there are too many: narrow it with --since and --until");
    }
}

struct Reading<'r> {
    options: &'r ShowOptions,
    settings: Settings,
    progress: &'r Progress,
    watch: Watch,
}

impl Reading<'_> {
    fn all(&self) -> Result<(Catalog, Vec<String>), Failure> {
        let mut told = Vec::new();
        let gathering = self.gather(&mut told)?;
        let options = self.options;
        let wishes = Wishes { zone: options.timezone, year: options.year, namespace: None };
        let total: u64 =
            gathering.units.iter().flat_map(|unit| &unit.files).map(|file| file.content.len()).sum();
        self.progress.counted("dates", total, &self.watch.read);
        let units = gathering.units.iter();
        let all: Vec<Job> = units.flat_map(|unit| jobs(unit, &self.settings, &wishes, &self.watch)).collect();
        self.progress.counted("reading", total, &self.watch.read);
        let mut catalog = Catalog::default();
        for job in &all {
            told.extend(job.has_lines.then(|| job.story()));
            host(job, &mut catalog).map_err(Failure::Running)?;
        }
        catalog.finish();
        Ok((catalog, told))
    }

    fn gather(&self, told: &mut Vec<String>) -> Result<Gathering, Failure> {
        let logs = logs_of(&self.settings);
        let layout = Layout::new(logs.iter().filter_map(|log| log.path.file_name()?.to_str()));
        let walk = Walk::new(Limits::default());
        let total = self.options.paths.iter().filter(|path| path.is_file());
        let total = total.map(|path| std::fs::metadata(path).map_or(0, |meta| meta.len())).sum();
        self.progress.counted("looking", total, &walk.bytes_read());
        let no_room = |error| Failure::Running(format!("no temporary file can be made: {error}"));
        let mut spool = Spool::new(SPOOL).map_err(no_room)?;
        let found = gather(&self.options.paths, &layout, &walk, &mut spool)
            .map_err(|failed| Failure::Usage(format!("{}: {}", failed.path.display(), failed.error)))?;
        for report in &found.reports {
            told.extend(report.broken.iter().take(BROKEN_TOLD).map(ToString::to_string));
            let more = report.broken_total.saturating_sub(BROKEN_TOLD as u64);
            told.extend((more > 0).then(|| format!("and {more} more damaged places")));
        }
        told.extend(found.empty.iter().map(|path| format!("{}: neither traces nor logs", path.display())));
        if found.units.is_empty() {
            return Err(Failure::Running(format!("nothing to show\n{}", told.join("\n"))));
        }
        Ok(found)
    }
}

/// Reads one host's files.
fn host(job: &Job, catalog: &mut Catalog) -> Result<(), String> {
    let origin = Origin {
        host_name: job.host_name.clone(),
        uuid: job.host.uuid,
        finished: true,
        shift: Shift::default(),
    };
    let set_aside = Arc::new(AtomicU64::new(0));
    let keep = Box::new(Counted(Arc::clone(&set_aside)));
    let (files, settings) = (Box::new(job.disk.clone()), job.settings.clone());
    let mut now = start(job);
    let mut engine = Engine::of(origin, files, settings, &Entries::new(), false, keep, now);
    loop {
        let turn = engine.turn(now);
        for request in &turn.requests {
            let taken = match request.signal {
                Signal::Traces => catalog.spans(&request.body),
                Signal::Logs => catalog.logs(&request.body),
            };
            taken.map_err(|error| error.to_string())?;
            engine.answered(request.signal, request.attempt, &accepted(), now);
        }
        if engine.is_at_rest() {
            break;
        }
        if !turn.more && turn.requests.is_empty() {
            let next = turn.deadline.unwrap_or_default().max(now.mono + Duration::from_millis(1));
            now = Now { mono: next, ..now };
        }
    }
    catalog.set_aside += set_aside.load(Ordering::Relaxed);
    Ok(())
}

/// A clock that stands past all data.
fn start(job: &Job) -> Now {
    let newest = job.range.map_or(0, |(_, newest)| newest.saturating_add(PAST));
    let wall_unix_nano = u64::try_from(newest).unwrap_or(0).saturating_mul(NANOS_PER_SECOND);
    Now { mono: Duration::from_secs(1), wall_unix_nano }
}

fn accepted() -> Answer {
    Answer::Http(Http {
        status: 200,
        retry_after: None,
        reply: Reply::Otlp(Partial { rejected: 0, message: String::new() }),
        message: String::new(),
    })
}

/// What can't be read is counted.
struct Counted(Arc<AtomicU64>);

impl Keep for Counted {
    fn keep(&mut self, _: &Rejected<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
