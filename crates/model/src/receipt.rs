//! Receipts: what ties a record to the line of the file it was read from.

/// A stream of lines: one file under all the names it has in its life. The number holds for one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(pub u32);

/// Names a line; it walks with each record that was read from it and comes back when that record is settled:
/// delivered, refused for good (and counted), or deliberately dropped.
///
/// A line with many records has one receipt; it is settled when as many parts came back as were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Receipt {
    /// The stream.
    pub stream: StreamId,
    /// The line's start, in bytes of the uncompressed stream.
    pub start: u64,
}
