//! Receipts of records that are not sent themselves, because a copy of theirs is on its way: they settle with it.
//!
//! A signal's requests settle in the order in which they were filled. So a copy is safe once all that was pushed before
//! it is settled, and nothing needs to be known of which record it is a copy of.
//!
//! Promises: no follower is let go before the record it follows is settled. Leaves to others: which record is a copy.

use model::Receipt;
use std::collections::VecDeque;

/// What waits behind the records of one outlet.
#[derive(Debug, Default)]
pub(super) struct Followers {
    pushed: u64,
    settled: u64,
    /// Each with the number of records that were pushed before it, and how many followers it stands for.
    waiting: VecDeque<(u64, Receipt, usize)>,
}

impl Followers {
    /// A record was pushed.
    pub(super) fn pushed(&mut self) {
        self.pushed += 1;
    }

    /// So many records were settled.
    pub(super) fn settled(&mut self, records: usize) {
        self.settled += records as u64;
    }

    /// A copy of a record that was pushed before. `false`: that one is settled, and so is the copy.
    pub(super) fn follow(&mut self, receipt: Receipt) -> bool {
        if self.settled >= self.pushed {
            return false;
        }
        match self.waiting.back_mut() {
            Some((after, last, count)) if *last == receipt => {
                *after = self.pushed;
                *count += 1;
            }
            _ => self.waiting.push_back((self.pushed, receipt, 1)),
        }
        true
    }

    /// Those that are safe. To be asked when no request is settled in part.
    pub(super) fn release(&mut self) -> impl Iterator<Item = (Receipt, usize)> {
        let safe = self.waiting.partition_point(|(after, ..)| *after <= self.settled);
        self.waiting.drain(..safe).map(|(_, receipt, count)| (receipt, count))
    }

    /// Bytes of memory in use.
    pub(super) fn bytes(&self) -> usize {
        self.waiting.capacity() * size_of::<(u64, Receipt, usize)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::StreamId;

    fn receipt(start: u64) -> Receipt {
        Receipt { stream: StreamId(1), start }
    }

    #[test]
    fn a_copy_settles_with_what_was_pushed_before_it() {
        let mut followers = Followers::default();
        assert!(!followers.follow(receipt(0)), "the first copy is settled");
        (0..3).for_each(|_| followers.pushed());
        assert!(followers.follow(receipt(10)));
        assert!(followers.follow(receipt(10)));
        followers.pushed();
        assert!(followers.follow(receipt(20)));
        followers.settled(2);
        assert_eq!(followers.release().collect::<Vec<_>>(), []);
        followers.settled(1);
        assert_eq!(followers.release().collect::<Vec<_>>(), [(receipt(10), 2)]);
        followers.settled(1);
        assert_eq!(followers.release().collect::<Vec<_>>(), [(receipt(20), 1)]);
        assert!(!followers.follow(receipt(30)));
    }

    #[test]
    fn of_one_line_the_last_copy_counts() {
        let mut followers = Followers::default();
        followers.pushed();
        assert!(followers.follow(receipt(0)));
        followers.pushed();
        assert!(followers.follow(receipt(0)));
        followers.settled(1);
        assert_eq!(followers.release().count(), 0);
        followers.settled(1);
        assert_eq!(followers.release().collect::<Vec<_>>(), [(receipt(0), 2)]);
    }
}
