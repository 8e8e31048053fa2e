//! A disk in memory. Inode numbers are given away again as soon as nothing holds them; descriptors are counted
//! and limited; names can be made to fail.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use watcher::{Entry, File, FileSystem, Kind, Meta, Space};

struct Inode {
    data: Vec<u8>,
    mtime: i64,
    ctime: i64,
    names: u64,
    open: usize,
}

#[derive(Clone)]
enum Name {
    File(u64),
    Dir(u64, i64),
    Link(PathBuf),
    Fifo(u64),
}

struct State {
    inodes: BTreeMap<u64, Inode>,
    names: BTreeMap<PathBuf, Name>,
    next: u64,
    clock: i64,
    open: usize,
    most_open: usize,
    limit: usize,
    failing: BTreeMap<PathBuf, io::ErrorKind>,
    failing_reads: BTreeMap<u64, io::ErrorKind>,
    /// Of an inode, after how many reads one fails.
    failing_once: BTreeMap<u64, usize>,
    space: Space,
    stats: usize,
    opens: usize,
    lists: usize,
}

/// The disk; clones are the same disk.
#[derive(Clone)]
pub struct Disk(Arc<Mutex<State>>);

struct Open {
    disk: Disk,
    ino: u64,
}

impl Disk {
    pub fn new() -> Self {
        let state = State {
            inodes: BTreeMap::new(),
            names: BTreeMap::from([(PathBuf::from("/"), Name::Dir(1, 0))]),
            next: 2,
            clock: 1_000_000_000_000_000_000,
            open: 0,
            most_open: 0,
            limit: 1 << 20,
            failing: BTreeMap::new(),
            failing_reads: BTreeMap::new(),
            failing_once: BTreeMap::new(),
            space: Space { free: 50, total: 100 },
            stats: 0,
            opens: 0,
            lists: 0,
        };
        Self(Arc::new(Mutex::new(state)))
    }

