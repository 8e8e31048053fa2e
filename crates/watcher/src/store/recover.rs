//! Opening the store whatever state it is in.
//!
//! The steps, each only if the one before failed: open; drop the snapshots and open again (sled rebuilds them from
//! its log, but may go back in time doing so); set the store aside and begin a new one from the side-car.

use super::database::{Contents, Database};
use super::{Entries, Trouble, sidecar};
use model::Now;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// How many damaged stores are kept.
const KEPT: usize = 3;
const STORE: &str = "store";
const SET_ASIDE: &str = "store.damaged-";

/// What could be had.
pub(super) struct Recovered {
    /// `None` if the disk refuses even a new store.
    pub(super) database: Option<Database>,
    pub(super) entries: Entries,
    pub(super) epoch: u64,
    /// The entries are not in the database yet.
    pub(super) rewrite: bool,
    pub(super) troubles: Vec<Trouble>,
}

/// Opens the store below `directory`.
pub(super) fn recover(directory: &Path, now: Now) -> Recovered {
    let path = directory.join(STORE);
    let existed = path.exists();
    let sidecar = sidecar::read(directory);
    let mut troubles = Vec::new();
    if remove_half_snapshots(&path) {
        troubles.push(Trouble::HalfSnapshot);
    }
    let floor = sidecar.as_ref().map_or(0, |(epoch, _)| *epoch);
    match open_believed(&path, floor, &mut troubles) {
        Ok(contents) => believed(contents, troubles),
        Err(why) => begin_anew(directory, existed, sidecar, why, troubles, now),
    }
}

fn believed(contents: Contents, mut troubles: Vec<Trouble>) -> Recovered {
    if contents.bad_entries > 0 {
        troubles.push(Trouble::BadEntries { count: contents.bad_entries });
    }
    Recovered {
        database: Some(contents.database),
        entries: contents.entries,
        epoch: contents.epoch,
        rewrite: false,
        troubles,
    }
}

/// The store as it is, or without its snapshots; never one older than `floor`.
fn open_believed(path: &Path, floor: u64, troubles: &mut Vec<Trouble>) -> Result<Contents, String> {
    let believe = |contents: Contents| {
        if contents.epoch < floor {
            return Err(format!("it has gone back from save {floor} to {}", contents.epoch));
        }
        Ok(contents)
    };
    let first = match Database::open(path) {
        Ok(contents) => return believe(contents),
        Err(why) => why,
    };
    if !move_snapshots_away(path) {
        return Err(first);
    }
    let contents = Database::open(path).and_then(believe).map_err(|second| format!("{first}; {second}"))?;
    troubles.push(Trouble::SnapshotsDropped);
    Ok(contents)
}

fn begin_anew(
    directory: &Path,
    existed: bool,
    sidecar: Option<(u64, Entries)>,
    why: String,
    mut troubles: Vec<Trouble>,
    now: Now,
) -> Recovered {
    if existed {
        match set_aside(directory, now) {
            Ok(kept_as) => troubles.push(Trouble::SetAside { kept_as, why: why.clone() }),
            Err(error) => troubles.push(Trouble::Unavailable { why: error.to_string() }),
        }
    }
    let database = match Database::open(&directory.join(STORE)) {
        Ok(contents) => Some(contents.database),
        Err(error) => {
            troubles.push(Trouble::Unavailable { why: error });
            None
        }
    };
    let (epoch, entries) = match sidecar {
        Some((epoch, entries)) => {
            troubles.push(Trouble::FromSidecar { entries: entries.len() });
            (epoch, entries)
        }
        None => {
            if existed {
                troubles.push(Trouble::NothingLeft);
            }
            (0, Entries::new())
        }
    };
    Recovered { database, entries, epoch, rewrite: true, troubles }
}

fn files(directory: &Path) -> impl Iterator<Item = PathBuf> {
    std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path())
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(OsStr::to_str).unwrap_or_default()
}

/// A crash while sled opens leaves `snap.….generating`, and each later open fails on it (sled issues 1527, 1533).
fn remove_half_snapshots(store: &Path) -> bool {
    let half =
        files(store).filter(|path| name(path).starts_with("snap.") && name(path).ends_with(".generating"));
    half.filter(|path| std::fs::remove_file(path).is_ok()).count() > 0
}

fn move_snapshots_away(store: &Path) -> bool {
    let snapshots = files(store).filter(|path| name(path).starts_with("snap."));
    let moved = snapshots.filter(|path| {
        let away = path.with_file_name(format!("dropped-{}", name(path)));
        std::fs::rename(path, away).is_ok()
    });
    moved.count() > 0
}

fn set_aside(directory: &Path, now: Now) -> std::io::Result<PathBuf> {
    let to = (0..1000)
        .map(|n| directory.join(format!("{SET_ASIDE}{:012}-{n:03}", now.unix_seconds())))
        .find(|path| !path.exists())
        .ok_or_else(|| std::io::Error::other("too many damaged stores"))?;
    std::fs::rename(directory.join(STORE), &to)?;
    prune(directory);
    Ok(to)
}

fn prune(directory: &Path) {
    let mut kept: Vec<PathBuf> = files(directory).filter(|path| name(path).starts_with(SET_ASIDE)).collect();
    kept.sort();
    let surplus = kept.len().saturating_sub(KEPT);
    for path in kept.iter().take(surplus) {
        let _ = std::fs::remove_dir_all(path);
    }
}
