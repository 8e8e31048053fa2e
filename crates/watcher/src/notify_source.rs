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
//! The handler runs on a thread of `notify`'s, and does nothing that could stall it. The kernel is asked for changes only: most
//! files that are opened are opened by us.

use crate::{Hint, Now, Settings};
use notify::event::{CreateKind, ModifyKind, RemoveKind};
use notify::{Config, Event, EventKind, EventKindMask, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::collections::BTreeSet;
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
    watcher: Option<RecommendedWatcher>,
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
            watcher: None,
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
        if health != self.health {
            (self.emit)(Hint::Notified(health == Health::Notified));
            self.health = health;
        }
    }

    /// A directory that was removed has taken its watch with it, and one that was made anew may even have its
    /// inode number: all watches are set again.
    fn forget_watches(&mut self) {
        for path in std::mem::take(&mut self.watched) {
            // One that is gone already is an error, and as it should be.
            let _ = self.watcher.as_mut().map(|watcher| watcher.unwatch(&path));
        }
    }

    fn set_watches(&mut self) -> notify::Result<()> {
        let wanted: BTreeSet<PathBuf> = self.wanted.iter().flat_map(|dir| existing(dir)).collect();
        let filter = Arc::clone(&self.filter);
        let (emit, stale) = (Arc::clone(&self.emit), Arc::clone(&self.stale));
        let watcher = match &mut self.watcher {
            Some(watcher) => watcher,
            none => {
                let take = move |event| handle(&filter, &emit, &stale, event);
                let changes = Config::default().with_event_kinds(EventKindMask::CORE);
                none.insert(RecommendedWatcher::new(take, changes)?)
            }
        };
        for gone in self.watched.difference(&wanted) {
            let _ = watcher.unwatch(gone);
        }
        self.watched.retain(|path| wanted.contains(path));
        for path in wanted {
            if self.watched.contains(&path) {
                continue;
            }
            match watcher.watch(&path, RecursiveMode::NonRecursive) {
                // It went away meanwhile: its parent told, or will be asked again.
                Err(error) if matches!(error.kind, notify::ErrorKind::PathNotFound) => {
                    self.stale.store(true, Ordering::Release);
                }
                watched => watched?,
            }
            (self.emit)(Hint::Path(path.clone()));
            self.watched.insert(path);
        }
        Ok(())
    }
}

/// The directory and its parent, as far as they exist; else the nearest ancestor.
fn existing(dir: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let known: Vec<PathBuf> =
        dir.ancestors().filter(|dir| dir.is_dir()).take(2).map(Path::to_path_buf).collect();
    let whole = known.first().is_some_and(|first| first == dir);
    known.into_iter().take(if whole { 2 } else { 1 })
}

fn handle(filter: &Filter, emit: &Emit, stale: &AtomicBool, event: notify::Result<Event>) {
    let Ok(event) = event else { return emit(Hint::Rescan) };
    if event.need_rescan() {
        return emit(Hint::Rescan);
    }
    if moves_directories(&event.kind) {
        stale.store(true, Ordering::Release);
    }
    // Our own reads are none of them, as they were not asked for: reacting to them would never end.
    event.paths.into_iter().filter(|path| filter.wants(path)).for_each(|path| emit(Hint::Path(path)));
}

fn moves_directories(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::Create(CreateKind::Folder | CreateKind::Any)
            | EventKind::Remove(RemoveKind::Folder | RemoveKind::Any)
            | EventKind::Modify(ModifyKind::Name(_))
    )
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
    fn what_is_read_is_not_hinted_at() {
        let mut case = Case::new();
        fs::write(case.path("x.log"), "text").unwrap();
        case.sync(&[]);
        (0..100).for_each(|_| drop(fs::read(case.path("x.log")).unwrap()));
        fs::create_dir(case.path("dt")).unwrap();
        let before = || case.hints.recv_timeout(Duration::from_secs(10)).ok();
        let hints = std::iter::from_fn(before).take_while(|hint| *hint != Hint::Path(case.path("dt")));
        let read = Hint::Path(case.path("x.log"));
        assert!(hints.into_iter().all(|hint| hint != read), "openings are told");
        fs::write(case.path("x.log"), "more").unwrap();
        case.expect("x.log");
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
