//! One host's files through the agent's engine, to the end.
//!
//! The engine is driven as by the agent, with two differences: nothing tells of changes, as there are none; and the wall
//! clock stands past all data, so that no line is young enough to wait for evidence that can't come any more.

use super::disk::Failure;
use super::job::Job;
use super::progress::Progress;
use crate::engine::{Attempt, Engine, Origin, Request, Saving, Shift, Signal, SignalStatus, Status};
use crate::shell::clock::Clock;
use crate::shell::positions;
use crate::shell::rejected::RejectedFiles;
use crate::shell::transports::Transports;
use crate::shell::wakeup::{Inbox, Sender, channel};
use exporter::classify::Answer;
use model::{NANOS_PER_SECOND, Now};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use watcher::store::Trouble;

/// How long open requests get when it is ended early.
const GRACE: Duration = Duration::from_secs(5);
/// How often it is looked whether it is to end, and how it goes.
pub(super) const TICK: Duration = Duration::from_millis(250);
/// An endpoint that can't be used is given up after this long: somebody has to repair it, or the configuration.
pub(super) const BLOCKED: u64 = 20;
/// One that does not answer is given up after this long; the positions are kept, and the next run goes on.
pub(super) const SILENT: u64 = 300;
/// How far the clock stands past the newest data.
const PAST: i64 = 3600;

enum Event {
    Answered { signal: Signal, attempt: Attempt, answer: Answer },
    Saved(positions::Saved),
}

/// How shipping ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Everything is settled.
    Done,
    /// Somebody has ended it.
    Stopped,
    /// An endpoint does not take anything; why.
    GaveUp(String),
    /// A file can't be read any more; which and why.
    Unreadable(String),
}

/// What became of one host.
pub(crate) struct Shipped {
    pub(crate) ended: Ended,
    pub(crate) status: Status,
    /// What the endpoints said last of records that they did not want.
    pub(crate) words: BTreeMap<&'static str, String>,
}

/// What all hosts are shipped with.
pub(crate) struct Ship<'s> {
    pub(crate) runtime: tokio::runtime::Handle,
    pub(crate) clock: Clock,
    pub(crate) transports: Transports,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) progress: &'s Progress,
}

impl Ship<'_> {
    /// Ships a host's files from where an earlier run left off.
    ///
    /// # Errors
    /// If the store can't be had: another import of the same is under way.
    pub(crate) fn run(&self, job: &Job, store: &Path, shift: Shift) -> Result<Shipped, String> {
        let (sender, inbox) = channel();
        let saver = sender.clone();
        let saved = move |result| {
            saver.send(Event::Saved(result));
        };
        let opened = positions::open(store, None, self.clock, saved).map_err(|error| error.to_string())?;
        let origin = Origin { host_name: job.host_name.clone(), uuid: job.host.uuid, finished: true, shift };
        let keep = Box::new(RejectedFiles::new(store, self.clock));
        let (files, settings) = (Box::new(job.disk.clone()), job.settings.clone());
        let lost = opened.troubles.iter().any(Trouble::loses_positions);
        let engine = Engine::of(origin, files, settings, &opened.entries, lost, keep, self.now(job));
        let mut work = Work { ship: self, job, engine, inbox, sender, failure: job.disk.failure() };
        opened.troubles.iter().for_each(|trouble| work.engine.store_trouble(trouble));
        let mut saving = Saving::default();
        let ended = work.run(&mut saving, &opened.positions);
        let status = work.engine.status(self.now(job));
        let words = [Signal::Traces, Signal::Logs].into_iter();
        let words =
            words.filter_map(|signal| Some((signal.as_str(), work.engine.last_words(signal)?.to_owned())));
        let words = words.collect();
        // Nothing else waits for this program: the disk gets the time it takes.
        drop(opened.positions.close(saving.last(&mut work.engine, self.now(job))).recv());
        Ok(Shipped { ended, status, words })
    }

    /// Waits; gives false if it is to end.
    pub(super) fn pause(&self, pause: Duration) -> bool {
        let until = self.clock.now().mono + pause;
        loop {
            let left = until.saturating_sub(self.clock.now().mono);
            if self.stop.load(Ordering::Relaxed) || left.is_zero() {
                return left.is_zero();
            }
            self.runtime.block_on(tokio::time::sleep(left.min(TICK)));
        }
    }

    fn now(&self, job: &Job) -> Now {
        let now = self.clock.now();
        let newest = job.range.map_or(0, |(_, newest)| newest.saturating_add(PAST));
        let past = u64::try_from(newest).unwrap_or(0).saturating_mul(NANOS_PER_SECOND);
        Now { wall_unix_nano: now.wall_unix_nano.max(past), ..now }
    }
}

