//! XAPI hands a full trace file over to `zstd`: whenever the agent comes to it, each span arrives once.
//!
//! The steps and their order are those of xen-api `ocaml/libs/tracing/tracing_export.ml` and
//! `ocaml/libs/xapi-compression/xapi_compression.ml`: the last spans written, an empty `.zst` that nobody may write to,
//! the file through a pipe, the file unlinked before `zstd` has ended.

use super::arrivals::Arrivals;
use super::program;
use super::repeats::Repeated;
use crate::harness::{Rig, append};
use serde_json::Value;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use tempfile::TempDir;
use testkit::collector::{self, Signal};
use testkit::driver::Agent;
use testkit::ledger::Ledger;
use testkit::standin::{Compression, Options, SECOND, SimTime, StandIn, write_all};

#[test]
fn row_06_spans_arrive_once_whenever_the_agent_starts() {
    let corpus = Corpus::new();
    for start in 0..=STEPS.len() {
        run(&corpus, start);
    }
}

#[test]
fn row_06_an_unlinked_file_is_read_while_zstd_is_at_work() {
    let corpus = Corpus::new();
    let mut stage = Stage::new(&corpus);
    must_have_room(&stage.directory);
    stage.start_agent();
    let mut file = HandOver::new(&corpus, &stage.directory);
    file.write_first_lines();
    stage.wait_for_spans(corpus.others + 1);
    [HandOver::write_last_line, HandOver::begin, HandOver::pipe_half, HandOver::unlink]
        .iter()
        .for_each(|step| step(&mut file));
    stage.wait_for_spans(corpus.others + corpus.full_spans);
    assert!(zstd::decode_all(&fs::read(file.zst()).unwrap()[..]).is_err(), "zstd was at its end before");
    file.complete();
    stage.finish(&corpus);
}

/// On a disk that is nearly full the agent holds nothing that was deleted, as it should.
fn must_have_room(directory: &Path) {
    let disk = rustix::fs::statvfs(directory).unwrap();
    let enough = disk.f_bavail >= disk.f_blocks / 10;
    assert!(enough, "{} is on a disk with less than a tenth free: set TMPDIR", directory.display());
}

/// What XAPI does with a file that has become full.
const STEPS: [fn(&mut HandOver); 6] = [
    HandOver::write_first_lines,
    HandOver::write_last_line,
    HandOver::begin,
    HandOver::pipe_half,
    HandOver::unlink,
    HandOver::complete,
];

/// One hand-over, with an agent that starts before a step of it, or after all.
fn run(corpus: &Corpus, start: usize) {
    let mut stage = Stage::new(corpus);
    let mut file = HandOver::new(corpus, &stage.directory);
    for (number, step) in STEPS.into_iter().enumerate() {
        if number == start {
            stage.start_agent();
        }
        step(&mut file);
    }
    if start == STEPS.len() {
        stage.start_agent();
    }
    stage.finish(corpus);
}

type NamedFile = (String, Vec<u8>);

/// Trace files as XAPI leaves them without compression.
struct Corpus {
    ledger: Ledger,
    /// The one that is handed over, and its spans but those that are not shipped.
    full: NamedFile,
    full_spans: u64,
    /// Others that lie beside it from the beginning, and their spans.
    beside: Vec<NamedFile>,
    others: u64,
    /// The last ones, which come when all else is over.
    late: [NamedFile; 2],
}

impl Corpus {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let standin = write_all(options(), directory.path()).unwrap();
        let mut files = read_files(&standin);
        let is_full =
            |file: &NamedFile| file.0.starts_with("xapi-") && file.1.len() as u64 >= options().file_size;
        let full = files.remove(files.iter().position(is_full).unwrap());
        let is_plugin = |file: &NamedFile| file.0.starts_with("smapi-");
        let late = [(); 2].map(|()| files.remove(files.iter().rposition(is_plugin).unwrap()));
        let mut ledger = standin.into_ledger();
        ledger.lines.clear();
        let [full_spans, late_spans] = [count(&ledger, [&full]), count(&ledger, &late)];
        let all = ledger.spans.iter().filter(|span| !span.tracer).count() as u64;
        Self { ledger, full, full_spans, beside: files, others: all - full_spans - late_spans, late }
    }
}

fn options() -> Options {
    let bulk = Options::bulk(5, 3_000, 3_000, 1, SimTime::now());
    Options {
        flush_interval: 5 * SECOND,
        file_size: 100_000,
        compression: Compression::Off,
        set_times: false,
        ..bulk
    }
}

fn read_files(standin: &StandIn) -> Vec<NamedFile> {
    let directory = standin.hosts().first().unwrap().traces();
    let names =
        fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut files: Vec<_> =
        names.map(|name| (name.clone(), fs::read(directory.join(name)).unwrap())).collect();
    files.sort();
    files
}

