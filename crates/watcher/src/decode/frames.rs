//! Whether a `.zst` file is whole, without decoding it.
//!
//! XAPI makes the `.zst` visible while `zstd` still writes it (xen-api, `ocaml/libs/xapi-compression`). A frame
//! is a chain of blocks, each with its length before it (RFC 8878, section 3.1), so its end is found by
//! hopping from block to block, and the walk goes on from where it stopped when the file has grown.

use crate::fs::{File, read_full};
use std::io;

const MAGIC: u32 = 0xFD2F_B528;
const SKIPPABLE: u32 = 0x184D_2A50;

/// How far a walk came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Where the next header stands.
    offset: u64,
    /// In a frame, before a block; with a checksum at its end or not.
    inside: Option<bool>,
    frames: u32,
}

/// What a walk found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Walk {
    /// At least one frame, and the file ends with a frame's end.
    Whole,
    /// The file ends inside a frame, or holds none yet.
    Growing,
    /// What follows is no frame.
    Foreign,
}

enum Hop {
    To(Progress),
    Wait,
    Foreign,
}

impl Progress {
    /// Where the walk stands: behind the last header or block that is all there.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Walks on to the end of a file of `size` bytes.
    ///
    /// # Errors
    /// The disk's.
    pub(crate) fn walk(&mut self, file: &dyn File, size: u64) -> io::Result<Walk> {
        loop {
            if self.inside.is_none() && self.offset == size && self.frames > 0 {
                return Ok(Walk::Whole);
            }
            let mut header = [0; 18];
            let read = read_full(file, &mut header, self.offset)?;
            let header = header.get(..read).unwrap_or_default();
            match self.hop(header) {
                Hop::To(next) if next.offset <= size => *self = next,
                Hop::To(_) | Hop::Wait => return Ok(Walk::Growing),
                Hop::Foreign => return Ok(Walk::Foreign),
            }
        }
    }

    fn hop(self, header: &[u8]) -> Hop {
        let hop = match self.inside {
            Some(checksum) => self.block(header, checksum),
            None => self.frame(header),
        };
        hop.unwrap_or(Hop::Wait)
    }

    /// `None`: the header is not all there.
    fn block(self, header: &[u8], checksum: bool) -> Option<Hop> {
        let [a, b, c] = *header.first_chunk::<3>()?;
        let word = u32::from_le_bytes([a, b, c, 0]);
        let (last, kind, size) = (word & 1 == 1, (word >> 1) & 3, u64::from(word >> 3));
        let body = match kind {
            0 | 2 => size,
            1 => 1,
            _ => return Some(Hop::Foreign),
        };
        let tail = if last && checksum { 4 } else { 0 };
        let inside = (!last).then_some(checksum);
        let frames = self.frames.saturating_add(u32::from(last));
        Some(Hop::To(Self { offset: self.offset + 3 + body + tail, inside, frames }))
    }

    fn frame(self, header: &[u8]) -> Option<Hop> {
        let magic = u32::from_le_bytes(*header.first_chunk()?);
        if magic & !0xF == SKIPPABLE {
            let size = u32::from_le_bytes(*header.get(4..)?.first_chunk()?);
            return Some(Hop::To(Self { offset: self.offset + 8 + u64::from(size), ..self }));
        }
        if magic != MAGIC {
            return Some(Hop::Foreign);
        }
        let descriptor = *header.get(4)?;
        let single = descriptor & 0x20 != 0;
        let dictionary = [0, 1, 2, 4].get(usize::from(descriptor & 3)).copied().unwrap_or(0);
        let content = match descriptor >> 6 {
            0 => u64::from(single),
            field => 1 << field,
        };
        let length = 5 + u64::from(!single) + dictionary + content;
        Some(Hop::To(Self { offset: self.offset + length, inside: Some(descriptor & 4 != 0), ..self }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn walk(bytes: &[u8]) -> Walk {
        Progress::default().walk(&bytes.to_vec(), bytes.len() as u64).unwrap()
    }

    fn frame(len: usize, checksum: bool) -> Vec<u8> {
        let text: Vec<u8> = (0..len).map(|n| (n.wrapping_mul(2_654_435_761) >> 16) as u8).collect();
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), -1).unwrap();
        encoder.include_checksum(checksum).unwrap();
        encoder.write_all(&text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_file_is_whole_at_the_end_of_each_frame_and_nowhere_else() {
        let frames = [frame(0, true), frame(300_000, false), frame(5, true)];
        let bytes = frames.concat();
        let ends = [frames[0].len(), frames[0].len() + frames[1].len(), bytes.len()];
        for cut in
            (0..=bytes.len()).filter(|cut| cut % 97 == 0 || ends.iter().any(|end| end.abs_diff(*cut) < 20))
        {
            let expected = if ends.contains(&cut) { Walk::Whole } else { Walk::Growing };
            assert_eq!(walk(&bytes[..cut]), expected, "{cut} of {ends:?}");
        }
    }

    #[test]
    fn a_walk_goes_on_where_it_stopped() {
        let bytes = frame(400_000, true);
        let mut progress = Progress::default();
        for cut in (0..bytes.len()).step_by(1000) {
            assert_eq!(progress.walk(&bytes[..cut].to_vec(), cut as u64).unwrap(), Walk::Growing);
        }
        assert_eq!(progress.walk(&bytes, bytes.len() as u64).unwrap(), Walk::Whole);
    }

    #[test]
    fn skippable_frames_are_skipped_and_foreign_bytes_told() {
        let skip = [&0x184D_2A53u32.to_le_bytes()[..], &3u32.to_le_bytes(), b"abc"].concat();
        assert_eq!(walk(&[skip.clone(), frame(9, true)].concat()), Walk::Whole);
        assert_eq!(walk(&skip), Walk::Growing);
        assert_eq!(walk(&[frame(9, true), b"garbage".to_vec()].concat()), Walk::Foreign);
        assert_eq!(walk(b"[{}]\n"), Walk::Foreign);
    }
}
