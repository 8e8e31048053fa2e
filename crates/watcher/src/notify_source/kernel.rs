//! inotify itself: a watch for each directory, and a thread that reads what the kernel says.
//!
//! Promises: whatever changes a name, a content or a right is handed on with the path it is about; that events were
//! lost is told. Nothing else is asked of the kernel: that a file is opened and closed again, by this program or by
//! others, wakes nobody. The thread ends when the [`Kernel`] is dropped. Leaves to others: what an event means.

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::fd::OwnedFd;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Room for some dozens of events with names as trace files have them.
const BUFFER: usize = 8 << 10;

/// What the kernel said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// Something of this name changed, or it came, or went.
    Changed(PathBuf),
    /// The same of a directory that came, went, or has another name: watches may have gone with it.
    Moved(PathBuf),
    /// Events were lost.
    Lost,
}

/// The watches.
pub(super) struct Kernel {
    inner: Arc<Inner>,
}

struct Inner {
    inotify: OwnedFd,
    /// Readable once the thread is to end.
    end: OwnedFd,
    paths: Mutex<HashMap<i32, PathBuf>>,
}

impl Kernel {
    /// Starts the thread, which calls `take`; that must not block.
    ///
    /// # Errors
    /// What the kernel says, in words that name the limit that was met.
    pub(super) fn start(take: impl Fn(Event) + Send + 'static) -> io::Result<Self> {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).map_err(in_words)?;
        let end = eventfd(0, EventfdFlags::CLOEXEC)?;
        let inner = Arc::new(Inner { inotify, end, paths: Mutex::default() });
        let of_thread = Arc::clone(&inner);
        std::thread::Builder::new().name("inotify".to_owned()).spawn(move || of_thread.run(&take))?;
        Ok(Self { inner })
    }

    /// Watches a directory.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] or [`io::ErrorKind::NotADirectory`] if there is none; else what the kernel says, in
    /// words that name the limit that was met.
    pub(super) fn watch(&self, dir: &Path) -> io::Result<()> {
        // Held, so that the first event finds the path.
        let mut paths = self.inner.paths();
        let watch = inotify::add_watch(&self.inner.inotify, dir, wanted()).map_err(in_words)?;
        paths.insert(watch, dir.to_path_buf());
        Ok(())
    }

    /// No longer watches a directory. That it isn't watched, or not there any more, is as it should be.
    pub(super) fn unwatch(&self, dir: &Path) {
        let mut paths = self.inner.paths();
        let watches: Vec<i32> =
            paths.iter().filter(|(_, path)| *path == dir).map(|(watch, _)| *watch).collect();
        for watch in watches {
            paths.remove(&watch);
            let _ = inotify::remove_watch(&self.inner.inotify, watch);
        }
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        // A counter of 64 bits: one is always taken.
        let _ = rustix::io::write(&self.inner.end, &1_u64.to_ne_bytes());
    }
}

