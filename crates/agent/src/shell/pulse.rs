//! Whether every stage gets on: each loop counts its turns, and is asked for one while it has nothing to do.
//!
//! A stage that waits, for input, for an answer, for the end of a pause, still turns when it is asked; one that hangs
//! does not. Only the latter keeps the watchdog from being fed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How often a loop has turned; clones count together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turns(Arc<AtomicU64>);

impl Turns {
    /// Called by the loop, once a turn.
    pub(crate) fn one_more(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A stage, and its turns when all stages had last been seen to turn.
#[derive(Debug)]
struct Stage {
    name: &'static str,
    turns: Turns,
    seen: u64,
}

impl Stage {
    fn new(name: &'static str, turns: Turns) -> Self {
        Self { name, turns, seen: 0 }
    }
}

/// The stages of one agent.
#[derive(Debug)]
pub(crate) struct Pulse {
    engine: Stage,
    checkpoints: Stage,
    runtime: Stage,
}

impl Pulse {
    /// None has turned yet.
    pub(crate) fn new(checkpoints: Turns) -> Self {
        Self {
            engine: Stage::new("the engine", Turns::default()),
            checkpoints: Stage::new("the checkpoint store", checkpoints),
            runtime: Stage::new("the network runtime", Turns::default()),
        }
    }

    /// What the engine's loop counts with.
    pub(crate) fn engine(&self) -> Turns {
        self.engine.turns.clone()
    }

    /// What a task of the runtime counts with.
    pub(crate) fn runtime(&self) -> Turns {
        self.runtime.turns.clone()
    }

    /// The stages that have not turned since this was last empty.
    pub(crate) fn stuck(&mut self) -> Vec<&'static str> {
        let stages = [&mut self.engine, &mut self.checkpoints, &mut self.runtime];
        let stuck: Vec<_> =
            stages.iter().filter(|stage| stage.turns.count() == stage.seen).map(|stage| stage.name).collect();
        if stuck.is_empty() {
            stages.into_iter().for_each(|stage| stage.seen = stage.turns.count());
        }
        stuck
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_stage_that_hangs_is_named_until_it_turns() {
        let checkpoints = Turns::default();
        let mut pulse = Pulse::new(checkpoints.clone());
        let (engine, runtime) = (pulse.engine(), pulse.runtime());
        assert_eq!(pulse.stuck().len(), 3, "nothing has turned yet");
        [&engine, &checkpoints, &runtime].iter().for_each(|turns| turns.one_more());
        assert!(pulse.stuck().is_empty());
        assert_eq!(pulse.stuck().len(), 3, "a turn counts once");
        engine.one_more();
        runtime.one_more();
        assert_eq!(pulse.stuck(), ["the checkpoint store"]);
        assert_eq!(pulse.stuck(), ["the checkpoint store"], "the others' turns are not forgotten");
        checkpoints.one_more();
        assert!(pulse.stuck().is_empty());
    }
}
