//! The kernel's word that something changed: it shortens the way, and is never relied on.
//!
//! Promises: a hint for each change of a watched name, as long as the kernel has watches to give; a rescan when it
//! lost count; the word that all must be polled when it has none. Leaves to others: looking.
//!
//! One watch a directory, not recursive: a recursive watch misses what is made in a new directory before it
//! is watched itself, so each directory is hinted at right after its watch stands. A directory that doesn't
//! exist is waited for in its nearest ancestor that does, and each one's parent tells when it is made anew,
//! which its own watch does not survive.
//!
//! The listening thread does nothing that could stall it.

mod kernel;

use crate::{Hint, Now, Settings};
use kernel::{Kernel, Told};
use std::collections::BTreeSet;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How soon watches that could not be had are asked for again.
const AGAIN: Duration = Duration::from_secs(60);

/// How the kernel's events stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// Each change is told.
    Notified,
    /// Changes may go untold: all is polled.
    Polling {
        /// Why, for people.
        cause: String,
    },
}

type Emit = Arc<dyn Fn(Hint) + Send + Sync>;

/// Tells of changes by [`Hint`]s.
pub struct NotifySource {
    filter: Arc<Filter>,
    emit: Emit,
    /// A directory was made, removed or renamed since the watches were set.
    stale: Arc<AtomicBool>,
    /// The kernel tells no more.
    ended: Arc<AtomicBool>,
    kernel: Option<Kernel>,
    watched: BTreeSet<PathBuf>,
    wanted: Vec<PathBuf>,
    health: Health,
    tried: Duration,
}

/// Which names matter (the trace directory, the logs): a busy log beside ours wakes no one. None: all do.
#[derive(Default)]
struct Filter(Vec<PathBuf>);

impl NotifySource {
    /// Watches nothing until the first [`sync`](Self::sync). `emit` is called on another thread, and must not
    /// block: what it can't take, it makes a [`Hint::Rescan`] of later.
    pub fn new(emit: impl Fn(Hint) + Send + Sync + 'static) -> Self {
        Self {
            filter: Arc::new(Filter::default()),
            emit: Arc::new(emit),
            stale: Arc::new(AtomicBool::new(true)),
            ended: Arc::default(),
            kernel: None,
            watched: BTreeSet::new(),
            wanted: Vec::new(),
            health: Health::Polling { cause: "not started".to_owned() },
            tried: Duration::ZERO,
        }
    }

    /// Tells only of names that these settings are about. To be said before the first [`sync`](Self::sync).
    #[must_use]
    pub fn only(self, settings: &Settings) -> Self {
        let logs = settings.logs.iter().map(|log| log.path.clone());
        let wanted = settings.traces.iter().cloned().chain(logs).collect();
        Self { filter: Arc::new(Filter(wanted)), ..self }
    }

    /// Watches what [`Watcher::directories`](crate::Watcher::directories) says. A change of
    /// [`health`](Self::health) is emitted as [`Hint::Notified`].
    pub fn sync(&mut self, wanted: &[PathBuf]) {
        if self.wanted != wanted || !self.is_set() {
            self.wanted = wanted.to_vec();
            self.set();
        }
    }

    /// Sets the watches again if a directory was made, removed or renamed since, or if they could not be had a
    /// while ago. Call it in each turn: it costs nothing as long as nothing happened.
    pub fn refresh(&mut self, now: Now) {
        if self.ended.swap(false, Ordering::AcqRel) {
            (self.kernel, self.tried) = (None, now.mono);
            self.watched.clear();
            self.become_health(Health::Polling { cause: "the kernel tells no more".to_owned() });
        }
        let retry = self.health != Health::Notified && now.mono >= self.tried + AGAIN;
        if self.stale.load(Ordering::Acquire) || retry {
            self.tried = now.mono;
            self.set();
        }
    }

    /// How the events stand, for `status`.
    #[must_use]
    pub fn health(&self) -> Health {
        self.health.clone()
    }

    fn is_set(&self) -> bool {
        self.health == Health::Notified && !self.stale.load(Ordering::Acquire)
    }

    fn set(&mut self) {
        if self.stale.swap(false, Ordering::AcqRel) {
            self.forget_watches();
        }
        let health = match self.set_watches() {
            Ok(()) => Health::Notified,
            Err(error) => Health::Polling { cause: error.to_string() },
        };
        self.become_health(health);
    }

    fn become_health(&mut self, health: Health) {
        if health != self.health {
            (self.emit)(Hint::Notified(health == Health::Notified));
            self.health = health;
        }
    }

    /// A directory that was removed has taken its watch with it, and one that was made anew may even have its
    /// inode number: all watches are set again.
    fn forget_watches(&mut self) {
        for path in std::mem::take(&mut self.watched) {
            self.kernel.iter().for_each(|kernel| kernel.unwatch(&path));
        }
    }

