//! A stream whose first bytes can be looked at before it is read.

use std::io::{self, Read};

/// A stream that can be looked into.
pub(crate) trait Look: Read {
    /// The first bytes, as many as can be read and at most about `len`. To be asked before anything is read.
    fn head(&mut self, len: usize) -> &[u8];
}

/// A reader and what was read of it too early.
pub(crate) struct Peek<R> {
    head: Vec<u8>,
    /// Of the head, already handed out.
    at: usize,
    /// What ended the looking; it is told when the reading comes there.
    failed: Option<io::Error>,
    inner: R,
}

impl<R: Read> Peek<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self { head: Vec::new(), at: 0, failed: None, inner }
    }
}

impl<R: Read> Look for Peek<R> {
    fn head(&mut self, len: usize) -> &[u8] {
        let missing = len.saturating_sub(self.head.len()) as u64;
        if self.failed.is_none() && missing > 0 {
            self.failed = self.inner.by_ref().take(missing).read_to_end(&mut self.head).err();
        }
        &self.head
    }
}

impl<R: Read> Read for Peek<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut rest = self.head.get(self.at..).unwrap_or_default();
        if !rest.is_empty() {
            let read = rest.read(buf)?;
            self.at += read;
            return Ok(read);
        }
        if self.at > 0 {
            (self.head, self.at) = (Vec::new(), 0);
        }
        self.failed.take().map_or_else(|| self.inner.read(buf), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_looked_at_is_read_again() {
        let mut peek = Peek::new(&b"0123456789"[..]);
        assert_eq!(peek.head(3), b"012");
        assert_eq!(peek.head(5), b"01234");
        assert_eq!(peek.head(2).len(), 5, "what is known is not given back");
        let mut all = String::new();
        peek.read_to_string(&mut all).unwrap();
        assert_eq!(all, "0123456789");
    }

    #[test]
    fn a_failure_is_told_where_it_is() {
        struct Fails(u8);
        impl Read for Fails {
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                self.0 += 1;
                if self.0 > 1 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                buf[0] = b'x';
                Ok(1)
            }
        }
        let mut peek = Peek::new(Fails(0));
        assert_eq!(peek.head(10), b"x");
        let mut all = Vec::new();
        assert!(peek.read_to_end(&mut all).is_err());
        assert_eq!(all, b"x");
    }
}
