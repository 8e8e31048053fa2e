//! Which faults strike when, all from the seed.

use super::collector::MOODS;
use super::faults::Fault;
use super::script::{ACTIVE, Log, SECOND, rng_time};
use super::store::Damage;
use crate::engine::Signal;
use testkit::standin::Rng;

/// Something that happens to the host, the agent or the collector.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Strike {
    /// The agent is killed, perhaps in the middle of its work, and starts again after a time.
    Kill {
        turns: usize,
        damage: Damage,
        down: u64,
    },
    /// It is stopped and starts again.
    Stop {
        down: u64,
    },
    Start,
    /// The wall clock is off by this from now on.
    Clock(i64),
    Rotate(Log),
    CopyTruncate(Log),
    Truncate(Log),
    Trim,
    Full(bool),
    /// The share of reads that fail.
    Failing(f64),
    Short(bool),
    /// The share of events that are lost.
    Deaf(f64),
    Overflow,
    StoreUnavailable(bool),
    StoreSlow(bool),
    Mood(Signal, Option<Fault>),
}

/// What strikes at which time, and how the host is.
pub(super) struct Plan {
    pub(super) strikes: Vec<(u64, Strike)>,
    /// Times on disk are multiples of this, in nanoseconds.
    pub(super) tick: i64,
    /// The kernel tells of changes; else they are polled for.
    pub(super) notified: bool,
    /// `limits.memory`, in bytes; the first is less than the configuration allows.
    pub(super) memory: u64,
    /// `export.max_request`, in bytes.
    pub(super) max_request: u64,
    /// `correlation.wait`, in seconds.
    pub(super) wait: u64,
}

impl Plan {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let mut plan = Self {
            strikes: Vec::new(),
            tick: *rng.choose(&[1, 1, 4_000_000, 1_000_000_000]).expect("some"),
            notified: rng.chance(0.8),
            memory: *rng.choose(&[1 << 20, 8 << 20]).expect("some"),
            max_request: *rng.choose(&[16 << 10, 64 << 10, 4 << 20]).expect("some"),
            wait: *rng.choose(&[0, 5, 30, 75]).expect("some"),
        };
        for _ in 0..rng.range(1, 4) {
            plan.add(rng, |_, _| Strike::Rotate(Log::Xensource));
        }
        plan.add(rng, |_, _| Strike::Rotate(Log::Sm));
        for _ in 0..rng.range(5, 12) {
            plan.strike(rng);
        }
        plan
    }

    fn add(&mut self, rng: &mut Rng, strike: impl FnOnce(&mut Rng, u64) -> Strike) {
        let at = rng_time(rng, 5 * SECOND, ACTIVE);
        let strike = strike(rng, at);
        self.strikes.push((at, strike));
    }

    /// Something begins, and ends some time later.
    fn while_(&mut self, rng: &mut Rng, begins: Strike, ends: Strike) {
        let at = rng_time(rng, 2 * SECOND, ACTIVE);
        let until = at + rng_time(rng, SECOND / 2, 40 * SECOND);
        self.strikes.extend([(at, begins), (until, ends)]);
    }

    fn strike(&mut self, rng: &mut Rng) {
        match rng.below(20) {
            0..=5 => {
                let signal = if rng.chance(0.5) { Signal::Logs } else { Signal::Traces };
                let mood = *rng.choose(&MOODS).expect("some");
                self.while_(rng, Strike::Mood(signal, Some(mood)), Strike::Mood(signal, None));
            }
            6..=8 => self.add(rng, kill),
            9 => self.add(rng, |rng, _| Strike::Stop { down: rng_time(rng, 0, 20 * SECOND) }),
            10 => self.add(rng, |rng, _| Strike::Clock(jump(rng))),
            11 => self.add(rng, |rng, _| Strike::CopyTruncate(log(rng))),
            12 if rng.chance(0.3) => self.add(rng, |rng, _| Strike::Truncate(log(rng))),
            12 | 13 => self.add(rng, |_, _| Strike::Trim),
            14 if rng.chance(0.4) => {
                let at = rng_time(rng, 2 * SECOND, ACTIVE);
                let until = at + rng_time(rng, SECOND / 2, 8 * SECOND);
                self.strikes.extend([(at, Strike::Full(true)), (until, Strike::Full(false))]);
            }
            14 | 15 => {
                let share = *rng.choose(&[0.02, 0.3, 1.0]).expect("some");
                self.while_(rng, Strike::Failing(share), Strike::Failing(0.0));
            }
            16 => self.while_(rng, Strike::Short(true), Strike::Short(false)),
            17 => self.while_(rng, Strike::Deaf(0.5), Strike::Deaf(0.0)),
            18 => self.add(rng, |_, _| Strike::Overflow),
            _ if rng.chance(0.5) => {
                self.while_(rng, Strike::StoreUnavailable(true), Strike::StoreUnavailable(false));
            }
            _ => self.while_(rng, Strike::StoreSlow(true), Strike::StoreSlow(false)),
        }
    }
}

fn kill(rng: &mut Rng, _: u64) -> Strike {
    let damage = match rng.below(10) {
        0 => Damage::Gone,
        1 | 2 => Damage::Torn,
        _ => Damage::None,
    };
    let turns = usize::try_from(rng.below(6)).expect("few");
    Strike::Kill { turns, damage, down: rng_time(rng, 0, 20 * SECOND) }
}

fn log(rng: &mut Rng) -> Log {
    if rng.chance(0.7) { Log::Xensource } else { Log::Sm }
}

/// An hour to and fro, to 1970, ten years on.
fn jump(rng: &mut Rng) -> i64 {
    const HOUR: i64 = 3_600_000_000_000;
    let to_1970 = -super::script::EPOCH_NANO;
    *rng.choose(&[HOUR, -HOUR, to_1970, 10 * 365 * 24 * HOUR, 0]).expect("some")
}
