//! Reads compressed files as the streams they hold.
//!
//! Promises: bounded memory whatever the file says (the window is capped, output is taken piece by piece);
//! a damaged or cut file gives what can be decoded of it and then says so. Leaves to others: lines, and when a
//! file that still grows is worth reading.

mod frames;
mod source;

pub(crate) use frames::{Progress, Walk};

use crate::fs::File;
use crate::saved::Packing;
use source::Source;
use std::io::{self, Read};
use std::sync::Arc;

/// How a read of a compressed file went.
#[derive(Debug)]
pub(crate) enum Piece {
    /// So many bytes were decoded.
    Bytes(usize),
    /// The file is whole, and this is its end.
    End,
    /// The file ends in the middle of a frame; decoding would go on if it grew.
    Cut,
    /// What follows is no compressed data, or needs more memory than it may have.
    Bad,
    /// The disk failed.
    Io(io::Error),
}

/// How much is decoded in one step. What a step has decoded when it fails is lost, so steps are small.
const STEP: usize = 4 << 10;

/// A decoder somewhere in a stream.
pub(crate) struct Decoder {
    reader: Box<dyn Unpack>,
    /// Why the last read ended before its buffer was full: told by the next one.
    failed: Option<io::Error>,
    /// Nothing more comes: asked again, some decoders take damage for the end.
    is_bad: bool,
}

trait Unpack: Read + Send {
    fn source(&self) -> &Source;
}

impl Unpack for zstd::stream::read::Decoder<'static, Source> {
    fn source(&self) -> &Source {
        self.get_ref()
    }
}

impl Unpack for flate2::bufread::MultiGzDecoder<Source> {
    fn source(&self) -> &Source {
        self.get_ref()
    }
}

impl Unpack for Source {
    fn source(&self) -> &Source {
        self
    }
}

impl Decoder {
    /// A decoder at the stream's start.
    ///
    /// # Errors
    /// Out of memory.
    pub(crate) fn new(file: Arc<dyn File>, packing: Packing, window_log_max: u32) -> io::Result<Self> {
        let source = Source::new(file);
        let reader: Box<dyn Unpack> = match packing {
            Packing::Plain => Box::new(source),
            Packing::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(source)),
            Packing::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(source)?;
                decoder.window_log_max(window_log_max)?;
                Box::new(decoder)
            }
        };
        Ok(Self { reader, failed: None, is_bad: false })
    }

    /// Decodes into `buf`, which is not empty.
    pub(crate) fn read(&mut self, buf: &mut [u8]) -> Piece {
        let filled = self.fill(buf);
        match self.failed.take_if(|_| filled == 0) {
            Some(error) => self.failed(error),
            None if self.is_bad => Piece::Bad,
            None if filled == 0 => Piece::End,
            None => Piece::Bytes(filled),
        }
    }

    /// Decodes step by step, until the buffer is full or there is no more; how much it was.
    fn fill(&mut self, buf: &mut [u8]) -> usize {
        let mut filled = 0;
        while self.failed.is_none() && !self.is_bad && filled < buf.len() {
            let end = buf.len().min(filled + STEP);
            match self.reader.read(buf.get_mut(filled..end).unwrap_or_default()) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) => self.failed = Some(error),
            }
        }
        filled
    }

    /// How many bytes of the file were taken in.
    pub(crate) fn taken(&self) -> u64 {
        self.reader.source().taken()
    }

    /// The decoders wrap errors of the disk and errors of their own in one type; the source remembers which
    /// were the disk's.
    fn failed(&mut self, error: io::Error) -> Piece {
        if self.reader.source().has_failed() {
            Piece::Io(error)
        } else if error.kind() == io::ErrorKind::UnexpectedEof {
            Piece::Cut
        } else {
            self.is_bad = true;
            Piece::Bad
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::{Kind, Meta};
    use std::io::Write;

    impl File for Vec<u8> {
        fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
            let rest = self.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
            let n = rest.len().min(buf.len());
            buf[..n].copy_from_slice(&rest[..n]);
            Ok(n)
        }

        fn stat(&self) -> io::Result<Meta> {
            let size = self.len() as u64;
            Ok(Meta { dev: 1, ino: 1, size, mtime_ns: 0, ctime_ns: 0, nlink: 1, kind: Kind::File })
        }
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(text: &[u8]) -> Vec<u8> {
        zstd::stream::encode_all(text, 1).unwrap()
    }

    /// What is decoded, and how it ends.
    fn decode(bytes: Vec<u8>, packing: Packing) -> (Vec<u8>, &'static str) {
        let mut decoder = Decoder::new(Arc::new(bytes), packing, 23).unwrap();
        let (mut out, mut buf) = (Vec::new(), [0; 1000]);
        loop {
            match decoder.read(&mut buf) {
                Piece::Bytes(n) => out.extend_from_slice(&buf[..n]),
                Piece::End => return (out, "end"),
                Piece::Cut => return (out, "cut"),
                Piece::Bad => return (out, "bad"),
                Piece::Io(error) => panic!("{error}"),
            }
        }
    }

    fn text() -> Vec<u8> {
        (0..60_000u32)
            .flat_map(|n| format!("{} line\n", n.wrapping_mul(2_654_435_761)).into_bytes())
            .collect()
    }

    #[test]
    fn several_frames_are_one_stream() {
        for (packing, pack) in [(Packing::Zstd, zstd as fn(&[u8]) -> Vec<u8>), (Packing::Gzip, gzip)] {
            let bytes = [pack(b"one\n"), pack(b""), pack(b"two\n")].concat();
            assert_eq!(decode(bytes, packing), (b"one\ntwo\n".to_vec(), "end"));
        }
    }

    #[test]
    fn a_file_cut_anywhere_gives_a_prefix() {
        for (packing, bytes) in [(Packing::Zstd, zstd(&text())), (Packing::Gzip, gzip(&text()))] {
            for tenth in 1..10 {
                let (out, end) = decode(bytes[..bytes.len() * tenth / 10].to_vec(), packing);
                assert!(text().starts_with(&out) && end == "cut", "{packing:?} {tenth} {end}");
                assert!(tenth < 5 || !out.is_empty());
            }
        }
    }

    #[test]
    fn what_follows_the_data_is_told_apart() {
        for (packing, mut bytes) in [(Packing::Zstd, zstd(b"one\n")), (Packing::Gzip, gzip(b"one\n"))] {
            bytes.extend_from_slice(b"no frame at all");
            assert_eq!(decode(bytes, packing), (b"one\n".to_vec(), "bad"), "{packing:?}");
        }
        assert_eq!(decode(b"nothing like it".to_vec(), Packing::Zstd).1, "bad");
    }

    #[test]
    fn a_window_over_the_cap_is_refused() {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(27).unwrap();
        encoder.write_all(&text()).unwrap();
        assert_eq!(decode(encoder.finish().unwrap(), Packing::Zstd), (Vec::new(), "bad"));
    }
}
