//! What the engine is told of each host: its files as a disk, its settings, its times.

use super::disk::{HostDisk, HostFile};
use super::gather::{Gathered, Unit};
use super::learn::{Learned, ZoneFrom, add_vote, choose, learn, of_file};
use super::place::{LOGS, TRACES, device, has_log, laid_out, raw_file};
use crate::config::{LogSettings, Settings};
use archive::{HostId, Modified};
use chrono::{DateTime, Datelike, Months};
use parser::log::Zone;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

/// Years that differ by more than half of one are not the same.
const HALF_A_YEAR: i64 = 183 * 86_400;

/// How the reading is followed and ended.
#[derive(Clone, Default)]
pub(crate) struct Watch {
    /// Bytes read so far.
    pub(crate) read: Arc<AtomicU64>,
    /// It is to end.
    pub(crate) stop: Arc<AtomicBool>,
}

/// What the user says of times and names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    pub(crate) zone: Option<Zone>,
    /// Of the newest line.
    pub(crate) year: Option<i32>,
    pub(crate) namespace: Option<String>,
}

/// What the years of lines were found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum YearFrom {
    Given,
    /// The files' last changes.
    Dates,
    Spans,
}

/// One host's files, ready to be shipped.
pub(crate) struct Job {
    pub(crate) unit: String,
    pub(crate) namespace: String,
    pub(crate) host: archive::Host,
    pub(crate) host_name: String,
    pub(crate) disk: HostDisk,
    pub(crate) settings: Settings,
    pub(crate) zone: Zone,
    pub(crate) zone_from: ZoneFrom,
    pub(crate) year_from: YearFrom,
    /// Whether there are log lines that want a zone and a year.
    pub(crate) has_lines: bool,
    /// Seconds since the epoch of the oldest and newest data.
    pub(crate) range: Option<(i64, i64)>,
}

/// The jobs of a unit, one for each host.
pub(crate) fn jobs(unit: &Unit, settings: &Settings, wishes: &Wishes, watch: &Watch) -> Vec<Job> {
    let hosts = unit.hosts.list().iter().enumerate();
    hosts.map(|(number, host)| job(unit, HostId(number), host, settings, wishes, watch)).collect()
}

fn job(
    unit: &Unit,
    id: HostId,
    host: &archive::Host,
    settings: &Settings,
    wishes: &Wishes,
    watch: &Watch,
) -> Job {
    let namespace = wishes.namespace.clone().unwrap_or_else(|| format!("import-{:012x}", unit.hash >> 80));
    let files = unit.files.iter().filter(|file| unit.hosts.of(&file.root) == Some(id));
    let files: BTreeMap<PathBuf, &Gathered> = laid_out(files);
    let device = device(unit, host);
    let settings = settings_of(settings, &files, &namespace);
    let given = wishes.zone.or_else(|| configured_zone(&settings));
    let raw = HostDisk::new(
        files.iter().map(|(path, file)| (path.clone(), raw_file(file, given))).collect(),
        device,
        &watch.read,
    );
    let (learned, year_from) = learn_years(&raw, &settings, &files, &watch.stop);
    let (zone, zone_from) = zone(&learned, &files, wishes, &settings);
    let times = Times { zone, added_years: added_years(&learned, wishes.year) };
    let year_from = if wishes.year.is_some() { YearFrom::Given } else { year_from };
    let dated = files.iter().map(|(path, file)| {
        let known = learned.logs.get(path).map(|lines| times.unix(lines.last));
        let modified_unix = known.unwrap_or_else(|| raw_file(file, Some(zone)).modified_unix);
        (path.clone(), HostFile { content: file.content.clone(), modified_unix })
    });
    Job {
        unit: unit.name.clone(),
        namespace,
        host: host.clone(),
        host_name: learned.host_name.clone().unwrap_or_default(),
        disk: HostDisk::new(dated.collect(), device, &watch.read),
        settings: with_zone(settings, wishes.zone, zone),
        zone,
        zone_from,
        year_from,
        has_lines: !learned.logs.is_empty(),
        range: times.range(&learned),
    }
}

/// The settings for these files: the logs that there are, everything wanted, and nothing of this machine.
fn settings_of(settings: &Settings, files: &BTreeMap<PathBuf, &Gathered>, namespace: &str) -> Settings {
    let mut own = settings.clone();
    own.logs = logs_of(settings).into_iter().filter(|log| has_log(files, &log.path)).collect();
    if let Some(traces) = &mut own.traces {
        traces.directory = TRACES.into();
    }
    own.limits.max_age = std::time::Duration::ZERO;
    // What is long over says nothing of rates now.
    own.span_metrics = false;
    own.zipkin = None;
    own.resource.retain(|(key, _)| key != "service.namespace");
    own.resource.push(("service.namespace".to_owned(), namespace.to_owned()));
    own
}

/// The logs that are imported: those that the configuration names, where they lie on a host; or, where it names none, all
/// that are known.
pub(crate) fn logs_of(settings: &Settings) -> Vec<LogSettings> {
    let mut logs: Vec<LogSettings> = Vec::new();
    let known = settings.logs_given.then_some(&settings.logs);
    let defaults =
        || KNOWN.iter().map(|(name, format)| LogSettings::plain(Path::new(LOGS).join(name), format));
    for log in known.map_or_else(|| defaults().collect(), Clone::clone) {
        let path = Path::new(LOGS).join(log.path.file_name().unwrap_or_default());
        if logs.iter().all(|other| other.path != path) {
            logs.push(LogSettings { path, start_at_end: false, ..log });
        }
    }
    logs
}

