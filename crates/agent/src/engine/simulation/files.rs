//! The contents of the host's files, whatever they are called: which lines they hold, where, and under how many names.

use super::host::Host;
use super::ledger::{Ledger, Taken};
use super::script::Script;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Names a content: what is copied, renamed or compressed stays the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ContentId(usize);

#[derive(Default)]
struct Content {
    /// Lines, and the offsets behind them.
    lines: Vec<(u32, u64)>,
    len: u64,
    /// The end is not the end of a line.
    open: bool,
    /// Lines that a full disk cut: the next line is their end, too.
    cut: Vec<u32>,
}

/// What the end of some bytes is.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// The end of this line.
    Line(u32),
    /// The middle of a line whose rest will follow.
    Middle,
    /// The middle of this line, whose rest is never written.
    Cut(u32),
}

/// What a name stands for.
#[derive(Clone, Copy)]
struct Name {
    content: ContentId,
    packed: bool,
}

/// All files.
pub(super) struct Files {
    pub(super) host: Host,
    pub(super) script: Rc<Script>,
    contents: Vec<Content>,
    names: BTreeMap<PathBuf, Name>,
    /// Names that something happened to since it was last asked.
    changed: Vec<PathBuf>,
    /// A content went of which only the compressed size is known.
    pub(super) packed_taken: bool,
}

impl Files {
    pub(super) fn new(host: Host, script: Rc<Script>) -> Self {
        Self {
            host,
            script,
            contents: Vec::new(),
            names: BTreeMap::new(),
            changed: Vec::new(),
            packed_taken: false,
        }
    }

    pub(super) fn take_changed(&mut self) -> Vec<PathBuf> {
        std::mem::take(&mut self.changed)
    }

    /// Makes an empty file of a new content.
    pub(super) fn create(&mut self, path: &Path) -> (u64, ContentId) {
        let ino = self.host.create(path);
        let content = self.new_content();
        self.name(path, content, false);
        (ino, content)
    }

    fn new_content(&mut self) -> ContentId {
        self.contents.push(Content::default());
        ContentId(self.contents.len() - 1)
    }

    fn name(&mut self, path: &Path, content: ContentId, packed: bool) {
        self.names.insert(path.to_path_buf(), Name { content, packed });
        self.changed.push(path.to_path_buf());
    }

    /// Makes an empty file that will be this content, compressed.
    pub(super) fn create_packed(&mut self, path: &Path, content: ContentId) {
        self.host.create(path);
        self.name(path, content, true);
    }

    /// A second file, empty as yet, for what the first holds (`cp`).
    pub(super) fn begin_copy(&mut self, from: &Path, to: &Path) {
        self.host.create(to);
        let content = self.names[from].content;
        self.name(to, content, false);
    }

    /// Fills it.
    pub(super) fn fill_copy(&mut self, from: &Path, to: &Path) {
        let data = self.host.disk.data(from);
        self.host.disk.append(to, &data);
        self.changed.push(to.to_path_buf());
    }

    /// Appends bytes to a file by its inode.
    pub(super) fn append(
        &mut self,
        (ino, id): (u64, ContentId),
        bytes: &[u8],
        end: End,
        ledger: &mut Ledger,
    ) {
        self.host.disk.write(ino, bytes);
        let content = &mut self.contents[id.0];
        content.len += bytes.len() as u64;
        content.open = !matches!(end, End::Line(_));
        match end {
            End::Middle => {}
            End::Cut(line) => content.cut.push(line),
            End::Line(line) => {
                ledger.line_written(line);
                for cut in content.cut.drain(..) {
                    ledger.glue(cut, line, &self.script);
                }
                content.lines.push((line, content.len));
            }
        }
        let names = self.names.iter().filter(|(_, name)| name.content == id && !name.packed);
        self.changed.extend(names.map(|(path, _)| path.clone()));
    }

    /// Appends to a compressed file.
    pub(super) fn append_packed(&mut self, path: &Path, bytes: &[u8]) {
        self.host.disk.append(path, bytes);
        self.changed.push(path.to_path_buf());
    }

    /// The inode and content behind a name.
    pub(super) fn content_of(&self, path: &Path) -> (u64, ContentId) {
        (self.host.disk.ino(path), self.names[path].content)
    }

    pub(super) fn exists(&self, path: &Path) -> bool {
        self.names.contains_key(path)
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) {
        let Some(name) = self.names.remove(from) else { return };
        self.host.disk.rename(from, to);
        self.names.insert(to.to_path_buf(), name);
        self.changed.extend([from.to_path_buf(), to.to_path_buf()]);
    }

    /// Removes a name. The lines of a content without any are taken.
    pub(super) fn unlink(&mut self, path: &Path, alive: bool, ledger: &mut Ledger) {
        let Some(Name { content, packed }) = self.names.remove(path) else { return };
        let shown = self.host.shown(self.host.disk.ino(path));
        self.host.disk.unlink(path);
        self.changed.push(path.to_path_buf());
        if self.names.values().all(|name| name.content != content) {
            self.packed_taken |= packed;
            self.take(content, 0, if packed { 0 } else { shown }, alive && !packed, ledger);
        }
    }

    /// Empties a file in place; what only it held is taken, and what comes is a new content.
    pub(super) fn truncate(&mut self, path: &Path, ledger: &mut Ledger) -> ContentId {
        let ino = self.host.disk.ino(path);
        let shown = self.host.shown(ino);
        let old = self.names[path].content;
        let copied = self.copied(old, path);
        self.take(old, copied, shown, false, ledger);
        self.host.disk.truncate(path, 0);
        self.host.forget_shown(ino);
        let content = self.new_content();
        self.name(path, content, false);
        content
    }

    /// How many bytes of a content another file than this one has.
    fn copied(&self, content: ContentId, path: &Path) -> u64 {
        let others = self.names.iter().filter(|(other, name)| name.content == content && *other != path);
        let sizes = others.map(|(other, name)| if name.packed { u64::MAX } else { self.size(other) });
        sizes.max().unwrap_or(0)
    }

    fn size(&self, path: &Path) -> u64 {
        self.host.disk.data(path).len() as u64
    }

    /// `shown`: the size that the agent was told of.
    fn take(&mut self, content: ContentId, from: u64, shown: u64, held: bool, ledger: &mut Ledger) {
        let mut start = 0;
        for (line, end) in &self.contents[content.0].lines {
            let known = *end <= shown;
            if *end > from {
                ledger.taken(*line, Taken { bytes: end - start, known, held: held && known });
            }
            start = *end;
        }
    }

    pub(super) fn data(&self, path: &Path) -> Vec<u8> {
        self.host.disk.data(path)
    }

    /// Whether a file ends in the middle of a line.
    pub(super) fn is_open(&self, content: ContentId) -> bool {
        self.contents[content.0].open
    }
}
