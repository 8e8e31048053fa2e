//! Looks at names: is it still the same file, has it grown?

use super::Watcher;
use crate::discover::{Class, Directory, Name, Node, classify};
use crate::fs::{Kind, Meta};
use crate::saved::{Hints, Packing};
use crate::stream::{Source, Stream};
use crate::{Change, Purpose, Reason, StreamId, StreamKind, Trouble};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How many names a scan looks at for the first time; the rest is for the next one.
const NEW_AT_ONCE: usize = 1000;
/// How long a stream counts as warm after it grew.
pub(super) const WARM: Duration = Duration::from_secs(60);

/// A name that stands for a file that is not known to be any stream's.
pub(super) struct Sighting {
    pub(super) path: PathBuf,
    pub(super) class: Class,
    pub(super) meta: Meta,
}

impl Watcher {
    /// Where all begins: the trace directories, and each log's.
    pub(super) fn roots(&self) -> Vec<PathBuf> {
        let logs = self.settings.logs.iter().filter_map(|log| log.path.parent());
        let mut roots: Vec<PathBuf> =
            self.settings.traces.iter().map(PathBuf::as_path).chain(logs).map(Into::into).collect();
        roots.sort();
        roots.dedup();
        roots
    }

    fn class_of(&self, path: &Path) -> Option<Class> {
        classify(&self.settings, path.parent()?, path.file_name()?)
    }

    fn node(&mut self, path: &Path) -> Option<&mut Node> {
        self.tree.get_mut(path.parent()?)?.names.get_mut(path.file_name()?)
    }

    /// The hints: of a log, anything but growth concerns the whole family, because siblings change places.
    pub(super) fn look_at_hints(&mut self, out: &mut Vec<Sighting>) {
        for path in std::mem::take(&mut self.hinted) {
            match self.class_of(&path) {
                Some(Class::Trace { .. }) if self.knows_dir(&path) => self.look(&path, out),
                Some(Class::Log { .. }) if self.just_grew(&path) => self.look(&path, out),
                Some(Class::Log { .. }) => {
                    self.look_at_directory_of(&path, out);
                    // No listing shows that it was truncated.
                    self.look(&path, out);
                }
                _ => self.look_at_directory_of(&path, out),
            }
        }
    }

    fn knows_dir(&self, path: &Path) -> bool {
        path.parent().is_some_and(|dir| self.tree.contains_key(dir))
    }

    fn just_grew(&mut self, path: &Path) -> bool {
        let (Some(class), Ok(meta)) = (self.class_of(path), self.fs.stat(path)) else { return false };
        let stream = self.node(path).and_then(|node| node.stream);
        stream.is_some_and(|id| self.is_still(id, path, &class, &meta))
    }

    /// The nearest known directory at or above the path; or the roots below it, if it is above them.
    fn look_at_directory_of(&mut self, path: &Path, out: &mut Vec<Sighting>) {
        let known = path.ancestors().find(|dir| self.tree.contains_key(*dir)).map(Path::to_path_buf);
        let roots = self.roots();
        let below = roots.into_iter().filter(|root| root.starts_with(path) || path.starts_with(root));
        let below: Vec<PathBuf> = below.filter(|root| known.as_ref() != Some(root)).collect();
        for dir in known.into_iter().chain(below) {
            if let Some(directory) = self.tree.get_mut(&dir) {
                directory.distrust();
            }
            self.look_at_directory(&dir, out);
        }
    }

    pub(super) fn look_at_directories(&mut self, out: &mut Vec<Sighting>) {
        for root in self.roots() {
            self.look_at_directory(&root, out);
        }
    }

    /// Lists a directory if it changed, and those below it if they belong to the traces.
    pub(super) fn look_at_directory(&mut self, dir: &Path, out: &mut Vec<Sighting>) {
        match self.fs.stat(dir) {
            Ok(meta) if meta.kind == Kind::Directory => self.list(dir, &meta, out),
            Ok(_) => self.lose_directory(dir, Some(Trouble::NotAFile)),
            Err(error) if is_absent(&error) => self.lose_directory(dir, None),
            Err(error) => self.directory_trouble(dir, Some(Trouble::Io(error.kind()))),
        }
        let traces = self.settings.traces.iter().any(|root| dir.starts_with(root));
        let below = self.tree.get(dir).filter(|_| traces).map(|directory| directory.below.clone());
        for name in below.into_iter().flatten() {
            self.look_at_directory(&dir.join(name), out);
        }
    }

