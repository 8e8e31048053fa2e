//! The thread that brings checkpoints to the disk: a slow or full disk never holds up reading or delivery.
//!
//! Promises: what the disk refused is tried again by itself; an end waits for the disk only as long as it is told to.
//! The store itself outlives an agent: the next one goes on from what it knows, whether or not a disk took it.

use super::clock::Clock;
use super::pulse::Turns;
use crate::engine::Changes;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use watcher::store::{Entries, LockError, Store, Trouble};

enum Order {
    Save(Changes),
    /// Nothing but a turn of the loop.
    Turn,
}

/// How a save ended, and what was found and dealt with on the way.
pub(crate) type Saved = (Result<(), Trouble>, Vec<Trouble>);

/// The store, at work on its own thread.
pub(crate) struct Positions {
    /// Its end is the thread's.
    orders: SyncSender<Order>,
    turns: Turns,
    /// What is to be saved at the end.
    last: Arc<Mutex<Changes>>,
    ended: Receiver<Store>,
}

/// What was in the store when it was opened, and what was wrong with it.
pub(crate) struct Opened {
    pub(crate) positions: Positions,
    pub(crate) entries: Entries,
    pub(crate) troubles: Vec<Trouble>,
}

/// Opens the store below `directory`, or goes on with the one that was `held`, and starts its thread; `saved` is told
/// how each save ended.
///
/// # Errors
/// If another process holds the store.
pub(crate) fn open(
    directory: &Path,
    held: Option<Store>,
    clock: Clock,
    saved: impl Fn(Saved) + Send + 'static,
) -> Result<Opened, LockError> {
    let (mut store, troubles) = match held.filter(|held| held.directory() == directory) {
        Some(mut held) => {
            let troubles = held.resume(clock.now());
            (held, troubles)
        }
        None => Store::open(directory, clock.now())?,
    };
    let entries = store.take_entries();
    let (orders, inbox) = sync_channel(1);
    let (end, ended) = sync_channel(1);
    let (turns, last) = (Turns::default(), Arc::new(Mutex::new(Changes::new())));
    let work = Work { store, inbox, clock, turns: turns.clone(), last: Arc::clone(&last) };
    let run = move || drop(end.send(work.run(saved)));
    std::thread::Builder::new().name("checkpoints".to_owned()).spawn(run).map_err(LockError::Io)?;
    Ok(Opened { positions: Positions { orders, turns, last, ended }, entries, troubles })
}

impl Positions {
    /// Hands changes over; gives them back if the thread has not finished the last ones yet.
    pub(crate) fn save(&self, changes: Changes) -> Result<(), Changes> {
        self.orders.try_send(Order::Save(changes)).map_err(|refused| match refused {
            TrySendError::Full(Order::Save(changes)) | TrySendError::Disconnected(Order::Save(changes)) => {
                changes
            }
            _ => Changes::new(),
        })
    }

    /// Lets the thread's loop turn, if it is idle; one that works turns by itself.
    pub(crate) fn turn(&self) {
        let _ = self.orders.try_send(Order::Turn);
    }

    /// How often its loop has turned.
    pub(crate) fn turns(&self) -> Turns {
        self.turns.clone()
    }

    /// Has the last changes and the side-car written. Does not wait: the store comes through the channel once the disk
    /// has taken or refused them.
    pub(crate) fn close(self, last: Changes) -> Receiver<Store> {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = last;
        self.ended
    }
}

/// What the thread owns.
struct Work {
    store: Store,
    inbox: Receiver<Order>,
    clock: Clock,
    turns: Turns,
    last: Arc<Mutex<Changes>>,
}

impl Work {
    fn run(mut self, saved: impl Fn(Saved)) -> Store {
        loop {
            let now = self.clock.now();
            // Without a reason to come back by itself, once an hour does no harm.
            let due = self.store.due().map_or(Duration::from_secs(3600), |due| due.saturating_sub(now.mono));
            match self.inbox.recv_timeout(due) {
                Ok(Order::Save(changes)) => {
                    let result = self.store.save(changes, self.clock.now());
                    saved((result, self.store.take_troubles()));
                }
                Ok(Order::Turn) => {}
                Err(RecvTimeoutError::Timeout) => self.work(&saved),
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.turns.one_more();
        }
        let last = std::mem::take(&mut *self.last.lock().unwrap_or_else(PoisonError::into_inner));
        let now = self.clock.now();
        let _ = self.store.save(last, now);
        self.store.settle(now);
        self.store
    }

    /// What is due by itself; told only where it changes something.
    fn work(&mut self, saved: &impl Fn(Saved)) {
        let current = self.store.is_current();
        let result = self.store.work(self.clock.now());
        let troubles = self.store.take_troubles();
        if !current || result.is_err() || !troubles.is_empty() {
            saved((result, troubles));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn change(value: &[u8]) -> Changes {
        vec![(b"a".to_vec(), Some(value.to_vec()))]
    }

    #[test]
    fn row_28_memory_is_handed_over_to_the_next_agent_and_stored_once_the_disk_takes_it() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("state");
        std::fs::write(&directory, b"a file where the directory should be").unwrap();
        let (clock, (told, saves)) = (Clock::start(), sync_channel(100));
        let opened = open(&directory, None, clock, |_| ()).unwrap();
        assert!(
            matches!(opened.troubles.first(), Some(Trouble::Unavailable { .. })),
            "{:?}",
            opened.troubles
        );
        let store = opened.positions.close(change(b"1")).recv_timeout(PATIENCE).unwrap();
        assert!(!store.is_current());
        std::fs::remove_file(&directory).unwrap();
        let opened =
            open(&directory, Some(store), Clock::start(), move |saved| drop(told.try_send(saved))).unwrap();
        assert_eq!(opened.entries[b"a".as_slice()], b"1");
        assert!(
            matches!(opened.troubles.first(), Some(Trouble::Unavailable { .. })),
            "{:?}",
            opened.troubles
        );
        let saved = saves.recv_timeout(PATIENCE).expect("it tries again by itself");
        assert_eq!(saved, (Ok(()), vec![]));
        drop(opened.positions.close(Changes::new()).recv_timeout(PATIENCE).unwrap());
        let again = open(&directory, None, clock, |_| ()).unwrap();
        assert_eq!((again.entries[b"a".as_slice()].as_slice(), again.troubles), (b"1".as_slice(), vec![]));
    }

    #[test]
    fn the_last_changes_are_saved() {
        let directory = tempfile::tempdir().unwrap();
        for value in [b"1", b"2"] {
            let opened = open(directory.path(), None, Clock::start(), |_| ()).unwrap();
            drop(opened.positions.close(change(value)).recv_timeout(PATIENCE).unwrap());
            let (store, _) = Store::open(directory.path(), Clock::start().now()).unwrap();
            assert_eq!(store.entries()[b"a".as_slice()], value);
        }
    }
}
