//! Which entries have arrived: a hash of each, one a line, in a file of its own for each endpoint.

use crate::shell::rejected::Entry;
use std::collections::HashSet;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use xxhash_rust::xxh3::Xxh3;

/// The entries that have arrived.
#[derive(Debug)]
pub(crate) struct Sent {
    known: HashSet<u128>,
    file: File,
}

impl Sent {
    /// Those that earlier runs have noted in this directory, which is made if it is not there; `forget`: none.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn open(directory: &Path, forget: bool) -> io::Result<Self> {
        DirBuilder::new().mode(0o700).recursive(true).create(directory)?;
        let path = directory.join("sent");
        let mut options = OpenOptions::new();
        let mut file = options.append(true).create(true).mode(0o600).open(&path)?;
        if forget {
            file.set_len(0)?;
        }
        let text = std::fs::read_to_string(&path)?;
        if !text.is_empty() && !text.ends_with('\n') {
            // A crash cut the last one off: its entry is sent again.
            file.write_all(b"\n")?;
        }
        let whole = text.lines().filter(|line| line.len() == 32);
        Ok(Self { known: whole.filter_map(|line| u128::from_str_radix(line, 16).ok()).collect(), file })
    }

    pub(crate) fn has(&self, entry: &Entry) -> bool {
        self.known.contains(&hash(entry))
    }

    /// The entry has arrived.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn note(&mut self, entry: &Entry) -> io::Result<()> {
        self.note_hash(hash(entry))
    }

    pub(super) fn note_hash(&mut self, hash: u128) -> io::Result<()> {
        if self.known.insert(hash) {
            writeln!(self.file, "{hash:032x}")?;
        }
        Ok(())
    }
}

/// What an entry is known by: what it holds, not where it stands.
pub(super) fn hash(entry: &Entry) -> u128 {
    let mut hash = Xxh3::new();
    for part in [entry.signal.as_bytes(), entry.form.as_str().as_bytes(), &entry.bytes] {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.digest128()
}
