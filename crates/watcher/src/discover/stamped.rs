//! Names that end like those of XAPI's trace files, in eight bytes: there may be tens of thousands, each of 80 bytes.
//!
//! `xapi-6e7e2f49-3168-465e-a22c-93f68f1c31ab-2026-02-19T20:46:15.393923-00:00.ndjson` is a start that it has in common
//! with others, a time with microseconds, and an end (xen-api `ocaml/libs/tracing/tracing_export.ml`). Starts and ends are
//! kept once each.
//!
//! Promises: a number stands for one name, and a name that has a number keeps it; memory is bounded, whatever the names are.
//! Leaves to others: names that have no number.

/// A time as it is written: digits where this has zeros.
const LAYOUT: [u8; 26] = *b"0000-00-00T00:00:00.000000";
/// Its numbers: place, digits, bits, the least.
const FIELDS: [(usize, usize, u32, u64); 7] = [
    (0, 4, 8, 1970),
    (5, 2, 4, 0),
    (8, 2, 5, 0),
    (11, 2, 5, 0),
    (14, 2, 6, 0),
    (17, 2, 6, 0),
    (20, 6, TIME_MICROS_BITS, 0),
];
const TIME_MICROS_BITS: u32 = 20;
const TIME_BITS: u32 = 54;
const END_BITS: u32 = 4;
const START_BITS: u32 = 64 - TIME_BITS - END_BITS;

/// The starts and ends of names.
#[derive(Debug, Default)]
pub(crate) struct Stamps {
    starts: Vec<Box<[u8]>>,
    ends: Vec<Box<[u8]>>,
}

impl Stamps {
    /// The name's number, if it has one by now. Of one start, those of later times are greater.
    pub(crate) fn find(&self, name: &[u8]) -> Option<u64> {
        let (start, time, end) = split(name)?;
        Some(join(place(&self.starts, start)?, time, place(&self.ends, end)?))
    }

    /// The name's number; `None`: it does not end like one of XAPI's, or there are too many starts or ends.
    pub(crate) fn number(&mut self, name: &[u8]) -> Option<u64> {
        let (start, time, end) = split(name)?;
        let start = place(&self.starts, start).or_else(|| add(&mut self.starts, start, START_BITS))?;
        let end = place(&self.ends, end).or_else(|| add(&mut self.ends, end, END_BITS))?;
        Some(join(start, time, end))
    }

    /// The name of a number that was given here.
    pub(crate) fn name(&self, number: u64) -> Vec<u8> {
        let text = |texts: &[Box<[u8]>], at: u64| {
            let text = usize::try_from(at).ok().and_then(|at| texts.get(at));
            text.cloned().unwrap_or_default()
        };
        let end = text(&self.ends, number & mask(END_BITS));
        let time = written(number >> END_BITS & mask(TIME_BITS));
        [&*text(&self.starts, number >> (END_BITS + TIME_BITS)), &time, &*end].concat()
    }
}

fn mask(bits: u32) -> u64 {
    (1 << bits) - 1
}

fn join(start: u64, time: u64, end: u64) -> u64 {
    (start << TIME_BITS | time) << END_BITS | end
}

fn place(texts: &[Box<[u8]>], text: &[u8]) -> Option<u64> {
    texts.iter().position(|known| **known == *text).map(|at| at as u64)
}

fn add(texts: &mut Vec<Box<[u8]>>, text: &[u8], bits: u32) -> Option<u64> {
    let at = texts.len() as u64;
    (at >> bits == 0).then(|| {
        texts.push(text.into());
        at
    })
}

/// What stands before the time, the time, and what stands behind it.
fn split(name: &[u8]) -> Option<(&[u8], u64, &[u8])> {
    let (start, rest) = name.split_at_checked(memchr::memrchr(b'T', name)?.checked_sub(10)?)?;
    let (time, end) = rest.split_at_checked(LAYOUT.len())?;
    Some((start, read(time)?, end))
}

