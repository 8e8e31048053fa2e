//! zip, by its directory.
//!
//! Times: a zip has local time without a zone; the extended timestamp that Info-ZIP and most others add (field 0x5455 of
//! APPNOTE.TXT's list) is in UTC and goes first. Python's `zipfile`, which writes status reports, adds none.

use crate::disk::{Slice, SliceReader, Watch};
use crate::limits::Limit;
use crate::member::{Modified, Place, clean};
use crate::meter::Metered;
use crate::report::Reason;
use crate::walk::{Found, Walker};
use chrono::NaiveDate;
use std::io::{self, BufReader, Read};
use std::sync::Arc;
use zip::CompressionMethod;
use zip::read::{ZipArchive, ZipFile};
use zip::result::ZipError;

/// The kinds of file in the upper bits of a Unix mode.
const KINDS: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;

impl Walker<'_> {
    /// Reads a zip; without a place on a disk it gets one, without a name, for as long as it is read.
    pub(crate) fn zip(&mut self, place: &Place, slice: Option<Slice>, reader: &mut dyn Read, depth: u32) {
        self.report.archives += 1;
        // What is read from a copy is no progress.
        let copied = slice.is_none();
        let slice = slice.map_or_else(|| spool(reader, self.budget.limits().spool), Ok);
        let watch = if copied { self.watch.quiet() } else { self.watch.clone() };
        match slice {
            Ok(slice) => self.zip_members(place, &slice, copied, &watch, depth),
            Err(error) => self.broken(place, &error),
        }
    }

    fn zip_members(&mut self, place: &Place, slice: &Slice, copied: bool, watch: &Watch, depth: u32) {
        let mut archive = match ZipArchive::new(BufReader::new(SliceReader::new(slice.clone(), watch))) {
            Ok(archive) => archive,
            Err(error) => return self.report.broken(place, reason(&error)),
        };
        for index in 0..archive.len() {
            if !self.may_take(place) {
                return;
            }
            let failed = match archive.by_index(index) {
                Ok(entry) => {
                    self.zip_member(place, slice, copied, entry, depth);
                    continue;
                }
                Err(error) => reason(&error),
            };
            let name = archive.name_for_index(index).and_then(Result::ok).unwrap_or_default();
            self.report.broken(&place.within(clean(name.as_bytes()).0), failed);
        }
    }

    fn zip_member<R: Read>(
        &mut self,
        within: &Place,
        archive: &Slice,
        copied: bool,
        entry: ZipFile<'_, R>,
        depth: u32,
    ) {
        let (name, odd) = clean(entry.name_raw());
        self.report.odd_names += u64::from(odd);
        let place = within.within(name);
        let kind = entry.unix_mode().map_or(REGULAR, |mode| mode & KINDS);
        if entry.is_dir() {
            return;
        }
        if entry.is_symlink() {
            self.report.links += 1;
            return;
        }
        if kind != REGULAR && kind != 0 {
            self.report.specials += 1;
            return;
        }
        let (size, packed) = (entry.size(), entry.compressed_size().min(archive.len()));
        let stored = entry.compression() == CompressionMethod::Stored;
        // A copy goes when the walk leaves it.
        let slice = entry.data_start().filter(|_| stored && !copied).map(|start| archive.part(start, size));
        let modified = modified(&entry);
        let mut reader = Metered::new(entry, packed, &self.budget);
        self.take(Found { place, modified, size: Some(size), slice, reader: &mut reader, depth });
    }
}

fn modified<R: Read>(entry: &ZipFile<'_, R>) -> Option<Modified> {
    let utc = entry.extra_data().and_then(|extra| extended_timestamp(&extra));
    utc.map(Modified::Utc).or_else(|| {
        let time = entry.last_modified()?;
        let date = NaiveDate::from_ymd_opt(time.year().into(), time.month().into(), time.day().into())?;
        let local = date.and_hms_opt(time.hour().into(), time.minute().into(), time.second().into())?;
        // The first moment that can be written stands for none.
        (time.year() > 1980).then(|| Modified::Local(local.and_utc().timestamp()))
    })
}

/// The time of change in the extra fields: each a tag and a length of two bytes, then its data.
fn extended_timestamp(mut extra: &[u8]) -> Option<i64> {
    while let Some((&[t1, t2, l1, l2], rest)) = extra.split_first_chunk::<4>() {
        let (data, behind) = rest.split_at_checked(usize::from(u16::from_le_bytes([l1, l2])))?;
        if u16::from_le_bytes([t1, t2]) == 0x5455 {
            let (flags, times) = data.split_first()?;
            let seconds = times.first_chunk::<4>().filter(|_| flags & 1 == 1)?;
            return Some(i64::from(u32::from_le_bytes(*seconds)));
        }
        extra = behind;
    }
    None
}

/// Copies a zip that can't be read forward to a file without a name, which goes with the last that has it open.
fn spool(reader: &mut dyn Read, limit: u64) -> io::Result<Slice> {
    let mut file = tempfile::tempfile()?;
    let copied = io::copy(&mut reader.take(limit.saturating_add(1)), &mut file)?;
    if copied > limit {
        return Err(Limit::Spool.into());
    }
    Slice::whole(file)
}

fn reason(error: &ZipError) -> Reason {
    match error {
        ZipError::Io(error) => Reason::from(error),
        ZipError::UnsupportedArchive(what) => Reason::Unsupported(format!("it is not read: {what}")),
        other => Reason::Damaged(other.to_string()),
    }
}

impl Watch {
    /// Ends with this one, but counts apart.
    fn quiet(&self) -> Self {
        Self { cancelled: Arc::clone(&self.cancelled), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::extended_timestamp;

    #[test]
    fn the_time_in_the_extra_fields() {
        let field = |flags: u8| [&[0x55, 0x54, 5, 0, flags][..], &1_772_311_212_u32.to_le_bytes()].concat();
        let behind = [&[1, 0, 2, 0, 9, 9][..], &field(1)].concat();
        assert_eq!(extended_timestamp(&field(3)), Some(1_772_311_212));
        assert_eq!(extended_timestamp(&behind), Some(1_772_311_212));
        for bad in [&field(2)[..], &field(1)[..7], &[], &[0x55]] {
            assert_eq!(extended_timestamp(bad), None, "{bad:?}");
        }
    }
}
