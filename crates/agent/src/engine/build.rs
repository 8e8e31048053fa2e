//! The engine from its settings and the checkpoints, and the checkpoints from the engine.
//!
//! Keys in the store: `h` holds what was learned of the host (JSON); `s` and eight bytes, a stream's number, hold its
//! position.

use super::attach::Attacher;
use super::changes::{Health, evidence_from};
use super::identity::{Identity, Learned};
use super::logs::LogRoom;
use super::notices::Notices;
use super::origin::Origin;
use super::outlets::Outlets;
use super::shares::Shares;
use super::tally::Tallies;
use super::traces::TraceRoom;
use super::words::Words;
use super::{Engine, Keep};
use crate::config::{LogSettings, Settings};
use crate::receiver;
use crate::span_metrics::SpanMetrics;
use model::Now;
use parser::correlate::{self, Correlator};
use parser::log::{Filters, Format, LinePattern, LogSource};
use parser::redact::Redactor;
use parser::zipkin::{DropRules, Folded};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use watcher::store::Entries;
use watcher::{FileSystem, SavedStream, StartAt, Watcher};

const HOST_KEY: &[u8] = b"h";
const STREAM_KEY: u8 = b's';

impl Engine {
    /// An engine that goes on from the checkpoints in `entries`; `lost`: there were others that could not be read, so
    /// rotated siblings are read as well.
    pub(crate) fn new(
        files: Box<dyn FileSystem>,
        settings: Settings,
        entries: &Entries,
        lost: bool,
        keep: Box<dyn Keep>,
        now: Now,
    ) -> Self {
        Self::of(Origin::this_machine(&settings), files, settings, entries, lost, keep, now)
    }

    /// The same for the files of another host.
    pub(crate) fn of(
        origin: Origin,
        files: Box<dyn FileSystem>,
        settings: Settings,
        entries: &Entries,
        lost: bool,
        keep: Box<dyn Keep>,
        now: Now,
    ) -> Self {
        let shares = Shares::of(settings.limits.memory_bytes);
        let saved = saved_streams(entries);
        let lost = lost || (saved.is_empty() && entries.keys().any(|key| key.first() == Some(&STREAM_KEY)));
        let oldest_unix = oldest_wanted(&settings, saved.is_empty(), now);
        let Origin { host_name, uuid, finished, shift } = origin;
        let identity = Identity::new(uuid, &host_name, settings.resource.clone(), learned(entries));
        let redactor = Arc::new(Redactor::new(settings.redact, &settings.redact_patterns));
        let sources = settings.logs.iter().map(source).collect();
        let rules = settings.traces.iter().flat_map(|traces| &traces.drop).map(String::as_str);
        let delivers = settings.export.traces.is_some();
        let traces = TraceRoom::new(
            &host_name,
            settings.resource.clone(),
            DropRules::new(rules),
            Arc::clone(&redactor),
            Folded::remembering(shares.folded_spans()),
            delivers,
        )
        .shifted(shift);
        let attach_room = shares.correlation / 8;
        let attacher = Attacher::new(settings.attach_logs, attach_room);
        let correlation = shares.correlation - attacher.as_ref().map_or(0, |_| attach_room);
        Self {
            shares,
            evidence_from: evidence_from(&saved, &settings.logs),
            watcher: Watcher::new(
                files,
                watcher::Settings {
                    all_siblings: lost || finished,
                    finished_files: finished,
                    ..watch_settings(&settings, &shares)
                },
                saved,
            ),
            identity,
            traces,
            logs: LogRoom::new(sources, redactor, oldest_unix).shifted(shift),
            correlator: Correlator::new(correlate::Settings::within(settings.wait, correlation)),
            attacher,
            outlets: Outlets::new(&settings, &shares, now),
            tallies: Tallies::default(),
            span_metrics: settings.span_metrics.then(|| SpanMetrics::new(now)),
            keep,
            next_scan: Duration::ZERO,
            scanned: Duration::ZERO,
            told: false,
            logs_moved: now.mono,
            looking: true,
            stopping: false,
            health: Health::default(),
            notices: Notices::default(),
            words: Words::new(&settings),
            last_words: BTreeMap::new(),
            started: now.mono,
            moved: false,
            directories: Vec::new(),
            directories_changed: false,
            settings,
        }
    }

    /// Whether a checkpoint has changed since [`changed_entries`](Self::changed_entries), or the disk has not taken the
    /// last ones: then the store is to try again, even if nothing has changed.
    pub(crate) fn has_changed_entries(&self) -> bool {
        self.moved || self.identity.is_changed() || self.health.store.is_some()
    }

