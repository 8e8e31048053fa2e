//! The checkpoint store: keys and values of bytes on disk, in sled, behind one narrow type.
//!
//! Promises:
//! - what `save` has returned `Ok` for is there after a crash of the process; after a power cut too, as far as the
//!   disk keeps its own promises (sled's `flush` alone does not sync the file's data: sled 0.34.7 `iobuf.rs`);
//! - a store that can't be opened, or that has gone back in time, is set aside under another name, never deleted
//!   (the newest three are kept) and never fatal; positions then come from the side-car file;
//! - a full or read-only disk costs nothing but the bound on what a crash sends again: all entries are kept in
//!   memory too, and go to disk as soon as it takes them;
//! - a second process on the same directory is refused, with the holder's pid.
//!
//! On disk, below the directory:
//! - `lock`: held with flock while a process uses the store; its text is the holder's pid;
//! - `store/`: sled's files; each value is framed (`frame`): version, epoch, checksum, then the caller's bytes;
//! - `positions.json`: the side-car, all entries and the epoch, written at most every ten seconds and on close.
//!
//! The *epoch* counts saves. A store whose newest epoch is below the side-car's has lost saves silently (sled can
//! do so when its snapshot is damaged); it is not believed.
//!
//! Leaves to others: what keys and values mean.

mod database;
mod frame;
mod lock;
mod recover;
mod sidecar;

pub use lock::LockError;

use database::Database;
use lock::Lock;
use model::Now;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long to wait before a disk that refused is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// How often the side-car is written.
const SIDECAR_EVERY: Duration = Duration::from_secs(10);

/// Keys and values, in key order.
pub type Entries = BTreeMap<Vec<u8>, Vec<u8>>;

/// Something that went wrong with the store and was dealt with. Each is worth a loud line in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// sled had left a half-written snapshot behind; it was removed.
    HalfSnapshot,
    /// The snapshots were damaged; the positions come from sled's log.
    SnapshotsDropped,
    /// The store was damaged and now lies at this path.
    SetAside {
        /// Where it is kept.
        kept_as: PathBuf,
        /// What sled said.
        why: String,
    },
    /// Entries with a bad checksum or of an unknown version were passed over.
    BadEntries {
        /// How many.
        count: usize,
    },
    /// Positions were taken from the side-car.
    FromSidecar {
        /// How many entries.
        entries: usize,
    },
    /// There was a store, but neither it nor the side-car could be read: everything is read from its start.
    NothingLeft,
    /// The directory or the disk refuses: positions are kept in memory for now.
    Unavailable {
        /// What the system said.
        why: String,
    },
}

/// The store. All methods block on the disk; use it from a thread of its own.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    entries: Entries,
    /// Changed since the disk last took them.
    dirty: BTreeSet<Vec<u8>>,
    epoch: u64,
    lock: Option<Lock>,
    database: Option<Database>,
    next_try: Duration,
    next_sidecar: Duration,
}

impl Store {
    /// Opens the store below `directory`, which is made if it is not there.
    ///
    /// # Errors
    /// Only if another process holds it: everything else is dealt with and told as [`Trouble`].
    pub fn open(directory: &Path, now: Now) -> Result<(Self, Vec<Trouble>), LockError> {
        let mut store = Self {
            directory: directory.to_path_buf(),
            entries: Entries::new(),
            dirty: BTreeSet::new(),
            epoch: 0,
            lock: None,
            database: None,
            next_try: now.mono,
            // At the first save: a store that sled silently empties is then known to have held something.
            next_sidecar: now.mono,
        };
        let troubles = store.attach(now)?;
        Ok((store, troubles))
    }

    /// All entries as they are now, on disk or not.
    #[must_use]
    pub fn entries(&self) -> &Entries {
        &self.entries
    }

