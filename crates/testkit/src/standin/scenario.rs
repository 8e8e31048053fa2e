//! What happens on the pool, in the order of its beginnings: pure, lazy, and the same for the same options.

use super::operation::{
    self, Act, Counters, Draft, Kind, Operation, SCRIPTS, Script, World, background, event_from, heartbeat,
    session_check,
};
use super::options::Options;
use super::rng::{Rng, hash};
use super::span::Service;
use super::time::{SECOND, SimTime};
use super::{host::Host, timetable::Timetable};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;

/// Share of operations that are calls; the others are sessions, events, heartbeats.
const CALL_SHARE: f64 = 0.7;
/// Share of lines that carry an id, or a context.
const ID_SHARE: f64 = 0.72;
/// Share of long operations that leave no spans before their end.
const QUIET_SHARE: f64 = 0.1;
/// The last calls begin this long before the end, so that their spans are written by then.
const TAIL: u64 = 120 * SECOND;
/// The first guess of how many spans an operation has.
const SPANS_EACH: f64 = 40.0;
/// As many background lines are made at once.
const BACKGROUND: usize = 40;
/// Bounds of a long operation.
const LONG: (u64, u64) = (605 * SECOND, 3_600 * SECOND);

/// Where operations come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Flush(u16, Service),
    Restart(u16, Service),
    Work,
}

/// The operations of a pool, ordered by their begin.
pub struct Scenario {
    world: World,
    counters: Counters,
    next: BinaryHeap<Reverse<(SimTime, Source)>>,
    made: u64,
    /// Of these: work of the pool, neither flushes nor restarts nor background.
    works: u64,
    /// Of these: calls.
    calls: u64,
    spans: u64,
    noise: u64,
    telling: u64,
    /// Until here services must go on, so that everything made is written.
    needed: SimTime,
    working: bool,
    background_due: bool,
}

impl Scenario {
    /// The scenario of these options; the hosts' files are to lie below `root`.
    #[must_use]
    pub fn new(options: Options, root: &Path) -> Self {
        let hosts = Host::pool(&options, root);
        let timetable = Timetable::new(&options);
        let mut next = BinaryHeap::from([Reverse((options.start, Source::Work))]);
        for (host, service) in
            (0..options.hosts.max(1)).flat_map(|host| Service::FLUSHING.map(|of| (host, of)))
        {
            next.push(Reverse((
                timetable.flush_after(host, service, options.start),
                Source::Flush(host, service),
            )));
            let restart = timetable.restart_after(host, service, options.start);
            next.extend(restart.map(|restart| Reverse((restart.at, Source::Restart(host, service)))));
        }
        Self {
            needed: options.start,
            world: World { options, hosts, timetable },
            counters: Counters::default(),
            next,
            made: 0,
            works: 0,
            calls: 0,
            spans: 0,
            noise: 0,
            telling: 0,
            working: true,
            background_due: false,
        }
    }

    /// What its operations share.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// No new work: only what is needed to write down what was begun.
    pub fn stop(&mut self) {
        self.working = false;
    }

    fn make(&mut self, at: SimTime, source: Source) -> Option<Operation> {
        match source {
            Source::Flush(host, service) => Some(self.flush(at, host, service)),
            Source::Restart(host, service) => Some(self.restart(at, host, service)),
            Source::Work if self.working && self.has_room(at) => Some(self.work(at)),
            Source::Work => {
                self.working = false;
                None
            }
        }
    }

    fn has_room(&self, at: SimTime) -> bool {
        let options = &self.world.options;
        options.spans.is_none_or(|wanted| self.spans < wanted)
            && options.calls.is_none_or(|(wanted, _)| self.calls < wanted)
            && at.plus(TAIL) < options.end
    }

    fn flush(&mut self, at: SimTime, host: u16, service: Service) -> Operation {
        let next = self.world.timetable.flush_after(host, service, at.plus(1));
        self.next.push(Reverse((next, Source::Flush(host, service))));
        let traced = self.working && self.world.options.tracer_spans && service != Service::Clusterd;
        let mut draft = self.draft(Kind::Flush, host, at);
        if traced {
            operation::flush(&mut draft, service);
        }
        draft.finish(Some(Act::Flush(service)))
    }

    fn restart(&mut self, at: SimTime, host: u16, service: Service) -> Operation {
        let this = self.world.timetable.restart_after(host, service, at);
        let next = self.world.timetable.restart_after(host, service, at.plus(1));
        self.next.extend(next.map(|next| Reverse((next.at, Source::Restart(host, service)))));
        let mut draft = self.draft(Kind::Restart, host, at.plus(1));
        operation::restart(&mut draft, service);
        draft.finish(Some(Act::Restart(service, this.is_some_and(|restart| restart.clean))))
    }

    fn work(&mut self, at: SimTime) -> Operation {
        let made =
            if std::mem::take(&mut self.background_due) { self.background(at) } else { self.choose(at) };
        let gap = if self.owes_background() { 0 } else { self.gap(at) };
        self.next.push(Reverse((at.plus(gap), Source::Work)));
        made
    }

    fn owes_background(&mut self) -> bool {
        let wanted = self.lines_wanted() * (1.0 - ID_SHARE);
        self.background_due = count(self.noise) + count(BACKGROUND as u64) / 2.0 < wanted;
        self.background_due
    }

    fn background(&mut self, at: SimTime) -> Operation {
        let host = self.any_host();
        let mut draft = self.draft(Kind::Background, host, at);
        background(&mut draft, BACKGROUND);
        let made = draft.finish(None);
        self.noise += made.lines.len() as u64;
        made
    }

