//! What a file's content says of whose it is.

use super::Watcher;
use super::look::Sighting;
use super::place::STABLE;
use super::read::Fault;
use crate::decode::Decoder;
use crate::discover::Class;
use crate::fs::{File, read_full};
use crate::identify::{HEAD_MAX, MARKER_MAX};
use crate::lines::Window;
use crate::saved::{Head, Packing};
use crate::stream::{Feed, Halt, PackedFeed, Stream};
use crate::{StreamId, StreamKind};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// How long a log's copy waits for the original to be truncated (logrotate's `copytruncate`), before it counts as
/// a log of its own.
const TWIN: Duration = Duration::from_millis(1500);
/// What a look into a file says.
pub(super) enum Verdict {
    /// It is this stream's.
    Is(StreamId),
    /// It is new; its first bytes.
    New(Vec<u8>),
    /// There is nothing in it.
    Empty,
    /// Nothing can be said yet.
    Later,
    /// It can't be read.
    Fails(io::Error),
}

impl Watcher {
    pub(super) fn judge(&mut self, sighting: &Sighting, new: &[(Sighting, Vec<u8>)]) -> Verdict {
        if self.is_too_old(sighting) || self.is_plainly_new(sighting) {
            return Verdict::New(Vec::new());
        }
        let file = match self.open_sighted(sighting) {
            Ok(Some(file)) => file,
            Ok(None) => return Verdict::Later,
            Err(error) => return Verdict::Fails(error),
        };
        if sighting.class.packing() == Packing::Plain {
            self.spare = Some((sighting.path.clone(), Arc::clone(&file)));
        }
        if let Err(error) = self.know_held(sighting.kind()) {
            return Verdict::Fails(error);
        }
        let verdict = match (&sighting.class, sighting.class.packing()) {
            (_, Packing::Plain) => self.judge_plain(sighting, file.as_ref()),
            (Class::Trace { .. }, _) => Ok(self.judge_packed_trace(sighting)),
            (Class::Log { .. }, _) => self.judge_packed_log(sighting, file, new),
        };
        verdict.unwrap_or_else(Verdict::Fails)
    }

    /// A trace file that no stream can be known by, and that could not be kept open: what it begins with is seen when it
    /// is read. With thousands of new files, each is opened once, not twice.
    fn is_plainly_new(&self, sighting: &Sighting) -> bool {
        let plain = (sighting.kind(), sighting.class.packing()) == (StreamKind::Trace, Packing::Plain);
        plain && !self.has_room_to_hold() && self.candidates(sighting).is_empty()
    }

    /// The file that was looked at, open; `None`: its name stands for another one by now. What that one has would be
    /// taken for its content.
    pub(super) fn open_sighted(&mut self, sighting: &Sighting) -> io::Result<Option<Arc<dyn File>>> {
        let file = self.open_file(&sighting.path)?;
        let meta = file.opened()?;
        let same = (meta.dev, meta.ino) == (sighting.meta.dev, sighting.meta.ino);
        Ok(same.then_some(file))
    }

    /// A log of which nothing could be read may be open still: what it begins with tells which file is its copy.
    fn know_held(&mut self, kind: StreamKind) -> io::Result<()> {
        for id in self.streams.of_log(kind) {
            let unknown = self.streams.get(id).filter(|stream| !stream.head.is_strong());
            let Some(file) = unknown.and_then(|stream| stream.file.clone()) else { continue };
            if let Err(Fault::Io(kind)) = self.grow_head(id, file.as_ref()) {
                return Err(kind.into());
            }
        }
        Ok(())
    }

