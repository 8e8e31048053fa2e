//! `import`: ships files, folders and archives once, then ends.
//!
//! Promises: exit code 0 if everything that was there arrived; 1 if something was broken or refused (the rest has arrived), or
//! if it was ended early, and then the same command goes on; 2 for wrong usage or configuration. What is said of the
//! import goes to standard output, progress and failures to standard error.

use super::run::runtime;
use crate::cli::{Failure, ImportOptions, Outcome};
use crate::config::{self, Settings};
use crate::engine::Shift;
use crate::import::{Again, Sent, Sources, Told, aside_files};
use crate::import::{Ended, Gathering, Home, Job, Progress, Ship, Spool, Tally, Unit, Watch, Wishes};
use crate::import::{Facts, facts, forget, gather, host_line, jobs, logs_of, note};
use crate::shell::clock::Clock;
use crate::shell::transports::Transports;
use crate::shell::{own_log, signals};
use archive::{Layout, Limits, Walk};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use tokio::runtime::Runtime;

/// Bytes of the temporary file.
const SPOOL: u64 = 16 << 30;
/// How an import that was ended early goes on.
const GOES_ON: &str = "the same command goes on from here";

/// Imports.
pub(crate) fn main(options: &ImportOptions) -> Outcome {
    let env = |name: &str| std::env::var(name).ok();
    let named = options.config.config.as_deref();
    let settings = config::load_for(options.endpoint.as_deref(), named, &env)
        .map_err(|problems| Failure::Usage(problems.to_string()))?;
    // What the engine would log is told at the end, unless the configuration asks for more or less than usual.
    own_log::start(if settings.telemetry.log == "info" { "off" } else { &settings.telemetry.log });
    let runtime = runtime()?;
    let stop = signals::stop_flag(&runtime).map_err(|error| running("signals", error))?;
    let clock = Clock::start();
    let progress = Progress::start(clock);
    let watch = Watch { stop, ..Watch::default() };
    let mut import = Import { options, settings, clock, watch, progress: &progress, told: String::new() };
    let outcome = import.run(&runtime);
    let told = std::mem::take(&mut import.told);
    progress.end();
    runtime.shutdown_background();
    say(&told).and(outcome)
}

fn running(what: impl std::fmt::Display, error: impl std::fmt::Display) -> Failure {
    Failure::Running(format!("{what}: {error}"))
}

/// Writes to standard output; if that is closed, nobody wants to know.
fn say(text: &str) -> Outcome {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    Ok(())
}

struct Import<'i> {
    options: &'i ImportOptions,
    settings: Settings,
    clock: Clock,
    watch: Watch,
    progress: &'i Progress,
    /// What is to be said at the end.
    told: String,
}

/// A host's files and where their positions are kept.
struct Planned {
    job: Job,
    store: PathBuf,
}

/// What became of what was set aside, and what of it goes on as an import.
struct Aside {
    ended: Ended,
    sent: Sent,
    sources: Sources,
    told: Told,
    unit: Option<Unit>,
}

