//! What strikes a simulation, carried out.

use super::faults::Fault;
use super::plan::Strike;
use super::plant::Plant;
use super::script::SECOND;
use super::store::Damage;
use super::world::{Event, World};
use crate::engine::Signal;
use watcher::Hint;

impl World {
    pub(super) fn strike(&mut self, strike: Strike) {
        tracing::info!(at_ms = self.now / 1_000_000, ?strike, "strikes");
        match strike {
            Strike::Kill { turns, damage, down } => self.kill(turns, damage, down),
            Strike::Stop { down } => self.stop(down),
            Strike::Start => self.start(),
            Strike::Clock(skew) => {
                self.skew = skew;
                self.counts.add(Fault::ClockJump);
                self.set_time(self.now);
            }
            Strike::Overflow => {
                self.counts.add(Fault::EventsOverflowed);
                self.files.take_changed();
                if let Some(agent) = &mut self.agent {
                    agent.wake(Hint::Rescan, self.now);
                }
            }
            Strike::Deaf(share) => self.deaf = share,
            Strike::StoreUnavailable(yes) => self.store.unavailable = yes,
            Strike::StoreSlow(yes) => self.store.slow = yes,
            Strike::Mood(signal, mood) => self.collector.set_mood(signal, mood),
            other => self.strike_files(other),
        }
    }

    fn strike_files(&mut self, strike: Strike) {
        let (files, ledger, rng) = (&mut self.files, &mut self.ledger, &mut self.rng);
        let planted = self.plant == Some(Plant::RotatedFileClosedEarly);
        match strike {
            Strike::Rotate(log) => {
                let later = self.logs[log as usize].rotate(files, planted, rng);
                self.later(later, |step| Event::Log(log, step));
            }
            Strike::CopyTruncate(log) => {
                let later = self.logs[log as usize].copy_truncate(files, rng);
                self.later(later, |step| Event::Log(log, step));
            }
            Strike::Truncate(log) => self.logs[log as usize].truncate(files, ledger),
            Strike::Trim => {
                let alive = self.holds();
                self.traces.trim(alive, &mut self.files, &mut self.ledger);
            }
            Strike::Failing(share) => files.host.knobs().failing = share,
            Strike::Short(yes) => files.host.knobs().short = yes,
            Strike::Full(yes) => {
                files.host.knobs().full = yes;
                self.store.unavailable = yes;
                self.ledger.let_go();
            }
            _ => {}
        }
    }

    /// A log that was never saved is begun anew after a crash, without its siblings: that is no crash to be tested.
    fn kill(&mut self, turns: usize, damage: Damage, down: u64) {
        if self.agent.is_none() || !self.store.is_begun() {
            return;
        }
        self.work(Some(turns));
        if let Some(mut agent) = self.agent.take() {
            agent.give_up_requests(&mut self.ledger);
            self.gone(&agent);
        }
        self.store.crash(damage, self.now);
        self.counts.add(Fault::Kill);
        self.at(self.now + down, Event::Strike(Strike::Start));
    }

    fn stop(&mut self, down: u64) {
        let Some(mut agent) = self.agent.take() else { return };
        agent.stop(&mut self.around());
        self.agent = Some(agent);
        self.counts.add(Fault::CleanStop);
        self.at(self.now + down + 6 * SECOND, Event::Strike(Strike::Start));
    }

    /// Whatever was wrong is over.
    pub(super) fn make_peace(&mut self) {
        for strike in [
            Strike::Full(false),
            Strike::Failing(0.0),
            Strike::Short(false),
            Strike::Deaf(0.0),
            Strike::StoreUnavailable(false),
            Strike::StoreSlow(false),
            Strike::Mood(Signal::Logs, None),
            Strike::Mood(Signal::Traces, None),
        ] {
            self.strike(strike);
        }
        self.peace = true;
    }
}
