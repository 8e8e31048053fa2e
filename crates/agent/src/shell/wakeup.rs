//! What happens outside, on its way to the engine's thread.
//!
//! Promises: bounded, and nobody waits: paths that changed are gathered in a set, and only the first of them wakes
//! the engine. What does not fit any more becomes "look at everything".

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// More changed paths than this are one rescan.
const PATHS: usize = 4096;
/// Answers, requests of the control socket, and signals: few are ever on the way.
const EVENTS: usize = 1024;

/// Paths that changed since the engine last looked.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) paths: HashSet<PathBuf>,
    /// Events were lost, or there are too many: look at everything.
    pub(crate) everything: bool,
}

impl Changes {
    fn is_empty(&self) -> bool {
        self.paths.is_empty() && !self.everything
    }
}

/// The sending side; cheap to clone.
pub(crate) struct Sender<E> {
    events: SyncSender<E>,
    changes: Arc<Mutex<Changes>>,
}

impl<E> Clone for Sender<E> {
    fn clone(&self) -> Self {
        Self { events: self.events.clone(), changes: Arc::clone(&self.changes) }
    }
}

impl<E> Sender<E> {
    /// Hands an event over. Waits only if a thousand are on the way; fails only when the engine has ended.
    pub(crate) fn send(&self, event: E) -> bool {
        match self.events.try_send(event) {
            Ok(()) => true,
            Err(TrySendError::Full(event)) => self.events.send(event).is_ok(),
            Err(TrySendError::Disconnected(_)) => false,
        }
    }

    /// Notes a changed path (`None`: everything), and wakes the engine with `wake` if it does not know yet.
    pub(crate) fn changed(&self, path: Option<PathBuf>, wake: E) {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let first = changes.is_empty();
        match path {
            Some(path) if changes.paths.len() < PATHS => {
                changes.paths.insert(path);
            }
            _ => changes.everything = true,
        }
        drop(changes);
        if first {
            self.send(wake);
        }
    }
}

/// The engine's side.
pub(crate) struct Inbox<E> {
    events: Receiver<E>,
    changes: Arc<Mutex<Changes>>,
}

impl<E> Inbox<E> {
    /// The next event, waiting for it at most `timeout`; `None` after that time.
    ///
    /// # Errors
    /// When nobody can send any more.
    pub(crate) fn next(&self, timeout: Duration) -> Result<Option<E>, ()> {
        match self.events.recv_timeout(timeout) {
            Ok(event) => Ok(Some(event)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(()),
        }
    }

    /// Takes the changed paths.
    pub(crate) fn changes(&self) -> Changes {
        std::mem::take(&mut *self.changes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Both sides.
pub(crate) fn channel<E>() -> (Sender<E>, Inbox<E>) {
    let (sender, receiver) = sync_channel(EVENTS);
    let changes = Arc::new(Mutex::new(Changes::default()));
    (Sender { events: sender, changes: Arc::clone(&changes) }, Inbox { events: receiver, changes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_changes_wake_once() {
        let (sender, inbox) = channel();
        for n in 0..10 {
            sender.changed(Some(PathBuf::from(format!("/{}", n % 3))), ());
        }
        assert_eq!(inbox.next(Duration::ZERO), Ok(Some(())));
        assert_eq!(inbox.next(Duration::ZERO), Ok(None));
        let changes = inbox.changes();
        assert_eq!((changes.paths.len(), changes.everything), (3, false));
        sender.changed(None, ());
        assert_eq!(inbox.next(Duration::ZERO), Ok(Some(())));
        assert!(inbox.changes().everything);
    }

    #[test]
    fn too_many_paths_are_a_rescan() {
        let (sender, inbox) = channel();
        (0..PATHS + 1).for_each(|n| sender.changed(Some(PathBuf::from(format!("/{n}"))), ()));
        let changes = inbox.changes();
        assert_eq!((changes.paths.len(), changes.everything), (PATHS, true));
    }
}
