//! A batch: the encoded records of a request of one signal, and how they are laid out in it.

use super::group::Group;
use super::receipts::Receipts;
use crate::encode::{len_field_len, message_header};
use bytes::Bytes;
use model::Receipt;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// Field numbers: `resource_spans` in `ExportTraceServiceRequest`, `scope_spans` in `ResourceSpans`, `spans` in
/// `ScopeSpans`; those of logs are the same.
const RESOURCES: u32 = 1;
const SCOPES: u32 = 2;
const RECORDS: u32 = 2;

/// Where a record ends in the buffer (it begins where the one before it ends), and its group.
#[derive(Clone, Copy, Debug)]
struct Place {
    end: usize,
    slot: usize,
}

/// A group in this batch, and the bytes of its records.
#[derive(Debug)]
struct Slot {
    group: Arc<Group>,
    records: usize,
}

/// Neighbours in the buffer that have one group.
#[derive(Clone, Debug)]
struct Run {
    slot: usize,
    bytes: Range<usize>,
}

/// A record in a batch.
#[derive(Clone, Copy, Debug)]
pub struct RecordRef<'a> {
    /// Its resource and scope.
    pub group: &'a Arc<Group>,
    /// The body of its `Span` or `LogRecord`, as it was encoded.
    pub bytes: &'a [u8],
}

/// The records of one request, in the order in which they came. A part of it is a range of their numbers: what is
/// split off after a refusal is a range, and no byte is moved for it.
#[derive(Debug, Default)]
pub struct Batch {
    /// The records as `spans`/`log_records` fields, with key and length.
    buffer: Vec<u8>,
    places: Vec<Place>,
    slots: Vec<Slot>,
    by_group: HashMap<Arc<Group>, usize>,
    receipts: Receipts,
    size: usize,
    /// Encoded bytes of the groups that no one else counts.
    own_groups: usize,
}

impl Batch {
    /// Records in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether it has no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Bytes of the request with all its records, before compression: exactly the length of its body.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// Bytes of memory it takes.
    #[must_use]
    pub fn memory(&self) -> usize {
        let places = self.places.capacity() * size_of::<Place>();
        let slots = self.slots.capacity() * (size_of::<Slot>() + 2 * size_of::<(Arc<Group>, usize)>());
        self.buffer.capacity() + places + slots + self.own_groups + self.receipts.memory()
    }