    fn set_watches(&mut self) -> io::Result<()> {
        let wanted: BTreeSet<PathBuf> = self.wanted.iter().flat_map(|dir| existing(dir)).collect();
        let tell = self.teller();
        let kernel = match &mut self.kernel {
            Some(kernel) => kernel,
            none => none.insert(Kernel::start(tell)?),
        };
        for gone in self.watched.difference(&wanted) {
            kernel.unwatch(gone);
        }
        self.watched.retain(|path| wanted.contains(path));
        for path in wanted {
            if self.watched.contains(&path) {
                continue;
            }
            match kernel.watch(&path) {
                // It went away meanwhile: its parent told, or will be asked again.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.stale.store(true, Ordering::Release);
                }
                watched => watched?,
            }
            (self.emit)(Hint::Path(path.clone()));
            self.watched.insert(path);
        }
        Ok(())
    }

    /// Makes hints of what the kernel says.
    fn teller(&self) -> impl Fn(Told) + Send + 'static {
        let (filter, emit) = (Arc::clone(&self.filter), Arc::clone(&self.emit));
        let (stale, ended) = (Arc::clone(&self.stale), Arc::clone(&self.ended));
        move |told| match told {
            Told::Changed { path, directory } => {
                if directory {
                    stale.store(true, Ordering::Release);
                }
                if filter.wants(&path) {
                    emit(Hint::Path(path));
                }
            }
            Told::Overflow => emit(Hint::Rescan),
            Told::Ended => {
                ended.store(true, Ordering::Release);
                emit(Hint::Rescan);
            }
        }
    }
}

/// The directory and its parent, as far as they exist; else the nearest ancestor.
fn existing(dir: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let known: Vec<PathBuf> =
        dir.ancestors().filter(|dir| dir.is_dir()).take(2).map(Path::to_path_buf).collect();
    let whole = known.first().is_some_and(|first| first == dir);
    known.into_iter().take(if whole { 2 } else { 1 })
}

impl Filter {
    /// What is below a wanted path, above it, or has its name with something added.
    fn wants(&self, path: &Path) -> bool {
        let bytes = path.as_os_str().as_bytes();
        let fits =
            |wanted: &PathBuf| bytes.starts_with(wanted.as_os_str().as_bytes()) || wanted.starts_with(path);
        self.0.is_empty() || self.0.iter().any(fits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LogSettings, StartAt};
    use std::fs;
    use std::sync::mpsc::{Receiver, sync_channel};

    struct Case {
        /// Its parent is watched too, and is nobody else's: directories come and go beside a temporary one.
        _above: tempfile::TempDir,
        root: PathBuf,
        source: NotifySource,
        hints: Receiver<Hint>,
    }

    impl Case {
        fn new() -> Self {
            let above = tempfile::tempdir().unwrap();
            let root = above.path().join("root");
            fs::create_dir(&root).unwrap();
            let log = LogSettings { path: root.join("x.log"), start_at: StartAt::Beginning };
            let settings = Settings { traces: vec![root.join("dt")], logs: vec![log], ..Settings::default() };
            let (sender, hints) = sync_channel(1000);
            let source = NotifySource::new(move |hint| drop(sender.try_send(hint))).only(&settings);
            Self { _above: above, root, source, hints }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.root.join(name)
        }

        fn sync(&mut self, below: &[&str]) {
            let mut wanted = vec![self.root.clone(), self.path("dt")];
            wanted.extend(below.iter().map(|name| self.path(name)));
            self.source.sync(&wanted);
        }

        /// Waits for a hint at this name.
        #[track_caller]
        fn expect(&self, name: &str) {
            let path = self.path(name);
            while let Ok(hint) = self.hints.recv_timeout(Duration::from_secs(10)) {
                if hint == Hint::Path(path.clone()) {
                    return;
                }
            }
            panic!("no hint at {name}");
        }
    }

    #[test]
    fn changes_are_hinted_at_and_other_names_and_reads_are_not() {
        let mut case = Case::new();
        case.sync(&[]);
        assert_eq!(case.source.health(), Health::Notified);
        case.expect("");
        fs::write(case.path("other.log"), "text").unwrap();
        fs::write(case.path("x.log"), "text").unwrap();
        case.expect("x.log");
        fs::rename(case.path("x.log"), case.path("x.log.1")).unwrap();
        case.expect("x.log.1");
        fs::read(case.path("x.log.1")).unwrap();
        fs::remove_file(case.path("x.log.1")).unwrap();
        case.expect("x.log.1");
        while let Ok(hint) = case.hints.try_recv() {
            assert_ne!(hint, Hint::Path(case.path("other.log")));
        }
    }

    #[test]
    fn a_directory_is_watched_when_it_comes_and_when_it_comes_back() {
        let mut case = Case::new();
        case.sync(&[]);
        for _ in 0..3 {
            fs::create_dir_all(case.path("dt/json")).unwrap();
            case.expect("dt");
            case.sync(&["dt/json"]);
            case.expect("dt/json");
            fs::write(case.path("dt/json/a.ndjson"), "text").unwrap();
            case.expect("dt/json/a.ndjson");
            fs::remove_dir_all(case.path("dt")).unwrap();
            case.expect("dt");
            case.sync(&[]);
        }
    }

    #[test]
    fn a_directory_that_is_made_anew_is_watched_without_a_sync() {
        let mut case = Case::new();
        fs::create_dir(case.path("dt")).unwrap();
        case.sync(&[]);
        for _ in 0..3 {
            fs::remove_dir_all(case.path("dt")).unwrap();
            case.expect("dt");
            fs::create_dir(case.path("dt")).unwrap();
            case.expect("dt");
            case.source.refresh(Now::default());
            fs::write(case.path("dt/a.ndjson"), "text").unwrap();
            case.expect("dt/a.ndjson");
        }
    }

    #[test]
    fn without_news_a_sync_does_nothing() {
        let mut case = Case::new();
        case.sync(&[]);
        case.expect("");
        let hints = case.hints.try_iter().count();
        case.sync(&[]);
        assert!(hints <= 2 && case.hints.try_recv().is_err());
    }
}