    /// No two calls happen at the same time.
    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.0.lock().unwrap();
        state.clock += 1;
        state
    }

    /// The clock that times on the disk are taken from, nanoseconds since the epoch.
    pub fn clock(&self) -> i64 {
        self.state().clock
    }

    pub fn advance(&self, nanos: i64) {
        self.state().clock += nanos;
    }

    pub fn mkdir(&self, path: &str) {
        let mut state = self.state();
        for dir in Path::new(path).ancestors().collect::<Vec<_>>().into_iter().rev() {
            if !state.names.contains_key(dir) {
                let ino = state.fresh();
                let clock = state.clock;
                state.names.insert(dir.into(), Name::Dir(ino, clock));
                state.touch_parent(dir);
            }
        }
    }

    /// Removes a directory with all in it.
    pub fn remove_dir(&self, path: &str) {
        let below: Vec<_> =
            self.state().names.keys().filter(|name| name.starts_with(path)).cloned().collect();
        below.iter().for_each(|path| self.unlink(path));
    }

    pub fn create(&self, path: impl AsRef<Path>) {
        let mut state = self.state();
        let (ino, clock) = (state.fresh(), state.clock);
        state.inodes.insert(ino, Inode { data: Vec::new(), mtime: clock, ctime: clock, names: 1, open: 0 });
        state.names.insert(path.as_ref().into(), Name::File(ino));
        state.touch_parent(path.as_ref());
    }

    /// Appends, making the file if it is not there.
    pub fn append(&self, path: impl AsRef<Path>, data: &[u8]) {
        if !self.state().names.contains_key(path.as_ref()) {
            self.create(&path);
        }
        let ino = self.ino(&path);
        self.write(ino, data);
    }

    /// Appends to an inode, named or not: a writer that still has its descriptor.
    pub fn write(&self, ino: u64, data: &[u8]) {
        let mut state = self.state();
        let clock = state.clock;
        if let Some(inode) = state.inodes.get_mut(&ino) {
            inode.data.extend_from_slice(data);
            (inode.mtime, inode.ctime) = (clock, clock);
        }
    }

    pub fn truncate(&self, path: impl AsRef<Path>, len: usize) {
        let ino = self.ino(path);
        let mut state = self.state();
        let clock = state.clock;
        let inode = state.inodes.get_mut(&ino).unwrap();
        inode.data.truncate(len);
        (inode.mtime, inode.ctime) = (clock, clock);
    }

    pub fn ino(&self, path: impl AsRef<Path>) -> u64 {
        match self.state().names.get(path.as_ref()) {
            Some(Name::File(ino)) => *ino,
            _ => panic!("no file {:?}", path.as_ref()),
        }
    }

    pub fn exists(&self, path: impl AsRef<Path>) -> bool {
        self.state().names.contains_key(path.as_ref())
    }

    pub fn data(&self, path: impl AsRef<Path>) -> Vec<u8> {
        let ino = self.ino(path);
        self.state().inodes[&ino].data.clone()
    }

    pub fn unlink(&self, path: impl AsRef<Path>) {
        let mut state = self.state();
        if let Some(Name::File(ino)) = state.names.remove(path.as_ref()) {
            state.drop_name(ino);
        }
        state.touch_parent(path.as_ref());
    }

    pub fn rename(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) {
        let mut state = self.state();
        let name = state.names.remove(from.as_ref()).unwrap();
        if let (Name::File(ino), clock) = (name.clone(), state.clock) {
            state.inodes.get_mut(&ino).unwrap().ctime = clock;
        }
        if let Some(Name::File(old)) = state.names.insert(to.as_ref().into(), name) {
            state.drop_name(old);
        }
        state.touch_parent(from.as_ref());
        state.touch_parent(to.as_ref());
    }

    pub fn symlink(&self, target: &str, path: &str) {
        let mut state = self.state();
        state.names.insert(path.into(), Name::Link(target.into()));
        state.touch_parent(Path::new(path));
    }

    pub fn fifo(&self, path: &str) {
        let mut state = self.state();
        let ino = state.fresh();
        state.names.insert(path.into(), Name::Fifo(ino));
        state.touch_parent(Path::new(path));
    }

    /// From now on this path can't be opened or listed; `None`: it can.
    pub fn fail(&self, path: &str, error: Option<io::ErrorKind>) {
        let mut state = self.state();
        match error {
            Some(error) => state.failing.insert(path.into(), error),
            None => state.failing.remove(Path::new(path)),
        };
    }

    /// From now on reading this file fails.
    pub fn fail_reads(&self, path: &str, error: Option<io::ErrorKind>) {
        self.fail_reads_of(self.ino(path), error);
    }

    /// The same of an inode that may have no name.
    pub fn fail_reads_of(&self, ino: u64, error: Option<io::ErrorKind>) {
        let mut state = self.state();
        match error {
            Some(error) => state.failing_reads.insert(ino, error),
            None => state.failing_reads.remove(&ino),
        };
    }

    /// Of the reads of this file from now on, the one of this number fails; the first is 1.
    pub fn fail_read(&self, path: &str, number: usize) {
        let ino = self.ino(path);
        self.state().failing_once.insert(ino, number);
    }

    pub fn limit_open(&self, limit: usize) {
        self.state().limit = limit;
    }

    pub fn set_free(&self, free: u64, total: u64) {
        self.state().space = Space { free, total };
    }

    pub fn open_now(&self) -> usize {
        self.state().open
    }

    pub fn most_open(&self) -> usize {
        self.state().most_open
    }

    /// All names of files, with inode and size.
    pub fn names(&self) -> Vec<String> {
        let state = self.state();
        let file = |(path, name): (&PathBuf, &Name)| match name {
            Name::File(ino) => Some(format!("{} {ino} {}", path.display(), state.inodes[ino].data.len())),
            _ => None,
        };
        state.names.iter().filter_map(file).collect()
    }

    /// Calls of stat, open and list so far.
    pub fn calls(&self) -> (usize, usize, usize) {
        let state = self.state();
        (state.stats, state.opens, state.lists)
    }
}

impl State {
    /// The lowest free number, so that numbers come back as soon as they can.
    fn fresh(&mut self) -> u64 {
        let taken = |ino: &u64| {
            self.inodes.contains_key(ino)
                || self.names.values().any(|name| matches!(name, Name::Dir(n, _) | Name::Fifo(n) if n == ino))
        };
        if self.names.len() > 2000 {
            self.next += 1;
            return 1_000_000 + self.next;
        }
        (2..).find(|ino| !taken(ino)).unwrap()
    }