    fn list(&mut self, dir: &Path, meta: &Meta, out: &mut Vec<Sighting>) {
        if self.tree.get(dir).is_some_and(|directory| directory.is_unchanged(meta)) {
            return;
        }
        let entries = match self.fs.list(dir) {
            Ok(entries) => entries,
            Err(error) if is_absent(&error) => return self.lose_directory(dir, None),
            Err(error) => return self.directory_trouble(dir, Some(Trouble::Io(error.kind()))),
        };
        self.directory_trouble(dir, None);
        let settings = &self.settings;
        let directory = self.tree.entry(dir.to_path_buf()).or_default();
        let wanted = |name: &std::ffi::OsStr| classify(settings, dir, name).is_some();
        let changed = directory.update(meta, self.now.wall_unix_nano, entries, wanted);
        changed.gone_below.iter().for_each(|name| self.lose_directory(&dir.join(name), None));
        changed.gone.iter().for_each(|name| self.remove_name(&dir.join(name)));
        self.look_at_new(dir, changed.look, out);
    }

    fn look_at_new(&mut self, dir: &Path, names: Vec<Name>, out: &mut Vec<Sighting>) {
        let shared: Arc<Path> = dir.into();
        for name in names {
            let Some(path) = self.path_of(dir, &name) else { continue };
            let log = matches!(self.class_of(&path), Some(Class::Log { .. }));
            if log || out.len() < NEW_AT_ONCE {
                self.look(&path, out);
            } else {
                self.backlog.push_back((Arc::clone(&shared), name));
            }
        }
    }

    fn path_of(&self, dir: &Path, name: &Name) -> Option<PathBuf> {
        self.tree.get(dir).map(|directory| dir.join(directory.names.text(name)))
    }

    pub(super) fn look_at_backlog(&mut self, out: &mut Vec<Sighting>) {
        while out.len() < NEW_AT_ONCE
            && let Some((dir, name)) = self.backlog.pop_front()
        {
            let path = self.path_of(&dir, &name);
            path.iter().for_each(|path| self.look(path, out));
        }
        if self.backlog.is_empty() {
            self.backlog.shrink_to_fit();
        }
    }

    /// What grew within the last minute.
    pub(super) fn look_at_warm(&mut self, out: &mut Vec<Sighting>) {
        let now = self.now.mono;
        self.warm.retain(|_, since| now.saturating_sub(*since) < WARM);
        let warm: Vec<_> = self.warm.keys().chain(&self.waiting).chain(&self.blocked).copied().collect();
        for id in warm {
            for path in self.names_of(id) {
                self.look(&path, out);
            }
        }
    }

    /// The names a stream's files have now.
    fn names_of(&self, id: StreamId) -> Vec<PathBuf> {
        let Some(stream) = self.streams.get(id) else { return Vec::new() };
        let places = stream.plain.iter().chain(stream.packed.as_ref().map(|packed| &packed.place));
        places.filter(|place| place.named).map(|place| place.path.clone()).collect()
    }

    /// The next part (in thousandths) of all names.
    pub(super) fn sweep(&mut self, part: u64, out: &mut Vec<Sighting>) {
        let all: usize = self.tree.values().map(|directory| directory.names.len()).sum();
        let count = usize::try_from((all as u64 * part).div_ceil(1000)).unwrap_or(all);
        for path in self.names_after(count) {
            self.swept.clone_from(&path);
            // A new name has its turn: tens of thousands at once would take much memory.
            if self.backlog.is_empty() || !self.node(&path).is_some_and(|node| node.is_new()) {
                self.look(&path, out);
            }
        }
    }

    /// Names from the last swept one on, round and round.
    fn names_after(&self, count: usize) -> Vec<PathBuf> {
        let (from, name) = (self.swept.parent().unwrap_or(Path::new("")), self.swept.file_name());
        let start = (std::ops::Bound::Included(from.to_path_buf()), std::ops::Bound::Unbounded);
        let names = |(dir, directory): (&PathBuf, &Directory)| {
            let rest = directory.names.texts_after(name.filter(|_| dir == from));
            rest.map(|name| dir.join(name)).take(count).collect::<Vec<_>>()
        };
        let mut paths: Vec<PathBuf> = self.tree.range(start).flat_map(names).take(count).collect();
        let missing = count - paths.len();
        let all = self.tree.iter().flat_map(|(dir, it)| it.names.texts().map(move |name| dir.join(name)));
        paths.extend(all.take(missing));
        paths
    }

