//! How well lines are joined, on the stand-in's ledger: every kind of operation, and everything that makes it hard.

use super::*;
use testkit::standin::{F2, SECOND};

/// Two busy hours with late, doubled and missing spans, services that restart, and the agent restarted three times:
/// twice by a stop, once by a kill.
fn check(seed: u64) {
    let options = hours(seed, 25_000, 52_000, 2).adverse();
    let (start, end) = (options.start, options.end);
    let quarter = end.since(start) / 4;
    let mut sim = Sim::new(options, "");
    for round in 1..4 {
        sim.run_until(start.plus(round * quarter), Duration::from_secs(2));
        sim.save();
        sim.restart(round == 2);
    }
    sim.run_until(end, Duration::from_secs(2));
    sim.finish();
    let report = sim.report();
    println!("seed {seed}: {report}\n{}", report.joins);
    println!("unjoined: {:?}", report.joins.unjoined_examples);
    assert!(sim.standin.ledger().lines.len() >= 50_000);
    assert_eq!(report.missing, 0, "{:?}", report.missing_examples);
    assert_eq!(report.joins.wrong(), 0, "{:?}", report.joins.wrong_examples);
    assert_eq!(report.joins.span_apart.count, 0, "{:?}", report.joins.span_apart);
    assert_eq!(report.joins.span_unknown.count, 0, "{:?}", report.joins.span_unknown);
    assert!(report.joins.required_share() >= 0.995, "{}", report.joins.required_share());
}

macro_rules! hard_seeds {
    ($($name:ident $seed:literal)*) => {
        $(#[test]
        fn $name() {
            check($seed);
        })*
    };
}

hard_seeds! {
    joins_of_hard_seed_1 1
    joins_of_hard_seed_2 2
    joins_of_hard_seed_3 3
}

/// `HARD_SEEDS=40`: so many, instead of one more.
#[test]
fn joins_of_further_hard_seeds() {
    let last = std::env::var("HARD_SEEDS").map_or(4, |last| last.parse().expect("a number"));
    (4..=last).for_each(check);
}

/// Lines without a task of their own leave at once and are settled; after a restart, the lines that were held before
/// them still need what they said.
#[test]
fn links_are_known_after_a_restart_though_their_lines_were_settled() {
    let options = hours(9, 2_000, 4_000, 1);
    let (start, end) = (options.start, options.end);
    let mut sim = Sim::new(options, "");
    // As long as there is no trace file, no line waits.
    sim.now = start.plus(60 * SECOND);
    sim.standin.step(sim.now).expect("the stand-in writes");
    sim.start_agents();
    for round in 2..60 {
        sim.run_until(start.plus(round * end.since(start) / 60), Duration::from_secs(2));
        sim.restart(false);
    }
    sim.finish();
    let report = sim.report();
    println!("{report}\n{}", report.joins);
    assert!(report.joins.link.required > 100);
    assert_eq!(report.joins.unjoined_examples.count, 0, "{:?}", report.joins.unjoined_examples);
}

#[test]
fn contexts_in_lines_join_all_and_none_waits() {
    let options = Options { f2: F2::Traceparent, ..hours(3, 5_000, 10_000, 1) };
    let end = options.end;
    let mut sim = Sim::new(options, "");
    sim.run_until(end, Duration::from_secs(2));
    sim.finish();
    let report = sim.report();
    println!("{report}\n{}", report.joins);
    assert!(report.joins.context.lines > 3_000);
    assert_eq!(report.joins.context.right, report.joins.context.lines);
}
