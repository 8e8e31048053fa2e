//! One simulation: a queue of events on a clock that only they move, the host with its files, the agent, the store and
//! the collector.

use super::agent::{Agent, Around};
use super::collector::Collector;
use super::faults::{Counts, Fault};
use super::files::Files;
use super::fixture::Fixture;
use super::host::Host;
use super::ledger::Ledger;
use super::logs::{Later, LogWriter, Step};
use super::plan::{Plan, Strike};
use super::plant::Plant;
use super::script::{ACTIVE, Log, SECOND, Script, Target, wall};
use super::store::Store;
use super::sums::Sums;
use super::traces::{Array, DIRECTORY, Pack, Traces};
use crate::config::Settings;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use testkit::standin::Rng;
use watcher::Hint;

/// The faults end here; what is down by then comes up.
const END: u64 = ACTIVE + 45 * SECOND;
/// After the end all must be at rest within this time: a wait, the longest back-off, a look at every file after an event
/// that never came.
const REST: u64 = 900 * SECOND;

/// What happens at a time.
pub(super) enum Event {
    /// The script's next line.
    Write(u32),
    Log(Log, Step),
    Pack(Pack),
    Strike(Strike),
    /// All is as it should be from now on.
    Peace,
}

/// What came of one simulation.
pub(super) struct Outcome {
    pub(super) seed: u64,
    pub(super) sums: Sums,
    pub(super) counts: Counts,
    pub(super) problems: Vec<String>,
    pub(super) joined: u64,
    pub(super) with_id: u64,
    /// From the end of the faults to rest, in nanoseconds.
    pub(super) rest: u64,
}

pub(super) struct World {
    pub(super) rng: Rng,
    pub(super) now: u64,
    /// What the wall clock is off, in nanoseconds.
    pub(super) skew: i64,
    pub(super) events: BTreeMap<(u64, u64), Event>,
    pub(super) number: u64,
    pub(super) script: Rc<Script>,
    pub(super) files: Files,
    pub(super) logs: [LogWriter; 2],
    pub(super) traces: Traces,
    pub(super) store: Store,
    pub(super) collector: Collector,
    pub(super) ledger: Ledger,
    pub(super) settings: Settings,
    pub(super) notified: bool,
    /// The share of events that do not come.
    pub(super) deaf: f64,
    pub(super) agent: Option<Agent>,
    pub(super) saves: u64,
    pub(super) plant: Option<Plant>,
    pub(super) counts: Counts,
    /// Bytes that the runs before this one counted as lost.
    pub(super) lost_bytes: u64,
    pub(super) peace: bool,
}

impl World {
    pub(super) fn new(seed: u64, plant: Option<Plant>, fixture: &Fixture) -> Self {
        // Neighbouring seeds would give neighbouring numbers.
        let mut rng = Rng::new(Rng::new(seed).bits());
        let plan = Plan::new(&mut rng);
        let script = Rc::new(Script::new(&mut rng));
        let host = Host::new(rng.bits());
        host.knobs().tick = plan.tick;
        host.disk.mkdir(DIRECTORY);
        let mut files = Files::new(host, Rc::clone(&script));
        let logs =
            ["/log/xensource.log", "/log/SMlog"].map(|path| LogWriter::new(path, &mut files, &mut rng));
        let mut settings = fixture.settings.clone();
        settings.limits.memory_bytes = plan.memory;
        settings.wait = Duration::from_secs(plan.wait);
        // Some hosts have more new files than may be kept open.
        if seed.is_multiple_of(4) {
            settings.limits.open_files = 8;
        }
        let export = &mut settings.export;
        [&mut export.traces, &mut export.logs]
            .into_iter()
            .flatten()
            .for_each(|to| to.max_request = plan.max_request);
        let mut world = Self {
            now: 0,
            skew: 0,
            events: BTreeMap::new(),
            number: 0,
            files,
            logs,
            traces: Traces::new(),
            store: Store::new(Rng::new(rng.bits())),
            collector: Collector::new(Rng::new(rng.bits())),
            ledger: Ledger::new(&script),
            settings,
            notified: plan.notified,
            deaf: 0.0,
            agent: None,
            saves: 0,
            plant,
            counts: Counts::default(),
            lost_bytes: 0,
            peace: false,
            script,
            rng,
        };
        world.lay_out(plan);
        world
    }