    fn choose(&mut self, at: SimTime) -> Operation {
        self.works += 1;
        let mut rng = self.rng(1);
        let host = self.any_host();
        if rng.chance(CALL_SHARE) {
            return self.call(at, &mut rng);
        }
        let (kind, fill): (_, fn(&mut Draft<'_>)) = match rng.below(10) {
            0..5 => (Kind::SessionCheck, session_check),
            5..8 => (Kind::EventFrom, event_from),
            _ => (Kind::Heartbeat, heartbeat),
        };
        let mut draft = self.draft(kind, host, at);
        fill(&mut draft);
        let made = draft.finish(None);
        self.noise += made.lines.len() as u64;
        self.spans += made.span_count() as u64;
        made
    }

    fn call(&mut self, at: SimTime, rng: &mut Rng) -> Operation {
        let options = &self.world.options;
        let (long_share, rootless_share) =
            (options.long_share / CALL_SHARE, options.rootless_share / CALL_SHARE);
        let long = rng.chance(long_share);
        let script = pick(rng, long, self.fails());
        let most = options.end.since(at).saturating_sub(TAIL).max(SECOND);
        let length = if long { rng.range(LONG.0, LONG.1) } else { usual_length(rng, script) }.min(most);
        let (quiet, rootless) = (long && rng.chance(QUIET_SHARE), rng.chance(rootless_share));
        let (wanted, telling) = (self.lines_wanted() * ID_SHARE, self.telling);
        let ratio = self.world.options.lines_per_span * ID_SHARE;
        let mut draft = self.draft(Kind::Call(script.method), 0, at);
        operation::task(&mut draft, script, length, quiet);
        let (spans, lines) = draft.counts();
        let lacking = wanted + count(spans as u64) * ratio - count(telling + lines as u64);
        draft.chat(whole(lacking));
        if rootless {
            draft.drop_own_spans();
        }
        let made = draft.finish(None);
        self.calls += 1;
        self.account(&made);
        made
    }

    /// Whether the next call fails, where that is given.
    fn fails(&self) -> Option<bool> {
        let (calls, failures) = self.world.options.calls?;
        let failed_by = |calls_made: u64| calls_made * failures / calls.max(1);
        Some(failed_by(self.calls + 1) > failed_by(self.calls))
    }

    fn account(&mut self, made: &Operation) {
        let silent = made.lines.iter().filter(|line| line.truth.trace.is_none()).count() as u64;
        self.noise += silent;
        self.telling += made.lines.len() as u64 - silent;
        self.spans += made.span_count() as u64;
    }

    fn lines_wanted(&self) -> f64 {
        count(self.spans) * self.world.options.lines_per_span
    }

    /// Until the next operation: so that the wanted spans are spread evenly, or as the rate says.
    fn gap(&self, at: SimTime) -> u64 {
        let options = &self.world.options;
        let mean = match options.spans {
            Some(wanted) if options.end < SimTime::MAX => {
                let each = (SPANS_EACH * 20.0 + count(self.spans)) / (20.0 + count(self.works));
                let left = (count(wanted.saturating_sub(self.spans)) / each).max(1.0);
                count(options.end.since(at).saturating_sub(TAIL)) / left
            }
            _ => count(SECOND) / options.rate.max(1e-6),
        };
        let chance = hash(&[options.seed, 0x9a9, self.made]);
        whole(mean * 2.0 * super::rng::unit(chance)) as u64
    }

    fn rng(&self, what: u64) -> Rng {
        Rng::new(hash(&[self.world.options.seed, what, self.made]))
    }

    fn any_host(&self) -> u16 {
        u16::try_from(self.rng(2).below(u64::from(self.world.options.hosts.max(1)))).unwrap_or(0)
    }

    fn draft(&mut self, kind: Kind, host: u16, at: SimTime) -> Draft<'_> {
        self.made += 1;
        let rng = self.rng(3);
        Draft::new(&self.world, &mut self.counters, rng, kind, host, at)
    }
}

impl Iterator for Scenario {
    type Item = Operation;

    fn next(&mut self) -> Option<Operation> {
        while let Some(Reverse((at, source))) = self.next.pop() {
            if !self.working && at > self.needed && source != Source::Work {
                continue;
            }
            if let Some(made) = self.make(at, source) {
                let written = made.spans.iter().filter_map(|span| span.exported).max();
                self.needed = self.needed.max(made.end).max(written.unwrap_or(made.end));
                return Some(made);
            }
        }
        None
    }
}

fn pick(rng: &mut Rng, long: bool, fails: Option<bool>) -> &'static Script {
    let weigh = |script: &Script| match fails {
        Some(fails) if script.fails != fails => 0,
        _ if long => u64::from(script.may_be_long),
        _ => script.weight,
    };
    let mut at = rng.below(SCRIPTS.iter().map(weigh).sum::<u64>().max(1));
    let chosen = SCRIPTS.iter().find(|script| {
        let here = at < weigh(script);
        at = at.saturating_sub(weigh(script));
        here
    });
    chosen.unwrap_or(&SCRIPTS[0])
}

fn usual_length(rng: &mut Rng, script: &Script) -> u64 {
    rng.range(script.seconds.0 * SECOND, script.seconds.1 * SECOND)
}

#[allow(clippy::cast_precision_loss, reason = "for ratios")]
fn count(number: u64) -> f64 {
    number as f64
}

/// Rounded down; 0 for what is below.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped by the cast itself")]
fn whole(number: f64) -> usize {
    number as usize
}
