//! How long to wait after a failure: the delay doubles from 1 s to 120 s and goes on without an end; each wait
//! is drawn from its upper half, so that many agents do not come back at the same moment.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(120);

/// A small seeded generator (splitmix64): the waits of a run can be repeated, and nothing here is secret.
#[derive(Clone, Debug)]
pub(super) struct Jitter(u64);

impl Jitter {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A time in `[longest/2, longest]`.
    fn draw(&mut self, longest: Duration) -> Duration {
        let half = longest / 2;
        half + half.mul_f64(self.unit())
    }

    /// A number in `[0, 1)`.
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        // The upper 53 bits are exact in an f64.
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The waits of one endpoint, or of one delivery alone.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    next: Duration,
    jitter: Jitter,
}

impl Backoff {
    pub(super) fn new(seed: u64) -> Self {
        Self { next: FIRST, jitter: Jitter::new(seed) }
    }

    /// The wait after one more failure. A time the server named is kept to, and a little more; the doubling
    /// stands still then.
    pub(super) fn failed(&mut self, not_before: Option<Duration>) -> Duration {
        if let Some(named) = not_before {
            return named + self.jitter.draw(FIRST);
        }
        let wait = self.jitter.draw(self.next);
        self.next = (self.next * 2).min(LONGEST);
        wait
    }

    /// The wait between requests to a server that refuses all it gets.
    pub(super) fn pace(&mut self) -> Duration {
        self.jitter.draw(FIRST)
    }

    /// The server has answered: the next failure is the first again.
    pub(super) fn answered(&mut self) {
        self.next = FIRST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_to_the_longest_and_stays_in_the_upper_half() {
        for seed in 0..100 {
            let mut backoff = Backoff::new(seed);
            for longest in [1, 2, 4, 8, 16, 32, 64, 120, 120, 120] {
                let longest = Duration::from_secs(longest);
                let wait = backoff.failed(None);
                assert!(longest / 2 <= wait && wait <= longest, "seed {seed}: {wait:?} of {longest:?}");
            }
            backoff.answered();
            assert!(backoff.failed(None) <= FIRST, "seed {seed}");
        }
    }

    #[test]
    fn a_named_time_is_never_cut_short() {
        let mut backoff = Backoff::new(7);
        for named in [0, 3, 600] {
            let named = Duration::from_secs(named);
            let wait = backoff.failed(Some(named));
            assert!(named + FIRST / 2 <= wait && wait <= named + FIRST, "{wait:?}");
        }
    }

    #[test]
    fn the_waits_differ() {
        let waits: std::collections::BTreeSet<_> =
            (0..50).map(|seed| Backoff::new(seed).failed(None)).collect();
        assert!(waits.len() > 45, "{waits:?}");
    }
}
