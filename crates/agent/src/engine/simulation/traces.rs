//! The trace files: services that append arrays to them, and XAPI that compresses and trims them.

use super::faults::Fault;
use super::files::{ContentId, End, Files};
use super::ledger::Ledger;
use super::logs::Later;
use super::script::{HOST, SECOND, Service, wall};
use chrono::DateTime;
use std::path::{Path, PathBuf};
use testkit::standin::Rng;

pub(super) const DIRECTORY: &str = "/log/dt";

/// A file that a service writes to.
struct Live {
    path: PathBuf,
    ino: u64,
    content: ContentId,
    /// Arrays until it begins another file.
    left: u64,
}

/// How far the compression of a file has come.
struct Packing {
    path: PathBuf,
    packed: Vec<u8>,
    step: u8,
    /// The original goes before the first byte of the copy is there.
    early: bool,
}

/// See the module.
pub(super) struct Traces {
    live: [Option<Live>; 2],
    /// Files that nobody writes to any more, oldest first.
    finished: Vec<PathBuf>,
    packing: Vec<Packing>,
}

/// An array of spans to be written.
pub(super) struct Array<'a> {
    pub(super) line: u32,
    pub(super) records: &'a [u32],
    pub(super) bytes: Vec<u8>,
    /// Where each span ends.
    pub(super) ends: Vec<usize>,
}

/// Names a file that is being compressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pack(PathBuf);

impl Traces {
    pub(super) fn new() -> Self {
        Self { live: [None, None], finished: Vec::new(), packing: Vec::new() }
    }

    /// A service exports; a file that gets its last array is compressed some time later.
    pub(super) fn export(
        &mut self,
        service: Service,
        array: Array<'_>,
        now: (u64, i64),
        files: &mut Files,
        ledger: &mut Ledger,
        rng: &mut Rng,
    ) -> Later<Pack> {
        if service == Service::Smapi {
            let live = begin(service, 1, now, files, rng);
            write(&live, array, files, ledger, rng);
            return self.finish(live.path, rng);
        }
        let place = &mut self.live[service as usize];
        let live = place.get_or_insert_with(|| {
            let left = rng.range(2, 14);
            begin(service, left, now, files, rng)
        });
        write(live, array, files, ledger, rng);
        live.left -= 1;
        let ended = place.take_if(|live| live.left == 0)?;
        self.finish(ended.path, rng)
    }

    fn finish(&mut self, path: PathBuf, rng: &mut Rng) -> Later<Pack> {
        self.finished.push(path.clone());
        rng.chance(0.7).then(|| (rng.range(0, 40 * SECOND), Pack(path)))
    }

    /// The next step of a file's compression.
    pub(super) fn pack(
        &mut self,
        Pack(path): Pack,
        alive: bool,
        files: &mut Files,
        ledger: &mut Ledger,
        rng: &mut Rng,
    ) -> Later<Pack> {
        let again = Pack(path.clone());
        if files.host.is_full() {
            return Some((5 * SECOND, again));
        }
        let at = self.packing.iter().position(|packing| packing.path == path);
        let Some(at) = at else { return self.begin_packing(path, files, rng) };
        let Packing { packed, step, early, .. } = &mut self.packing[at];
        let name = packed_name(&path);
        let (first, rest) = packed.split_at(packed.len() / 2);
        *step += 1;
        match (*step, *early) {
            (1, true) | (2, false) => {
                files.unlink(&path, alive, ledger);
                files.host.count(Fault::Unlinked);
            }
            (1, false) | (2, true) => files.append_packed(&name, first),
            _ => {
                files.append_packed(&name, rest);
                self.packing.remove(at);
                self.finished.push(name);
                return None;
            }
        }
        Some((pause(rng), again))
    }

    fn begin_packing(&mut self, path: PathBuf, files: &mut Files, rng: &mut Rng) -> Later<Pack> {
        let at = self.finished.iter().position(|finished| *finished == path)?;
        self.finished.remove(at);
        let (_, content) = files.content_of(&path);
        files.create_packed(&packed_name(&path), content);
        let packed = zstd::bulk::compress(&files.data(&path), -1).expect("memory");
        self.packing.push(Packing { path: path.clone(), packed, step: 0, early: rng.chance(0.5) });
        Some((pause(rng), Pack(path)))
    }

    /// XAPI removes the oldest file that nobody writes to.
    pub(super) fn trim(&mut self, alive: bool, files: &mut Files, ledger: &mut Ledger) {
        if self.finished.is_empty() {
            return;
        }
        let path = self.finished.remove(0);
        files.unlink(&path, alive, ledger);
        files.host.count(Fault::Trimmed);
    }
}

fn packed_name(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}.zst", path.display()))
}

fn pause(rng: &mut Rng) -> u64 {
    *rng.choose(&[0, SECOND / 100, SECOND, 5 * SECOND]).expect("some")
}

fn begin(service: Service, left: u64, (now, skew): (u64, i64), files: &mut Files, rng: &mut Rng) -> Live {
    // Two files of one service never have the same name, whatever the clock does.
    let time = DateTime::from_timestamp_nanos(wall(now, skew)).format("%Y-%m-%dT%H:%M:%S");
    let path = PathBuf::from(format!(
        "{DIRECTORY}/{}-{HOST}-{time}.{:06}-00:00.ndjson",
        service.name(),
        rng.below(1_000_000)
    ));
    let (ino, content) = files.create(&path);
    Live { path, ino, content, left }
}

fn write(live: &Live, array: Array<'_>, files: &mut Files, ledger: &mut Ledger, rng: &mut Rng) {
    let Array { line, records, bytes, ends } = array;
    let place = (live.ino, live.content);
    if !files.host.is_full() {
        return files.append(place, &bytes, End::Line(line), ledger);
    }
    files.host.count(Fault::DiskFull);
    let fits = usize::try_from(rng.below(bytes.len() as u64)).expect("small");
    if fits > 0 {
        let whole = records.iter().zip(ends).filter(|(_, end)| *end <= fits).map(|(record, _)| *record);
        ledger.cut(line, whole.collect());
        files.append(place, &bytes[..fits], End::Cut(line), ledger);
    }
}