impl Inner {
    fn paths(&self) -> MutexGuard<'_, HashMap<i32, PathBuf>> {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, take: &impl Fn(Event)) {
        let mut buffer = [MaybeUninit::uninit(); BUFFER];
        while self.wait() {
            let read = self.read(&mut buffer, take);
            if read.is_err_and(|error| error != Errno::AGAIN && error != Errno::INTR) {
                return take(Event::Lost);
            }
        }
    }

    /// Waits for events; false when it is time to end.
    fn wait(&self) -> bool {
        loop {
            let mut ready =
                [PollFd::new(&self.inotify, PollFlags::IN), PollFd::new(&self.end, PollFlags::IN)];
            match poll(&mut ready, None) {
                Err(Errno::INTR) => {}
                Err(_) => return false,
                Ok(_) => return ready.last().is_some_and(|end| end.revents().is_empty()),
            }
        }
    }

    /// What one read of the kernel's queue gives.
    fn read(&self, buffer: &mut [MaybeUninit<u8>], take: &impl Fn(Event)) -> Result<(), Errno> {
        let mut reader = Reader::new(&self.inotify, buffer);
        loop {
            let event = reader.next()?;
            let (flags, watch) = (event.events(), event.wd());
            let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
            self.event(flags, watch, name).map(take);
            if reader.is_buffer_empty() {
                return Ok(());
            }
        }
    }

    fn event(&self, flags: ReadFlags, watch: i32, name: Option<&OsStr>) -> Option<Event> {
        if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
            return Some(Event::Lost);
        }
        let mut paths = self.paths();
        if flags.contains(ReadFlags::IGNORED) {
            paths.remove(&watch);
            return None;
        }
        let dir = paths.get(&watch)?;
        let path = name.map_or_else(|| dir.clone(), |name| dir.join(name));
        let itself = ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::UNMOUNT;
        let named = ReadFlags::CREATE | ReadFlags::DELETE | ReadFlags::MOVED_FROM | ReadFlags::MOVED_TO;
        let below = flags.contains(ReadFlags::ISDIR) && flags.intersects(named);
        Some(if below || flags.intersects(itself) { Event::Moved(path) } else { Event::Changed(path) })
    }
}

fn wanted() -> WatchFlags {
    WatchFlags::MODIFY
        | WatchFlags::ATTRIB
        | WatchFlags::CREATE
        | WatchFlags::DELETE
        | WatchFlags::MOVED_FROM
        | WatchFlags::MOVED_TO
        | WatchFlags::DELETE_SELF
        | WatchFlags::MOVE_SELF
        | WatchFlags::ONLYDIR
}

/// The kernel's own words for its limits speak of disks and open files (inotify(7), "ERRORS").
fn in_words(error: Errno) -> io::Error {
    let limit = match error {
        Errno::NOSPC => "fs.inotify.max_user_watches is reached",
        Errno::MFILE => "fs.inotify.max_user_instances is reached, or no descriptor is left",
        other => return other.into(),
    };
    io::Error::other(limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::sync::mpsc::{Receiver, sync_channel};
    use std::time::Duration;

    fn start() -> (Kernel, Receiver<Event>, tempfile::TempDir) {
        let (sender, events) = sync_channel(100);
        let kernel = Kernel::start(move |event| drop(sender.try_send(event))).unwrap();
        (kernel, events, tempfile::tempdir().unwrap())
    }

    #[test]
    fn changes_are_told_and_reads_are_not() {
        let (kernel, events, dir) = start();
        let (file, below) = (dir.path().join("file"), dir.path().join("below"));
        let next = || events.recv_timeout(Duration::from_secs(10)).unwrap();
        kernel.watch(dir.path()).unwrap();
        fs::write(&file, "").unwrap();
        fs::read(&file).unwrap();
        fs::create_dir(&below).unwrap();
        assert_eq!([next(), next()], [Event::Changed(file.clone()), Event::Moved(below)]);
        kernel.unwatch(dir.path());
        fs::write(&file, "text").unwrap();
        kernel.watch(dir.path()).unwrap();
        fs::remove_file(&file).unwrap();
        assert_eq!(next(), Event::Changed(file));
        assert!(events.try_recv().is_err());
    }

    #[test]
    fn what_is_no_directory_is_refused_and_the_thread_ends() {
        let (kernel, events, dir) = start();
        let missing = kernel.watch(&dir.path().join("none")).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        drop(kernel);
        let ended = events.recv_timeout(Duration::from_secs(10)).unwrap_err();
        assert_eq!(ended, std::sync::mpsc::RecvTimeoutError::Disconnected);
    }

    #[test]
    fn limits_are_called_by_their_names() {
        assert!(in_words(Errno::NOSPC).to_string().contains("max_user_watches"));
        assert!(in_words(Errno::MFILE).to_string().contains("max_user_instances"));
        assert_eq!(in_words(Errno::NOENT).kind(), io::ErrorKind::NotFound);
    }
}
