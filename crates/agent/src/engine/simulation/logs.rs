//! One log, its writer and what logrotate does to it.

use super::faults::Fault;
use super::files::{ContentId, End, Files};
use super::ledger::Ledger;
use super::script::{SECOND, records_in};
use std::collections::VecDeque;
use std::io::Write;
use std::path::PathBuf;
use testkit::standin::Rng;

/// What is on its way to the disk: bytes, and the line that they end.
type Piece = (Vec<u8>, u32);

/// A rotated file that is being compressed.
struct Packing {
    path: PathBuf,
    packed: Vec<u8>,
    step: u8,
}

/// See the module.
pub(super) struct LogWriter {
    path: PathBuf,
    ino: u64,
    content: ContentId,
    /// Lines behind one of which only the first part is written.
    waiting: VecDeque<Piece>,
    /// The descriptor is that of the rotated file still.
    old: bool,
    copied: bool,
    packing: Option<Packing>,
    /// How many rotated siblings there are.
    siblings: usize,
    /// The newest sibling but so many is compressed.
    plain: usize,
}

/// What is to be done later, in nanoseconds from now.
pub(super) type Later<E> = Option<(u64, E)>;

/// What a log's rotation has left to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The rest of a line that was written in two pieces.
    Rest,
    /// The writer opens the new file.
    Reopen,
    /// The copy is filled.
    Copy,
    /// The copied file is truncated.
    Truncate,
    /// The next step of compressing a sibling.
    Pack,
}

impl LogWriter {
    pub(super) fn new(path: &str, files: &mut Files, rng: &mut Rng) -> Self {
        let path = PathBuf::from(path);
        let (ino, content) = files.create(&path);
        let plain = usize::from(rng.chance(0.5));
        Self {
            path,
            ino,
            content,
            waiting: VecDeque::new(),
            old: false,
            copied: false,
            packing: None,
            siblings: 0,
            plain,
        }
    }

    /// Writes a line, now and then in two pieces.
    pub(super) fn write(
        &mut self,
        line: u32,
        bytes: Vec<u8>,
        files: &mut Files,
        ledger: &mut Ledger,
        rng: &mut Rng,
    ) -> Later<Step> {
        if !self.waiting.is_empty() {
            self.waiting.push_back((bytes, line));
            return None;
        }
        if files.host.is_full() {
            self.write_to_full_disk(line, &bytes, files, ledger, rng);
            return None;
        }
        if rng.chance(0.02) {
            let at = usize::try_from(rng.range(1, bytes.len() as u64 - 1)).expect("small");
            let (first, rest) = bytes.split_at(at);
            files.append((self.ino, self.content), first, End::Middle, ledger);
            files.host.count(Fault::TornLine);
            self.waiting.push_back((rest.to_vec(), line));
            return Some((rng.range(SECOND / 1000, 3 * SECOND), Step::Rest));
        }
        self.put(&bytes, line, files, ledger);
        None
    }

    fn put(&mut self, bytes: &[u8], line: u32, files: &mut Files, ledger: &mut Ledger) {
        if self.old {
            files.host.count(Fault::LateWriter);
        }
        files.append((self.ino, self.content), bytes, End::Line(line), ledger);
    }

    /// The rest of the line is never written; the next one follows right behind.
    fn write_to_full_disk(
        &mut self,
        line: u32,
        bytes: &[u8],
        files: &mut Files,
        ledger: &mut Ledger,
        rng: &mut Rng,
    ) {
        files.host.count(Fault::DiskFull);
        let fits = if files.is_open(self.content) { 0 } else { rng.below(bytes.len() as u64) };
        if fits > 0 {
            let part = &bytes[..usize::try_from(fits).expect("small")];
            ledger.cut(line, records_in(&String::from_utf8_lossy(part)).collect());
            files.append((self.ino, self.content), part, End::Cut(line), ledger);
        }
    }

    /// logrotate's `create`: the siblings move on, and the writer goes on with the old descriptor for a while.
    pub(super) fn rotate(&mut self, files: &mut Files, plant: bool, rng: &mut Rng) -> Later<Step> {
        if self.is_busy() {
            return None;
        }
        self.shift(files);
        files.rename(&self.path, &self.sibling(1, false));
        if plant {
            let size = files.data(&self.sibling(1, false)).len() as u64;
            files.host.knobs().frozen.insert(self.ino, size);
        }
        files.host.count(Fault::Rotated);
        self.old = true;
        // The new file is there at once; the writer does not know of it.
        let (_, _) = files.create(&self.path);
        Some((rng.range(0, SECOND), Step::Reopen))
    }

