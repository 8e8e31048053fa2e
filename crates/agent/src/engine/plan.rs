//! In which order streams are read: by the data's own time, oldest first.
//!
//! Each stream has a key: the newest time read from it so far, or the time it was created. The stream with the
//! smallest key is next. So files that grow side by side are read in step, and the smallest key says up to which
//! time everything has been read.

use model::StreamId;
use std::collections::{BTreeMap, BTreeSet};

/// The streams that have something to read, by time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    waiting: BTreeSet<(u64, StreamId)>,
    /// Sorted, for that is denser than hashed, and there may be tens of thousands.
    keys: BTreeMap<StreamId, u64>,
}

impl Plan {
    /// There is something to read in `stream`, which was created at `created_unix_nano`.
    pub(crate) fn offer(&mut self, stream: StreamId, created_unix_nano: u64) {
        let key = *self.keys.entry(stream).or_insert(created_unix_nano);
        self.waiting.insert((key, stream));
    }

    /// The stream to read next.
    pub(crate) fn first(&self) -> Option<StreamId> {
        self.waiting.first().map(|(_, stream)| *stream)
    }

    /// Whether there is something to read in `stream`.
    pub(crate) fn awaits(&self, stream: StreamId) -> bool {
        self.keys.get(&stream).is_some_and(|key| self.waiting.contains(&(*key, stream)))
    }

    /// The time up to which all streams have been read; `None` if there is nothing left to read.
    pub(crate) fn read_up_to(&self) -> Option<u64> {
        self.waiting.first().map(|(key, _)| *key)
    }

    /// A piece of `stream` was read, with data of this time at the newest; `rests`: there is no more for now.
    pub(crate) fn read(&mut self, stream: StreamId, newest_unix_nano: u64, rests: bool) {
        self.advance(stream, newest_unix_nano);
        if rests {
            self.rest(stream);
        }
    }

    /// The newest time read from `stream`, or its creation.
    pub(crate) fn time_of(&self, stream: StreamId) -> u64 {
        self.keys.get(&stream).copied().unwrap_or(0)
    }

    /// So far `stream` was read, though perhaps by another plan.
    pub(crate) fn know(&mut self, stream: StreamId, newest_unix_nano: u64) {
        if newest_unix_nano > 0 {
            self.keys.entry(stream).or_insert(newest_unix_nano);
            self.advance(stream, newest_unix_nano);
        }
    }

    /// Times never go back.
    fn advance(&mut self, stream: StreamId, time_unix_nano: u64) {
        let Some(key) = self.keys.get_mut(&stream).filter(|key| **key < time_unix_nano) else { return };
        let waited = self.waiting.remove(&(*key, stream));
        *key = time_unix_nano;
        if waited {
            self.waiting.insert((time_unix_nano, stream));
        }
    }

    /// There is nothing more to read in `stream` for now.
    fn rest(&mut self, stream: StreamId) {
        if let Some(key) = self.keys.get(&stream) {
            self.waiting.remove(&(*key, stream));
        }
    }

    /// The stream is no more.
    pub(crate) fn forget(&mut self, stream: StreamId) {
        self.rest(stream);
        self.keys.remove(&stream);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_read_in_step() {
        let (a, b) = (StreamId(1), StreamId(2));
        let mut plan = Plan::default();
        plan.offer(b, 20);
        plan.offer(a, 10);
        assert_eq!((plan.first(), plan.read_up_to()), (Some(a), Some(10)));
        plan.advance(a, 30);
        assert_eq!((plan.first(), plan.read_up_to()), (Some(b), Some(20)));
        assert!(plan.awaits(b));
        plan.rest(b);
        assert!(!plan.awaits(b));
        assert_eq!(plan.read_up_to(), Some(30));
        plan.advance(a, 5);
        assert_eq!(plan.read_up_to(), Some(30));
        plan.forget(a);
        assert_eq!(plan.first(), None);
        plan.offer(b, 0);
        assert_eq!(plan.read_up_to(), Some(20));
        plan.know(a, 40);
        plan.know(b, 50);
        plan.offer(a, 10);
        assert_eq!((plan.time_of(a), plan.read_up_to()), (40, Some(40)));
    }
}