    /// Looks at one name. What can't be said to be the file it was goes to `out`.
    pub(super) fn look(&mut self, path: &Path, out: &mut Vec<Sighting>) {
        let Some(class) = self.class_of(path) else { return };
        match self.fs.stat(path) {
            Ok(meta) if meta.kind == Kind::File => self.look_at_file(path, class, meta, out),
            Ok(_) => self.unreadable(path, Trouble::NotAFile),
            Err(error) if is_absent(&error) => self.lose_name(path),
            Err(error) => self.unreadable(path, Trouble::Io(error.kind())),
        }
    }

    fn look_at_file(&mut self, path: &Path, class: Class, meta: Meta, out: &mut Vec<Sighting>) {
        let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else { return };
        if self.node(path).is_none() {
            self.tree.entry(dir.to_path_buf()).or_default().names.entry(name);
        }
        let Some(node) = self.node(path) else { return };
        let unchanged = node.seen.as_ref().is_some_and(|seen| seen.unchanged(&meta));
        let stream = node.stream;
        match stream {
            Some(id) if self.sleeps_on(id, path, class.packing(), &meta) => {}
            Some(id) if self.is_still(id, path, &class, &meta) && self.is_proven(id, &class, &meta) => {
                self.update(id, class.packing(), &meta)
            }
            Some(id) => {
                self.note_truncation(id, &class, &meta);
                self.leave(id, path);
                out.push(Sighting { path: path.to_path_buf(), class, meta });
            }
            None if unchanged => {}
            None => out.push(Sighting { path: path.to_path_buf(), class, meta }),
        }
    }

    /// Whether the name stands for the file it did, and nothing happened to that or goes on in its stream: the usual case,
    /// so it is asked first, and the stream is looked at once.
    fn sleeps_on(&self, id: StreamId, path: &Path, packing: Packing, meta: &Meta) -> bool {
        let known = |stream: &Stream| {
            let place = stream.place(packing).filter(|place| place.named && place.path == path);
            place.is_some_and(|place| place.hints.unchanged(meta))
        };
        self.streams.sleeps(id) && self.streams.get(id).is_some_and(|stream| known(&stream))
    }

    /// Whether the name still stands for the file it did, not shortened.
    fn is_still(&self, id: StreamId, path: &Path, class: &Class, meta: &Meta) -> bool {
        self.streams.get(id).is_some_and(|stream| {
            let place = stream.place(class.packing());
            let same = place.is_some_and(|place| {
                place.named
                    && place.path == path
                    && place.hints.same_file(meta)
                    && meta.size >= place.hints.size
            });
            // The inode of an empty file may be another's by now, unless its descriptor is held.
            let empty = place.is_some_and(|place| place.hints.size == 0) && meta.size > 0;
            same && !stream.suspect && (!empty || stream.file.is_some())
        })
    }

    /// A plain file that changed while no descriptor was held may be another one with the same inode. It is opened
    /// to be read anyway.
    fn is_proven(&mut self, id: StreamId, class: &Class, meta: &Meta) -> bool {
        let changed = self.streams.get(id).is_some_and(|stream| {
            stream.place(class.packing()).is_some_and(|place| !place.hints.unchanged(meta))
        });
        class.packing() != Packing::Plain || !changed || !matches!(self.opened(id), Ok(None))
    }

