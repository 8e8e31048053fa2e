//! Killed with -9 many times on the way, at random moments of a seed: complete at the end, with no more duplicates
//! than records of requests whose answer may have been lost, or was younger than the last checkpoint.
//!
//! CI kills 12 times; `KILLS=200 cargo test -p xapi-observer --test end_to_end row_01 -- --nocapture` is the long form.

use crate::harness::pool::{Pool, busy};
use crate::harness::{Rig, Sums};
use std::time::{Duration, Instant};
use testkit::collector::{Keep, Kill, Options, Signal};
use testkit::decoder;
use testkit::standin::{self, MILLI, Rng, SimTime};

const SEED: u64 = 3;
const KILLS: u64 = 12;

/// What is written for each kill.
const SPANS: u64 = 2_000;
const LINES: u64 = 4_000;
/// The mean time from one kill to the next.
const MILLISECONDS: u64 = 1_000;

/// Checkpoints are stored at least every second while records settle; the rest is for a busy disk.
const CHECKPOINT_AGE: Duration = Duration::from_millis(1_500);

#[test]
fn row_01_killed_at_random_nothing_is_lost() {
    let kills: u64 = std::env::var("KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let bodies = tempfile::tempdir().unwrap();
    let save = Some(bodies.path().to_path_buf());
    let mut rig = Rig::with(Options { keep: Keep::Ids, save, ..Options::default() });
    let busy = busy(SEED, kills * SPANS, LINES as f64 / SPANS as f64, kills * MILLISECONDS * 5 / 4000 + 2);
    // On a slow machine most of each second is starting: what waits for delivery is not to be rotated away.
    let options = standin::Options { keep: 1_000, ..busy };
    let mut pool = Pool::new(&mut rig, options);
    let killed = play_and_kill(&rig, &mut pool, kills);
    let report = pool.report(&decoder::arrived(bodies.path()).unwrap());
    let (twice, bound) = rig.collector.read(|state| {
        assert_eq!(state.malformed(), [""; 0]);
        let [traces, logs] = [Signal::Traces, Signal::Logs].map(|signal| {
            let (twice, allowed) = (state.duplicates(signal), state.duplicates_allowed(signal, &killed));
            assert!(twice <= allowed, "seed {SEED}, {}: {twice} > {allowed}", signal.name());
            (twice, allowed)
        });
        (traces.0 + logs.0, traces.1 + logs.1)
    });
    println!("{report} after {} kills (bound {bound})\n{}", killed.len(), report.joins);
    assert!(report.is_whole() && report.duplicates == twice, "seed {SEED}: {report:#?}");
    assert!(twice > 0, "no kill came between delivery and checkpoint");
    let (written, delivered) = (report.written, report.delivered);
    rig.account.state(Sums { written, delivered, duplicates: twice, kills, bound, ..Sums::default() });
    let joins = &report.joins;
    assert_eq!((joins.wrong(), joins.span_apart.count, joins.span_unknown.count), (0, 0, 0), "{joins:#?}");
    // A start learns links from the last 8 MiB of the log: ten seconds at this rate, an hour on a busy host.
    assert!(joins.required_share() >= 0.9, "seed {SEED}: {joins:#?}");
}

/// Kills and starts the agent again while the stand-in writes, lets the last one finish, and stops it.
fn play_and_kill(rig: &Rig, pool: &mut Pool, kills: u64) -> Vec<Kill> {
    let mut rng = Rng::new(SEED);
    let mut pause = move || rng.range(MILLISECONDS / 5, MILLISECONDS * 9 / 5) * MILLI;
    let (mut killed, mut agent) = (Vec::new(), Some(rig.run()));
    let mut next = SimTime::now().plus(pause());
    let mut again = |killed: &mut Vec<Kill>| {
        agent.take().into_iter().for_each(|agent| killed.push(kill(rig, agent)));
        agent = Some(rig.run());
    };
    pool.play(|_| {
        if (killed.len() as u64) < kills && SimTime::now() >= next {
            again(&mut killed);
            next = SimTime::now().plus(pause());
        }
    });
    // On a slow machine some are left: then while it catches up.
    while (killed.len() as u64) < kills {
        again(&mut killed);
    }
    pool.wait_for_all(rig);
    rig.stop(&agent.unwrap());
    killed
}

/// The moment is when the process is gone: what it has sent may reach the collector until then.
#[allow(clippy::disallowed_methods, reason = "the collector's times are real times")]
fn kill(rig: &Rig, agent: testkit::driver::Agent) -> Kill {
    rig.kill(agent);
    Kill { at: Instant::now(), checkpoint_age: CHECKPOINT_AGE }
}