    fn lay_out(&mut self, plan: Plan) {
        for (number, write) in (0..).zip(&Rc::clone(&self.script).writes) {
            self.at(write.at, Event::Write(number));
        }
        for (at, strike) in plan.strikes {
            self.at(at, Event::Strike(strike));
        }
        self.at(END, Event::Peace);
        self.start();
    }

    pub(super) fn at(&mut self, time: u64, event: Event) {
        self.number += 1;
        self.events.insert((time, self.number), event);
    }

    pub(super) fn later<E>(&mut self, later: Later<E>, event: impl FnOnce(E) -> Event) {
        if let Some((wait, what)) = later {
            self.at(self.now + wait, event(what));
        }
    }

    /// Runs to its end.
    pub(super) fn run(mut self, seed: u64) -> Outcome {
        while self.now < END + REST && !self.is_at_rest() {
            self.advance();
        }
        let rest = self.now.saturating_sub(END);
        if !self.is_at_rest() {
            self.ledger.problem(format!("not at rest {} s after the faults ended", REST / SECOND));
            let now = model::Now { mono: Duration::ZERO, wall_unix_nano: 0 };
            let files = self.agent.iter().flat_map(|agent| agent.engine.status(now).files);
            files.for_each(|file| println!("not at rest: {file:?}"));
        }
        self.nothing_is_sent_again();
        self.books(seed, rest)
    }

    fn is_at_rest(&self) -> bool {
        let idle = self.agent.as_ref().is_some_and(|agent| agent.engine.is_at_rest());
        self.peace && self.events.is_empty() && idle && self.ledger.is_complete()
    }

    /// After a clean end and another start, all is known to be done with.
    fn nothing_is_sent_again(&mut self) {
        self.strike(Strike::Stop { down: SECOND });
        let until = self.now + 8 * SECOND;
        while self.now < until && self.next_time() <= until {
            self.advance();
        }
    }

    fn books(mut self, seed: u64, rest: u64) -> Outcome {
        self.ledger.check();
        self.lost_bytes += self.agent.as_ref().map_or(0, Agent::lost_bytes);
        self.check_losses();
        for counts in [&self.files.host.knobs().counts, &self.store.counts, &self.collector.counts] {
            self.counts.merge(counts);
        }
        if self.counts.total() < 3 || self.counts.classes() < 2 || self.ledger.sums().written < 1000 {
            let (faults, classes, sums) = (self.counts.total(), self.counts.classes(), self.ledger.sums());
            self.ledger.problem(format!("too little: {faults} faults of {classes} classes; {sums}"));
        }
        let (joined, with_id, sums) = (self.ledger.joined, self.ledger.with_id, self.ledger.sums());
        Outcome { seed, sums, counts: self.counts, problems: self.ledger.problems, joined, with_id, rest }
    }

    /// Without a crash, what is counted as lost is what was taken: all of it that the agent knew of, and nothing else.
    fn check_losses(&mut self) {
        let (known, all) = self.ledger.lost_bytes();
        let counted = self.lost_bytes;
        let exact = self.counts.of(Fault::Kill) == 0
            && self.files.host.knobs().counts.of(Fault::DiskFull) == 0
            && !self.files.packed_taken;
        if exact && !(known..=all).contains(&counted) {
            self.ledger.problem(format!("{counted} bytes counted as lost, {known} to {all} were taken"));
        }
    }

    fn next_time(&self) -> u64 {
        let event = self.events.keys().next().map(|(time, _)| *time);
        let agent = self.agent.as_ref().and_then(Agent::due);
        event.into_iter().chain(agent).chain(self.store.due()).min().unwrap_or(END + REST)
    }

