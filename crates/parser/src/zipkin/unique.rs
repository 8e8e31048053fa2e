//! A list of attributes with each key once, the last value of a key counting.

use model::{KeyValue, Value};
use std::borrow::Cow;
use std::collections::HashSet;

/// Up to this many keys are compared one by one as they come; a longer list is gone through once, at the end.
const FEW: usize = 64;

/// A span has fewer in most cases: a list does not grow step by step.
const USUAL: usize = 16;

/// The list.
#[derive(Debug, Default)]
pub(super) struct Unique<'a> {
    list: Vec<KeyValue<'a>>,
    /// A bit for each sort of key in the list, so that most keys are known to be new without a comparison.
    sorts: u64,
}

impl<'a> Unique<'a> {
    /// Empties the list, keeping its buffer.
    pub(super) fn reset(&mut self) {
        self.list.clear();
        self.sorts = 0;
    }

    /// Adds an attribute, or replaces that of the same key.
    #[inline]
    pub(super) fn put(&mut self, next: KeyValue<'a>) {
        let sort = sort(&next.key);
        if self.sorts & sort == 0 || self.list.len() >= FEW {
            self.sorts |= sort;
            if self.list.capacity() == 0 {
                self.list.reserve(USUAL);
            }
            return self.list.push(next);
        }
        match self.list.iter_mut().find(|kv| kv.key == next.key) {
            Some(kv) => *kv = next,
            None => self.list.push(next),
        }
    }

    /// Adds an attribute unless its key is there.
    pub(super) fn put_if_absent(&mut self, next: KeyValue<'a>) {
        let absent = self.sorts & sort(&next.key) == 0 || self.list.iter().all(|kv| kv.key != next.key);
        if absent {
            self.put(next);
        }
    }

    /// The value of a key, if it is text.
    pub(super) fn text(&self, key: &str) -> Option<&Cow<'a, str>> {
        self.list.iter().rev().find(|kv| kv.key == key).and_then(|kv| match &kv.value {
            Value::Str(text) => Some(text),
            _ => None,
        })
    }

    /// Takes all out, keeping the buffer.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = KeyValue<'a>> + '_ {
        self.finish();
        self.list.drain(..)
    }

    /// The list; this one is empty afterwards.
    pub(super) fn take(&mut self) -> Vec<KeyValue<'a>> {
        self.finish();
        std::mem::take(&mut self.list)
    }

    /// Puts the list in another's place; this one is empty afterwards, with the other's buffer.
    pub(super) fn swap_into(&mut self, other: &mut Vec<KeyValue<'a>>) {
        self.finish();
        other.clear();
        std::mem::swap(&mut self.list, other);
    }

    fn finish(&mut self) {
        self.sorts = 0;
        if self.list.len() > FEW {
            keep_last(&mut self.list);
        }
    }
}

/// Length, middle and last character tell most of XAPI's keys apart.
fn sort(key: &str) -> u64 {
    let bytes = key.as_bytes();
    let last = bytes.last().copied().unwrap_or_default();
    let middle = bytes.get(bytes.len() / 2).copied().unwrap_or_default();
    let mixed = bytes.len() ^ usize::from(last) ^ usize::from(middle).wrapping_mul(5);
    1 << (mixed & 63)
}

fn keep_last(list: &mut Vec<KeyValue<'_>>) {
    let mut seen = HashSet::with_capacity(list.len());
    let mut kept: Vec<bool> = list.iter().rev().map(|kv| seen.insert(&*kv.key)).collect();
    list.retain(|_| kept.pop().unwrap_or(true));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn the_last_of_a_key_counts(pairs in prop::collection::vec((0..90u8, 0..9i64), 0..200)) {
            let mut list = Unique::default();
            let mut expected = BTreeMap::new();
            for (key, value) in pairs {
                list.put(KeyValue::int(format!("key{key}"), value));
                expected.insert(format!("key{key}"), value);
            }
            let mut taken = list.take();
            taken.sort_by(|a, b| a.key.cmp(&b.key));
            let expected: Vec<_> = expected.into_iter().map(|(key, value)| KeyValue::int(key, value)).collect();
            prop_assert_eq!(taken, expected);
        }
    }

    #[test]
    fn absent_keys_only() {
        let mut list = Unique::default();
        list.put(KeyValue::int("a", 1));
        list.put_if_absent(KeyValue::int("a", 2));
        list.put_if_absent(KeyValue::int("b", 3));
        assert_eq!(list.take(), [KeyValue::int("a", 1), KeyValue::int("b", 3)]);
    }
}
