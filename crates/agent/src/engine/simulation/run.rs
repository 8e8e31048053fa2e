//! Many simulations on all processors, and what they say together.

use super::faults::Counts;
use super::fixture::Fixture;
use super::plant::Plant;
use super::script::SECOND;
use super::sums::{Sums, grouped};
use super::world::{Outcome, World};
use std::fmt;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// So many failing seeds are shown.
const SHOWN: usize = 10;

/// The sum of many simulations.
#[derive(Default)]
pub(super) struct Total {
    pub(super) seeds: u64,
    pub(super) sums: Sums,
    pub(super) counts: Counts,
    pub(super) joined: u64,
    pub(super) with_id: u64,
    longest_rest: u64,
    /// Seeds that failed, and why.
    pub(super) failed: Vec<(u64, Vec<String>)>,
}

/// One simulation; a panic is a problem like others.
pub(super) fn simulate(seed: u64, plant: Option<Plant>, fixture: &Fixture) -> Outcome {
    let run = || World::new(seed, plant, fixture).run(seed);
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let problems = vec![format!("panicked: {}", text.unwrap_or_default())];
        let (sums, counts) = (Sums::default(), Counts::default());
        Outcome { seed, sums, counts, problems, joined: 0, with_id: 0, rest: 0 }
    })
}

/// The simulations of these seeds, on as many threads as there are processors.
pub(super) fn simulate_all(seeds: Range<u64>, fixture: &Fixture) -> Total {
    let (next, total) = (AtomicU64::new(seeds.start), Mutex::new(Total::default()));
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        break;
                    }
                    let outcome = simulate(seed, None, fixture);
                    total.lock().expect("no panic while it is held").add(outcome);
                }
            });
        }
    });
    let mut total = total.into_inner().expect("no panic while it was held");
    total.failed.sort();
    total
}

/// The first of these seeds that finds a planted mistake, and how.
pub(super) fn find(plant: Plant, seeds: Range<u64>, fixture: &Fixture) -> Option<(u64, String)> {
    let mut outcomes = seeds.map(|seed| simulate(seed, Some(plant), fixture));
    let found = outcomes.find(|outcome| !outcome.problems.is_empty())?;
    Some((found.seed, found.problems.join("; ").chars().take(200).collect()))
}

impl Total {
    fn add(&mut self, outcome: Outcome) {
        let Outcome { seed, sums, counts, problems, joined, with_id, rest } = outcome;
        self.seeds += 1;
        self.sums += sums;
        self.counts.merge(&counts);
        self.joined += joined;
        self.with_id += with_id;
        self.longest_rest = self.longest_rest.max(rest);
        if !problems.is_empty() {
            self.failed.push((seed, problems));
        }
    }

    /// Why the run as a whole does not pass; nothing, if it does.
    pub(super) fn why_not(&self) -> Vec<String> {
        let missing = self.counts.missing();
        let never = missing.iter().map(|fault| format!("never happened: {}", fault.as_str()));
        let failed =
            self.failed.iter().take(SHOWN).map(|(seed, problems)| {
                format!("tests/simulate --seed {seed}\n    {}", problems.join("\n    "))
            });
        let more: Vec<_> = self.failed.iter().skip(SHOWN).map(|(seed, _)| seed.to_string()).collect();
        let more = (!more.is_empty()).then(|| format!("and the seeds {}", more.join(", ")));
        never.chain(failed).chain(more).collect()
    }
}

impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} seeds; how often each fault happened:\n{}", grouped(self.seeds), self.counts)?;
        writeln!(f, "at rest at most {} s after the faults ended", self.longest_rest.div_ceil(SECOND))?;
        writeln!(f, "{} of {} lines with an id joined", grouped(self.joined), grouped(self.with_id))?;
        write!(f, "{}", self.sums)
    }
}
