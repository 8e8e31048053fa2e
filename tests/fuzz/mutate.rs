//! Damage to real samples that is the same every time: the short, unguided form of fuzzing, which the crates' tests
//! feed the oracles with. `MUTATIONS=100000` in the environment makes it a long one.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "it is part of tests"
)]

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

/// No input may take longer, on a busy machine, too.
const DEADLINE: Duration = Duration::from_secs(10);

/// What the process may have taken at most, in KiB: inputs are small, whatever they claim.
const MEMORY_KIB: u64 = 384 << 10;

/// What damage puts in: what the formats are made of, and what they must not have.
const PIECES: [&[u8]; 20] = [
    b"\0",
    b"\xff",
    b"\xc3",
    b"\"",
    b"\\",
    b"\\u0070",
    b"\\x70",
    b"[",
    b"]",
    b"{",
    b"}",
    b",",
    b"|",
    b"=",
    b"'",
    b":",
    b"\n",
    b" ",
    b"99999999999999999999",
    b"\xef\xbb\xbf",
];

/// Feeds `check` with `count` damaged samples. What fails is shown with its number, which gives it again, and in full.
pub fn run(count: u64, samples: &[Vec<u8>], check: impl Fn(&mut Damage, Vec<u8>)) {
    let count = std::env::var("MUTATIONS").map_or(count, |count| count.parse().unwrap());
    for number in 0..count {
        let mut damage = Damage::new(number);
        let input = damage.damaged(samples);
        let start = Instant::now();
        let done = catch_unwind(AssertUnwindSafe(|| check(&mut damage, input.clone())));
        if let Err(failed) = done {
            eprintln!("mutation {number}: b\"{}\"", input.escape_ascii());
            resume_unwind(failed);
        }
        assert!(start.elapsed() < DEADLINE, "mutation {number} took {:?}", start.elapsed());
    }
    let most = most_memory();
    assert!(most < MEMORY_KIB, "{most} KiB were taken");
}

/// The most memory that this process had.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// A source of damage (the generator is SplitMix64, by Sebastiano Vigna, public domain).
pub struct Damage(u64);

impl Damage {
    fn new(number: u64) -> Self {
        Self(number.wrapping_mul(0x2545_f491_4f6c_dd1d))
    }

    /// A number below `end`, 0 if there is none.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 1).unwrap().checked_rem(end).unwrap_or(0)
    }

    /// One of the samples, damaged in one to four ways.
    pub fn damaged(&mut self, samples: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = samples[self.below(samples.len())].clone();
        for _ in 0..=self.below(4) {
            let other = &samples[self.below(samples.len())];
            self.damage(&mut bytes, other);
        }
        bytes
    }

    fn damage(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        let (at, range, taken) = (self.below(bytes.len()), self.range(bytes), self.range(other));
        match self.below(8) {
            0 | 1 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << self.below(8)),
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(range)),
            4 => drop(bytes.splice(at..at, other[taken].iter().copied())),
            5 => bytes.extend_from_within(range),
            6 => self.swap(bytes),
            _ => drop(bytes.splice(at..at, PIECES[self.below(PIECES.len())].iter().copied())),
        }
    }

    fn range(&mut self, bytes: &[u8]) -> std::ops::Range<usize> {
        let start = self.below(bytes.len());
        start..start + self.below(bytes.len() - start + 1)
    }

    /// Two pieces of the same length change places.
    fn swap(&mut self, bytes: &mut [u8]) {
        let (left, right) = bytes.split_at_mut(bytes.len() / 2);
        let (left_at, right_at) = (self.below(left.len()), self.below(right.len()));
        let length = 1 + self.below(64);
        left.iter_mut().skip(left_at).zip(right.iter_mut().skip(right_at)).take(length).for_each(|(a, b)| {
            std::mem::swap(a, b);
        });
    }
}
