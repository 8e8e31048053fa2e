//! A private temporary file for what can't be read where it lies.
//!
//! The engine reads the files of a host in step by their lines' own time; a compressed archive can be read forward only.
//! So what is wanted of it is kept here, meanwhile, in blocks that are compressed each for itself.
//!
//! Promises: the file has no name (it is gone with the process, whatever ends that), lies in `TMPDIR`, and has a size
//! limit; memory is a few blocks.

use super::content::Content;
use archive::{Limit, Member};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of a block before it is compressed.
const BLOCK: usize = 256 << 10;
/// Blocks kept unpacked.
const KEPT: usize = 16;
/// zstd's level: it costs less than the disk does.
const LEVEL: i32 = 1;

/// The file, and the blocks that were read last.
pub(crate) struct Spool {
    shared: Arc<Shared>,
    end: u64,
    limit: u64,
}

struct Shared {
    file: File,
    kept: Mutex<VecDeque<(u64, Arc<Vec<u8>>)>>,
}

/// What was put there of one member.
#[derive(Clone)]
pub(crate) struct Spooled {
    shared: Arc<Shared>,
    /// Where each block lies, and how long it is there.
    blocks: Vec<(u64, u32)>,
    len: u64,
}

impl Spool {
    /// A new one, of at most so many bytes.
    ///
    /// # Errors
    /// If no temporary file can be made.
    pub(crate) fn new(limit: u64) -> io::Result<Self> {
        let shared = Shared { file: tempfile::tempfile()?, kept: Mutex::default() };
        Ok(Self { shared: Arc::new(shared), end: 0, limit })
    }

    /// Puts these bytes there.
    ///
    /// # Errors
    /// If there is no room for them.
    pub(crate) fn hold(&mut self, mut bytes: &[u8]) -> io::Result<Content> {
        let mut spooled = Spooled { shared: Arc::clone(&self.shared), blocks: Vec::new(), len: 0 };
        self.copy(&mut bytes, &mut spooled)?;
        Ok(Content::Spooled(spooled))
    }

    /// Puts a member there, `decoded` or as it is. With an error comes what could be read before it.
    pub(crate) fn put(&mut self, member: &mut Member<'_>, decoded: bool) -> (Spooled, io::Result<()>) {
        let mut spooled = Spooled { shared: Arc::clone(&self.shared), blocks: Vec::new(), len: 0 };
        let outcome = if decoded {
            member.decoded().and_then(|mut reader| self.copy(&mut reader, &mut spooled))
        } else {
            self.copy(member, &mut spooled)
        };
        (spooled, outcome)
    }

    fn copy(&mut self, reader: &mut dyn Read, to: &mut Spooled) -> io::Result<()> {
        let mut block = Vec::with_capacity(BLOCK);
        loop {
            block.clear();
            let read = reader.take(BLOCK as u64).read_to_end(&mut block);
            if !block.is_empty() {
                self.append(&block, to)?;
            }
            if read? < BLOCK {
                return Ok(());
            }
        }
    }

    fn append(&mut self, block: &[u8], to: &mut Spooled) -> io::Result<()> {
        let packed = zstd::bulk::compress(block, LEVEL)?;
        if self.end + packed.len() as u64 > self.limit {
            return Err(Limit::Spool.into());
        }
        self.shared.file.write_all_at(&packed, self.end)?;
        to.blocks.push((self.end, u32::try_from(packed.len()).unwrap_or(u32::MAX)));
        to.len += block.len() as u64;
        self.end += packed.len() as u64;
        Ok(())
    }
}

impl Shared {
    fn block(&self, (offset, len): (u64, u32)) -> io::Result<Arc<Vec<u8>>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = kept.iter().position(|(known, _)| *known == offset) {
            let found = kept.remove(at);
            kept.extend(found);
            return kept
                .back()
                .map(|(_, block)| Arc::clone(block))
                .ok_or_else(|| io::Error::other("no block"));
        }
        let mut packed = vec![0; usize::try_from(len).unwrap_or(0)];
        self.file.read_exact_at(&mut packed, offset)?;
        let block = Arc::new(zstd::bulk::decompress(&packed, BLOCK)?);
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back((offset, Arc::clone(&block)));
        Ok(block)
    }
}

impl Spooled {
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Reads at an offset; 0 at the end.
    pub(crate) fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let number = usize::try_from(offset / BLOCK as u64).unwrap_or(usize::MAX);
        let Some(place) = self.blocks.get(number) else { return Ok(0) };
        let block = self.shared.block(*place)?;
        let within = usize::try_from(offset % BLOCK as u64).unwrap_or(usize::MAX);
        block.get(within..).unwrap_or_default().read(buf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use archive::{Flow, Limits, Walk};
    use std::path::Path;

    fn put(spool: &mut Spool, path: &Path) -> (Spooled, io::Result<()>) {
        let mut all = None;
        let walk = Walk::new(Limits::default());
        let report = walk.walk(path, &mut |member| {
            all = Some(spool.put(member, false));
            Ok(Flow::Continue)
        });
        assert_eq!(report.unwrap().members, 1);
        all.unwrap()
    }

    #[test]
    fn what_was_put_is_read_in_any_order() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let lines: String = (0..70_000_u32).map(|n| format!("Jan  1 line {n:8}\n")).collect();
        let bytes = &lines.as_bytes()[..1_400_000];
        std::fs::write(file.path(), bytes).unwrap();
        let mut spool = Spool::new(64 << 20).unwrap();
        let (spooled, outcome) = put(&mut spool, file.path());
        outcome.unwrap();
        assert_eq!(spooled.len(), bytes.len() as u64);
        assert!(spool.end < spooled.len() / 2, "{} bytes on disk", spool.end);
        for offset in [1_399_999, 0, 262_143, 262_144, 700_000, 5] {
            let mut byte = [0];
            assert_eq!(spooled.read_at(&mut byte, offset as u64).unwrap(), 1);
            assert_eq!(byte[0], bytes[offset], "{offset}");
        }
        assert_eq!(spooled.read_at(&mut [0], 1_400_000).unwrap(), 0);
    }

    #[test]
    fn the_limit_holds() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut state = 1_u64;
        let noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        });
        std::fs::write(file.path(), noise.take(1 << 20).collect::<Vec<_>>()).unwrap();
        let (spooled, outcome) = put(&mut Spool::new(600 << 10).unwrap(), file.path());
        assert!(outcome.is_err() && spooled.len() == 2 * BLOCK as u64, "{outcome:?} {}", spooled.len());
    }
}
