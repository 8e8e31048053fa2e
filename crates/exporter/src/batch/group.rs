//! Resource and scope, encoded once and shared by the records that have them.

use crate::encode;
use model::{KeyValue, Resource, Scope, Value};
use std::borrow::Cow;
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
    resource: Resource<'static>,
    scope: Scope<'static>,
    /// The `resource` field of `ResourceSpans`, then the `scope` field of `ScopeSpans`, with their keys and lengths.
    fields: Box<[u8]>,
    /// Where the second begins.
    scope_at: usize,
    hash: u64,
    interned: bool,
}

impl Group {
    /// What its records come from.
    #[must_use]
    pub fn resource(&self) -> &Resource<'static> {
        &self.resource
    }

    /// What made them; empty for log lines.
    #[must_use]
    pub fn scope(&self) -> &Scope<'static> {
        &self.scope
    }

    /// The `resource` field of a `ResourceSpans` or `ResourceLogs`.
    pub(super) fn resource_field(&self) -> &[u8] {
        self.fields.get(..self.scope_at).unwrap_or_default()
    }

    /// The `scope` field of a `ScopeSpans` or `ScopeLogs`.
    pub(super) fn scope_field(&self) -> &[u8] {
        self.fields.get(self.scope_at..).unwrap_or_default()
    }

    /// Encoded bytes of both; the memory is about three times that.
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
///
/// What is looked for is encoded and compared as bytes, which costs less than comparing or hashing it part by part; the
/// last few are tried first, for a line of a trace file has but two or three services.
pub struct Groups {
    by_hash: HashMap<u64, Interned>,
    /// The one that was asked for last comes first.
    recent: Vec<Arc<Group>>,
    scratch: Vec<u8>,
    turn: u64,
    bytes: usize,
}

impl Groups {
    /// Groups that are kept at most. A host has a few dozen; more than this come only from damaged or hostile files.
    pub const MAX_GROUPS: usize = 1_024;
    /// Encoded bytes that are kept at most; the memory is about three times that.
    pub const MAX_BYTES: usize = 1 << 20;
    /// A larger group is not kept.
    pub const MAX_GROUP_BYTES: usize = 64 << 10;
    const RECENT: usize = 4;

    /// No groups yet.
    #[must_use]
    pub fn new() -> Self {
        Self { by_hash: HashMap::new(), recent: Vec::new(), scratch: Vec::new(), turn: 0, bytes: 0 }
    }

    /// The group of this resource and scope, made if it isn't there yet.
    pub fn get(&mut self, resource: &Resource<'_>, scope: &Scope<'_>) -> Arc<Group> {
        let scope_at = self.encode(resource, scope);
        self.recent().unwrap_or_else(|| self.find(resource, scope, scope_at))
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

    fn recent(&mut self) -> Option<Arc<Group>> {
        let place = self.recent.iter().position(|group| *group.fields == *self.scratch)?;
        self.recent.swap(0, place);
        self.recent.first().cloned()
    }

    /// The way for what wasn't asked for lately.
    fn find(&mut self, resource: &Resource<'_>, scope: &Scope<'_>, scope_at: usize) -> Arc<Group> {
        let hash = xxh3_64(&self.scratch);
        let group = self.known(hash).unwrap_or_else(|| self.make(resource, scope, scope_at, hash));
        self.scratch.shrink_to(Self::MAX_GROUP_BYTES);
        if group.interned {
            self.recent.truncate(Self::RECENT - 1);
            self.recent.insert(0, Arc::clone(&group));
        }
        group
    }

    fn known(&mut self, hash: u64) -> Option<Arc<Group>> {
        self.mark_recent();
        let known = self.by_hash.get_mut(&hash)?;
        if *known.group.fields != *self.scratch {
            return None;
        }
        known.used = self.turn;
        Some(Arc::clone(&known.group))
    }

    /// The recent ones were used since the last look at the map.
    fn mark_recent(&mut self) {
        self.turn += 1;
        for group in &self.recent {
            if let Some(known) = self.by_hash.get_mut(&group.hash) {
                known.used = self.turn;
            }
        }
    }

    fn make(&mut self, resource: &Resource<'_>, scope: &Scope<'_>, scope_at: usize, hash: u64) -> Arc<Group> {
        let fields: Box<[u8]> = self.scratch.as_slice().into();
        let interned = fields.len() <= Self::MAX_GROUP_BYTES;
        let resource = Resource { attributes: resource.attributes.iter().map(owned).collect() };
        let scope = Scope { name: own(&scope.name), version: own(&scope.version) };
        let group = Arc::new(Group { resource, scope, fields, scope_at, hash, interned });
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

fn own(text: &str) -> Cow<'static, str> {
    Cow::Owned(text.to_owned())
}

fn owned(kv: &KeyValue<'_>) -> KeyValue<'static> {
    let value = match &kv.value {
        Value::Str(text) => Value::Str(own(text)),
        Value::Int(number) => Value::Int(*number),
        Value::Bool(truth) => Value::Bool(*truth),
        Value::Double(number) => Value::Double(*number),
    };
    KeyValue { key: own(&kv.key), value }
}
