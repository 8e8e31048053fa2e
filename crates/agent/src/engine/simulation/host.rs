//! The disk as the engine sees it: the watcher's disk in memory (inode numbers come back at once), and on top of it reads
//! that fail or give little, coarse times, and a record of how much of each file was shown.

use super::disk::Disk;
use super::faults::{Counts, Fault};
use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use testkit::standin::Rng;
use watcher::{Entry, File, FileSystem, Kind, Meta, Space};

/// What is wrong with the disk just now, and what it has seen.
pub(super) struct Knobs {
    rng: Rng,
    /// The share of reads that fail.
    pub(super) failing: f64,
    /// Reads give a few bytes.
    pub(super) short: bool,
    /// Times are multiples of this, in nanoseconds.
    pub(super) tick: i64,
    pub(super) full: bool,
    pub(super) counts: Counts,
    /// By inode: the largest size that was told since its file was made.
    shown: HashMap<u64, u64>,
    /// Inode numbers that were ever given.
    given: HashSet<u64>,
    /// For a planted fault: no byte beyond this of a file that was rotated can be read.
    pub(super) frozen: HashMap<u64, u64>,
}

/// The disk; clones are the same.
#[derive(Clone)]
pub(super) struct Host {
    pub(super) disk: Disk,
    knobs: Arc<Mutex<Knobs>>,
}

struct Open {
    host: Host,
    ino: u64,
    file: Arc<dyn File>,
}

impl Host {
    pub(super) fn new(seed: u64) -> Self {
        let knobs = Knobs {
            rng: Rng::new(seed),
            failing: 0.0,
            short: false,
            tick: 1,
            full: false,
            counts: Counts::default(),
            shown: HashMap::new(),
            given: HashSet::new(),
            frozen: HashMap::new(),
        };
        Self { disk: Disk::new(), knobs: Arc::new(Mutex::new(knobs)) }
    }

    /// No two calls happen at the same time.
    pub(super) fn knobs(&self) -> MutexGuard<'_, Knobs> {
        self.knobs.lock().expect("one thread")
    }

    pub(super) fn is_full(&self) -> bool {
        self.knobs().full
    }

    pub(super) fn count(&self, fault: Fault) {
        self.knobs().counts.add(fault);
    }

    /// Makes an empty file; its inode.
    pub(super) fn create(&self, path: &Path) -> u64 {
        self.disk.create(path);
        let ino = self.disk.ino(path);
        let mut knobs = self.knobs();
        if !knobs.given.insert(ino) {
            knobs.counts.add(Fault::InodeReused);
        }
        knobs.shown.remove(&ino);
        knobs.frozen.remove(&ino);
        ino
    }

    /// How much of this file the engine has been told of.
    pub(super) fn shown(&self, ino: u64) -> u64 {
        self.knobs().shown.get(&ino).copied().unwrap_or(0)
    }

    /// The file is begun anew in place.
    pub(super) fn forget_shown(&self, ino: u64) {
        self.knobs().shown.remove(&ino);
    }

    fn told(&self, mut meta: Meta) -> Meta {
        let mut knobs = self.knobs();
        let coarse = |time: i64| time.div_euclid(knobs.tick) * knobs.tick;
        (meta.mtime_ns, meta.ctime_ns) = (coarse(meta.mtime_ns), coarse(meta.ctime_ns));
        if meta.kind == Kind::File {
            meta.size = knobs.frozen.get(&meta.ino).map_or(meta.size, |size| meta.size.min(*size));
            if knobs.tick > 1 {
                knobs.counts.add(Fault::CoarseTimes);
            }
            let shown = knobs.shown.entry(meta.ino).or_default();
            *shown = meta.size.max(*shown);
        }
        meta
    }

    fn fails(&self) -> io::Result<()> {
        let mut knobs = self.knobs();
        let share = knobs.failing;
        if share > 0.0 && knobs.rng.chance(share) {
            knobs.counts.add(Fault::ReadError);
            return Err(rustix::io::Errno::IO.into());
        }
        Ok(())
    }

    /// How much of a buffer a read fills.
    fn part(&self, wanted: usize) -> usize {
        let mut knobs = self.knobs();
        if !knobs.short || wanted < 2 {
            return wanted;
        }
        let part = 1 + usize::try_from(knobs.rng.below(wanted.min(700) as u64)).expect("small");
        if part < wanted {
            knobs.counts.add(Fault::ShortRead);
        }
        part.min(wanted)
    }
}

impl FileSystem for Host {
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        self.fails()?;
        self.disk.list(dir)
    }

    fn stat(&self, path: &Path) -> io::Result<Meta> {
        self.disk.stat(path).map(|meta| self.told(meta))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.fails()?;
        let file = self.disk.open(path)?;
        let ino = file.stat()?.ino;
        Ok(Arc::new(Open { host: self.clone(), ino, file }))
    }

    fn space(&self, _: &Path) -> io::Result<Space> {
        let free = if self.knobs().full { 0 } else { 50 };
        Ok(Space { free, total: 100 })
    }
}

impl File for Open {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.host.fails()?;
        let mut wanted = self.host.part(buf.len());
        if let Some(end) = self.host.knobs().frozen.get(&self.ino) {
            wanted = wanted.min(usize::try_from(end.saturating_sub(offset)).expect("small"));
        }
        self.file.read_at(&mut buf[..wanted], offset)
    }

    fn stat(&self) -> io::Result<Meta> {
        self.file.stat().map(|meta| self.host.told(meta))
    }
}