    /// Whether [`changed_entries`](Self::changed_entries) has left files out.
    pub(crate) fn has_unsaved_files(&self) -> bool {
        self.watcher.is_dirty()
    }

    /// The entries of the store that have changed, `max` of files at most; `None` removes one.
    pub(crate) fn changed_entries(&mut self, now: Now, max: usize) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        let dirty = self.watcher.take_dirty(now, max);
        self.moved = self.watcher.is_dirty();
        let saved = dirty.saved.iter().map(|stream| (stream_key(stream.key), Some(stream.to_bytes())));
        let removed = dirty.removed.iter().map(|key| (stream_key(*key), None));
        let learned = self.identity.take_changed().and_then(|learned| serde_json::to_vec(learned).ok());
        let host = learned.map(|learned| (HOST_KEY.to_vec(), Some(learned)));
        saved.chain(removed).chain(host).collect()
    }
}

/// At a start without a checkpoint, lines older than this second are passed over.
fn oldest_wanted(settings: &Settings, fresh: bool, now: Now) -> i64 {
    let age = settings.limits.max_age.as_secs();
    if !fresh || age == 0 {
        return i64::MIN;
    }
    now.unix_seconds().cast_signed().saturating_sub_unsigned(age)
}

fn stream_key(key: u64) -> Vec<u8> {
    std::iter::once(STREAM_KEY).chain(key.to_be_bytes()).collect()
}

fn saved_streams(entries: &Entries) -> Vec<SavedStream> {
    let streams = entries.iter().filter(|(key, _)| key.first() == Some(&STREAM_KEY));
    streams
        .filter_map(|(_, value)| match SavedStream::from_bytes(value) {
            Ok(stream) => Some(stream),
            Err(error) => {
                tracing::error!(id = "XO1304", %error, "a checkpoint is passed over; its file is read again");
                None
            }
        })
        .collect()
}

fn learned(entries: &Entries) -> Learned {
    entries.get(HOST_KEY).and_then(|value| serde_json::from_slice(value).ok()).unwrap_or_default()
}

/// What the watcher is told of files that no longer change.
pub(crate) fn finished_files(settings: &Settings) -> watcher::Settings {
    let shares = Shares::of(settings.limits.memory_bytes);
    watcher::Settings {
        all_siblings: true,
        finished_files: true,
        max_age: Duration::ZERO,
        ..watch_settings(settings, &shares)
    }
}

fn watch_settings(settings: &Settings, shares: &Shares) -> watcher::Settings {
    let log = |log: &LogSettings| watcher::LogSettings {
        path: log.path.clone(),
        start_at: if log.start_at_end { StartAt::End } else { StartAt::Beginning },
    };
    let limits = &settings.limits;
    let number = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    let of_xapi = settings.traces.as_ref().map(|traces| traces.directory.clone());
    let received = settings.zipkin.map(|_| receiver::directory(&settings.checkpoint));
    watcher::Settings {
        traces: of_xapi.into_iter().chain(received).collect(),
        logs: settings.logs.iter().filter(|_| settings.reads_logs()).map(log).collect(),
        line_limit: number(limits.line_bytes),
        open_files: number(limits.open_files),
        max_age: limits.max_age,
        held_deleted: limits.held_deleted_bytes,
        window_log_max: shares.window_log(),
        ..watcher::Settings::default()
    }
}

/// The log as the parser knows it.
pub(crate) fn source(log: &LogSettings) -> LogSource {
    let format = match (log.format.as_str(), &log.pattern) {
        ("smlog", _) => Format::Smlog,
        ("audit", _) => Format::Audit,
        ("syslog", _) => Format::Syslog,
        ("regex", Some(pattern)) => LinePattern::new(pattern.as_str()).map_or(Format::Syslog, Format::Regex),
        _ => Format::Xensource,
    };
    let patterns: Vec<&str> = log.drop.iter().map(regex::Regex::as_str).collect();
    // Each was tried when the configuration was read; together they can only be too large.
    let filters = Filters::new(log.min_severity, &patterns, &log.drop_modules).unwrap_or_default();
    let source = LogSource::new(log.path.to_string_lossy(), format)
        .with_zone(log.timezone.unwrap_or_default())
        .with_filters(filters);
    match &log.service_name {
        Some(name) => source.with_service_name(name),
        None => source,
    }
}