/// A time whose every digit can be told from the number.
fn read(time: &[u8]) -> Option<u64> {
    let fits = |(byte, at): (&u8, &u8)| if *at == b'0' { byte.is_ascii_digit() } else { byte == at };
    time.iter().zip(&LAYOUT).all(fits).then_some(())?;
    FIELDS.iter().try_fold(0, |sum, &(at, digits, bits, least)| {
        let digits = time.get(at..at + digits)?.iter();
        let number = digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
        let number = number.checked_sub(least).filter(|number| number >> bits == 0)?;
        Some(sum << bits | number)
    })
}

/// What [`read`] read.
fn written(mut time: u64) -> [u8; LAYOUT.len()] {
    let mut text = LAYOUT;
    for &(at, digits, bits, least) in FIELDS.iter().rev() {
        let mut number = (time & mask(bits)) + least;
        time >>= bits;
        for byte in text.get_mut(at..at + digits).into_iter().flatten().rev() {
            *byte = b'0' + u8::try_from(number % 10).unwrap_or_default();
            number /= 10;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_comes_back_from_its_number() {
        let mut stamps = Stamps::default();
        let cases = [
            ("/dt/xapi-6e7e2f49-2026-02-19T20:46:15.393923-00:00.ndjson", true),
            ("/dt/xapi-6e7e2f49-2026-02-19T20:46:15.393923-00:00.ndjson.zst", true),
            ("2225-15-31T31:63:63.999999", true),
            ("sm-Tuesday-1970-00-00T00:00:00.000000+00:00.ndjson", true),
            ("xapi-1969-01-01T00:00:00.000000.ndjson", false),
            ("xapi-2226-01-01T00:00:00.000000.ndjson", false),
            ("xapi-2026-16-01T00:00:00.000000.ndjson", false),
            ("xapi-2026-02-19T20:46:15.39392-00:00.ndjson", false),
            ("xapi-2026-02-19T20:46:15.39392", false),
            ("xapi-2026-02-19t20:46:15.393923.ndjson", false),
            ("T", false),
            ("", false),
        ];
        for (name, has_number) in cases {
            assert_eq!(stamps.find(name.as_bytes()), None, "{name}");
            let number = stamps.number(name.as_bytes());
            assert_eq!(number.is_some(), has_number, "{name}");
            assert_eq!(number, stamps.find(name.as_bytes()), "{name}");
            let back = number.map_or_else(|| name.into(), |number| stamps.name(number));
            assert_eq!(String::from_utf8(back).unwrap(), name);
        }
    }

    #[test]
    fn of_one_start_the_later_is_greater() {
        let mut stamps = Stamps::default();
        let mut of = |time: &str| stamps.number(format!("xapi-{time}-00:00.ndjson").as_bytes()).unwrap();
        let times =
            ["2025-12-31T23:59:59.999999", "2026-01-01T00:00:00.000000", "2026-01-01T00:00:00.000001"];
        assert!(times.map(&mut of).is_sorted());
    }

    #[test]
    fn starts_and_ends_are_bounded_and_none_is_forgotten() {
        let mut stamps = Stamps::default();
        let name = |n: usize| format!("{n}-2026-01-01T00:00:00.000000.{n}").into_bytes();
        let numbers: Vec<_> = (0..100).map(|n| stamps.number(&name(n))).collect();
        assert_eq!(numbers.iter().flatten().count(), 1 << END_BITS);
        for (n, number) in numbers.into_iter().enumerate() {
            assert_eq!(stamps.number(&name(n)), number);
            assert_eq!(stamps.find(&name(n)), number);
        }
        assert_eq!((stamps.starts.len(), stamps.ends.len()), (1 << START_BITS, 1 << END_BITS));
    }

    proptest! {
        #[test]
        fn any_name_with_a_number_comes_back(name in "[a-zT]{0,3}[0-9]{4}-[01][0-9]-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{6}[a-zT0-9:-]{0,9}") {
            let mut stamps = Stamps::default();
            if let Some(number) = stamps.number(name.as_bytes()) {
                prop_assert_eq!(stamps.name(number), name.as_bytes());
            }
        }
    }
}
