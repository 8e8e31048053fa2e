//! What became of all records, in numbers.

use std::fmt;
use std::ops::AddAssign;

/// The sums of a ledger, in records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) written: u64,
    pub(super) delivered: u64,
    pub(super) set_aside: u64,
    pub(super) refused: u64,
    pub(super) lost: u64,
    pub(super) duplicates: u64,
    /// How many duplicates the faults account for.
    pub(super) bound: u64,
}

impl AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        self.written += other.written;
        self.delivered += other.delivered;
        self.set_aside += other.set_aside;
        self.refused += other.refused;
        self.lost += other.lost;
        self.duplicates += other.duplicates;
        self.bound += other.bound;
    }
}

impl fmt::Display for Sums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { written, delivered, set_aside, refused, lost, duplicates, bound } = self;
        write!(
            f,
            "{} written = {} delivered + {} set aside + {} refused by the collector + {} lost; {} duplicates (bound {})",
            grouped(*written),
            grouped(*delivered),
            grouped(*set_aside),
            grouped(*refused),
            grouped(*lost),
            grouped(*duplicates),
            grouped(*bound)
        )
    }
}

/// 1204331 → 1,204,331.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
