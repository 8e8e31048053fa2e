//! Opening the store whatever state it is in.
//!
//! The steps, each only if the one before failed: open; drop the snapshots and open again (sled rebuilds them from
//! its log, but may go back in time doing so); set the store aside and begin a new one from the side-car. A disk that
//! refuses is none of these: nothing is moved, and positions come from the side-car until the store opens.

use super::database::{Contents, Database, Refusal};
use super::formats::{self, Format, STORE};
use super::layout::Layout;
use super::{Entries, Trouble, sidecar};
use model::Now;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// How many damaged stores are kept.
const KEPT: usize = 3;
const SET_ASIDE: &str = "store.damaged-";
/// What a disk must take to count as one that is not full, in bytes.
const PROBE: usize = 64 << 10;

/// What could be had.
#[derive(Default)]
pub(super) struct Recovered {
    /// `None` if the disk refuses.
    pub(super) database: Option<Database>,
    /// How entries lie in the database.
    pub(super) layout: Layout,
    pub(super) entries: Entries,
    pub(super) epoch: u64,
    /// What differs from the database.
    pub(super) dirty: BTreeSet<Vec<u8>>,
    pub(super) troubles: Vec<Trouble>,
}

/// Opens the store below `directory`.
pub(super) fn recover(directory: &Path, now: Now) -> Recovered {
    let path = directory.join(STORE);
    let older = formats::older(directory);
    let mut troubles = Vec::new();
    if remove_half_snapshots(&path) {
        troubles.push(Trouble::HalfSnapshot);
    }
    let floor = sidecar::epoch(directory).unwrap_or(0);
    let existed = exists(directory);
    let mut recovered = match open_believed(directory, floor, &mut troubles) {
        Ok(contents) if contents.bad_entries == 0 => believed(contents),
        Ok(contents) => patched(directory, contents, sidecar::read(directory), now),
        Err(Refusal::Damaged(why)) => begin_anew(directory, existed, sidecar::read(directory), &why, now),
        Err(Refusal::Unavailable(why)) => without_store(directory, why),
    };
    troubles.append(&mut recovered.troubles);
    recovered.troubles = troubles;
    match older {
        Some(Some((epoch, entries))) => take_over(&mut recovered, epoch, entries),
        // One of another format is there, and can't be read.
        None if existed || !formats::has_later(directory) => formats::tidy(directory, now),
        _ if recovered.entries.is_empty() => recovered.nothing_left(),
        _ => {}
    }
    recovered
}

/// What can be known without the store: what the side-car says.
pub(super) fn without_store(directory: &Path, why: String) -> Recovered {
    let mut recovered = Recovered { troubles: vec![Trouble::Unavailable { why }], ..Recovered::default() };
    recovered.fall_back(sidecar::read(directory), exists(directory));
    recovered
}

/// Whether there is a store, as far as can be told: where it can't, there may be one.
fn exists(directory: &Path) -> bool {
    directory.join(STORE).try_exists().unwrap_or(true)
}

impl Recovered {
    /// Takes the side-car's word, or says that there is none.
    fn fall_back(&mut self, sidecar: Option<(u64, Entries)>, existed: bool) {
        match sidecar {
            Some((epoch, entries)) => {
                self.troubles.push(Trouble::FromSidecar { entries: entries.len() });
                self.epoch = epoch;
                self.dirty = entries.keys().cloned().collect();
                self.entries = entries;
            }
            None if existed => self.nothing_left(),
            None => {}
        }
    }

    fn nothing_left(&mut self) {
        if !self.troubles.contains(&Trouble::NothingLeft) {
            self.troubles.push(Trouble::NothingLeft);
        }
    }
}

fn believed(contents: Contents) -> Recovered {
    let Contents { database, layout, entries, epoch, .. } = contents;
    Recovered { database: Some(database), layout, entries, epoch, ..Recovered::default() }
}

/// Some entries are bad: the rest is newer than the side-car, which has the others.
fn patched(directory: &Path, contents: Contents, sidecar: Option<(u64, Entries)>, now: Now) -> Recovered {
    let Contents { database, entries: good, epoch, bad_entries, .. } = contents;
    drop(database);
    let why = format!("{bad_entries} entries have a bad checksum");
    let known = sidecar.is_some();
    let sidecar = sidecar.unwrap_or_default();
    let mut recovered = begin_anew(directory, true, Some(sidecar), &why, now);
    recovered.entries.extend(good);
    recovered.dirty = recovered.entries.keys().cloned().collect();
    recovered.epoch = recovered.epoch.max(epoch);
    if !known {
        recovered.troubles.retain(|trouble| !matches!(trouble, Trouble::FromSidecar { .. }));
        recovered.troubles.push(Trouble::BadEntries { count: bad_entries });
    }
    recovered
}