/// How many spans of these files are to be shipped.
fn count<'f>(ledger: &Ledger, files: impl IntoIterator<Item = &'f NamedFile>) -> u64 {
    let tracer: Vec<String> =
        ledger.spans.iter().filter(|span| span.tracer).map(|span| span.id.to_string()).collect();
    let lines = files.into_iter().flat_map(|(_, content)| content.split_inclusive(|byte| *byte == b'\n'));
    let spans = lines.flat_map(|line| serde_json::from_slice::<Vec<Value>>(line).unwrap());
    let shipped = spans.filter(|span| {
        let id = span.get("id").and_then(Value::as_str).unwrap();
        tracer.iter().all(|other| other != id)
    });
    shipped.count() as u64
}

/// One file on its way through `zstd`.
struct HandOver {
    path: PathBuf,
    content: Vec<u8>,
    /// Where the last of its lines begins; it has several.
    last: usize,
    zstd: Option<Child>,
}

impl HandOver {
    fn new(corpus: &Corpus, directory: &Path) -> Self {
        let (name, content) = &corpus.full;
        let body = content.strip_suffix(b"\n").unwrap();
        let last = 1 + body.iter().rposition(|byte| *byte == b'\n').unwrap();
        Self { path: directory.join(name), content: content.clone(), last, zstd: None }
    }

    fn write_first_lines(&mut self) {
        append(&self.path, self.content.get(..self.last).unwrap());
    }

    fn write_last_line(&mut self) {
        append(&self.path, self.content.get(self.last..).unwrap());
    }

    fn begin(&mut self) {
        let zst = OpenOptions::new().write(true).create_new(true).mode(0o444).open(self.zst()).unwrap();
        let mut command = program::command("zstd");
        command.arg("--fast").stdin(Stdio::piped()).stdout(zst).stderr(Stdio::null());
        self.zstd = Some(command.spawn().unwrap());
    }

    fn pipe_half(&mut self) {
        self.pipe(0, self.content.len() / 2);
    }

    fn unlink(&mut self) {
        self.pipe(self.content.len() / 2, self.content.len());
        fs::remove_file(&self.path).unwrap();
    }

    /// Closes the pipe, and waits for the end.
    fn complete(&mut self) {
        let mut zstd = self.zstd.take().unwrap();
        drop(zstd.stdin.take());
        assert!(zstd.wait().unwrap().success());
    }

    fn pipe(&mut self, from: usize, to: usize) {
        let piece = self.content.get(from..to).unwrap();
        self.zstd.as_mut().and_then(|zstd| zstd.stdin.as_mut()).unwrap().write_all(piece).unwrap();
    }

    fn zst(&self) -> PathBuf {
        self.path.with_extension("ndjson.zst")
    }
}

impl Drop for HandOver {
    fn drop(&mut self) {
        if let Some(zstd) = &mut self.zstd {
            let _ = zstd.kill();
            let _ = zstd.wait();
        }
    }
}

/// An agent's place, and the collector it sends to.
struct Stage {
    agent: Option<Agent>,
    directory: PathBuf,
    saved: TempDir,
    rig: Rig,
}

impl Stage {
    /// With all files but the full one and the late ones.
    fn new(corpus: &Corpus) -> Self {
        let saved = tempfile::tempdir().unwrap();
        let save = Some(saved.path().to_owned());
        let rig = Rig::with(collector::Options { save, ..collector::Options::default() });
        let directory = rig.sandbox.traces().join("zipkinv2/json");
        fs::create_dir_all(&directory).unwrap();
        corpus.beside.iter().for_each(|(name, content)| append(&directory.join(name), content));
        Self { agent: None, directory, saved, rig }
    }

    fn start_agent(&mut self) {
        self.agent = Some(self.rig.run());
    }

    fn stop_agent(&mut self) {
        self.rig.stop(&self.agent.take().unwrap());
    }

    fn wait_for_spans(&self, spans: u64) {
        self.rig.wait(|state| state.distinct(Signal::Traces) >= spans);
    }

    /// Waits for everything. A file that comes later shows that nothing else was still to come; once more after a
    /// restart.
    fn finish(mut self, corpus: &Corpus) {
        let mut expected = corpus.others + corpus.full_spans;
        self.wait_for_spans(expected);
        for file in &corpus.late {
            append(&self.directory.join(&file.0), &file.1);
            expected += count(&corpus.ledger, [file]);
            self.wait_for_spans(expected);
            self.stop_agent();
            self.start_agent();
        }
        self.stop_agent();
        Arrivals::decode(self.saved.path(), &Repeated::new()).judge_spans(&corpus.ledger);
    }
}