    fn judge_plain(&mut self, sighting: &Sighting, file: &dyn File) -> io::Result<Verdict> {
        let mut head = [0; HEAD_MAX];
        let read = read_full(file, &mut head, 0)?;
        let head = head.get(..read).unwrap_or_default();
        let live = sighting.order() == u64::MAX;
        let mut twin = false;
        for id in self.candidates(sighting) {
            let Some(stream) = self.streams.get(id) else { continue };
            let named = stream.plain.as_ref().is_some_and(|place| place.named);
            // Its compressed copy was found first, and nothing was read yet: whether it is one is seen when it is.
            let first = stream.kind == StreamKind::Trace && stream.head.len == 0;
            let known = first || (!live && stream.begins_with_all(head));
            twin |= named && stream.head.is_strong() && (known || stream.head.fits(head));
            if !named && (known || self.has_content(id, file, sighting.meta.size, true)?) {
                return Ok(self.is_file_of(id, head));
            }
        }
        let waits = twin && self.waited_for(sighting) < TWIN;
        Ok(if waits { Verdict::Later } else { Verdict::New(head.to_vec()) })
    }

    /// Whether a log's sibling that was found empty has by now what a file begins with that was read: logrotate's
    /// `copytruncate` makes the copy, fills it, and then cuts the log.
    pub(super) fn is_filled_copy(&self, id: StreamId, file: &dyn File) -> io::Result<bool> {
        let Some(stream) = self.streams.get(id) else { return Ok(false) };
        let sibling = stream.kind != StreamKind::Trace && !stream.is_live();
        if !sibling || stream.deliver.at > 0 || stream.head.is_strong() {
            return Ok(false);
        }
        let mut head = [0; HEAD_MAX];
        let read = read_full(file, &mut head, 0)?;
        let head = head.get(..read).unwrap_or_default();
        let others = self.streams.of_log(stream.kind).into_iter().filter(|other| *other != id);
        let like = |other: &Stream| {
            let begins = (other.head.is_strong() && other.head.fits(head)) || other.begins_with_all(head);
            other.deliver.at > 0 && begins
        };
        Ok(others.filter_map(|other| self.streams.get(other)).any(|other| like(&other)))
    }

    /// A copy waits under its name until the original is cut; the stream that it was taken for had nothing.
    pub(super) fn suspect_copy(&mut self, id: StreamId) {
        self.suspect(id);
        if let Some(place) = self.streams.get_mut(id).and_then(|stream| stream.plain.as_mut()) {
            place.hints.size = 0;
        }
    }

    /// How long the file has stayed as it is while it was watched: how old it is says nothing.
    fn waited_for(&self, sighting: &Sighting) -> Duration {
        self.deferred.get(&sighting.path).map(|it| self.now.mono.saturating_sub(it.since)).unwrap_or_default()
    }

    /// A compressed trace file belongs to the plain one of its name; whether it has its content is seen when it
    /// is whole.
    fn judge_packed_trace(&self, sighting: &Sighting) -> Verdict {
        let inode = (sighting.meta.dev, sighting.meta.ino);
        let fits = |id: &StreamId| {
            self.streams.get(*id).is_some_and(|stream| {
                let free = stream.packed.as_ref().is_none_or(|packed| !packed.place.named);
                free && stream.refused.as_deref() != Some(&inode)
            })
        };
        self.candidates(sighting).into_iter().find(fits).map_or(Verdict::New(Vec::new()), Verdict::Is)
    }

    fn judge_packed_log(
        &mut self,
        sighting: &Sighting,
        file: Arc<dyn File>,
        new: &[(Sighting, Vec<u8>)],
    ) -> io::Result<Verdict> {
        let (window, halt) = self.first_bytes(file, sighting.class.packing())?;
        let whole = halt == Some(Halt::End) && sighting.meta.size > 0;
        if whole && window.len() == 0 {
            return Ok(Verdict::Empty);
        }
        // That the file is old by the wall clock proves nothing: the clock may have been set.
        let full = window.len() >= HEAD_MAX || whole || self.settings.finished_files;
        if !full && self.waited_for(sighting) < STABLE {
            return Ok(Verdict::Later);
        }
        let head = window.bytes().get(..HEAD_MAX).unwrap_or(window.bytes());
        // Two forms of one new file: the second is known again once the first is a stream.
        if new.iter().any(|other| is_other_form(sighting, head, other)) {
            return Ok(Verdict::Later);
        }
        let inode = (sighting.meta.dev, sighting.meta.ino);
        let fits = |stream: &Stream| {
            let free = stream.packed.as_ref().is_none_or(|packed| !packed.place.named);
            // A short head is all there was to read: it does for a stream without a file, or whose place this
            // file took.
            let replaces = stream.order == sighting.order();
            let near = replaces || (self.missing.contains_key(&stream.id) && stream.head.len > 0);
            let proof = stream.head.is_strong() || near;
            let fits = (proof && stream.head.fits(head)) || (whole && stream.begins_with_all(head));
            free && fits && stream.refused.as_deref() != Some(&inode)
        };
        let candidates = self.candidates(sighting);
        let found =
            candidates.into_iter().find(|id| self.streams.get(*id).is_some_and(|stream| fits(&stream)));
        Ok(found.map_or_else(|| Verdict::New(head.to_vec()), |id| self.is_file_of(id, head)))
    }

