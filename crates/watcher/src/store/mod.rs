//! The checkpoint store: keys and values of bytes on disk, in sled, behind one narrow type.
//!
//! Promises:
//! - what `save` has returned `Ok` for is there after a crash of the process; after a power cut too, as far as the
//!   disk keeps its own promises (sled's `flush` alone does not sync the file's data: sled 0.34.7 `iobuf.rs`);
//! - a store whose content makes no sense, or that has gone back in time, is set aside under another name, never
//!   deleted (the newest three are kept) and never fatal; positions then come from the side-car file;
//! - a full or read-only disk, or one without permission, is not damage: all entries are kept in memory too, and go to
//!   disk as soon as it takes them. It costs nothing but the bound on what a crash sends again;
//! - a second process on the same directory is refused, with the holder's pid;
//! - what an older release wrote is read, and left as it is for a week in case of a downgrade (`formats`).
//!
//! On disk, below the directory:
//! - `lock`: held with flock while a process uses the store; its text is the holder's pid;
//! - `store-2/`: sled's files; how entries lie in it says `layout`; each value is framed (`frame`): version, epoch,
//!   checksum, payload;
//! - `positions-2`: the side-car, all entries and the epoch, written when they changed, at most every ten seconds,
//!   and on close;
//! - `store.damaged-<time>-<n>/`: what was set aside.
//!
//! The *epoch* counts saves. A store whose newest epoch is below the side-car's has lost saves silently (sled can
//! do so when its snapshot is damaged); it is not believed.
//!
//! Leaves to others: what keys and values mean.

mod database;
mod formats;
mod frame;
mod layout;
mod list;
mod lock;
mod pack;
mod recover;
mod sidecar;

pub use lock::LockError;

use database::Database;
use layout::Layout;
use lock::Lock;
use model::Now;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long to wait before a disk that refused is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// How often the side-car is written.
const SIDECAR_EVERY: Duration = Duration::from_secs(10);

/// Keys and values, in key order.
pub type Entries = BTreeMap<Vec<u8>, Vec<u8>>;
/// A key and its new value; `None` removes it.
pub type Change = (Vec<u8>, Option<Vec<u8>>);

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
    /// Entries with a bad checksum are gone, as there is no side-car: their files are read from the start.
    BadEntries {
        /// How many.
        count: usize,
    },
    /// Positions were taken over from the store of an older release.
    Upgraded {
        /// How many entries.
        entries: usize,
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

impl Trouble {
    /// Whether positions are missing: what they were of is read from its start, and so are rotated siblings.
    #[must_use]
    pub fn loses_positions(&self) -> bool {
        matches!(self, Self::BadEntries { .. } | Self::NothingLeft)
    }
}

/// The store. All methods block on the disk; use it from a thread of its own.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    layout: Layout,
    /// Of the last save that the disk took.
    epoch: u64,
    lock: Option<Lock>,
    database: Option<Database>,
    /// When what was refused is tried again.
    next_try: Duration,
    next_sidecar: Duration,
    /// The epoch that the side-car has.
    sidecar_epoch: u64,
    /// Dealt with, and not told yet.
    troubles: Vec<Trouble>,
    /// All entries as they were read when it was opened, until something changes or somebody takes them.
    read: Option<Entries>,
}

impl Store {
    /// Opens the store below `directory`, which is made if it is not there.
    ///
    /// # Errors
    /// Only if another process holds it: everything else is dealt with and told as [`Trouble`].
    pub fn open(directory: &Path, now: Now) -> Result<(Self, Vec<Trouble>), LockError> {
        let mut store = Self {
            directory: directory.to_path_buf(),
            layout: Layout::default(),
            epoch: 0,
            lock: None,
            database: None,
            next_try: now.mono,
            // At the first save: a store that sled silently empties is then known to have held something.
            next_sidecar: now.mono,
            sidecar_epoch: 0,
            troubles: Vec::new(),
            read: None,
        };
        store.attach(now)?;
        let troubles = store.take_troubles();
        Ok((store, troubles))
    }

    /// Where it lies.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Goes on under another monotonic clock, and tries at once what is due. What a new store would say of the disk.
    pub fn resume(&mut self, now: Now) -> Vec<Trouble> {
        (self.next_try, self.next_sidecar) = (now.mono, now.mono);
        if self.is_current() {
            Vec::new()
        } else {
            vec![unavailable("the disk has not taken the last ones yet")]
        }
    }

    /// What was dealt with since the last call, but for what a call has returned.
    pub fn take_troubles(&mut self) -> Vec<Trouble> {
        std::mem::take(&mut self.troubles)
    }

    /// The same as [`entries`](Self::entries), for the start: without unpacking once more what was just read.
    pub fn take_entries(&mut self) -> Entries {
        self.read.take().unwrap_or_else(|| self.entries())
    }

