//! sled, opened so that no damage can take the process down.
//!
//! sled 0.34.7 panics on some damaged files (seen: `segment.rs:556`, `serialization.rs:662`), so opening and the
//! first full read happen under `catch_unwind`, on a thread of their own.

use super::{Entries, frame};
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

/// An open store.
#[derive(Debug)]
pub(super) struct Database {
    sled: sled::Db,
    /// A second handle on sled's file: its own flush does not sync the data to the disk.
    file: File,
}

/// What a store held when it was opened.
pub(super) struct Contents {
    pub(super) database: Database,
    pub(super) entries: Entries,
    /// The newest save that reached it.
    pub(super) epoch: u64,
    pub(super) bad_entries: usize,
}

impl Database {
    /// Opens the store at `path` and reads it all.
    pub(super) fn open(path: &Path) -> Result<Contents, String> {
        let path = path.to_path_buf();
        let opening = std::thread::Builder::new()
            .name("checkpoint-open".to_owned())
            .spawn(move || catch_unwind(AssertUnwindSafe(|| open(&path))));
        let outcome = opening.map_err(|error| error.to_string())?.join();
        match outcome {
            Ok(Ok(contents)) => contents,
            _ => Err("sled panicked on its files".to_owned()),
        }
    }

    /// Writes one batch (`None` removes) and brings it to the disk.
    pub(super) fn write<'b>(
        &self,
        changes: impl Iterator<Item = (&'b [u8], Option<&'b [u8]>)>,
        epoch: u64,
    ) -> Result<(), String> {
        let mut batch = sled::Batch::default();
        for (key, value) in changes {
            match value {
                Some(value) => batch.insert(key, frame::wrap(key, epoch, value)),
                None => batch.remove(key),
            }
        }
        let written =
            catch_unwind(AssertUnwindSafe(|| self.sled.apply_batch(batch).and_then(|()| self.sled.flush())));
        match written {
            Ok(Ok(_)) => self.file.sync_data().map_err(|error| error.to_string()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("sled panicked while writing".to_owned()),
        }
    }
}

fn open(path: &Path) -> Result<Contents, String> {
    let config = sled::Config::new().path(path).cache_capacity(1 << 20).flush_every_ms(Some(5000));
    let sled = patiently(|| config.open()).map_err(|error| error.to_string())?;
    let (mut entries, mut epoch, mut bad_entries) = (Entries::new(), 0, 0);
    for pair in sled.iter() {
        let (key, value) = pair.map_err(|error| error.to_string())?;
        match frame::unwrap(&key, &value) {
            Some((saved, payload)) => {
                epoch = epoch.max(saved);
                entries.insert(key.to_vec(), payload.to_vec());
            }
            None => bad_entries += 1,
        }
    }
    let file = File::open(path.join("db")).map_err(|error| error.to_string())?;
    Ok(Contents { database: Database { sled, file }, entries, epoch, bad_entries })
}

/// Opens again while sled's own lock is held: a thread of it may keep the file for a moment after a drop. Another
/// process can't be the holder, as it would hold our lock.
fn patiently(open: impl Fn() -> sled::Result<sled::Db>) -> sled::Result<sled::Db> {
    const PAUSE: Duration = Duration::from_millis(10);
    for _ in 0..200 {
        match open() {
            Err(sled::Error::Io(error)) if error.to_string().contains("could not acquire lock") => {
                std::thread::park_timeout(PAUSE);
            }
            outcome => return outcome,
        }
    }
    open()
}
