//! sled, opened so that no damage can take the process down, and no full disk looks like damage.
//!
//! sled 0.34.7 panics on some damaged files (seen: `segment.rs:556`, `serialization.rs:662`), so opening and the
//! first full read happen under `catch_unwind`, on a thread of their own.

use super::frame::{self, Bad};
use super::layout::{Layout, MARK};
use super::{Entries, formats::Format};
use std::fmt;
use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

/// Why there is no store.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The system refuses: a full or read-only disk, no permission, an I/O error. The same files may open later.
    Unavailable(String),
    /// The files make no sense.
    Damaged(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Unavailable(why) | Self::Damaged(why)) = self;
        f.write_str(why)
    }
}

/// An open store.
#[derive(Debug)]
pub(super) struct Database {
    /// Always there until it is dropped.
    sled: Option<sled::Db>,
    /// A second handle on sled's file: its own flush does not sync the data to the disk (`iobuf.rs`).
    file: File,
}

/// What a store held when it was opened.
pub(super) struct Contents {
    pub(super) database: Database,
    /// How they lie in it; empty for an older format.
    pub(super) layout: Layout,
    pub(super) entries: Entries,
    /// The newest save that reached it.
    pub(super) epoch: u64,
    pub(super) bad_entries: usize,
}

impl Database {
    /// Opens the store at `path` and reads it all.
    pub(super) fn open(path: &Path, format: Format) -> Result<Contents, Refusal> {
        let path = path.to_path_buf();
        let opening = std::thread::Builder::new()
            .name("checkpoint-open".to_owned())
            .spawn(move || catch_unwind(AssertUnwindSafe(|| open(&path, format))));
        let outcome = opening.map_err(|error| Refusal::Unavailable(error.to_string()))?.join();
        match outcome {
            Ok(Ok(contents)) => contents,
            _ => Err(Refusal::Damaged("sled panicked on its files".to_owned())),
        }
    }

    /// Writes what has changed as one batch, and brings it to the disk. After an error this can't be used any more.
    pub(super) fn write(&mut self, layout: &Layout, epoch: u64) -> Result<(), String> {
        let mut batch = sled::Batch::default();
        let mark = ([MARK].as_slice(), Some([].as_slice()));
        for (key, payload) in layout.changes().chain([mark]) {
            match payload {
                Some(payload) => batch.insert(key, frame::wrap(key, epoch, payload)),
                None => batch.remove(key),
            }
        }
        let Some(sled) = &self.sled else { return Err("it is closed".to_owned()) };
        let written = catch_unwind(AssertUnwindSafe(|| sled.apply_batch(batch).and_then(|()| sled.flush())));
        match written {
            Ok(Ok(_)) => self.file.sync_data().map_err(|error| error.to_string()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("sled panicked while writing".to_owned()),
        }
    }
}

impl Drop for Database {
    /// sled writes when it is dropped, and may panic on a disk that refuses.
    fn drop(&mut self) {
        let sled = self.sled.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(sled)));
    }
}

fn open(path: &Path, format: Format) -> Result<Contents, Refusal> {
    let config = sled::Config::new().path(path).cache_capacity(1 << 18).flush_every_ms(Some(5000));
    let sled = patiently(|| config.open()).map_err(refusal)?;
    let (mut layout, mut entries, mut epoch, mut bad_entries) = (Layout::default(), Entries::new(), 0, 0);
    for pair in sled.iter() {
        let (key, value) = pair.map_err(refusal)?;
        match frame::unwrap(&key, &value) {
            Ok((saved, payload)) => {
                epoch = epoch.max(saved);
                let taken = match format {
                    Format::One => entries.insert(key.to_vec(), payload.to_vec()).is_none(),
                    Format::Two => layout.take(&key, saved, payload, &mut entries),
                };
                bad_entries += usize::from(!taken);
            }
            Err(Bad::Damaged) => bad_entries += 1,
            Err(Bad::Later(version)) => {
                let why = format!("a later version of this program wrote it (entries of version {version})");
                return Err(Refusal::Damaged(why));
            }
        }
    }
    let system = |error: io::Error| Refusal::Unavailable(error.to_string());
    let file = File::open(path.join("db")).map_err(system)?;
    // So that the file itself is there after a power cut.
    File::open(path).and_then(|directory| directory.sync_all()).map_err(system)?;
    Ok(Contents { database: Database { sled: Some(sled), file }, layout, entries, epoch, bad_entries })
}

/// Whether the system or the content is to blame. Only the kind of an error survives within sled, which also makes
/// errors of these kinds itself where its files make no sense (`pagecache/logger.rs`, `config.rs`).
fn refusal(error: sled::Error) -> Refusal {
    use io::ErrorKind as Kind;
    let why = error.to_string();
    match error {
        sled::Error::Io(_) if is_locked(&why) => Refusal::Unavailable(why),
        sled::Error::Io(error) => match error.kind() {
            Kind::UnexpectedEof
            | Kind::InvalidData
            | Kind::InvalidInput
            | Kind::NotADirectory
            | Kind::IsADirectory
            | Kind::AlreadyExists
            | Kind::NotFound
            | Kind::Other => Refusal::Damaged(why),
            _ => Refusal::Unavailable(why),
        },
        _ => Refusal::Damaged(why),
    }
}

fn is_locked(why: &str) -> bool {
    why.contains("could not acquire lock")
}

/// Opens again while sled's own lock is held: a thread of it may keep the file for a moment after a drop. Another
/// process can't be the holder, as it would hold our lock.
fn patiently(open: impl Fn() -> sled::Result<sled::Db>) -> sled::Result<sled::Db> {
    const PAUSE: Duration = Duration::from_millis(10);
    for _ in 0..200 {
        match open() {
            Err(sled::Error::Io(error)) if is_locked(&error.to_string()) => {
                std::thread::park_timeout(PAUSE);
            }
            outcome => return outcome,
        }
    }
    open()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::Errno;

    #[test]
    fn what_the_system_refuses_is_no_damage() {
        let of = |errno: Errno| refusal(sled::Error::Io(errno.into()));
        for errno in [
            Errno::NOSPC,
            Errno::ROFS,
            Errno::ACCESS,
            Errno::PERM,
            Errno::IO,
            Errno::DQUOT,
            Errno::MFILE,
            Errno::NOMEM,
        ] {
            assert!(matches!(of(errno), Refusal::Unavailable(_)), "{errno:?}");
        }
        let locked = io::Error::other("could not acquire lock on \"db\"");
        assert!(matches!(refusal(sled::Error::Io(locked)), Refusal::Unavailable(_)));
    }

    #[test]
    fn what_makes_no_sense_is_damage() {
        let kinds = [io::ErrorKind::UnexpectedEof, io::ErrorKind::InvalidData, io::ErrorKind::Other];
        let errors = kinds.map(|kind| sled::Error::Io(kind.into()));
        let others = [
            sled::Error::Corruption { at: None, bt: () },
            sled::Error::Unsupported(String::new()),
            sled::Error::ReportableBug(String::new()),
        ];
        for error in errors.into_iter().chain(others) {
            assert!(matches!(refusal(error), Refusal::Damaged(_)));
        }
    }
}