    /// Whether everything saved is on disk.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.database.is_some() && self.dirty.is_empty()
    }

    /// Takes changes (`None` removes a key) and brings them to disk, as one batch.
    ///
    /// # Errors
    /// The disk's refusal. The changes are kept, and tried again by a later call, at most every five seconds.
    pub fn save(&mut self, changes: Vec<(Vec<u8>, Option<Vec<u8>>)>, now: Now) -> Result<(), Trouble> {
        for (key, value) in changes {
            self.dirty.insert(key.clone());
            match value {
                Some(value) => self.entries.insert(key, value),
                None => self.entries.remove(&key),
            };
        }
        if self.database.is_none() {
            self.reattach(now)?;
        }
        self.write(now)?;
        if now.mono >= self.next_sidecar {
            self.write_sidecar(now);
        }
        Ok(())
    }

    /// Writes the side-car and closes; for the end of a run.
    pub fn close(mut self, now: Now) {
        let _ = self.write(now);
        self.write_sidecar(now);
    }

    fn write(&mut self, now: Now) -> Result<(), Trouble> {
        let Some(database) = &self.database else { return Err(unavailable("the store is not open")) };
        if self.dirty.is_empty() {
            return Ok(());
        }
        let epoch = self.epoch + 1;
        let batch = self.dirty.iter().map(|key| (key.as_slice(), self.entries.get(key).map(Vec::as_slice)));
        match database.write(batch, epoch) {
            Ok(()) => {
                self.epoch = epoch;
                self.dirty.clear();
                Ok(())
            }
            Err(why) => {
                // sled keeps refusing once it has failed; only a new one can go on.
                self.database = None;
                self.next_try = now.mono + RETRY_AFTER;
                Err(unavailable(&why))
            }
        }
    }

    /// A missing side-car costs safety only if the store is damaged as well: failing to write it is no error.
    fn write_sidecar(&mut self, now: Now) {
        self.next_sidecar = now.mono + SIDECAR_EVERY;
        if self.is_current() {
            let _ = sidecar::write(&self.directory, self.epoch, &self.entries);
        }
    }

    /// Opens the directory for the first time: what is on disk becomes the entries.
    fn attach(&mut self, now: Now) -> Result<Vec<Trouble>, LockError> {
        if let Err(error) = std::fs::create_dir_all(&self.directory) {
            return Ok(vec![self.postpone(&error.to_string(), now)]);
        }
        match Lock::take(&self.directory) {
            Ok(lock) => self.lock = Some(lock),
            Err(LockError::Io(error)) => return Ok(vec![self.postpone(&error.to_string(), now)]),
            Err(held @ LockError::Held { .. }) => return Err(held),
        }
        let recovered = recover::recover(&self.directory, now);
        self.entries = recovered.entries;
        self.epoch = recovered.epoch;
        if recovered.rewrite {
            self.dirty = self.entries.keys().cloned().collect();
        }
        self.database = recovered.database;
        if self.database.is_none() {
            self.next_try = now.mono + RETRY_AFTER;
        }
        Ok(recovered.troubles)
    }

    fn postpone(&mut self, why: &str, now: Now) -> Trouble {
        self.next_try = now.mono + RETRY_AFTER;
        unavailable(why)
    }

    /// Tries again to open what was not available; memory is newer than anything on that disk.
    fn reattach(&mut self, now: Now) -> Result<(), Trouble> {
        if now.mono < self.next_try {
            return Err(unavailable("the store is not open yet"));
        }
        self.next_try = now.mono + RETRY_AFTER;
        if self.lock.is_none() {
            std::fs::create_dir_all(&self.directory).map_err(|error| unavailable(&error.to_string()))?;
            self.lock = Some(Lock::take(&self.directory).map_err(|error| unavailable(&error.to_string()))?);
        }
        let recovered = recover::recover(&self.directory, now);
        let gone: Vec<Vec<u8>> =
            recovered.entries.keys().filter(|key| !self.entries.contains_key(*key)).cloned().collect();
        self.dirty = self.entries.keys().cloned().chain(gone).collect();
        self.epoch = self.epoch.max(recovered.epoch);
        self.database = recovered.database;
        if self.database.is_some() { Ok(()) } else { Err(unavailable("the store does not open")) }
    }
}

fn unavailable(why: &str) -> Trouble {
    Trouble::Unavailable { why: why.to_owned() }
}

#[cfg(test)]
mod tests;
