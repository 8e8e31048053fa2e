//! A value that others change and a test waits on.
//!
//! Promises: each change is seen by every waiter, no sleeping and no polling; a wait ends at its deadline at the
//! latest. Leaves to others: what the value is.

#![allow(clippy::disallowed_methods, reason = "a test's deadline is real time")]

use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// The condition was still false at the deadline. `Debug` and `Display` tell what the value was then.
pub struct Late {
    /// How long it was waited for.
    pub waited: Duration,
    /// The value in short.
    pub found: String,
}

impl fmt::Display for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {:?} still not so: {}", self.waited, self.found)
    }
}

impl fmt::Debug for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Late {}

/// A value behind a lock, and those who wait for it to change.
#[derive(Debug, Default)]
pub struct Watched<T> {
    value: Mutex<T>,
    changed: Condvar,
    notify: Notify,
}

impl<T: fmt::Display> Watched<T> {
    /// Starts with this value.
    pub fn new(value: T) -> Self {
        Self { value: Mutex::new(value), changed: Condvar::new(), notify: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, T> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the value.
    pub fn read<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.lock())
    }

    /// Changes the value and wakes who waits.
    pub fn update<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let result = change(&mut self.lock());
        self.changed.notify_all();
        self.notify.notify_waiters();
        result
    }

    /// Blocks this thread until `condition` holds.
    ///
    /// # Errors
    /// [`Late`] if it does not within `deadline`.
    pub fn wait_for(&self, mut condition: impl FnMut(&T) -> bool, deadline: Duration) -> Result<(), Late> {
        let (value, timeout) = self
            .changed
            .wait_timeout_while(self.lock(), deadline, |value| !condition(value))
            .unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() { Err(Late { waited: deadline, found: value.to_string() }) } else { Ok(()) }
    }

    /// As [`Self::wait_for`], for async tests: blocks no thread. Cancel safe: dropping it changes nothing.
    ///
    /// # Errors
    /// [`Late`] if the condition does not hold within `deadline`.
    pub async fn wait(&self, mut condition: impl FnMut(&T) -> bool, deadline: Duration) -> Result<(), Late> {
        let end = Instant::now() + deadline;
        loop {
            let changed = self.notify.notified();
            if self.read(&mut condition) {
                return Ok(());
            }
            if tokio::time::timeout_at(end.into(), changed).await.is_err() {
                return Err(Late { waited: deadline, found: self.read(T::to_string) });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_change_from_another_thread_ends_the_wait() {
        let watched = Arc::new(Watched::new(0));
        let other = Arc::clone(&watched);
        let thread = std::thread::spawn(move || (0..3).for_each(|_| other.update(|value| *value += 1)));
        watched.wait_for(|value| *value == 3, Duration::from_secs(10)).unwrap();
        thread.join().unwrap();
    }

    #[test]
    fn a_late_condition_tells_what_was_found() {
        let late = Watched::new(7).wait_for(|value| *value == 8, Duration::from_millis(1)).unwrap_err();
        assert_eq!(late.found, "7");
    }

    #[tokio::test]
    async fn an_async_wait_sees_changes_and_ends_at_its_deadline() {
        let watched = Arc::new(Watched::new(0));
        let other = Arc::clone(&watched);
        let task = tokio::spawn(async move { other.update(|value| *value = 1) });
        watched.wait(|value| *value == 1, Duration::from_secs(10)).await.unwrap();
        task.await.unwrap();
        assert!(watched.wait(|value| *value == 2, Duration::from_millis(1)).await.is_err());
    }
}
