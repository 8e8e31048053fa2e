//! Resource and scope, encoded once and shared by the records that have them.

use crate::encode;
use model::{Resource, Scope};
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// Tag numbers in `ResourceSpans` and in `ScopeSpans`; those of logs are the same.
const RESOURCE: u32 = 1;
const SCOPE: u32 = 1;

/// A (resource, scope), encoded as the fields that stand before the records in a request. Two groups are equal if
/// their bytes are.
#[derive(Debug)]
pub struct Group {
    /// The `resource` field of `ResourceSpans`, then the `scope` field of `ScopeSpans`, with their keys and lengths.
    fields: Box<[u8]>,
    /// Where the second begins.
    scope_at: usize,
    hash: u64,
    interned: bool,
}

impl Group {
    /// The `resource` field of a `ResourceSpans` or `ResourceLogs`.
    pub(super) fn resource_field(&self) -> &[u8] {
        self.fields.get(..self.scope_at).unwrap_or_default()
    }

    /// The `scope` field of a `ScopeSpans` or `ScopeLogs`.
    pub(super) fn scope_field(&self) -> &[u8] {
        self.fields.get(self.scope_at..).unwrap_or_default()
    }

    /// Encoded bytes of both.
    #[must_use]
    pub fn size(&self) -> usize {
        self.fields.len()
    }

    /// Whether [`Groups`] kept it when it was made: then its bytes are counted there, once for all that share it.
    #[must_use]
    pub fn is_interned(&self) -> bool {
        self.interned
    }
}

impl PartialEq for Group {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.fields == other.fields
    }
}

impl Eq for Group {}

impl Hash for Group {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

struct Interned {
    group: Arc<Group>,
    used: u64,
}

/// The groups in use, each made once.
///
/// Bounded by number and by bytes, the least recently used going first; a group that alone is too large to keep is
/// made anew each time. A group that was let go stays valid where it is held, and still counts as equal.
pub struct Groups {
    by_hash: HashMap<u64, Interned>,
    last: Option<Arc<Group>>,
    scratch: Vec<u8>,
    turn: u64,
    bytes: usize,
}

impl Groups {
    /// Groups that are kept at most. A host has a few dozen; more than this come only from damaged or hostile files.
    pub const MAX_GROUPS: usize = 1_024;
    /// Encoded bytes that are kept at most.
    pub const MAX_BYTES: usize = 1 << 20;
    /// A larger group is not kept.
    pub const MAX_GROUP_BYTES: usize = 64 << 10;

    /// No groups yet.
    #[must_use]
    pub fn new() -> Self {
        Self { by_hash: HashMap::new(), last: None, scratch: Vec::new(), turn: 0, bytes: 0 }
    }

    /// The group of this resource and scope, made if it isn't there yet.
    pub fn get(&mut self, resource: &Resource<'_>, scope: &Scope<'_>) -> Arc<Group> {
        let scope_at = self.encode(resource, scope);
        if let Some(last) = self.last.as_ref().filter(|last| *last.fields == *self.scratch) {
            return Arc::clone(last);
        }
        let hash = xxh3_64(&self.scratch);
        let group = self.known(hash).unwrap_or_else(|| self.make(hash, scope_at));
        self.last = Some(Arc::clone(&group)).filter(|group| group.interned);
        self.scratch.shrink_to(Self::MAX_GROUP_BYTES);
        group
    }

    /// Groups that are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_hash.len()
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_hash.is_empty()
    }

    /// Encoded bytes that are kept.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Fills the scratch buffer; answers where the scope begins.
    fn encode(&mut self, resource: &Resource<'_>, scope: &Scope<'_>) -> usize {
        self.scratch.clear();
        encode::message_header(RESOURCE, encode::resource_len(resource), &mut self.scratch);
        encode::resource(resource, &mut self.scratch);
        let scope_at = self.scratch.len();
        encode::message_header(SCOPE, encode::scope_len(scope), &mut self.scratch);
        encode::scope(scope, &mut self.scratch);
        scope_at
    }

    fn known(&mut self, hash: u64) -> Option<Arc<Group>> {
        self.turn += 1;
        let known = self.by_hash.get_mut(&hash)?;
        if *known.group.fields != *self.scratch {
            return None;
        }
        known.used = self.turn;
        Some(Arc::clone(&known.group))
    }

    fn make(&mut self, hash: u64, scope_at: usize) -> Arc<Group> {
        let fields: Box<[u8]> = self.scratch.as_slice().into();
        let interned = fields.len() <= Self::MAX_GROUP_BYTES;
        let group = Arc::new(Group { fields, scope_at, hash, interned });
        if interned {
            self.keep(&group);
        }
        group
    }

    /// Takes a group in. One of the same hash but other bytes gives way.
    fn keep(&mut self, group: &Arc<Group>) {
        self.forget(group.hash);
        while self.by_hash.len() >= Self::MAX_GROUPS || self.bytes + group.size() > Self::MAX_BYTES {
            let Some(oldest) = self.oldest() else { break };
            self.forget(oldest);
        }
        self.bytes += group.size();
        self.by_hash.insert(group.hash, Interned { group: Arc::clone(group), used: self.turn });
    }

    fn oldest(&self) -> Option<u64> {
        self.by_hash.iter().min_by_key(|(_, one)| one.used).map(|(hash, _)| *hash)
    }

    fn forget(&mut self, hash: u64) {
        if let Some(gone) = self.by_hash.remove(&hash) {
            self.bytes -= gone.group.size();
        }
    }
}

impl Default for Groups {
    fn default() -> Self {
        Self::new()
    }
}
