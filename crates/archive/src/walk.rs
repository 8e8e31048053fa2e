//! The walk: what is a folder is listed, what is an archive is opened, what is a file is handed out.

use crate::disk::{Slice, SliceReader, Watch};
use crate::limits::{Limit, Limits};
use crate::magic::{BLOCK, Format, Packing};
use crate::member::{Member, Modified, Place, clean};
use crate::meter::{Budget, decoder};
use crate::peek::{Look, Peek};
use crate::report::{Reason, Report};
use std::ffi::OsString;
use std::fs::FileType;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// So much of a packed file is looked at to tell whether it is a tar: a block of bzip2 has up to 900,000 bytes.
const PACKED_HEAD: usize = 1 << 20;
/// Folders within folders.
const FOLDERS: u32 = 64;

/// Whether a visitor wants more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// The next member.
    Continue,
    /// Nothing more: the walk ends.
    Stop,
}

/// What gets the members. An error is noted in [`Report::broken`] under the member's place, and the walk goes on.
pub type Visitor<'v> = dyn FnMut(&mut Member<'_>) -> io::Result<Flow> + 'v;

/// Reads files, folders and archives; see the crate.
#[derive(Debug)]
pub struct Walk {
    budget: Budget,
    watch: Watch,
}

impl Walk {
    /// A walk within these limits, for one path or several: they share the limits.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { budget: Budget::new(limits), watch: Watch::default() }
    }

    /// The same, ended soon when this is set to true, from any thread; what is open then is reported as
    /// [`Limit::Cancelled`].
    #[must_use]
    pub fn cancelled_by(mut self, flag: Arc<AtomicBool>) -> Self {
        self.watch.cancelled = flag;
        self
    }

    /// Counts the bytes that are read from the disk, from any thread: for a progress bar against the files' sizes.
    #[must_use]
    pub fn bytes_read(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.watch.read)
    }

    /// Hands every regular file at or below `path` to `visitor`. The path itself may be a symbolic link.
    ///
    /// # Errors
    /// If nothing at all can be read there; everything else is told in the report.
    pub fn walk(&self, path: &Path, visitor: &mut Visitor<'_>) -> io::Result<Report> {
        let before = self.budget.unpacked();
        let mut walker = Walker {
            budget: self.budget.clone(),
            watch: self.watch.clone(),
            visitor,
            report: Report::default(),
            names: 0,
            ended: false,
        };
        let shown = path.to_string_lossy().into_owned();
        let place = Place { chain: vec![shown], path: String::new() };
        if std::fs::metadata(path)?.is_dir() {
            std::fs::read_dir(path)?;
            walker.folder(path, &place, FOLDERS);
        } else {
            let slice = Slice::open(path)?;
            walker.file(place, path, slice);
        }
        walker.report.unpacked = self.budget.unpacked() - before;
        Ok(walker.report)
    }
}

/// A regular file, not yet looked into.
pub(crate) struct Found<'a> {
    pub(crate) place: Place,
    pub(crate) modified: Option<Modified>,
    pub(crate) size: Option<u64>,
    pub(crate) slice: Option<Slice>,
    pub(crate) reader: &'a mut dyn Read,
    /// The archives that it lies in.
    pub(crate) depth: u32,
}

/// What a file is.
enum Shape {
    Tar,
    PackedTar(Packing),
    Zip,
    File,
}

/// A walk under way.
pub(crate) struct Walker<'v> {
    pub(crate) budget: Budget,
    pub(crate) watch: Watch,
    pub(crate) report: Report,
    visitor: &'v mut Visitor<'v>,
    /// Members and names in folders so far.
    names: u64,
    /// The visitor has enough, or a limit of the whole walk was met.
    ended: bool,
}

