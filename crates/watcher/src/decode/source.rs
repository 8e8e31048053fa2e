//! The compressed side of a decoder: a file, read from its start in pieces.

use crate::fs::File;
use std::io::{self, BufRead, Read};
use std::sync::Arc;

/// How much is read at once: compressed bytes are few.
const PIECE: usize = 32 << 10;

/// A file and a place in it.
pub(crate) struct Source {
    file: Arc<dyn File>,
    buffer: Vec<u8>,
    used: usize,
    /// Where the buffer ends in the file.
    offset: u64,
    failed: bool,
}

impl Source {
    pub(crate) fn new(file: Arc<dyn File>) -> Self {
        Self { file, buffer: Vec::new(), used: 0, offset: 0, failed: false }
    }

    /// The bytes that were taken in.
    pub(crate) fn taken(&self) -> u64 {
        self.offset - (self.buffer.len() - self.used) as u64
    }

    /// Whether the disk failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed
    }
}

impl BufRead for Source {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.used >= self.buffer.len() {
            self.buffer.resize(PIECE, 0);
            let read = self.file.read_at(&mut self.buffer, self.offset);
            self.failed = read.is_err();
            self.buffer.truncate(*read.as_ref().unwrap_or(&0));
            self.used = 0;
            self.offset += read? as u64;
        }
        Ok(self.buffer.get(self.used..).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.used = (self.used + amount).min(self.buffer.len());
    }
}

impl Read for Source {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut bytes = self.fill_buf()?;
        let read = bytes.read(buf)?;
        self.consume(read);
        Ok(read)
    }
}
