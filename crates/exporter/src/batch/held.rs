//! A log line that waits for its span: encoded, without its trace context.

use super::group::Group;
use model::Receipt;
use std::sync::Arc;

/// An encoded log record that is not in a batch yet. The correlator keeps it as it is; the trace context is appended
/// when it is pushed ([`super::Batcher::push_held`]).
#[derive(Debug)]
pub struct HeldRecord {
    /// Its resource and scope.
    pub group: Arc<Group>,
    /// The body of its `LogRecord`.
    pub bytes: Box<[u8]>,
    /// The line it was read from.
    pub receipt: Receipt,
}

impl HeldRecord {
    /// Keeps a copy of `encoded`, of exactly its size.
    #[must_use]
    pub fn new(group: &Arc<Group>, receipt: Receipt, encoded: &[u8]) -> Self {
        Self { group: Arc::clone(group), bytes: encoded.into(), receipt }
    }

    /// Bytes of memory it takes: itself and its record; its group too, where no one else counts that.
    #[must_use]
    pub fn size(&self) -> usize {
        let group = if self.group.is_interned() { 0 } else { self.group.size() };
        size_of::<Self>() + self.bytes.len() + group
    }
}
