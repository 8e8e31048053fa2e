//! How the last 1,000 records ended.

use std::collections::VecDeque;

const RECORDS: u64 = 1_000;

/// The last records, as runs of the same end.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    /// Oldest first: how many, and whether they were refused.
    runs: VecDeque<(u64, bool)>,
    len: u64,
    refused: u64,
}

impl Window {
    /// Adds `taken` delivered records and then `refused` refused ones.
    pub(super) fn add(&mut self, taken: u64, refused: u64) {
        self.push(taken, false);
        self.push(refused, true);
        while self.len > RECORDS {
            self.forget(self.len - RECORDS);
        }
    }

    /// Whether over half of them were refused.
    pub(super) fn mostly_refused(&self) -> bool {
        self.refused * 2 > self.len
    }

    fn push(&mut self, count: u64, refused: bool) {
        let count = count.min(RECORDS);
        if count == 0 {
            return;
        }
        match self.runs.back_mut() {
            Some((len, same)) if *same == refused => *len += count,
            _ => self.runs.push_back((count, refused)),
        }
        self.count(count, refused, u64::saturating_add);
    }

    fn forget(&mut self, at_most: u64) {
        let Some((len, refused)) = self.runs.front_mut() else { return };
        let (count, refused) = ((*len).min(at_most), *refused);
        *len -= count;
        if *len == 0 {
            self.runs.pop_front();
        }
        self.count(count, refused, u64::saturating_sub);
    }

    fn count(&mut self, count: u64, refused: bool, op: fn(u64, u64) -> u64) {
        self.len = op(self.len, count);
        if refused {
            self.refused = op(self.refused, count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_when_over_half_of_the_last_thousand_were_refused() {
        let cases: [(&[(u64, u64)], bool); 7] = [
            (&[], false),
            (&[(1, 0)], false),
            (&[(1, 1)], false),
            (&[(1, 2)], true),
            (&[(0, 600), (400, 0)], true),
            (&[(0, 600), (400, 0), (100, 0)], false),
            (&[(1_000_000, 0), (0, 501)], true),
        ];
        for (adds, expected) in cases {
            let mut window = Window::default();
            for (taken, refused) in adds {
                window.add(*taken, *refused);
            }
            assert_eq!(window.mostly_refused(), expected, "{adds:?}");
            assert!(window.len <= RECORDS);
        }
    }

    #[test]
    fn its_size_does_not_grow() {
        let mut window = Window::default();
        for _ in 0..10_000 {
            window.add(1, 1);
        }
        assert_eq!((window.len, window.refused), (RECORDS, RECORDS / 2));
        assert!(window.runs.len() as u64 <= RECORDS + 1);
    }
}