/// The entries of a store of an older format, in the present one's place.
fn take_over(recovered: &mut Recovered, epoch: u64, entries: Entries) {
    recovered.troubles.retain(|trouble| *trouble != Trouble::NothingLeft);
    recovered.troubles.push(Trouble::Upgraded { entries: entries.len() });
    recovered.dirty = recovered.entries.keys().chain(entries.keys()).cloned().collect();
    recovered.epoch = recovered.epoch.max(epoch);
    recovered.entries = entries;
}

/// The store as it is, or without its snapshots; never one older than `floor`.
fn open_believed(directory: &Path, floor: u64, troubles: &mut Vec<Trouble>) -> Result<Contents, Refusal> {
    let path = directory.join(STORE);
    let believe = |contents: Contents| {
        if contents.epoch < floor {
            let why = format!("it has gone back from save {floor} to {}", contents.epoch);
            return Err(Refusal::Damaged(why));
        }
        Ok(contents)
    };
    let first = match Database::open(&path, Format::Two).and_then(believe) {
        Err(Refusal::Damaged(why)) => why,
        other => return other,
    };
    if let Err(error) = try_disk(directory) {
        return Err(Refusal::Unavailable(format!("{error} ({first})")));
    }
    if !move_snapshots_away(&path) {
        return Err(Refusal::Damaged(first));
    }
    let again = Database::open(&path, Format::Two).and_then(believe);
    let contents = again.map_err(|second| match second {
        Refusal::Damaged(second) => Refusal::Damaged(format!("{first}; {second}")),
        unavailable => unavailable,
    })?;
    troubles.push(Trouble::SnapshotsDropped);
    Ok(contents)
}

/// Whether the disk itself is to blame: not all of the store can be read, or nothing can be written. sled may take
/// either for damage.
fn try_disk(directory: &Path) -> io::Result<()> {
    for path in files(&directory.join(STORE)).filter(|path| path.is_file()) {
        read_through(&path)?;
    }
    let probe = directory.join("probe");
    let written = std::fs::File::create(&probe)
        .and_then(|mut file| file.write_all(&[0; PROBE]).and_then(|()| file.sync_all()));
    let _ = std::fs::remove_file(probe);
    written
}

fn read_through(path: &Path) -> io::Result<()> {
    let mut file = std::fs::File::open(path)?;
    let mut buffer = vec![0; PROBE];
    while file.read(&mut buffer)? > 0 {}
    Ok(())
}

fn begin_anew(
    directory: &Path,
    existed: bool,
    sidecar: Option<(u64, Entries)>,
    why: &str,
    now: Now,
) -> Recovered {
    let mut recovered = Recovered::default();
    if directory.join(STORE).exists() {
        match set_aside(directory, now) {
            Ok(kept_as) => recovered.troubles.push(Trouble::SetAside { kept_as, why: why.to_owned() }),
            Err(error) => recovered.troubles.push(Trouble::Unavailable { why: error.to_string() }),
        }
    }
    match Database::open(&directory.join(STORE), Format::Two) {
        Ok(contents) => (recovered.database, recovered.layout) = (Some(contents.database), contents.layout),
        Err(refusal) => recovered.troubles.push(Trouble::Unavailable { why: refusal.to_string() }),
    }
    recovered.fall_back(sidecar, existed);
    recovered
}

/// What is in a directory; nothing if that can't be told.
pub(super) fn files(directory: &Path) -> impl Iterator<Item = PathBuf> {
    std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path())
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(OsStr::to_str).unwrap_or_default()
}

/// A crash while sled opens leaves `snap.….generating`, and each later open fails on it (sled issues 1527, 1533).
pub(super) fn remove_half_snapshots(store: &Path) -> bool {
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

fn set_aside(directory: &Path, now: Now) -> io::Result<PathBuf> {
    let to = (0..1000)
        .map(|n| directory.join(format!("{SET_ASIDE}{:012}-{n:03}", now.unix_seconds())))
        .find(|path| !path.exists())
        .ok_or_else(|| io::Error::other("too many damaged stores"))?;
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
