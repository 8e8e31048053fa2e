//! One run of the agent: the shell's loop (`shell/driver.rs`) on the simulated clock, around the engine as it is.

use super::collector::{Collector, OnItsWay};
use super::decode::decode;
use super::ledger::Ledger;
use super::plant::{self, Plant};
use super::script::{SECOND, Script, wall};
use super::store::{Restored, Store};
use crate::config::Settings;
use crate::engine::outlet::Outlet;
use crate::engine::{Engine, Keep, Rejected, Saving, Signal};
use model::Now;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use watcher::store::Trouble;
use watcher::{FileSystem, Hint};

/// How long open requests get at a stop.
const GRACE: u64 = 5 * SECOND;
/// Turns at one moment, at most: more is an engine that spins.
const TURNS: usize = 20_000;
/// Beyond its share a room may hold a record that does not fit any more.
const RECORD: usize = 16 << 10;

/// What was set aside, until it is booked: which signal's, in which form, the bytes.
type Aside = Arc<Mutex<Vec<(Signal, &'static str, Vec<u8>)>>>;

struct Keeper(Aside);

impl Keep for Keeper {
    fn keep(&mut self, rejected: &Rejected<'_>) {
        let signal = if rejected.signal == "logs" { Signal::Logs } else { Signal::Traces };
        self.0.lock().expect("one thread").push((signal, rejected.form.as_str(), rejected.bytes.to_vec()));
    }
}

/// What an agent works with.
pub(super) struct Around<'a> {
    pub(super) store: &'a mut Store,
    pub(super) collector: &'a mut Collector,
    pub(super) ledger: &'a mut Ledger,
    pub(super) script: &'a Script,
    /// How many saves were handed over, in all runs.
    pub(super) saves: &'a mut u64,
    pub(super) plant: Option<Plant>,
    pub(super) now: u64,
    pub(super) skew: i64,
}

/// See the module.
pub(super) struct Agent {
    pub(super) engine: Engine,
    saving: Saving,
    started: u64,
    on_their_way: Vec<OnItsWay>,
    aside: Aside,
    deadline: Option<u64>,
    stop_by: Option<u64>,
}

impl Agent {
    pub(super) fn start(
        files: Box<dyn FileSystem>,
        settings: Settings,
        restored: &Restored,
        notified: bool,
        (now, skew): (u64, i64),
    ) -> Self {
        let aside = Aside::default();
        let clock = clock(now, now, skew);
        let keep = Box::new(Keeper(Arc::clone(&aside)));
        let mut engine = Engine::new(files, settings, &restored.entries, restored.lost, keep, clock);
        engine.watching((!notified).then(|| "no events".to_owned()));
        let (saving, on_their_way) = (Saving::default(), Vec::new());
        Self { engine, saving, started: now, on_their_way, aside, deadline: Some(now), stop_by: None }
    }

    /// When it is to be called again, if nothing happens before.
    pub(super) fn due(&self) -> Option<u64> {
        let answers = self.on_their_way.iter().map(|request| request.due);
        answers.chain(self.deadline).chain(self.stop_by).min()
    }

    pub(super) fn wake(&mut self, hint: Hint, now: u64) {
        self.engine.wake(hint);
        self.deadline = Some(now);
    }

    /// A save has ended.
    pub(super) fn saved(&mut self, result: Result<(), Trouble>, now: u64) {
        self.engine.saved(result.as_ref().err());
        self.deadline = Some(now);
    }

    pub(super) fn stop(&mut self, around: &mut Around<'_>) {
        plant::stopping(around.plant, &mut self.engine);
        self.engine.stop();
        self.stop_by = Some(around.now + GRACE);
        self.deadline = Some(around.now);
    }

    /// Does all that is to be done now, or as many turns as it lives. Gives false when it has ended.
    pub(super) fn step(&mut self, around: &mut Around<'_>, turns: Option<usize>) -> bool {
        for _ in 0..turns.unwrap_or(TURNS) {
            self.take_answers(around);
            if !self.turn(around) {
                return self.end(around);
            }
            if self.deadline.is_none_or(|deadline| deadline > around.now) {
                return true;
            }
        }
        if turns.is_none() {
            around.ledger.problem(format!("the engine finds no rest at {} ms", around.now / 1_000_000));
            self.deadline = Some(around.now + SECOND);
        }
        true
    }

