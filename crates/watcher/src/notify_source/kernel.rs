//! inotify(7), asked for what changes a file or a name, and for nothing else.
//!
//! Promises: each such change is told, or that the kernel lost count, or that no more is told. Leaves to others: which
//! directories, and what to do about it.
//!
//! Not by the `notify` crate: it asks for each opening as well, and most files are opened by us. With thousands of small
//! files those events cost as much as to read one of them.

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::fd::OwnedFd;
use rustix::fs::inotify::{CreateFlags, Event, ReadFlags, Reader, WatchFlags, add_watch, init, remove_watch};
use rustix::io::Errno;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Some hundred events are read at once.
const BUFFER: usize = 16 << 10;

/// What the kernel says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Something happened to what has this name.
    Changed {
        path: PathBuf,
        /// A directory may have been made, removed or renamed.
        directory: bool,
    },
    /// There was more than the kernel could keep.
    Overflow,
    /// Nothing more will be told.
    Ended,
}

/// Watches of directories, and the thread that listens; it ends with this.
pub(super) struct Kernel(Arc<Shared>);

struct Shared {
    inotify: OwnedFd,
    /// Readable once nobody wants to know any more.
    end: OwnedFd,
    /// By the kernel's number of the watch.
    paths: Mutex<HashMap<i32, PathBuf>>,
}

impl Kernel {
    /// `tell` is called on a thread of its own.
    pub(super) fn start(tell: impl Fn(Told) + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            inotify: init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?,
            end: eventfd(0, EventfdFlags::CLOEXEC)?,
            paths: Mutex::default(),
        });
        let listening = Arc::clone(&shared);
        let listen = move || {
            if let Err(_error) = listening.listen(&tell) {
                tell(Told::Ended);
            }
        };
        std::thread::Builder::new().name("inotify".to_owned()).spawn(listen)?;
        Ok(Self(shared))
    }

    /// Tells of what happens in this directory from now on, and to itself.
    pub(super) fn watch(&self, directory: &Path) -> io::Result<()> {
        let flags = WatchFlags::ATTRIB
            | WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::DELETE_SELF
            | WatchFlags::MODIFY
            | WatchFlags::MOVE
            | WatchFlags::MOVE_SELF;
        // Held meanwhile: the first event may come before the number is known.
        let mut paths = self.0.paths();
        let watch = add_watch(&self.0.inotify, directory, flags)?;
        paths.insert(watch, directory.to_path_buf());
        Ok(())
    }

    /// No longer. A directory that was removed has taken its watch with it.
    pub(super) fn unwatch(&self, directory: &Path) {
        let mut paths = self.0.paths();
        let watch = paths.iter().find(|(_, path)| *path == directory).map(|(watch, _)| *watch);
        if let Some(watch) = watch {
            paths.remove(&watch);
            let _ = remove_watch(&self.0.inotify, watch);
        }
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        // It can't be full: nothing was written before.
        let _ = rustix::io::write(&self.0.end, &1_u64.to_ne_bytes());
    }
}

impl Shared {
    fn paths(&self) -> MutexGuard<'_, HashMap<i32, PathBuf>> {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when nobody wants to know any more; an error: the kernel tells no more.
    fn listen(&self, tell: &impl Fn(Told)) -> Result<(), Errno> {
        let mut buffer = [MaybeUninit::uninit(); BUFFER];
        let mut reader = Reader::new(&self.inotify, &mut buffer);
        loop {
            let wanted = [&self.inotify, &self.end];
            let mut ready = wanted.map(|fd| PollFd::new(fd, PollFlags::IN));
            match poll(&mut ready, None) {
                Err(Errno::INTR) => continue,
                polled => polled?,
            };
            let [_, end] = ready;
            if !end.revents().is_empty() {
                return Ok(());
            }
            self.take_all(&mut reader, tell)?;
        }
    }

    fn take_all(&self, reader: &mut Reader<'_, &OwnedFd>, tell: &impl Fn(Told)) -> Result<(), Errno> {
        loop {
            match reader.next() {
                Ok(event) => self.understand(&event).into_iter().for_each(tell),
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn understand(&self, event: &Event<'_>) -> Option<Told> {
        let is = |flags| event.events().intersects(flags);
        if is(ReadFlags::QUEUE_OVERFLOW) {
            return Some(Told::Overflow);
        }
        let mut paths = self.paths();
        let watched = paths.get(&event.wd())?;
        let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
        let path = name.map_or_else(|| watched.clone(), |name| watched.join(name));
        if is(ReadFlags::IGNORED) {
            // What ended the watch has been told.
            paths.remove(&event.wd());
            return None;
        }
        // A name that moved may be a link to a directory.
        let comes_or_goes = ReadFlags::CREATE | ReadFlags::DELETE;
        let moved =
            ReadFlags::MOVED_FROM | ReadFlags::MOVED_TO | ReadFlags::MOVE_SELF | ReadFlags::DELETE_SELF;
        let directory = is(moved) || (is(comes_or_goes) && is(ReadFlags::ISDIR));
        Some(Told::Changed { path, directory })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::sync::mpsc::{RecvTimeoutError, sync_channel};
    use std::time::Duration;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[test]
    fn what_is_read_is_not_told_and_the_thread_ends_with_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let (sender, told) = sync_channel(1000);
        let kernel = Kernel::start(move |change| drop(sender.send(change))).unwrap();
        kernel.watch(dir.path()).unwrap();
        fs::write(dir.path().join("a"), "text").unwrap();
        (0..100).for_each(|_| drop(fs::read(dir.path().join("a")).unwrap()));
        fs::create_dir(dir.path().join("b")).unwrap();
        let mut names = Vec::new();
        while names.last() != Some(&(dir.path().join("b"), true)) {
            let Told::Changed { path, directory } = told.recv_timeout(PATIENCE).unwrap() else { panic!() };
            names.push((path, directory));
        }
        assert!(names.len() <= 3, "made, written to, and the directory: {names:?}");
        drop(kernel);
        assert!(told.recv_timeout(PATIENCE).is_err_and(|error| error == RecvTimeoutError::Disconnected));
    }

    #[test]
    fn what_is_not_there_or_no_longer_watched_is_not_told() {
        let dir = tempfile::tempdir().unwrap();
        let (sender, told) = sync_channel(1000);
        let kernel = Kernel::start(move |change| drop(sender.send(change))).unwrap();
        assert!(kernel.watch(&dir.path().join("none")).is_err());
        for name in ["a", "b"] {
            fs::create_dir(dir.path().join(name)).unwrap();
            kernel.watch(&dir.path().join(name)).unwrap();
        }
        kernel.unwatch(&dir.path().join("a"));
        fs::write(dir.path().join("a/x"), "text").unwrap();
        fs::create_dir(dir.path().join("b/y")).unwrap();
        let first = told.recv_timeout(PATIENCE).unwrap();
        assert_eq!(first, Told::Changed { path: dir.path().join("b/y"), directory: true });
    }
}