    /// Record `index`, or `None` past the end.
    #[must_use]
    pub fn record(&self, index: usize) -> Option<RecordRef<'_>> {
        let place = self.places.get(index)?;
        let field = self.buffer.get(self.start_of(index)..place.end)?;
        let group = &self.slots.get(place.slot)?.group;
        Some(RecordRef { group, bytes: content(field) })
    }

    /// The receipts of these records, in order, equal neighbours as one with their number.
    pub fn receipts(&self, records: Range<usize>) -> impl Iterator<Item = (Receipt, usize)> + '_ {
        self.receipts.of(self.clamp(records))
    }

    /// A whole `ExportTraceServiceRequest` or `ExportLogsServiceRequest` of these records.
    #[must_use]
    pub fn body(&self, records: Range<usize>) -> Bytes {
        let mut out = Vec::new();
        self.write_body(records, &mut out);
        out.into()
    }

    /// The same into a buffer that may have been used before; what was in it is gone.
    pub fn write_body(&self, records: Range<usize>, out: &mut Vec<u8>) {
        let runs = self.runs(records);
        let size = self.by_slot(&runs).map(|(group, runs)| request_len(group, total(runs))).sum();
        out.clear();
        out.reserve_exact(size);
        for (group, runs) in self.by_slot(&runs) {
            write_headers(group, total(runs), out);
            runs.iter().for_each(|run| out.extend_from_slice(self.bytes(run)));
        }
    }

    /// The request's size if this record were added.
    pub(super) fn size_with(&self, group: &Arc<Group>, record: usize) -> usize {
        let held = self.slot_of(group).and_then(|slot| self.slots.get(slot)).map(|slot| slot.records);
        self.size_after(group, held, len_field_len(RECORDS, record))
    }

    /// Adds a record. The buffer grows to `limit` bytes at most, unless the record alone needs more.
    pub(super) fn push(&mut self, group: &Arc<Group>, receipt: Receipt, record: &[u8], limit: usize) {
        let added = len_field_len(RECORDS, record.len());
        let index = self.slot_of(group).unwrap_or_else(|| self.add_slot(group));
        let held = self.slots.get(index).map(|slot| slot.records).filter(|records| *records > 0);
        self.size = self.size_after(group, held, added);
        if let Some(slot) = self.slots.get_mut(index) {
            slot.records += added;
        }
        self.reserve(added, limit);
        message_header(RECORDS, record.len(), &mut self.buffer);
        self.buffer.extend_from_slice(record);
        self.places.push(Place { end: self.buffer.len(), slot: index });
        self.receipts.push(receipt);
    }

    /// Empties it and keeps its memory, but for what it made little use of.
    pub(super) fn clear(&mut self) {
        let used = self.buffer.len();
        self.buffer.clear();
        self.buffer.shrink_to(2 * used);
        let used = self.places.len();
        self.places.clear();
        self.places.shrink_to(2 * used);
        self.slots.clear();
        self.by_group.clear();
        self.receipts.clear();
        (self.size, self.own_groups) = (0, 0);
    }

    fn size_after(&self, group: &Group, held: Option<usize>, added: usize) -> usize {
        let before = held.map_or(0, |records| request_len(group, records));
        self.size - before + request_len(group, held.unwrap_or(0) + added)
    }

    /// Doubles, but not past the limit: half of a doubled buffer of 4 MiB would never be used.
    fn reserve(&mut self, added: usize, limit: usize) {
        let needed = self.buffer.len() + added;
        if needed > self.buffer.capacity() {
            let wanted = (2 * needed).min(limit).max(needed);
            self.buffer.reserve_exact(wanted - self.buffer.len());
        }
    }

    /// The group's number here. Most records have one of the first few groups.
    fn slot_of(&self, group: &Arc<Group>) -> Option<usize> {
        const FEW: usize = 8;
        let few = self.slots.iter().take(FEW).position(|slot| Arc::ptr_eq(&slot.group, group));
        few.or_else(|| self.by_group.get(group).copied())
    }

    fn add_slot(&mut self, group: &Arc<Group>) -> usize {
        let index = self.slots.len();
        self.slots.push(Slot { group: Arc::clone(group), records: 0 });
        self.own_groups += if group.is_interned() { 0 } else { group.size() };
        self.by_group.insert(Arc::clone(group), index);
        index
    }

    fn clamp(&self, records: Range<usize>) -> Range<usize> {
        records.start.min(self.len())..records.end.min(self.len())
    }

    fn start_of(&self, index: usize) -> usize {
        index.checked_sub(1).and_then(|before| self.places.get(before)).map_or(0, |place| place.end)
    }

    fn bytes(&self, run: &Run) -> &[u8] {
        self.buffer.get(run.bytes.clone()).unwrap_or_default()
    }

    /// The records' bytes, neighbours of a group together, sorted by group; the sort is stable and so keeps the order
    /// within each.
    fn runs(&self, records: Range<usize>) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        let records = self.clamp(records);
        let mut start = self.start_of(records.start);
        for place in self.places.get(records).unwrap_or_default() {
            match runs.last_mut() {
                Some(run) if run.slot == place.slot => run.bytes.end = place.end,
                _ => runs.push(Run { slot: place.slot, bytes: start..place.end }),
            }
            start = place.end;
        }
        runs.sort_by_key(|run| run.slot);
        runs
    }

    fn by_slot<'a>(&'a self, runs: &'a [Run]) -> impl Iterator<Item = (&'a Group, &'a [Run])> {
        runs.chunk_by(|one, next| one.slot == next.slot).filter_map(|runs| {
            let slot = self.slots.get(runs.first()?.slot)?;
            Some((slot.group.as_ref(), runs))
        })
    }
}

fn total(runs: &[Run]) -> usize {
    runs.iter().map(|run| run.bytes.len()).sum()
}

/// Bytes of a `ScopeSpans` with this many bytes of records.
fn scope_len(group: &Group, records: usize) -> usize {
    group.scope_field().len() + records
}

/// Bytes of a `ResourceSpans` with this many bytes of records.
fn resource_len(group: &Group, records: usize) -> usize {
    group.resource_field().len() + len_field_len(SCOPES, scope_len(group, records))
}

/// Bytes that a group takes in a request.
fn request_len(group: &Group, records: usize) -> usize {
    len_field_len(RESOURCES, resource_len(group, records))
}

/// Everything of a group that stands before its records.
fn write_headers(group: &Group, records: usize, out: &mut Vec<u8>) {
    message_header(RESOURCES, resource_len(group, records), out);
    out.extend_from_slice(group.resource_field());
    message_header(SCOPES, scope_len(group, records), out);
    out.extend_from_slice(group.scope_field());
}

/// What follows the key (one byte) and the length (one to ten bytes) of a field.
fn content(field: &[u8]) -> &[u8] {
    let length = field.iter().skip(1).take_while(|byte| **byte >= 0x80).count() + 1;
    field.get(1 + length..).unwrap_or_default()
}
