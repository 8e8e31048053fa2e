//! The thread that brings checkpoints to the disk: a slow or full disk never holds up reading or delivery.

use super::clock::Clock;
use super::pulse::Turns;
use crate::engine::Changes;
use std::path::Path;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use watcher::store::{Entries, LockError, Store, Trouble};

enum Order {
    Save(Changes),
    /// Nothing but a turn of the loop.
    Turn,
    Close,
}

/// The store, at work on its own thread.
pub(crate) struct Positions {
    orders: SyncSender<Order>,
    turns: Turns,
    thread: JoinHandle<()>,
}

/// What was in the store when it was opened, and what was wrong with it.
pub(crate) struct Opened {
    pub(crate) positions: Positions,
    pub(crate) entries: Entries,
    pub(crate) troubles: Vec<Trouble>,
}

/// Opens the store below `directory` and starts its thread; `saved` is told how each save ended.
///
/// # Errors
/// If another process holds the store.
pub(crate) fn open(
    directory: &Path,
    clock: Clock,
    saved: impl Fn(Result<(), Trouble>) + Send + 'static,
) -> Result<Opened, LockError> {
    let (store, troubles) = Store::open(directory, clock.now())?;
    let entries = store.entries().clone();
    let (orders, inbox) = sync_channel(1);
    let turns = Turns::default();
    let turned = turns.clone();
    let work = move || {
        let mut store = store;
        for order in inbox {
            match order {
                Order::Save(changes) => saved(store.save(changes, clock.now())),
                Order::Turn => (),
                Order::Close => break,
            }
            turned.one_more();
        }
        store.close(clock.now());
    };
    let thread =
        std::thread::Builder::new().name("checkpoints".to_owned()).spawn(work).map_err(LockError::Io)?;
    Ok(Opened { positions: Positions { orders, turns, thread }, entries, troubles })
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

    /// Saves the last changes, writes the side-car, and ends the thread. Waits for the disk.
    pub(crate) fn close(self, last: Changes) {
        let _ = self.orders.send(Order::Save(last));
        let _ = self.orders.send(Order::Close);
        let _ = self.thread.join();
    }
}