/// The logs with something to say of operations.
const KNOWN: [(&str, &str); 4] =
    [("xensource.log", "xensource"), ("SMlog", "smlog"), ("audit.log", "audit"), ("daemon.log", "syslog")];

/// The zone that all logs are said to have.
fn configured_zone(settings: &Settings) -> Option<Zone> {
    let mut zones = settings.logs.iter().map(|log| log.timezone);
    let first = zones.next()??;
    zones.all(|zone| zone == Some(first)).then_some(first)
}

/// Reads everything; where spans contradict the files' dates by more than half a year, once more with their date.
fn learn_years(
    disk: &HostDisk,
    settings: &Settings,
    files: &BTreeMap<PathBuf, &Gathered>,
    cancelled: &AtomicBool,
) -> (Learned, YearFrom) {
    let learned = learn(disk, settings, None, cancelled);
    let newest_line = learned.logs.values().map(|lines| lines.last).max();
    let newest_span = learned.span_range.map(|(_, newest)| newest);
    let dated = files.values().any(|file| file.modified.is_some());
    match (newest_line, newest_span) {
        (Some(line), Some(span)) if (line - span).abs() > HALF_A_YEAR || !dated => {
            (learn(disk, settings, Some(span), cancelled), YearFrom::Spans)
        }
        _ => (learned, YearFrom::Dates),
    }
}

fn zone(
    learned: &Learned,
    files: &BTreeMap<PathBuf, &Gathered>,
    wishes: &Wishes,
    settings: &Settings,
) -> (Zone, ZoneFrom) {
    if let Some(zone) = wishes.zone {
        return (zone, ZoneFrom::Given);
    }
    if let Some(zone) = configured_zone(settings) {
        return (zone, ZoneFrom::Configured);
    }
    let mut by_files = BTreeMap::new();
    for (path, lines) in &learned.logs {
        if let Some(Modified::Utc(modified)) = files.get(path).and_then(|file| file.modified)
            && let Some(offset) = of_file(lines.last, modified)
        {
            add_vote(&mut by_files, offset, modified);
        }
    }
    choose(&learned.votes.offsets, &by_files)
}

/// A zone that is given goes for all logs, one that is found for those that have none.
fn with_zone(mut settings: Settings, given: Option<Zone>, found: Zone) -> Settings {
    for log in &mut settings.logs {
        log.timezone = given.or(log.timezone).or(Some(found));
    }
    settings
}

/// By how many years lines are to be moved, so that the newest is of the year given.
fn added_years(learned: &Learned, year: Option<i32>) -> i32 {
    let newest = learned.logs.values().map(|lines| lines.last).max();
    let found = newest.and_then(|local| DateTime::from_timestamp(local, 0)).map(|time| time.year());
    year.zip(found).map_or(0, |(year, found)| year - found)
}

struct Times {
    zone: Zone,
    added_years: i32,
}

impl Times {
    /// The moment of a local time.
    fn unix(&self, local: i64) -> i64 {
        let months = Months::new(self.added_years.unsigned_abs().saturating_mul(12));
        let moved = DateTime::from_timestamp(local, 0).and_then(|time| {
            if self.added_years < 0 {
                time.checked_sub_months(months)
            } else {
                time.checked_add_months(months)
            }
        });
        self.zone.first_second(moved.map_or(local, |time| time.timestamp()))
    }

    fn range(&self, learned: &Learned) -> Option<(i64, i64)> {
        let lines = learned.logs.values().flat_map(|lines| [lines.first, lines.last]).map(|at| self.unix(at));
        let spans = learned.span_range.into_iter().flat_map(|(oldest, newest)| [oldest, newest]);
        let all: Vec<i64> = lines.chain(spans).collect();
        Some((*all.iter().min()?, *all.iter().max()?))
    }
}

impl Job {
    /// What is said of its host and its times.
    pub(crate) fn story(&self) -> String {
        let uuid = self.host.uuid.map_or_else(
            || "no uuid, as neither an inventory nor a trace file's name has one".to_owned(),
            |uuid| {
                let from = if self.host.source == archive::Source::Inventory {
                    "inventory"
                } else {
                    "names of trace files"
                };
                format!("{uuid}, from its {from}")
            },
        );
        let role = self.host.role.as_ref().map(|role| format!(", {role}")).unwrap_or_default();
        let name = if self.host_name.is_empty() { "host" } else { &self.host_name };
        let mut story = format!("{name} ({uuid}{role})");
        if self.has_lines {
            let year = match self.year_from {
                YearFrom::Given => "as given",
                YearFrom::Dates => "from the files' dates",
                YearFrom::Spans => "from the spans, as the files' dates don't fit them",
            };
            let zone = zone_name(&self.zone, self.range.map_or(0, |(_, newest)| newest));
            story += &format!("\n    log lines: year {year}; time zone {zone}: {}", self.zone_from);
        }
        if !self.host.others.is_empty() {
            story += &format!("\n    {} other hosts have trace files among its own", self.host.others.len());
        }
        story
    }
}

fn zone_name(zone: &Zone, unix: i64) -> String {
    let seconds = zone.offset_at(unix);
    let sign = if seconds < 0 { '-' } else { '+' };
    let (hours, minutes) = (seconds.abs() / 3600, seconds.abs() / 60 % 60);
    let offset = format!("UTC{sign}{hours:02}:{minutes:02}");
    match zone {
        Zone::Named(name) => format!("{name} ({offset})"),
        _ => offset,
    }
}
