//! The simulation as tests, and as the command `tests/simulate`, which asks by environment variables.

use super::fixture::Fixture;
use super::plant::Plant;
use super::run::{find, simulate, simulate_all};

/// A number from the environment.
fn asked(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

/// `SIMULATE_SEED` alone, or `SIMULATE_SEEDS` of them from `SIMULATE_FROM` on.
#[test]
fn seeds_pass() {
    let fixture = Fixture::new();
    if let Some(seed) = asked("SIMULATE_SEED") {
        // With the agent's own words.
        let _ = tracing_subscriber::fmt().without_time().with_test_writer().try_init();
        let outcome = simulate(seed, None, &fixture);
        println!("{}{}", outcome.counts, outcome.sums);
        assert!(outcome.problems.is_empty(), "seed {seed}:\n{}", outcome.problems.join("\n"));
        return;
    }
    let from = asked("SIMULATE_FROM").unwrap_or(1);
    let total = simulate_all(from..from + asked("SIMULATE_SEEDS").unwrap_or(500), &fixture);
    println!("{total}");
    let why_not = total.why_not();
    assert!(why_not.is_empty(), "{} seeds failed\n{}", total.failed.len(), why_not.join("\n"));
    assert!(total.joined * 2 > total.with_id, "{} of {} lines joined", total.joined, total.with_id);
}

#[test]
fn each_planted_mistake_is_found() {
    let fixture = Fixture::new();
    let found = Plant::ALL.map(|plant| (plant, find(plant, 1..1001, &fixture)));
    for (plant, found) in &found {
        match found {
            Some((seed, how)) => println!("{}: found by seed {seed}: {how}", plant.as_str()),
            None => println!("{}: not found by 1,000 seeds", plant.as_str()),
        }
    }
    assert!(found.iter().all(|(_, found)| found.is_some()), "a planted mistake was not found");
}

#[test]
fn a_seed_means_the_same_for_ever() {
    let fixture = Fixture::new();
    for seed in 1..4 {
        let [one, two] = [(); 2].map(|()| simulate(seed, None, &fixture));
        assert_eq!((one.sums, one.counts, one.rest), (two.sums, two.counts, two.rest), "seed {seed}");
    }
}
