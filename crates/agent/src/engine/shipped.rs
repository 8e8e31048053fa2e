//! Trace files that an earlier run shipped from: which of them may hold copies of spans that are yet to be delivered.
//!
//! XAPI writes each span once for each enabled observer, one after the other in the same flush, and begins a new file
//! where one has grown too large (xen-api `ocaml/libs/tracing/tracing_export.ml`, `flush_spans`, `File.export`). So a
//! copy lies in the same file, or in one of the same service that was begun just before or after it. Only these need
//! be known before a file is delivered, and not the thousands that are read again as evidence for lines.
//!
//! Leaves to others: which of them have been read again by now.

use model::{StreamId, Uuid};
use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;

/// Files begun no farther apart may be of one flush: by default there is one every 30 s.
const APART: u64 = 60 * model::NANOS_PER_SECOND;

/// The service and host in a file's name.
pub(super) type Origin = (String, Option<Uuid>);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Shipped {
    /// By the time when each was begun.
    of: HashMap<Origin, BTreeSet<(u64, StreamId)>>,
}

impl Shipped {
    /// One of them.
    pub(super) fn add(&mut self, origin: &Origin, created_unix_nano: u64, stream: StreamId) {
        let file = (created_unix_nano, stream);
        match self.of.get_mut(origin) {
            Some(files) => drop(files.insert(file)),
            None => drop(self.of.insert(origin.clone(), BTreeSet::from([file]))),
        }
    }

    /// All have been read again.
    pub(super) fn clear(&mut self) {
        self.of = HashMap::new();
    }

    /// There are none.
    pub(super) fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// Those that may hold copies of what a file of this origin holds that was begun at this time: itself, those begun
    /// within a minute, the last one before these, and the first one after.
    pub(super) fn beside(
        &self,
        origin: &Origin,
        created_unix_nano: u64,
    ) -> impl Iterator<Item = StreamId> + '_ {
        let from = (created_unix_nano.saturating_sub(APART), StreamId(0));
        let to = (created_unix_nano.saturating_add(APART), StreamId(u32::MAX));
        let files = self.of.get(origin).into_iter();
        let near = files.flat_map(move |files| {
            let before = files.range(..from).next_back();
            let after = files.range((Bound::Excluded(to), Bound::Unbounded)).next();
            before.into_iter().chain(files.range(from..=to)).chain(after)
        });
        near.map(|(_, stream)| *stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_lie_in_what_was_begun_at_about_the_same_time() {
        let (xapi, sm) = (("xapi".to_owned(), None), ("sm".to_owned(), None));
        let mut shipped = Shipped::default();
        for minute in [0, 10, 20, 30, 31, 40, 50] {
            shipped.add(&xapi, minute * APART, StreamId(u32::try_from(minute).unwrap()));
        }
        let beside = |origin, minute: u64| -> Vec<u32> {
            shipped.beside(origin, minute * APART).map(|stream| stream.0).collect()
        };
        assert_eq!(beside(&xapi, 30), [20, 30, 31, 40]);
        assert_eq!(beside(&xapi, 0), [0, 10]);
        assert_eq!(beside(&xapi, 100), [50]);
        assert_eq!(beside(&sm, 30), [0; 0]);
    }
}
