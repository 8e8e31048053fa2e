//! tar, member by member, forward only.
//!
//! The crate `tar` reads the headers. Long names and pax records are taken here (`Entries::raw`), because it would read them
//! whole, however long an archive says that they are. Sources: POSIX `pax`, GNU tar's manual ("The GNU format"); what
//! Python's `tarfile` and GNU tar write.

use crate::disk::Slice;
use crate::member::{Modified, Place, clean};
use crate::report::Reason;
use crate::walk::{Found, Walker};
use std::io::{self, Read};
use tar::{Archive, Entry, EntryType, PaxExtensions};

/// The longest name or set of pax records.
const EXTENSION_BYTES: u64 = 1 << 20;

/// What extension headers say of the member behind them.
#[derive(Default)]
struct Said {
    name: Option<Vec<u8>>,
    modified: Option<i64>,
    /// Where it differs from the header's, the member can't be told from what follows.
    size: Option<u64>,
}

impl Walker<'_> {
    /// Reads a tar; `slice` is where it lies on a disk, unpacked.
    pub(crate) fn tar(&mut self, place: &Place, slice: Option<&Slice>, reader: &mut dyn Read, depth: u32) {
        self.report.archives += 1;
        if let Err(error) = self.tar_members(place, slice, reader, depth) {
            self.broken(place, &error);
        }
    }

    fn tar_members(
        &mut self,
        place: &Place,
        slice: Option<&Slice>,
        reader: &mut dyn Read,
        depth: u32,
    ) -> io::Result<()> {
        let mut archive = Archive::new(reader);
        let mut said = Said::default();
        for entry in archive.entries()?.raw(true) {
            let mut entry = entry?;
            if said.take(&mut entry)? {
                continue;
            }
            if !self.may_take(place) {
                break;
            }
            self.tar_member(place, slice, entry, std::mem::take(&mut said), depth)?;
        }
        Ok(())
    }

    fn tar_member<R: Read>(
        &mut self,
        within: &Place,
        slice: Option<&Slice>,
        entry: Entry<'_, R>,
        said: Said,
        depth: u32,
    ) -> io::Result<()> {
        let (name, odd) = clean(said.name.as_deref().unwrap_or(&entry.path_bytes()));
        self.report.odd_names += u64::from(odd);
        let place = within.within(name);
        match entry.header().entry_type() {
            EntryType::Directory => {}
            EntryType::Link | EntryType::Symlink => self.report.links += 1,
            EntryType::Char | EntryType::Block | EntryType::Fifo => self.report.specials += 1,
            EntryType::Regular | EntryType::Continuous => {
                let size = entry.size();
                if said.size.is_some_and(|said| said != size) {
                    return Err(io::Error::new(io::ErrorKind::Unsupported, "it has a member beyond 8 GiB"));
                }
                let slice = slice.map(|slice| slice.part(entry.raw_file_position(), size));
                let header = entry.header().mtime().ok().and_then(|time| i64::try_from(time).ok());
                let modified = said.modified.or(header).map(Modified::Utc);
                let mut reader = Exact { inner: entry, left: size };
                self.take(Found { place, modified, size: Some(size), slice, reader: &mut reader, depth });
                // What nobody wanted is passed here and not by the crate, so that an early end is one.
                io::copy(&mut reader, &mut io::sink())?;
            }
            other => {
                let why = format!("it is of a kind that is not read ({:?})", other);
                self.report.broken(&place, Reason::Unsupported(why));
            }
        }
        Ok(())
    }
}

impl Said {
    /// Takes an extension header in; false if it is none.
    fn take<R: Read>(&mut self, entry: &mut Entry<'_, R>) -> io::Result<bool> {
        match entry.header().entry_type() {
            EntryType::GNULongName => {
                let name = extension(entry)?;
                self.name = Some(name.strip_suffix(b"\0").map_or(name.clone(), <[u8]>::to_vec));
            }
            EntryType::XHeader => self.pax(&extension(entry)?),
            EntryType::GNULongLink | EntryType::XGlobalHeader => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn pax(&mut self, records: &[u8]) {
        for record in PaxExtensions::new(records).map_while(Result::ok) {
            let value = record.value_bytes();
            let number = || std::str::from_utf8(value).ok()?.split('.').next()?.parse::<i64>().ok();
            match record.key_bytes() {
                b"path" => self.name = Some(value.to_vec()),
                b"mtime" => self.modified = number(),
                b"size" => self.size = number().and_then(|size| u64::try_from(size).ok()),
                _ => {}
            }
        }
    }
}

fn extension<R: Read>(entry: &mut Entry<'_, R>) -> io::Result<Vec<u8>> {
    if entry.size() > EXTENSION_BYTES {
        let why = format!("a name or set of records has {} bytes", entry.size());
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    let mut bytes = Vec::new();
    Exact { left: entry.size(), inner: entry }.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A member that ends before its size is cut off; the crate would let it end.
struct Exact<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Exact<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buf)?;
        if read == 0 && self.left > 0 && !buf.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}