struct Work<'w> {
    ship: &'w Ship<'w>,
    job: &'w Job,
    engine: Engine,
    inbox: Inbox<Event>,
    sender: Sender<Event>,
    failure: Failure,
}

impl Work<'_> {
    fn run(&mut self, saving: &mut Saving, positions: &positions::Positions) -> Ended {
        let (mut leave, mut next_look) = (None, Duration::ZERO);
        loop {
            let now = self.ship.now(self.job);
            let turn = self.engine.turn(now);
            self.send(turn.requests);
            saving.step(&mut self.engine, now, |changes| positions.save(changes));
            if leave.is_none() && self.engine.is_at_rest() {
                // What the last reads met is told by the next look.
                self.engine.look_at_all();
                self.engine.turn(now);
                return Ended::Done;
            }
            if leave.is_none() && now.mono >= next_look {
                next_look = now.mono + TICK;
                leave = self.look(now).map(|ended| (ended, now.mono + GRACE));
                if leave.is_some() {
                    self.engine.stop();
                }
            }
            if let Some((ended, by)) = &leave
                && (now.mono >= *by || !self.engine.has_open_requests())
            {
                return ended.clone();
            }
            let deadline = turn.deadline.map_or(TICK, |time| time.saturating_sub(now.mono).min(TICK));
            self.take_events(if turn.more { Duration::ZERO } else { deadline });
        }
    }

    /// Shows how far it is; says whether it is to end, and why.
    fn look(&self, now: Now) -> Option<Ended> {
        let (done, total) = self.engine.progress();
        self.ship.progress.at(done, total);
        if self.ship.stop.load(Ordering::Relaxed) {
            return Some(Ended::Stopped);
        }
        if let Some(why) = self.failure.get() {
            return Some(Ended::Unreadable(why));
        }
        self.unusable(now)
    }

    /// An endpoint that has not taken anything for too long.
    fn unusable(&self, now: Now) -> Option<Ended> {
        self.engine.status(now).signals.into_iter().find_map(|(signal, status)| {
            let patience = if status.state == "blocked" { BLOCKED } else { SILENT };
            let long = status.since_seconds.is_some_and(|seconds| seconds >= patience);
            let SignalStatus { endpoint, why, .. } = status;
            long.then(|| Ended::GaveUp(format!("{endpoint} does not take the {signal}: {why}")))
        })
    }

    fn send(&self, requests: Vec<Request>) {
        for request in requests {
            let sender = self.sender.clone();
            self.ship.transports.send(&self.ship.runtime, request, move |signal, attempt, answer| {
                sender.send(Event::Answered { signal, attempt, answer });
            });
        }
    }

    /// Takes all events there are, waiting for the first. It holds a sender itself, so that there always is one.
    fn take_events(&mut self, mut timeout: Duration) {
        while let Ok(Some(event)) = self.inbox.next(timeout) {
            timeout = Duration::ZERO;
            match event {
                Event::Answered { signal, attempt, answer } => {
                    self.engine.answered(signal, attempt, &answer, self.ship.now(self.job));
                }
                Event::Saved((result, dealt_with)) => {
                    dealt_with.iter().for_each(|trouble| self.engine.store_trouble(trouble));
                    self.engine.saved(result.as_ref().err());
                }
            }
        }
    }
}