impl Walker<'_> {
    pub(crate) fn is_ended(&self) -> bool {
        self.ended || self.budget.is_spent() || self.watch.cancelled.load(Ordering::Relaxed)
    }

    pub(crate) fn broken(&mut self, place: &Place, error: &io::Error) {
        self.report.broken(place, Reason::from(error));
    }

    /// Counts a name; false if there are too many.
    pub(crate) fn may_take(&mut self, within: &Place) -> bool {
        self.names += 1;
        if self.names > self.budget.limits().members && !self.ended {
            self.report.broken(within, Reason::Limit(Limit::Members));
            self.ended = true;
        }
        !self.is_ended()
    }

    /// Opens an archive, hands out anything else.
    pub(crate) fn take(&mut self, found: Found<'_>) {
        let Found { place, modified, size, slice, reader, depth } = found;
        let mut peek = Peek::new(reader);
        let shape = shape(&mut peek);
        if !matches!(shape, Shape::File) && depth >= self.budget.limits().depth {
            return self.report.broken(&place, Reason::Limit(Limit::Depth));
        }
        match shape {
            Shape::Tar => self.tar(&place, slice.as_ref(), &mut peek, depth + 1),
            Shape::PackedTar(packing) => match decoder(packing, &mut peek, &self.budget.clone()) {
                Ok(mut unpacked) => self.tar(&place, None, &mut unpacked, depth + 1),
                Err(error) => self.broken(&place, &error),
            },
            Shape::Zip => self.zip(&place, slice, &mut peek, depth + 1),
            Shape::File => self.hand_out(&place, modified, size, slice, &mut peek, depth),
        }
    }

    fn hand_out(
        &mut self,
        place: &Place,
        modified: Option<Modified>,
        size: Option<u64>,
        slice: Option<Slice>,
        reader: &mut dyn Look,
        depth: u32,
    ) {
        let unread = Format::of(reader.head(16)) == Format::Packed(Packing::Xz);
        if unread && (depth == 0 || is_packed_tar_name(place.file_name())) {
            let why = "it is packed with xz, which is not read; unpack it with xz -d first".to_owned();
            return self.report.broken(place, Reason::Unsupported(why));
        }
        self.report.members += 1;
        let budget = self.budget.clone();
        let mut member = Member { place, modified, size, slice, reader, budget: &budget };
        match (self.visitor)(&mut member) {
            Ok(Flow::Continue) => {}
            Ok(Flow::Stop) => self.ended = true,
            Err(error) => self.broken(place, &error),
        }
    }

    fn file(&mut self, place: Place, path: &Path, slice: Slice) {
        let modified = std::fs::metadata(path).ok().map(|meta| Modified::Utc(meta.mtime()));
        let mut reader = SliceReader::new(slice.clone(), &self.watch);
        let size = Some(slice.len());
        self.take(Found { place, modified, size, slice: Some(slice), reader: &mut reader, depth: 0 });
    }

    fn folder(&mut self, path: &Path, place: &Place, depth: u32) {
        if depth == 0 {
            return self.report.broken(place, Reason::Limit(Limit::Depth));
        }
        match self.list(path, place) {
            Ok(names) => names.into_iter().for_each(|(name, kind)| {
                if !self.is_ended() {
                    self.entry(path, place, &name, kind, depth);
                }
            }),
            Err(error) => self.broken(place, &error),
        }
    }

    /// By name, so that the order is the same each time.
    fn list(&mut self, path: &Path, place: &Place) -> io::Result<Vec<(OsString, FileType)>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(path)? {
            if !self.may_take(place) {
                break;
            }
            let entry = entry?;
            names.push((entry.file_name(), entry.file_type()?));
        }
        names.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(names)
    }

    fn entry(&mut self, folder: &Path, within: &Place, name: &OsString, kind: FileType, depth: u32) {
        let path = folder.join(name);
        let (shown, odd) = clean(name.as_bytes());
        self.report.odd_names += u64::from(odd);
        let joined = if within.path.is_empty() { shown } else { format!("{}/{shown}", within.path) };
        let place = Place { chain: within.chain.clone(), path: joined };
        if kind.is_dir() {
            self.folder(&path, &place, depth - 1);
        } else if kind.is_symlink() {
            self.report.links += 1;
        } else if kind.is_fifo() || kind.is_socket() || kind.is_block_device() || kind.is_char_device() {
            self.report.specials += 1;
        } else {
            match Slice::open(&path) {
                Ok(slice) => self.file(place, &path, slice),
                Err(error) => self.broken(&place, &error),
            }
        }
    }
}

fn shape(peek: &mut dyn Look) -> Shape {
    match Format::of(peek.head(BLOCK)) {
        Format::Tar => Shape::Tar,
        Format::Zip => Shape::Zip,
        Format::Packed(packing) if packs_tar(packing, peek.head(PACKED_HEAD)) => Shape::PackedTar(packing),
        Format::Packed(_) | Format::Other => Shape::File,
    }
}

/// Whether what begins so unpacks to a tar.
fn packs_tar(packing: Packing, head: &[u8]) -> bool {
    let mut first = Vec::new();
    let Ok(unpacked) = decoder(packing, head, &Budget::new(Limits::default())) else { return false };
    // The head may end in the middle of a block; what came before that counts.
    let _ = unpacked.take(BLOCK as u64).read_to_end(&mut first);
    Format::of(&first) == Format::Tar
}

fn is_packed_tar_name(name: &str) -> bool {
    [".tar.xz", ".txz"].iter().any(|end| name.ends_with(end))
}