    /// The file with these first bytes is the stream's; if it is a copy that is shorter than the head, the stream is
    /// known by less from now on.
    fn is_file_of(&mut self, id: StreamId, first: &[u8]) -> Verdict {
        if let Some(stream) = self.streams.get_mut(id).filter(|stream| first.len() < stream.head.len.into()) {
            stream.head = Head::of(first);
        }
        Verdict::Is(id)
    }

    /// The first bytes of a compressed stream, and why there are no more.
    fn first_bytes(&self, file: Arc<dyn File>, packing: Packing) -> io::Result<(Window, Option<Halt>)> {
        let mut decoder = Decoder::new(file, packing, self.settings.window_log_max)?;
        let mut window = Window::default();
        while window.len() < HEAD_MAX {
            if let Err(halt) = PackedFeed(&mut decoder).fill(&mut window) {
                return Ok((window, Some(halt)));
            }
        }
        Ok((window, None))
    }

    /// Streams that this file may be, the likeliest first: of which more is known, and those without a file.
    fn candidates(&self, sighting: &Sighting) -> Vec<StreamId> {
        let mut ids = match &sighting.class {
            Class::Trace { stem, .. } => {
                sighting.path.parent().and_then(|dir| self.streams.with_stem(dir, stem)).into_iter().collect()
            }
            Class::Log { .. } => self.streams.of_log(sighting.kind()),
        };
        ids.sort_by_key(|id| {
            let known = self.streams.get(*id).map_or(0, |stream| stream.head.len);
            (std::cmp::Reverse(known), !self.missing.contains_key(id))
        });
        ids
    }

    /// Whether a plain file has the stream's head, and its marker where that can be asked. That an
    /// empty file's inode is there again proves nothing; `strong`: nor does a head of a few bytes.
    pub(super) fn has_content(
        &self,
        id: StreamId,
        file: &dyn File,
        size: u64,
        strong: bool,
    ) -> io::Result<bool> {
        let Some(stream) = self.streams.get(id) else { return Ok(false) };
        let mut head = [0; HEAD_MAX];
        let read = read_full(file, &mut head, 0)?;
        let seen = stream.plain.as_ref().is_some_and(|place| place.hints.size > 0);
        let enough = if strong { stream.head.is_strong() } else { seen };
        if !enough || !stream.head.fits(head.get(..read).unwrap_or_default()) {
            return Ok(false);
        }
        let Some(marker) = stream.marker_before(size) else {
            return Ok(stream.deliver.at <= size.max(1) || stream.head.is_all_of(size));
        };
        let mut bytes = [0; MARKER_MAX];
        let wanted = bytes.get_mut(..usize::from(marker.len)).unwrap_or_default();
        let read = read_full(file, wanted, marker.start())?;
        Ok(marker.fits(bytes.get(..read).unwrap_or_default()))
    }
}

/// Whether a new file is another one in another packing.
fn is_other_form(sighting: &Sighting, head: &[u8], (other, other_head): &(Sighting, Vec<u8>)) -> bool {
    let proof = Head::of(head).is_strong() || (!head.is_empty() && sighting.order() == other.order());
    proof && head == other_head && sighting.class.packing() != other.class.packing()
}
