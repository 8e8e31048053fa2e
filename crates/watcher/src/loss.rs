//! What was passed over, and why.
//!
//! Promises: every byte that a watched file holds and that is not handed out as a line is told with one of
//! these reasons, once. Leaves to others: counters and the log.

use crate::StreamId;
use std::path::PathBuf;

/// Why bytes were passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The line is longer than `limits.line`.
    Oversize,
    /// The file was older than `limits.max_age` at a start without a checkpoint.
    TooOld,
    /// The log was there before the agent, and is not wanted: `start_at = "end"`, or a rotated sibling that
    /// was never begun.
    BeforeStart,
    /// The file was truncated or overwritten in place before it was read.
    Truncated,
    /// The file was removed before it was read.
    Deleted,
    /// The compressed file is damaged or ends in the middle; the count is of compressed bytes.
    Undecodable,
    /// The file was deleted, and its descriptor was let go: the cap on deleted bytes, or the disk was
    /// nearly full.
    HeldDeletedCap,
    /// A last line without its newline, in a file that can't grow any more.
    Unfinished,
}

impl Reason {
    /// All reasons, for those who keep a counter for each.
    pub const ALL: [Self; 8] = [
        Self::Oversize,
        Self::TooOld,
        Self::BeforeStart,
        Self::Truncated,
        Self::Deleted,
        Self::Undecodable,
        Self::HeldDeletedCap,
        Self::Unfinished,
    ];

    /// The reason as a metric's attribute has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Oversize => "oversize",
            Self::TooOld => "too_old",
            Self::BeforeStart => "before_start",
            Self::Truncated => "truncated",
            Self::Deleted => "deleted",
            Self::Undecodable => "undecodable",
            Self::HeldDeletedCap => "held_deleted_cap",
            Self::Unfinished => "unfinished",
        }
    }
}

/// Bytes that were passed over outside a read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The stream they belonged to.
    pub stream: StreamId,
    /// The last name it had.
    pub path: PathBuf,
    /// Where they began, in bytes of the uncompressed stream.
    pub start: u64,
    /// How many. Where only the compressed size is known, that.
    pub bytes: u64,
    /// Why.
    pub reason: Reason,
}
