//! Mistakes that an agent could make, planted on purpose: the simulation must find each.
//!
//! They are made at the traits, around the engine as it is: nothing of them is in the program.

use crate::engine::{Changes, Engine};
use exporter::classify::{Answer, Http, Partial, Reply};
use std::collections::HashMap;
use std::path::PathBuf;
use watcher::{Head, Marker, SavedStream};

/// A mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plant {
    /// A checkpoint says what was read, not what was settled.
    CheckpointOnRead,
    /// A request that the collector did not want now counts as done with.
    CheckpointOnRefusal,
    /// Once a file has another name or none, nothing that is still written to it is read.
    RotatedFileClosedEarly,
    /// At a stop, the lines that wait for their spans are dropped as if they were sent.
    HeldLinesForgotten,
    /// After a start a file is known by its inode alone.
    InodeTrusted,
}

impl Plant {
    pub(super) const ALL: [Self; 5] = [
        Self::CheckpointOnRead,
        Self::CheckpointOnRefusal,
        Self::RotatedFileClosedEarly,
        Self::HeldLinesForgotten,
        Self::InodeTrusted,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::CheckpointOnRead => "checkpoint on read",
            Self::CheckpointOnRefusal => "checkpoint on refusal",
            Self::RotatedFileClosedEarly => "a rotated file closed early",
            Self::HeldLinesForgotten => "held lines forgotten",
            Self::InodeTrusted => "the inode trusted",
        }
    }
}

/// How far each file was read, for the mistake that takes it for settled.
pub(super) fn read_up_to(plant: Option<Plant>, engine: &Engine) -> HashMap<PathBuf, u64> {
    let streams = engine.watcher.streams().filter(|_| plant == Some(Plant::CheckpointOnRead));
    streams.map(|info| (info.path, info.deliver_at)).collect()
}

/// What the store is given instead of these changes.
pub(super) fn saved(plant: Option<Plant>, read: &HashMap<PathBuf, u64>, mut changes: Changes) -> Changes {
    let change = |bytes: &mut Vec<u8>| {
        let Ok(mut saved) = SavedStream::from_bytes(bytes) else { return };
        if plant == Some(Plant::InodeTrusted) {
            (saved.head, saved.marker) = (Head::default(), Marker::default());
        }
        if let Some(read) = read.get(&saved.path) {
            (saved.settled, saved.beyond) = (saved.settled.max(*read), Vec::new());
        }
        *bytes = saved.to_bytes();
    };
    if matches!(plant, Some(Plant::CheckpointOnRead | Plant::InodeTrusted)) {
        changes.iter_mut().filter_map(|(_, value)| value.as_mut()).for_each(change);
    }
    changes
}

/// What the engine is told instead of this answer.
pub(super) fn answered(plant: Option<Plant>, answer: &Answer) -> Answer {
    let accepted = Http {
        status: 200,
        retry_after: None,
        reply: Reply::Otlp(Partial::default()),
        message: String::new(),
    };
    match answer {
        Answer::Http(Http { status: 429 | 503, .. }) if plant == Some(Plant::CheckpointOnRefusal) => {
            Answer::Http(accepted)
        }
        other => other.clone(),
    }
}

/// What happens before a clean end.
pub(super) fn stopping(plant: Option<Plant>, engine: &mut Engine) {
    if plant == Some(Plant::HeldLinesForgotten) {
        let held: Vec<_> = engine.correlator.drain().map(|record| record.receipt).collect();
        held.into_iter().for_each(|receipt| engine.settle(receipt, 1));
    }
}