    /// All entries as they are now, on disk or not. They are kept packed, so this is some work.
    #[must_use]
    pub fn entries(&self) -> Entries {
        self.layout.entries()
    }

    /// Whether everything saved is on disk.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.database.is_some() && self.layout.is_written()
    }

    /// Takes changes (`None` removes a key) and brings them to disk, as one batch.
    ///
    /// # Errors
    /// The disk's refusal. The changes are kept, and tried again by a later call, at most every five seconds.
    pub fn save(&mut self, changes: Vec<Change>, now: Now) -> Result<(), Trouble> {
        self.read = None;
        self.layout.apply(changes, self.epoch + 1);
        self.work(now)
    }

    /// Does what is [`due`](Self::due).
    ///
    /// # Errors
    /// As [`save`](Self::save).
    pub fn work(&mut self, now: Now) -> Result<(), Trouble> {
        if self.database.is_none() {
            self.reattach(now)?;
        }
        self.write(now)?;
        if now.mono >= self.next_sidecar {
            self.write_sidecar(now);
        }
        Ok(())
    }

    /// When [`work`](Self::work) is to be called though nothing is to be saved, by the monotonic clock: the disk is to
    /// be tried again, or the side-car is behind.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        if self.database.is_none() {
            return Some(self.next_try);
        }
        (self.sidecar_epoch != self.epoch).then_some(self.next_sidecar)
    }

    /// Brings everything to disk that it takes, the side-car too: for the end of a run. The store can go on after it.
    pub fn settle(&mut self, now: Now) {
        self.next_try = now.mono;
        if self.database.is_some() || self.reattach(now).is_ok() {
            let _ = self.write(now);
        }
        self.write_sidecar(now);
    }

    fn write(&mut self, now: Now) -> Result<(), Trouble> {
        let Some(database) = &mut self.database else { return Err(unavailable("the store is not open")) };
        if self.layout.is_written() {
            return Ok(());
        }
        let epoch = self.epoch + 1;
        match database.write(&self.layout, epoch) {
            Ok(()) => {
                self.epoch = epoch;
                self.layout.written();
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
        let news = self.is_current() && self.sidecar_epoch != self.epoch;
        if news && sidecar::write(&self.directory, self.epoch, self.layout.lists()).is_ok() {
            self.sidecar_epoch = self.epoch;
        }
    }

    /// Opens the directory for the first time: what is on disk becomes the entries.
    fn attach(&mut self, now: Now) -> Result<(), LockError> {
        let recovered = match self.take_lock() {
            Ok(()) => recover::recover(&self.directory, now),
            Err(LockError::Io(error)) => recover::without_store(&self.directory, error.to_string()),
            Err(held @ LockError::Held { .. }) => return Err(held),
        };
        let entries = recovered.entries;
        let change = |key: Vec<u8>| {
            let value = entries.get(&key).cloned();
            (key, value)
        };
        self.layout = recovered.layout;
        self.epoch = recovered.epoch;
        self.layout.apply(recovered.dirty.into_iter().map(change).collect(), self.epoch + 1);
        self.read = Some(entries);
        self.database = recovered.database;
        self.troubles = recovered.troubles;
        self.next_try = now.mono + RETRY_AFTER;
        Ok(())
    }

    fn take_lock(&mut self) -> Result<(), LockError> {
        if self.lock.is_none() {
            std::fs::create_dir_all(&self.directory).map_err(LockError::Io)?;
            self.lock = Some(Lock::take(&self.directory)?);
        }
        Ok(())
    }

    /// Tries again to open what was not available; memory is newer than anything on that disk.
    fn reattach(&mut self, now: Now) -> Result<(), Trouble> {
        if now.mono < self.next_try {
            return Err(unavailable("the store is not open yet"));
        }
        self.next_try = now.mono + RETRY_AFTER;
        self.take_lock().map_err(|error| unavailable(&error.to_string()))?;
        let recovered = recover::recover(&self.directory, now);
        self.layout.differs_from(&recovered.layout);
        self.epoch = self.epoch.max(recovered.epoch);
        self.database = recovered.database;
        let (refused, dealt_with): (Vec<_>, Vec<_>) = recovered
            .troubles
            .into_iter()
            .partition(|trouble| matches!(trouble, Trouble::Unavailable { .. }));
        // Whose positions were lost on disk, memory has them.
        let told = |trouble: &Trouble| matches!(trouble, Trouble::SetAside { .. } | Trouble::HalfSnapshot);
        self.troubles.extend(dealt_with.into_iter().filter(told));
        match self.database {
            Some(_) => Ok(()),
            None => Err(refused.into_iter().next().unwrap_or_else(|| unavailable("the store does not open"))),
        }
    }
}

fn unavailable(why: &str) -> Trouble {
    Trouble::Unavailable { why: why.to_owned() }
}

#[cfg(test)]
mod tests;