    /// The same file, but shorter: its descriptor shows what is there now, so it is let go.
    fn note_truncation(&mut self, id: StreamId, class: &Class, meta: &Meta) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        let cut = |place: &crate::stream::Place| place.hints.same_file(meta) && meta.size < place.hints.size;
        if class.packing() == Packing::Plain && stream.plain.as_ref().is_some_and(cut) {
            stream.fate = Some(Reason::Truncated);
            self.close(id);
        }
    }

    /// Takes in the new state of a file that is still the same.
    pub(super) fn update(&mut self, id: StreamId, packing: Packing, meta: &Meta) {
        let now = self.now.mono;
        let Some(stream) = self.streams.get_mut(id) else { return };
        stream.blocked = false;
        let hints = Hints::of(meta, packing);
        let place = match packing {
            Packing::Plain => stream.plain.as_mut(),
            _ => stream.packed.as_mut().map(|packed| &mut packed.place),
        };
        let Some(old) = place.map(|place| std::mem::replace(&mut place.hints, hints)) else { return };
        if packing == Packing::Plain && old.size != hints.size {
            stream.prior_size = old.size;
        }
        if old != hints {
            if packing != Packing::Plain {
                stream.packed_changed(now);
                self.waiting.insert(id);
            }
            self.warm.insert(id, now);
            self.soil(id);
            self.changes.push(Change::Grew { stream: id });
            self.meet(id);
            if packing == Packing::Plain && old.size == hints.size && old.mtime_ns != hints.mtime_ns {
                self.check_rewritten(id, hints.size);
            }
        }
        self.streams.refresh(id);
    }

    /// Written to, and no longer than before: cut and filled again to the same length, its content is another.
    fn check_rewritten(&mut self, id: StreamId, size: u64) {
        let known = self.streams.get(id).is_some_and(|stream| size > 0 && stream.deliver.at > 0);
        if known
            && let Ok(Some(file)) = self.opened(id)
            && self.has_content(id, file.as_ref(), size, false).is_ok_and(|same| !same)
        {
            self.suspect(id);
        }
    }

    /// A file that was found empty has its first bytes, or more than a few: now it can be known again. A trace file that
    /// can't be kept open is, when it is read.
    pub(super) fn meet(&mut self, id: StreamId) {
        let unknown = |stream: &Stream| {
            let at_hand =
                stream.kind != StreamKind::Trace || stream.file.is_some() || self.has_room_to_hold();
            !stream.head.is_strong()
                && stream.source() == Source::Plain
                && stream.unread(Purpose::Deliver)
                && at_hand
        };
        if self.streams.get(id).is_some_and(|stream| unknown(&stream))
            && let Ok(Some(file)) = self.opened(id)
        {
            // If it can't be read, the read that follows says so.
            match self.is_filled_copy(id, file.as_ref()) {
                Ok(true) => self.suspect_copy(id),
                _ => drop(self.grow_head(id, file.as_ref())),
            }
        }
    }

    /// The name no longer stands for this stream's file.
    pub(super) fn leave(&mut self, id: StreamId, path: &Path) {
        if let Some(node) = self.node(path) {
            node.stream = None;
            node.seen = None;
        }
        let now = self.now.mono;
        if let Some(stream) = self.streams.get_mut(id)
            && stream.leave(path)
        {
            self.missing.entry(id).or_insert(now);
            let file = stream.file.clone();
            // What it has by now, it may be known by under its next name.
            let _ = file.map(|file| self.grow_head(id, file.as_ref()));
            self.streams.refresh(id);
        }
    }

    /// Nothing is behind the name. It may still be listed, as a link to nothing: so it stays known until a
    /// listing lacks it.
    fn lose_name(&mut self, path: &Path) {
        if let Some(id) = self.node(path).and_then(|node| node.stream) {
            self.leave(id, path);
        }
        self.set_trouble(path, None);
        self.deferred.remove(path);
        if let Some(node) = self.node(path) {
            *node = Node::default();
        }
    }

    /// The name is gone.
    fn remove_name(&mut self, path: &Path) {
        self.lose_name(path);
        if let (Some(dir), Some(name)) = (path.parent(), path.file_name()) {
            self.tree.get_mut(dir).map(|directory| directory.names.remove(name));
        }
    }

    /// The directory is gone, or no directory any more.
    fn lose_directory(&mut self, dir: &Path, trouble: Option<Trouble>) {
        self.directory_trouble(dir, trouble);
        let Some(directory) = self.tree.get(dir) else { return };
        let names: Vec<_> = directory.names.texts().map(|name| dir.join(name)).collect();
        let below: Vec<_> = directory.below.iter().map(|name| dir.join(name)).collect();
        names.iter().for_each(|path| self.remove_name(path));
        below.iter().for_each(|dir| self.lose_directory(dir, None));
        if trouble.is_none() {
            self.tree.remove(dir);
            // It took the meaning of its names with it.
            self.backlog.retain(|(of, _)| **of != *dir);
        }
    }

    /// The name stands for something that can't be read: what it was before has lost its name.
    pub(super) fn unreadable(&mut self, path: &Path, trouble: Trouble) {
        if trouble == Trouble::NotAFile
            && let Some(id) = self.node(path).and_then(|node| node.stream)
        {
            self.leave(id, path);
        }
        self.set_trouble(path, Some(trouble));
    }

    /// Tells a file's trouble, if it is another than before.
    pub(super) fn set_trouble(&mut self, path: &Path, trouble: Option<Trouble>) {
        let Some(node) = self.node(path) else { return };
        if std::mem::replace(&mut node.trouble, trouble) != trouble {
            self.changes.push(Change::Trouble { path: path.to_path_buf(), trouble });
        }
    }

    fn directory_trouble(&mut self, dir: &Path, trouble: Option<Trouble>) {
        if trouble.is_none() && !self.tree.contains_key(dir) {
            return;
        }
        let directory = self.tree.entry(dir.to_path_buf()).or_default();
        if std::mem::replace(&mut directory.trouble, trouble) != trouble {
            self.changes.push(Change::Trouble { path: dir.to_path_buf(), trouble });
        }
    }
}

/// Nothing has that name; a file stands where a directory was.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
