//! The receipts of a batch's records, in their order, equal neighbours together: the spans of a line share one.

use model::Receipt;
use std::ops::Range;

#[derive(Clone, Copy, Debug)]
struct Run {
    receipt: Receipt,
    /// One past its last record.
    end: usize,
}

#[derive(Debug, Default)]
pub(super) struct Receipts {
    runs: Vec<Run>,
}

impl Receipts {
    /// Adds the receipt of the next record.
    pub(super) fn push(&mut self, receipt: Receipt) {
        match self.runs.last_mut() {
            Some(last) if last.receipt == receipt => last.end += 1,
            last => {
                let end = last.map_or(0, |run| run.end) + 1;
                self.runs.push(Run { receipt, end });
            }
        }
    }

    /// The receipts of these records, each with how many of them it stands for.
    pub(super) fn of(&self, range: Range<usize>) -> impl Iterator<Item = (Receipt, usize)> + '_ {
        let first = self.runs.partition_point(|run| run.end <= range.start);
        let mut start = range.start;
        self.runs.iter().skip(first).map_while(move |run| {
            let end = run.end.min(range.end);
            let count = end.checked_sub(start).filter(|count| *count > 0)?;
            start = end;
            Some((run.receipt, count))
        })
    }

    pub(super) fn clear(&mut self) {
        self.runs.clear();
    }

    /// Bytes of memory it takes.
    pub(super) fn memory(&self) -> usize {
        self.runs.capacity() * size_of::<Run>()
    }
}
