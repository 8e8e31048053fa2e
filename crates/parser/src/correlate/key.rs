//! Task ids in eight bytes.

use model::TaskId;
use std::num::NonZeroU64;
use xxhash_rust::xxh3::xxh3_64;

const KIND_SHIFT: u32 = 56;
const REAL: u64 = 1;
const DUMMY: u64 = 2;
const OTHER: u64 = 3;
const TEXT_MASK: u64 = (1 << KIND_SHIFT) - 1;

/// A task id as the indexes hold it: the 48 random bits of an `R:` or `D:` id as they are, any other text as 56 bits
/// of its hash. The top six bits are always clear, and a key is never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct TaskKey(NonZeroU64);

impl TaskKey {
    pub(super) fn of(task: TaskId) -> Self {
        let text = task.as_bytes();
        let exact = text.split_first_chunk::<2>().and_then(|(kind, digits)| {
            let kind = match kind {
                b"R:" => REAL,
                b"D:" => DUMMY,
                _ => return None,
            };
            Some(kind << KIND_SHIFT | lower_hex(digits)?)
        });
        let bits = exact.unwrap_or_else(|| OTHER << KIND_SHIFT | xxh3_64(text) & TEXT_MASK);
        Self(NonZeroU64::new(bits).unwrap_or(NonZeroU64::MIN))
    }

    pub(super) fn bits(self) -> u64 {
        self.0.get()
    }

    /// The key with these bits; `None` for zero.
    pub(super) fn from_bits(bits: u64) -> Option<Self> {
        NonZeroU64::new(bits).map(Self)
    }

    /// The id as written, where the key still holds it.
    pub(super) fn task(self) -> Option<TaskId> {
        let letter = match self.bits() >> KIND_SHIFT {
            REAL => 'R',
            DUMMY => 'D',
            _ => return None,
        };
        TaskId::parse(format!("{letter}:{:012x}", self.bits() & TEXT_MASK).as_bytes())
    }
}

/// Digits are compared literally, so upper-case ones are another text.
fn lower_hex(digits: &[u8]) -> Option<u64> {
    // Each second line has some: no branch for each digit.
    let is_digit = |digit: &u8| digit.is_ascii_digit() | (b'a'..=b'f').contains(digit);
    let whole = digits.iter().fold(true, |whole, digit| whole & is_digit(digit));
    let value = |digit: &u8| u64::from((digit & 0xf) + (digit >> 6) * 9);
    whole.then(|| digits.iter().fold(0, |number, digit| number << 4 | value(digit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_as_different_as_the_texts() {
        let texts =
            ["R:3e35c13ce76f", "D:3e35c13ce76f", "R:3E35C13CE76F", "R:000000000000", "O:abc", "O:abd"];
        let keys: Vec<_> =
            texts.iter().map(|text| TaskKey::of(TaskId::parse(text.as_bytes()).unwrap())).collect();
        for (at, key) in keys.iter().enumerate() {
            assert!(key.bits() != 0 && !keys[..at].contains(key), "{}", texts[at]);
        }
        assert_eq!(keys[0].task().unwrap().as_str(), texts[0]);
        assert_eq!(keys[4].task(), None);
    }
}
