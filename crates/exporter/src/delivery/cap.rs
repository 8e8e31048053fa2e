//! How many records one request may carry: as many as there are, until a server shows that it takes less.
//!
//! A request that is too large, too much at once, or too slow for the link is never answered otherwise
//! however often it is repeated; half of it may be. The cap grows again with each few requests that arrive.

/// Deliveries in a row after which the cap doubles.
const GROW_AFTER: u32 = 2;
/// The same at most, where growing has met a size limit again and again.
const GROW_AFTER_MOST: u32 = 256;
/// Failures in a row of one request after which it is made smaller.
const TRIES: u32 = 3;

/// The cap of one endpoint.
#[derive(Clone, Debug)]
pub(super) struct Cap {
    records: usize,
    grow_after: u32,
    /// Whether it has grown since it was last made smaller.
    grown: bool,
    delivered: u32,
    failed: u32,
}

impl Cap {
    pub(super) fn new() -> Self {
        Self { records: usize::MAX, grow_after: GROW_AFTER, grown: false, delivered: 0, failed: 0 }
    }

    /// The most records of the next request.
    pub(super) fn records(&self) -> usize {
        self.records
    }

    /// A request of `len` records was too large. Where growing has led there again, the next time comes
    /// later.
    pub(super) fn too_large(&mut self, len: usize) {
        if self.grown {
            self.grow_after = self.grow_after.saturating_mul(2).min(GROW_AFTER_MOST);
        }
        self.halve(len);
    }

    /// One record alone was too large: it was that record, not their number.
    pub(super) fn one_too_large(&mut self) {
        *self = Self { grow_after: self.grow_after, ..Self::new() };
    }

    /// A request of `len` records reached the server, and was throttled or never answered.
    pub(super) fn not_taken(&mut self, len: usize) {
        self.failed += 1;
        if self.failed >= TRIES {
            self.halve(len);
        }
    }

    /// A request arrived.
    pub(super) fn delivered(&mut self) {
        self.failed = 0;
        if self.records == usize::MAX {
            return;
        }
        self.delivered += 1;
        if self.delivered >= self.grow_after {
            self.delivered = 0;
            self.grown = true;
            self.records = self.records.saturating_mul(2);
        }
    }

    fn halve(&mut self, len: usize) {
        self.records = (len / 2).max(1);
        self.grown = false;
        self.delivered = 0;
        self.failed = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_limit_halves_at_once_and_is_probed_ever_less() {
        let mut cap = Cap::new();
        for expected in [500, 250, 125] {
            cap.too_large(cap.records().min(1000));
            assert_eq!(cap.records(), expected);
        }
        let until_grown = |cap: &mut Cap| {
            let before = cap.records();
            (1..=1000).find(|_| {
                cap.delivered();
                cap.records() > before
            })
        };
        for expected in [2, 4, 8, 16, 32, 64, 128, 256, 256] {
            assert_eq!(until_grown(&mut cap), Some(expected));
            cap.too_large(cap.records());
        }
        cap.one_too_large();
        assert_eq!(cap.records(), usize::MAX);
    }

    #[test]
    fn three_failures_halve_and_one_record_is_the_least() {
        let mut cap = Cap::new();
        cap.not_taken(8);
        cap.not_taken(8);
        assert_eq!(cap.records(), usize::MAX);
        cap.not_taken(8);
        assert_eq!(cap.records(), 4);
        for _ in 0..12 {
            cap.not_taken(cap.records());
        }
        assert_eq!(cap.records(), 1);
    }

    #[test]
    fn a_delivery_between_failures_starts_the_count_anew() {
        let mut cap = Cap::new();
        for _ in 0..10 {
            cap.not_taken(8);
            cap.not_taken(8);
            cap.delivered();
        }
        assert_eq!(cap.records(), usize::MAX);
    }
}