    /// logrotate's `copytruncate`: between copying and truncating, lines may come that are lost.
    pub(super) fn copy_truncate(&mut self, files: &mut Files, rng: &mut Rng) -> Later<Step> {
        if self.is_busy() || !self.waiting.is_empty() || files.is_open(self.content) {
            return None;
        }
        self.shift(files);
        files.begin_copy(&self.path, &self.sibling(1, false));
        files.host.count(Fault::CopyTruncated);
        self.copied = true;
        Some((soon(rng), Step::Copy))
    }

    /// Somebody empties the log.
    pub(super) fn truncate(&mut self, files: &mut Files, ledger: &mut Ledger) {
        if self.is_busy() || !self.waiting.is_empty() {
            return;
        }
        self.content = files.truncate(&self.path, ledger);
        files.host.count(Fault::Truncated);
    }

    /// Does what is due; what is to be done after it.
    pub(super) fn step(
        &mut self,
        step: Step,
        files: &mut Files,
        ledger: &mut Ledger,
        rng: &mut Rng,
    ) -> Later<Step> {
        match step {
            Step::Rest => {
                for (bytes, line) in std::mem::take(&mut self.waiting) {
                    self.put(&bytes, line, files, ledger);
                }
                None
            }
            Step::Reopen if !self.waiting.is_empty() => Some((SECOND / 10, Step::Reopen)),
            Step::Reopen => {
                (self.ino, self.content) = files.content_of(&self.path);
                self.old = false;
                self.begin_packing(files, rng)
            }
            Step::Copy => {
                let _ = self.step(Step::Rest, files, ledger, rng);
                files.fill_copy(&self.path, &self.sibling(1, false));
                Some((soon(rng), Step::Truncate))
            }
            // It follows the copying at once, whatever the writer is at.
            Step::Truncate => {
                let _ = self.step(Step::Rest, files, ledger, rng);
                self.content = files.truncate(&self.path, ledger);
                self.copied = false;
                self.begin_packing(files, rng)
            }
            Step::Pack => self.pack(files, ledger, rng),
        }
    }

    fn is_busy(&self) -> bool {
        self.old || self.copied || self.packing.is_some()
    }

    fn sibling(&self, number: usize, packed: bool) -> PathBuf {
        let end = if packed { ".gz" } else { "" };
        PathBuf::from(format!("{}.{number}{end}", self.path.display()))
    }

    fn shift(&mut self, files: &mut Files) {
        for number in (1..=self.siblings).rev() {
            for packed in [false, true] {
                files.rename(&self.sibling(number, packed), &self.sibling(number + 1, packed));
            }
        }
        self.siblings += 1;
    }

    fn begin_packing(&mut self, files: &mut Files, rng: &mut Rng) -> Later<Step> {
        let path = self.sibling(1 + self.plain, false);
        if !files.exists(&path) {
            return None;
        }
        self.packing = Some(Packing { packed: gzip(&files.data(&path)), path, step: 0 });
        Some((rng.range(0, 2 * SECOND), Step::Pack))
    }

    fn pack(&mut self, files: &mut Files, ledger: &mut Ledger, rng: &mut Rng) -> Later<Step> {
        if files.host.is_full() {
            return Some((5 * SECOND, Step::Pack));
        }
        let Packing { path, packed, step } = self.packing.as_mut()?;
        let name = PathBuf::from(format!("{}.gz", path.display()));
        let (first, rest) = packed.split_at(packed.len() / 2);
        *step += 1;
        match step {
            1 => {
                let (_, content) = files.content_of(path);
                files.create_packed(&name, content);
            }
            2 => files.append_packed(&name, first),
            3 => files.append_packed(&name, rest),
            _ => {
                files.unlink(path, true, ledger);
                files.host.count(Fault::Gzipped);
                self.packing = None;
                return None;
            }
        }
        Some((rng.range(0, SECOND), Step::Pack))
    }
}

/// At once, or shortly after.
fn soon(rng: &mut Rng) -> u64 {
    if rng.chance(0.5) { 0 } else { rng.range(0, SECOND / 3) }
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(data).expect("memory");
    encoder.finish().expect("memory")
}
