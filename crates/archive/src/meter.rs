//! Decoders that keep to the limits.
//!
//! Promises: not a byte beyond a limit is handed out; the read that would is an error that says which limit.

use crate::limits::{Limit, Limits};
use crate::magic::Packing;
use std::cell::Cell;
use std::io::{self, BufReader, Read};
use std::rc::Rc;

/// A ratio says nothing of what is small.
const RATIO_FROM: u64 = 64 << 20;

/// The largest zstd window, as a power of two; XAPI's files need 19 (`zstd --fast`), zstd's own limit for decoding is 27.
const WINDOW_LOG: u32 = 27;

/// What all decoders of one walk have used up together.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    limits: Limits,
    unpacked: Rc<Cell<u64>>,
}

impl Budget {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, unpacked: Rc::default() }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Bytes unpacked so far.
    pub(crate) fn unpacked(&self) -> u64 {
        self.unpacked.get()
    }

    /// Whether there is none left.
    pub(crate) fn is_spent(&self) -> bool {
        self.unpacked.get() > self.limits.unpacked
    }
}

/// Counts the bytes that go into a decoder.
struct Input<R> {
    inner: R,
    taken: Rc<Cell<u64>>,
}

impl<R: Read> Read for Input<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buf)?;
        self.taken.set(self.taken.get() + read as u64);
        Ok(read)
    }
}

/// What comes out of a decoder, held against the limits.
pub(crate) struct Metered<D> {
    decoder: D,
    /// Bytes that went in.
    taken: Rc<Cell<u64>>,
    given: u64,
    budget: Budget,
}

impl<D: Read> Metered<D> {
    /// `packed`: how many bytes will go in at most, where nobody counts them.
    pub(crate) fn new(decoder: D, packed: u64, budget: &Budget) -> Self {
        Self { decoder, taken: Rc::new(Cell::new(packed)), given: 0, budget: budget.clone() }
    }
}

impl<D: Read> Read for Metered<D> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.decoder.read(buf)?;
        self.given += read as u64;
        self.budget.unpacked.set(self.budget.unpacked.get().saturating_add(read as u64));
        if self.budget.is_spent() {
            return Err(Limit::Unpacked.into());
        }
        let most = self.taken.get().saturating_mul(self.budget.limits.ratio);
        if self.given > RATIO_FROM && self.given > most {
            return Err(Limit::Ratio.into());
        }
        Ok(read)
    }
}

/// Unpacks a stream, within the budget.
///
/// # Errors
/// [`io::ErrorKind::Unsupported`] for xz; what a decoder says that can't begin.
pub(crate) fn decoder<'a>(
    packing: Packing,
    reader: impl Read + 'a,
    budget: &Budget,
) -> io::Result<Metered<Box<dyn Read + 'a>>> {
    let taken: Rc<Cell<u64>> = Rc::default();
    let input = BufReader::with_capacity(64 << 10, Input { inner: reader, taken: Rc::clone(&taken) });
    let decoder: Box<dyn Read + 'a> = match packing {
        Packing::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
        Packing::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(input)),
        Packing::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(input)?;
            decoder.window_log_max(WINDOW_LOG)?;
            Box::new(decoder)
        }
        Packing::Xz => {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "xz is not read; unpack it first"));
        }
    };
    Ok(Metered { decoder, taken, given: 0, budget: budget.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::limit_of;
    use std::io::Write;

    fn gzip(bytes: u64) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        io::copy(&mut io::repeat(0).take(bytes), &mut encoder).unwrap();
        encoder.finish().unwrap()
    }

    fn unpack(packed: &[u8], limits: Limits) -> Result<u64, Option<Limit>> {
        let mut decoder = decoder(Packing::Gzip, packed, &Budget::new(limits)).unwrap();
        io::copy(&mut decoder, &mut io::sink()).map_err(|error| limit_of(&error))
    }

    #[test]
    fn a_bomb_is_stopped() {
        let bomb = gzip(100 << 20);
        assert_eq!(unpack(&bomb, Limits { ratio: 500, ..Limits::default() }), Err(Some(Limit::Ratio)));
        assert_eq!(
            unpack(&bomb, Limits { unpacked: 1 << 20, ..Limits::default() }),
            Err(Some(Limit::Unpacked))
        );
        assert_eq!(unpack(&bomb, Limits { ratio: 2000, ..Limits::default() }), Ok(100 << 20));
        assert_eq!(unpack(&gzip(1 << 20), Limits { ratio: 1, ..Limits::default() }), Ok(1 << 20), "small");
        assert_eq!(unpack(&bomb[..bomb.len() / 2], Limits::default()), Err(None), "cut");
    }

    #[test]
    fn streams_behind_each_other_are_one() {
        let mut twice = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        twice.write_all(b"one ").unwrap();
        let mut packed = twice.finish().unwrap();
        packed.extend_from_within(..);
        let budget = Budget::new(Limits::default());
        let mut text = String::new();
        decoder(Packing::Bzip2, &packed[..], &budget).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), budget.unpacked()), ("one one ", 8));
    }
}