    fn drop_name(&mut self, ino: u64) {
        let clock = self.clock;
        let inode = self.inodes.get_mut(&ino).unwrap();
        inode.names -= 1;
        inode.ctime = clock;
        if inode.names == 0 && inode.open == 0 {
            self.inodes.remove(&ino);
        }
    }

    fn touch_parent(&mut self, path: &Path) {
        let clock = self.clock;
        if let Some(Name::Dir(_, mtime)) = path.parent().and_then(|dir| self.names.get_mut(dir)) {
            *mtime = clock;
        }
    }

    fn resolve(&self, path: &Path) -> io::Result<Name> {
        let mut path = path.to_path_buf();
        for _ in 0..8 {
            match self.names.get(&path).ok_or(io::ErrorKind::NotFound)? {
                Name::Link(target) => path.clone_from(target),
                other => return Ok(other.clone()),
            }
        }
        Err(io::Error::other("too many links"))
    }

    fn meta(&self, ino: u64) -> Meta {
        let inode = &self.inodes[&ino];
        Meta {
            dev: 7,
            ino,
            size: inode.data.len() as u64,
            mtime_ns: inode.mtime,
            ctime_ns: inode.ctime,
            nlink: inode.names,
            kind: Kind::File,
        }
    }
}

impl FileSystem for Disk {
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let mut state = self.state();
        state.lists += 1;
        if let Some(error) = state.failing.get(dir) {
            return Err((*error).into());
        }
        let children = state.names.iter().filter(|(path, _)| path.parent() == Some(dir));
        let entry = |(path, name): (&PathBuf, &Name)| {
            let (ino, kind) = match name {
                Name::File(ino) => (*ino, Kind::File),
                Name::Dir(ino, _) => (*ino, Kind::Directory),
                Name::Link(_) => (0, Kind::Symlink),
                Name::Fifo(ino) => (*ino, Kind::Other),
            };
            Entry { name: OsString::from(path.file_name().unwrap()), ino, kind }
        };
        match state.resolve(dir)? {
            Name::Dir(..) => Ok(children.map(entry).collect()),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn stat(&self, path: &Path) -> io::Result<Meta> {
        let mut state = self.state();
        state.stats += 1;
        let special = |ino, mtime, kind| Meta {
            dev: 7,
            ino,
            size: 0,
            mtime_ns: mtime,
            ctime_ns: mtime,
            nlink: 1,
            kind,
        };
        Ok(match state.resolve(path)? {
            Name::File(ino) => state.meta(ino),
            Name::Dir(ino, mtime) => special(ino, mtime, Kind::Directory),
            Name::Fifo(ino) => special(ino, 0, Kind::Other),
            Name::Link(_) => unreachable!(),
        })
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let mut state = self.state();
        state.opens += 1;
        if let Some(error) = state.failing.get(path) {
            return Err((*error).into());
        }
        let Name::File(ino) = state.resolve(path)? else { return Err(io::ErrorKind::InvalidInput.into()) };
        if state.open >= state.limit {
            return Err(io::Error::from_raw_os_error(rustix::io::Errno::MFILE.raw_os_error()));
        }
        state.open += 1;
        state.most_open = state.most_open.max(state.open);
        state.inodes.get_mut(&ino).unwrap().open += 1;
        Ok(Arc::new(Open { disk: self.clone(), ino }))
    }

    fn space(&self, _: &Path) -> io::Result<Space> {
        Ok(self.state().space)
    }
}

impl File for Open {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = self.disk.state();
        if let Some(error) = state.failing_reads.get(&self.ino) {
            return Err((*error).into());
        }
        let left =
            state.failing_once.get_mut(&self.ino).map(|left| std::mem::replace(left, left.saturating_sub(1)));
        if left == Some(1) {
            return Err(io::ErrorKind::Other.into());
        }
        let rest = state.inodes[&self.ino].data.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
        let n = rest.len().min(buf.len()).min(4000);
        buf[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }

    fn stat(&self) -> io::Result<Meta> {
        Ok(self.disk.state().meta(self.ino))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        state.open -= 1;
        let inode = state.inodes.get_mut(&self.ino).unwrap();
        inode.open -= 1;
        if inode.names == 0 && inode.open == 0 {
            state.inodes.remove(&self.ino);
        }
    }
}