impl Import<'_> {
    fn run(&mut self, runtime: &Runtime) -> Outcome {
        let home = self.home()?;
        let transports = Transports::new(&self.settings.export).map_err(Failure::Usage)?;
        let (asides, paths) = self.split_paths()?;
        let mut gathering = if paths.is_empty() { Gathering::default() } else { self.gather(&paths)? };
        let ship = Ship {
            runtime: runtime.handle().clone(),
            clock: self.clock,
            transports,
            stop: self.watch.stop.clone(),
            progress: self.progress,
        };
        let mut aside = if asides.is_empty() { None } else { Some(self.set_aside(&asides, &ship, &home)?) };
        let lost = aside.as_ref().is_some_and(|aside| aside.told.has_losses());
        if let Some(aside) = &mut aside {
            gathering.units.extend(aside.unit.take());
            if aside.ended != Ended::Done {
                return outcome(aside.ended.clone(), lost, &[]);
            }
        }
        let mut tally = Tally::default();
        tally.reports(&gathering.reports);
        let planned = self.plan(&gathering, &home)?;
        let shift = self.shift(&planned)?;
        let ended = self.ship_all(&ship, &planned, shift, &mut tally)?;
        if let (Some(aside), Ended::Done) = (&mut aside, &ended) {
            aside
                .sources
                .note(&mut aside.sent)
                .map_err(|error| running("the note of what was sent", error))?;
        }
        if !planned.is_empty() {
            let now = i64::try_from(self.clock.now().unix_seconds()).unwrap_or(i64::MAX);
            self.told += &tally.text(now, shift.0);
        }
        let empty = gathering.empty.iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
        outcome(ended, tally.has_losses() || lost, &empty)
    }

    /// The files of what was set aside, and the other paths.
    fn split_paths(&self) -> Result<(Vec<PathBuf>, Vec<PathBuf>), Failure> {
        let (mut asides, mut others) = (Vec::new(), Vec::new());
        for path in &self.options.paths {
            match aside_files(path) {
                Some(files) => asides.extend(files),
                None => others.push(path.clone()),
            }
        }
        let unfit = [
            ("--shift-to-now", self.options.shift_to_now),
            ("--namespace", self.options.namespace.is_some()),
        ];
        match unfit.iter().find(|(_, given)| *given && !asides.is_empty()) {
            Some((option, _)) => Err(Failure::Usage(format!(
                "{option}: what was set aside is sent as it was; import it without this option"
            ))),
            None => Ok((asides, others)),
        }
    }

    /// Sends what was set aside, and makes a unit of what is to be read again.
    fn set_aside(&mut self, files: &[PathBuf], ship: &Ship<'_>, home: &Home) -> Result<Aside, Failure> {
        let store = home.sent(&self.settings.export);
        let mut sent =
            Sent::open(&store, self.options.again).map_err(|error| running(store.display(), error))?;
        let (mut told, layout) = (Told::default(), self.layout());
        self.progress.phase("sending what was set aside", 0);
        let mut again = Again {
            ship,
            settings: &self.settings,
            layout: &layout,
            sent: &mut sent,
            told: &mut told,
            sources: Sources::default(),
        };
        let ended = again.run(files).map_err(|error| running(store.display(), error))?;
        let sources = again.sources;
        self.told += &told.text();
        let spooled = |error| running("no temporary file can be made", error);
        let unit = if sources.is_empty() {
            None
        } else {
            let mut spool = Spool::new(SPOOL).map_err(spooled)?;
            Some(sources.unit("what was set aside, read again".to_owned(), &mut spool).map_err(spooled)?)
        };
        Ok(Aside { ended, sent, sources, told, unit })
    }

    fn layout(&self) -> Layout {
        let logs = logs_of(&self.settings);
        Layout::new(logs.iter().filter_map(|log| log.path.file_name()?.to_str()))
    }

    fn home(&self) -> Result<Home, Failure> {
        let is_root = rustix::process::geteuid().is_root();
        let env = |name: &str| std::env::var_os(name);
        Home::find(self.options.state.as_deref(), is_root, &self.settings.checkpoint, &env)
            .map_err(Failure::Usage)
    }

    fn gather(&self, paths: &[PathBuf]) -> Result<Gathering, Failure> {
        let (logs, layout) = (logs_of(&self.settings), self.layout());
        let walk = Walk::new(Limits::default()).cancelled_by(self.watch.stop.clone());
        let sizes = paths.iter().map(|path| std::fs::metadata(path).map_or(0, |meta| meta.len()));
        let folders = paths.iter().any(|path| path.is_dir());
        let total = if folders { 0 } else { sizes.sum() };
        self.progress.counted("looking", total, &walk.bytes_read());
        let mut spool = Spool::new(SPOOL).map_err(|error| running("no temporary file can be made", error))?;
        let found = gather(paths, &layout, &walk, &mut spool)
            .map_err(|failed| Failure::Usage(format!("{}: {}", failed.path.display(), failed.error)))?;
        self.unless_stopped()?;
        let broken: Vec<String> = found
            .reports
            .iter()
            .flat_map(|report| &report.broken)
            .take(5)
            .map(|one| format!("\n{one}"))
            .collect();
        if found.units.is_empty() {
            let names: Vec<String> = logs.iter().map(|log| log.path.display().to_string()).collect();
            let what = format!("there are neither trace files nor logs ({})", names.join(", "));
            return Err(Failure::Running(format!("nothing to import: {what}{}", broken.concat())));
        }
        Ok(found)
    }

    fn unless_stopped(&self) -> Outcome {
        let stopped = self.watch.stop.load(Ordering::Relaxed);
        if stopped { Err(Failure::Running(format!("stopped; {GOES_ON}"))) } else { Ok(()) }
    }

    fn plan(&self, gathering: &Gathering, home: &Home) -> Result<Vec<Planned>, Failure> {
        let options = self.options;
        let wishes =
            Wishes { zone: options.timezone, year: options.year, namespace: options.namespace.clone() };
        let files = gathering.units.iter().flat_map(|unit| &unit.files);
        let total = files.map(|file| file.content.len()).sum();
        self.progress.counted("reading", total, &self.watch.read);
        let all = gathering.units.iter().flat_map(|unit| jobs(unit, &self.settings, &wishes, &self.watch));
        let planned = all.map(|job| self.plan_one(job, home)).collect();
        self.unless_stopped()?;
        planned
    }

    fn plan_one(&self, job: Job, home: &Home) -> Result<Planned, Failure> {
        let store = home.store(&job, &self.settings.export, self.options.shift_to_now);
        let store = store.map_err(|error| running("the directory of positions can't be made", error))?;
        if self.options.again {
            forget(&store).map_err(|error| running(store.display(), error))?;
        }
        Ok(Planned { job, store })
    }

    /// The same for all, and the same as in an earlier run that this one goes on with.
    fn shift(&self, planned: &[Planned]) -> Result<Shift, Failure> {
        if !self.options.shift_to_now {
            return Ok(Shift::default());
        }
        let known = planned.iter().find_map(|one| facts(&one.store));
        let newest = planned.iter().filter_map(|one| one.job.range).map(|(_, newest)| newest).max();
        let now = i64::try_from(self.clock.now().unix_seconds()).unwrap_or(i64::MAX);
        let facts = known.unwrap_or(Facts { shift_seconds: newest.map_or(0, |newest| now - newest) });
        for one in planned {
            note(&one.store, facts).map_err(|error| running(one.store.display(), error))?;
        }
        Ok(Shift(facts.shift_seconds))
    }

    /// One host after the other; ends with the first that can't be finished.
    fn ship_all(
        &mut self,
        ship: &Ship<'_>,
        planned: &[Planned],
        shift: Shift,
        tally: &mut Tally,
    ) -> Result<Ended, Failure> {
        let mut unit = "";
        for (number, Planned { job, store }) in planned.iter().enumerate() {
            self.progress.phase(format!("shipping {} of {}", number + 1, planned.len()), 0);
            let shipped = ship.run(job, store, shift).map_err(|error| running(store.display(), error))?;
            if unit != job.unit {
                self.told += &format!("{}\n", job.unit);
                unit = &job.unit;
            }
            self.told += &format!("  {}\n", host_line(job, &shipped));
            tally.host(job, &shipped, &store.display().to_string());
            if shipped.ended != Ended::Done {
                return Ok(shipped.ended);
            }
        }
        Ok(Ended::Done)
    }
}

fn outcome(ended: Ended, losses: bool, empty: &[String]) -> Outcome {
    let failed = |text: String| Err(Failure::Running(text));
    match ended {
        Ended::Stopped => failed(format!("stopped; {GOES_ON}")),
        Ended::GaveUp(why) => failed(format!("{why}\ngiven up; {GOES_ON}")),
        Ended::Unreadable(why) => failed(format!("{why}\n{GOES_ON}")),
        Ended::Done if !empty.is_empty() => failed(format!("nothing to import in {}", empty.join(", "))),
        Ended::Done if losses => failed("not everything has arrived; see above".to_owned()),
        Ended::Done => Ok(()),
    }
}