    fn turn(&mut self, around: &mut Around<'_>) -> bool {
        let now = clock(around.now, self.started, around.skew);
        let turn = self.engine.turn(now);
        self.book_aside(around);
        for request in &turn.requests {
            let taken = around.collector.take(request, around.ledger, around.script, around.now);
            self.on_their_way.push(taken);
        }
        self.save(now, around);
        self.check_memory(around);
        if self.stop_by.is_some_and(|time| around.now >= time || !self.engine.has_open_requests()) {
            return false;
        }
        let due = if turn.more { Some(Duration::ZERO) } else { self.next(turn.deadline) };
        self.deadline = due.map(|due| (self.started + nanos(due)).max(around.now));
        true
    }

    fn next(&self, turn: Option<Duration>) -> Option<Duration> {
        let saving = self.saving.due(&self.engine).filter(|_| self.stop_by.is_none());
        turn.into_iter().chain(saving).min()
    }

    fn save(&mut self, now: Now, around: &mut Around<'_>) {
        let Around { store, ledger, saves, plant, now: at, .. } = around;
        let read = plant::read_up_to(*plant, &self.engine);
        self.saving.step(&mut self.engine, now, |changes| {
            store.save(plant::saved(*plant, &read, changes), **saves + 1, *at)?;
            **saves += 1;
            ledger.handed_over(**saves);
            Ok(())
        });
    }

    fn take_answers(&mut self, around: &mut Around<'_>) {
        let now = clock(around.now, self.started, around.skew);
        let (due, later) =
            std::mem::take(&mut self.on_their_way).into_iter().partition(|request| request.due <= around.now);
        self.on_their_way = later;
        for OnItsWay { signal, attempt, answer, records, stored, definite, .. } in due {
            let answer = plant::answered(around.plant, &answer);
            self.engine.answered(signal, attempt, &answer, now);
            if definite {
                records.into_iter().for_each(|record| around.ledger.settled(record));
            } else {
                stored.into_iter().for_each(|record| around.ledger.unanswered(record));
            }
            self.book_aside(around);
        }
    }

    fn book_aside(&mut self, around: &mut Around<'_>) {
        for (signal, form, bytes) in self.aside.lock().expect("one thread").drain(..) {
            if form != "otlp" {
                continue;
            }
            for record in decode(signal, &bytes).into_iter().flat_map(|seen| seen.records) {
                around.ledger.set_aside(record);
                around.ledger.settled(record);
            }
        }
    }

    /// Ends as on SIGTERM, all saved.
    fn end(&mut self, around: &mut Around<'_>) -> bool {
        self.give_up_requests(around.ledger);
        let now = clock(around.now, self.started, around.skew);
        let read = plant::read_up_to(around.plant, &self.engine);
        let changes = std::mem::take(&mut self.saving).last(&mut self.engine, now);
        let changes = plant::saved(around.plant, &read, changes);
        *around.saves += 1;
        around.ledger.handed_over(*around.saves);
        around.store.close(changes, *around.saves, around.now);
        false
    }

    /// The process is no more: what was stored and not answered may come again.
    pub(super) fn give_up_requests(&mut self, ledger: &mut Ledger) {
        for request in self.on_their_way.drain(..) {
            request.stored.into_iter().for_each(|record| ledger.unanswered(record));
        }
    }

    fn check_memory(&self, around: &mut Around<'_>) {
        let engine = &self.engine;
        let requests: usize = engine.outlets.iter().map(Outlet::bytes).sum();
        let lines = engine.correlator.held_bytes() + engine.correlator.index_bytes();
        if requests + lines > engine.shares.limit + RECORD {
            let limit = engine.shares.limit;
            around.ledger.problem(format!("{requests} bytes of requests and {lines} of lines of {limit}"));
        }
    }

    /// Bytes counted as lost in this run.
    pub(super) fn lost_bytes(&self) -> u64 {
        let tallies = &self.engine.tallies;
        [&tallies.traces, &tallies.logs].into_iter().flat_map(|tally| tally.lost_bytes.values()).sum()
    }
}

fn clock(now: u64, started: u64, skew: i64) -> Now {
    let wall_unix_nano = u64::try_from(wall(now, skew)).unwrap_or(0);
    Now { mono: Duration::from_nanos(now - started), wall_unix_nano }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX / 2)
}
