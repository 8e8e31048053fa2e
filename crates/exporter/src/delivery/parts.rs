//! The records of a load that are not settled yet, in their order.

use std::collections::VecDeque;
use std::ops::Range;

use super::state::Resend;

/// Consecutive records with the same history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) range: Range<usize>,
    /// Set if the server may have them.
    pub(super) resend: Option<Resend>,
}

impl Part {
    pub(super) fn len(&self) -> usize {
        self.range.len()
    }

    /// Two parts, the second from `middle` on; `None` for one that would be empty.
    fn cut(self, middle: usize) -> (Part, Option<Part>) {
        let Range { start, end } = self.range;
        let middle = middle.clamp(start, end);
        let second = (middle < end).then_some(Part { range: middle..end, resend: self.resend });
        (Part { range: start..middle, resend: self.resend }, second)
    }
}

/// Parts, the oldest first; none is empty.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts(VecDeque<Part>);

impl Parts {
    /// Starts with all records of a load.
    pub(super) fn fill(&mut self, records: usize) {
        if records > 0 {
            self.0.push_back(Part { range: 0..records, resend: None });
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first part, cut to `records` records if it has more.
    pub(super) fn first_of(&mut self, records: usize) -> Option<&Part> {
        let part = self.take_first()?;
        let middle = part.range.start.saturating_add(records);
        self.put_cut(part, middle);
        self.0.front()
    }

    pub(super) fn take_first(&mut self) -> Option<Part> {
        self.0.pop_front()
    }

    pub(super) fn put_first(&mut self, part: Part) {
        self.0.push_front(part);
    }

    /// Puts both halves of a part of two records or more.
    pub(super) fn put_halves(&mut self, part: Part) {
        let middle = part.range.start + part.len() / 2;
        self.put_cut(part, middle);
    }

    fn put_cut(&mut self, part: Part, middle: usize) {
        let (first, second) = part.cut(middle);
        if let Some(second) = second {
            self.0.push_front(second);
        }
        self.0.push_front(first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(parts: &Parts) -> Vec<Range<usize>> {
        parts.0.iter().map(|part| part.range.clone()).collect()
    }

    #[test]
    fn parts_stay_in_order_and_none_is_empty() {
        let mut parts = Parts::default();
        parts.fill(0);
        assert!(parts.is_empty());
        parts.fill(10);
        assert_eq!(parts.first_of(usize::MAX).map(Part::len), Some(10));
        assert_eq!(parts.first_of(4).map(Part::len), Some(4));
        assert_eq!(ranges(&parts), [0..4, 4..10]);
        let first = parts.take_first().unwrap();
        parts.put_halves(first);
        assert_eq!(ranges(&parts), [0..2, 2..4, 4..10]);
    }

    #[test]
    fn a_cut_part_keeps_its_history() {
        let mut parts = Parts::default();
        parts.put_first(Part { range: 3..6, resend: Some(Resend::Refused) });
        parts.first_of(1);
        assert!(parts.0.iter().all(|part| part.resend == Some(Resend::Refused)));
        assert_eq!(ranges(&parts).len(), 2);
    }
}
