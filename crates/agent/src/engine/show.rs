//! The engine's state as `status` shows it.

use super::attach::Attacher;
use super::status::{
    Brief, CorrelationStatus, DescriptorStatus, FileStatus, HostStatus, MemoryStatus, MoreFiles,
    ProcessStatus, SignalStatus, Status, StoreStatus, WakeupStatus,
};
use super::words::Words;
use super::{Engine, Outlet, Signal};
use crate::config::Destination;
use crate::span_metrics::SpanMetrics;
use exporter::delivery::State;
use model::{NANOS_PER_SECOND, Now};
use parser::correlate::Outcome;
use parser::log::TimeMark;
use std::collections::BTreeMap;
use watcher::{StreamInfo, StreamKind};

/// How many trace files are shown each for itself.
const SHOWN: u64 = 1_000;

impl Engine {
    /// How everything stands.
    pub(crate) fn status(&self, now: Now) -> Status {
        let (files, more_files, drained_files) = self.files(now);
        Status {
            version: env!("CARGO_PKG_VERSION"),
            uptime_seconds: now.mono.saturating_sub(self.started).as_secs(),
            degraded: self.degraded(),
            host: self.host_status(),
            watching: if self.health.polling.is_some() { "polling" } else { "notify" },
            wakeups: WakeupStatus::default(),
            files,
            more_files,
            drained_files,
            signals: self.signals(now),
            correlation: self.correlation(),
            memory: self.memory(),
            zipkin: None,
            span_metrics: self.span_metrics.as_ref().map(SpanMetrics::status),
            descriptors: self.descriptors(),
            store: self.store(),
            process: ProcessStatus::default(),
            prometheus: None,
        }
    }

    /// The same in short, without a look at each file.
    pub(crate) fn brief(&self, now: Now) -> Brief {
        Brief { degraded: self.degraded(), signals: self.signals(now) }
    }

    fn degraded(&self) -> Vec<String> {
        let files =
            self.health.files.iter().map(|(path, why)| format!("{} can't be read: {why}", path.display()));
        let store = self.health.store.iter().map(|why| format!("checkpoints are in memory only: {why}"));
        let polling = self.health.polling.iter().map(|why| format!("files are polled: {why}"));
        files.chain(store).chain(polling).collect()
    }

    fn host_status(&self) -> HostStatus {
        let learned = self.identity.learned();
        HostStatus {
            name: self.identity.host().host_name.clone(),
            uuid: self.identity.host().uuid().map(|uuid| uuid.to_string()),
            name_label: learned.name_label.clone(),
            pool_uuid: learned.pool.clone(),
        }
    }

