//! Killed with -9 ten times on the way, at random moments of a seed: complete at the end, with no more duplicates
//! than records of requests whose answer may have been lost, or was younger than the last checkpoint.

use crate::harness::pool::{Pool, busy};
use crate::harness::{Rig, stop};
use std::time::{Duration, Instant};
use testkit::collector::{Keep, Kill, Options, Signal};
use testkit::decoder;
use testkit::standin::{MILLI, Rng, SimTime};

const SEED: u64 = 3;
const SPANS: u64 = 100_000;
const LINES: u64 = 200_000;
const SECONDS: u64 = 30;
const KILLS: usize = 10;

/// Checkpoints are stored at least every second while records settle; the rest is for a busy disk.
const CHECKPOINT_AGE: Duration = Duration::from_millis(1_500);

#[test]
fn killed_ten_times_nothing_is_lost() {
    let bodies = tempfile::tempdir().unwrap();
    let save = Some(bodies.path().to_path_buf());
    let mut rig = Rig::with(Options { keep: Keep::Ids, save, ..Options::default() });
    let mut pool = Pool::new(&mut rig, busy(SEED, SPANS, LINES as f64 / SPANS as f64, SECONDS));
    let kills = play_and_kill(&rig, &mut pool);
    assert_eq!(kills.len(), KILLS);
    let report = pool.report(&decoder::arrived(bodies.path()).unwrap());
    println!("seed {SEED}, {KILLS} kills: {report}\n{}", report.joins);
    rig.collector.read(|state| {
        assert_eq!(state.malformed(), [""; 0]);
        for signal in [Signal::Traces, Signal::Logs] {
            let (twice, allowed) = (state.duplicates(signal), state.duplicates_allowed(signal, &kills));
            println!("{}: {twice} came twice, {allowed} may have", signal.name());
            assert!(twice <= allowed, "seed {SEED}, {}: {twice} > {allowed}", signal.name());
        }
    });
    assert!(report.is_whole(), "seed {SEED}: {report:#?}");
    let joins = &report.joins;
    assert_eq!((joins.wrong(), joins.span_apart.count, joins.span_unknown.count), (0, 0, 0), "{joins:#?}");
    assert!(joins.required_share() >= 0.995, "seed {SEED}: {joins:#?}");
}

/// Kills and starts the agent again while the stand-in writes, lets the last one finish, and stops it.
fn play_and_kill(rig: &Rig, pool: &mut Pool) -> Vec<Kill> {
    let mut rng = Rng::new(SEED);
    let mut pause = move || rng.range(SECONDS * 1000 / 20, SECONDS * 1000 / 12) * MILLI;
    let (mut kills, mut agent) = (Vec::new(), Some(rig.run()));
    let mut next = SimTime::now().plus(pause());
    pool.play(|_| {
        if kills.len() < KILLS && SimTime::now() >= next {
            agent.take().into_iter().for_each(|agent| kills.push(kill(agent)));
            agent = Some(rig.run());
            next = SimTime::now().plus(pause());
        }
    });
    pool.wait_for_all(rig);
    stop(&agent.unwrap());
    kills
}

/// The moment is when the process is gone: what it has sent may reach the collector until then.
#[allow(clippy::disallowed_methods, reason = "the collector's times are real times")]
fn kill(agent: testkit::driver::Agent) -> Kill {
    agent.kill();
    Kill { at: Instant::now(), checkpoint_age: CHECKPOINT_AGE }
}