    /// Goes to the next moment at which something happens, and lets it happen.
    fn advance(&mut self) {
        self.set_time(self.next_time().max(self.now));
        while let Some(entry) = self.events.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let event = entry.remove();
            self.happen(event);
        }
        self.tell();
        while let Some(result) = self.store.step(self.now) {
            if let Some(agent) = &mut self.agent {
                agent.saved(result, self.now);
            }
        }
        if self.agent.as_ref().and_then(Agent::due).is_some_and(|due| due <= self.now) {
            self.work(None);
        }
    }

    pub(super) fn set_time(&mut self, now: u64) {
        self.now = now;
        let disk = &self.files.host.disk;
        disk.advance(wall(now, self.skew) - disk.clock());
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Write(number) => self.write(number),
            Event::Log(log, step) => {
                tracing::info!(at_ms = self.now / 1_000_000, ?log, ?step, "goes on");
                let later =
                    self.logs[log as usize].step(step, &mut self.files, &mut self.ledger, &mut self.rng);
                self.later(later, |step| Event::Log(log, step));
            }
            Event::Pack(pack) => {
                let alive = self.holds();
                let later = self.traces.pack(pack, alive, &mut self.files, &mut self.ledger, &mut self.rng);
                self.later(later, Event::Pack);
            }
            Event::Strike(strike) if !self.peace || matches!(strike, Strike::Start) => self.strike(strike),
            Event::Strike(_) => {}
            Event::Peace => self.make_peace(),
        }
    }

    /// Whether the agent surely has what it knows of open.
    pub(super) fn holds(&self) -> bool {
        let disk = &self.files.host.knobs().counts;
        self.agent.is_some() && disk.of(Fault::ReadError) == 0 && disk.of(Fault::DiskFull) == 0
    }

    fn write(&mut self, number: u32) {
        let script = Rc::clone(&self.script);
        let write = &script.writes[number as usize];
        let (bytes, ends) = script.render(write, self.skew);
        let (files, ledger, rng) = (&mut self.files, &mut self.ledger, &mut self.rng);
        match write.target {
            Target::Log(log) => {
                let later = self.logs[log as usize].write(number, bytes, files, ledger, rng);
                self.later(later, |step| Event::Log(log, step));
            }
            Target::Traces(service) => {
                let array = Array { line: number, records: &write.records, bytes, ends };
                let now = (self.now, self.skew);
                let later = self.traces.export(service, array, now, files, ledger, rng);
                self.later(later, Event::Pack);
            }
        }
    }

    /// Tells the agent of changes, as far as it hears of them.
    fn tell(&mut self) {
        let changed = self.files.take_changed();
        let Some(agent) = self.agent.as_mut().filter(|_| self.notified) else { return };
        for path in changed {
            if self.deaf > 0.0 && self.rng.chance(self.deaf) {
                self.counts.add(Fault::EventMissed);
            } else {
                agent.wake(Hint::Path(path), self.now);
            }
        }
    }

    pub(super) fn work(&mut self, turns: Option<usize>) {
        let Some(mut agent) = self.agent.take() else { return };
        let lives = agent.step(&mut self.around(), turns);
        if lives {
            self.agent = Some(agent);
        } else {
            self.gone(&agent);
        }
    }

    pub(super) fn around(&mut self) -> Around<'_> {
        Around {
            store: &mut self.store,
            collector: &mut self.collector,
            ledger: &mut self.ledger,
            script: &self.script,
            saves: &mut self.saves,
            plant: self.plant,
            now: self.now,
            skew: self.skew,
        }
    }

    pub(super) fn gone(&mut self, agent: &Agent) {
        self.lost_bytes += agent.lost_bytes();
        self.collector.forget_waits();
    }

    pub(super) fn start(&mut self) {
        if self.agent.is_some() {
            return;
        }
        let restored = self.store.open();
        self.ledger.restarted(restored.number);
        let files = Box::new(self.files.host.clone());
        let now = (self.now, self.skew);
        self.agent = Some(Agent::start(files, self.settings.clone(), &restored, self.notified, now));
    }
}