    fn signals(&self, now: Now) -> BTreeMap<&'static str, SignalStatus> {
        let export = &self.settings.export;
        let traces = (Signal::Traces, &self.outlets.traces, &export.traces, &self.tallies.traces);
        let logs = (Signal::Logs, &self.outlets.logs, &export.logs, &self.tallies.logs);
        [traces, logs]
            .into_iter()
            .filter_map(|(signal, outlet, to, tally)| {
                let status = signal_status(outlet.as_ref()?, to.as_ref()?, &self.words, now);
                Some((signal.as_str(), SignalStatus { tally: tally.clone(), ..status }))
            })
            .collect()
    }

    fn correlation(&self) -> CorrelationStatus {
        let counters = self.correlator.counters();
        let outcomes: BTreeMap<_, _> =
            Outcome::ALL.iter().map(|outcome| (outcome.as_str(), counters.of(*outcome))).collect();
        let (joined, with_id) =
            Outcome::ALL.iter().filter(|outcome| **outcome != Outcome::NoId).fold((0, 0), |sum, outcome| {
                let lines = counters.of(*outcome);
                (sum.0 + if outcome.is_joined() { lines } else { 0 }, sum.1 + lines)
            });
        let evictions = counters.evictions;
        let attached = self.attacher.as_ref().map(Attacher::tally).unwrap_or_default();
        CorrelationStatus {
            outcomes,
            joined_share: (with_id > 0).then(|| joined as f64 / with_id as f64),
            held_lines: self.correlator.held_lines() as u64,
            evicted: [("tasks", evictions.tasks), ("spans", evictions.spans), ("numbers", evictions.numbers)]
                .into(),
            waited_lines: counters.waited.counts.iter().skip(1).sum(),
            waited_seconds: counters.waited.sum.as_secs_f64(),
            attached_lines: attached.attached,
            not_attached: match self.attacher {
                Some(_) => {
                    [("late", attached.late), ("cut", attached.cut), ("no_room", attached.no_room)].into()
                }
                None => BTreeMap::new(),
            },
        }
    }

    fn memory(&self) -> MemoryStatus {
        let attached = self.attacher.as_ref().map_or(0, Attacher::bytes);
        MemoryStatus {
            limit_bytes: self.shares.limit as u64,
            correlation_limit_bytes: self.shares.correlation as u64,
            held_lines_bytes: (self.correlator.held_bytes() + attached) as u64,
            evidence_bytes: self.correlator.index_bytes() as u64,
            requests_bytes: self.outlets.iter().map(Outlet::bytes).sum::<usize>() as u64,
        }
    }

    fn descriptors(&self) -> DescriptorStatus {
        let held = self.watcher.held();
        DescriptorStatus {
            open: held.open as u64,
            limit: self.settings.limits.open_files,
            deleted_bytes: held.deleted_bytes,
            deleted_limit_bytes: self.settings.limits.held_deleted_bytes,
        }
    }

    fn store(&self) -> StoreStatus {
        let damaged = self.health.damaged.join("; ");
        let (state, why) = match &self.health.store {
            Some(why) => ("unavailable", why.clone()),
            None if !damaged.is_empty() => ("degraded", damaged),
            None => ("ok", damaged),
        };
        StoreStatus { state, why }
    }

    /// Those that are shown, the sum of the others, and how many trace files are drained.
    fn files(&self, now: Now) -> (Vec<FileStatus>, MoreFiles, u64) {
        let (at_work, mut drained) = self.watcher.streams_at_work();
        let (mut shown, mut more) = (Vec::new(), MoreFiles::default());
        let mut traces = 0;
        for info in at_work {
            let is_trace = info.kind == StreamKind::Trace;
            if is_trace && lag(&info) == 0 {
                // A file that was found before its first bytes is begun anew with them: the empty one is nobody's.
                drained += u64::from(info.settled > 0);
            } else if is_trace && traces == SHOWN {
                more.count += 1;
                more.lag_bytes += lag(&info);
                more.oldest_seconds = more.oldest_seconds.max(self.oldest_seconds(&info, now));
            } else {
                traces += u64::from(is_trace);
                shown.push(self.file(&info, now));
            }
        }
        (shown, more, drained)
    }

    fn file(&self, info: &StreamInfo, now: Now) -> FileStatus {
        let lag_bytes = lag(info);
        let state = match (lag_bytes, info.deleted) {
            (_, true) => "deleted",
            (0, false) => "settled",
            _ => "reading",
        };
        FileStatus {
            path: info.path.display().to_string(),
            signal: if info.kind == StreamKind::Trace { "traces" } else { "logs" },
            state,
            offset: info.settled,
            size: info.size.unwrap_or(info.disk_size),
            lag_bytes,
            oldest_seconds: self.oldest_seconds(info, now),
        }
    }

    fn oldest_seconds(&self, info: &StreamInfo, now: Now) -> Option<u64> {
        (lag(info) > 0).then(|| now.unix_seconds().saturating_sub(self.oldest_unix(info)))
    }

    /// The second of the oldest record that is not settled: see [`FileStatus::oldest_seconds`].
    fn oldest_unix(&self, info: &StreamInfo) -> u64 {
        let changed = info.modified_unix_nano / NANOS_PER_SECOND;
        if info.kind == StreamKind::Trace {
            return if info.settled == 0 { info.created_unix_nano / NANOS_PER_SECOND } else { changed };
        }
        let second = match (info.open_lines, info.second_open_mark) {
            (0, _) => None,
            (_, Some(mark)) => TimeMark::from(mark).second(),
            (_, None) => self.logs.reached_unix(info.stream),
        };
        second.and_then(|second| u64::try_from(second).ok()).unwrap_or(changed)
    }
}

fn lag(info: &StreamInfo) -> u64 {
    info.size.unwrap_or(info.disk_size).saturating_sub(info.settled)
}

fn signal_status(outlet: &Outlet, to: &Destination, words: &Words, now: Now) -> SignalStatus {
    let (state, why) = match outlet.state() {
        State::Ok => ("ok", String::new()),
        State::Retrying { message, .. } => ("retrying", words.of(message)),
        State::Blocked { message, .. } => ("blocked", words.of(message)),
        State::Refusing { message } => ("refusing", words.of(message)),
    };
    let since = outlet.state().since().map(|since| now.mono.saturating_sub(since).as_secs());
    // A query may hold a token.
    let endpoint = to.transport.url.split(['?', '#']).next().unwrap_or_default().to_owned();
    SignalStatus {
        endpoint,
        state,
        why,
        since_seconds: since,
        queue_bytes: outlet.bytes() as u64,
        queue_limit_bytes: outlet.share() as u64,
        tally: super::SignalTally::default(),
    }
}
