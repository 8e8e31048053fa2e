//! When checkpoints are saved: at most once a second while records settle, in pieces where there are many, and no more than
//! one save at a time.
//!
//! Pure: the store is a function that is passed in. Promises: a change that the store could not take yet is handed over
//! again, the newest state of each key. Leaves to others: the disk.

use super::Engine;
use model::Now;
use std::collections::BTreeMap;
use std::time::Duration;

/// How often checkpoints are saved while records settle.
const EVERY: Duration = Duration::from_secs(1);

/// How many files' checkpoints are saved at once: each is in memory several times over on its way to the disk, which takes
/// some 1.5 KB, and after a start there may be tens of thousands.
const AT_ONCE: usize = 1_000;

/// How soon the next of them follow.
const NEXT_PIECE: Duration = Duration::from_millis(250);

/// Changed entries of the store; `None` removes one.
pub(crate) type Changes = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// Checkpoints on their way to the store.
#[derive(Default)]
pub(crate) struct Saving {
    pending: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    next: Duration,
}

impl Saving {
    /// Hands over what has changed, if it is time. `save` gives the changes back while it is busy with the last ones.
    pub(crate) fn step(
        &mut self,
        engine: &mut Engine,
        now: Now,
        save: impl FnOnce(Changes) -> Result<(), Changes>,
    ) {
        if self.due(engine).is_none_or(|due| now.mono < due) {
            return;
        }
        self.pending.extend(engine.changed_entries(now, AT_ONCE));
        let changes = std::mem::take(&mut self.pending).into_iter().collect();
        // While the store is busy it is asked again at the same pace: a slow disk must not keep the loop spinning.
        self.next = now.mono + if engine.has_unsaved_files() { NEXT_PIECE } else { EVERY };
        if let Err(changes) = save(changes) {
            self.pending = changes.into_iter().collect();
        }
    }

    /// When the next save is due, if anything is to be saved.
    pub(crate) fn due(&self, engine: &Engine) -> Option<Duration> {
        (engine.has_changed_entries() || !self.pending.is_empty()).then_some(self.next)
    }

    /// What is left to be saved at the end of a run.
    pub(crate) fn last(mut self, engine: &mut Engine, now: Now) -> Changes {
        self.pending.extend(engine.changed_entries(now, usize::MAX));
        self.pending.into_iter().collect()
    }
}
