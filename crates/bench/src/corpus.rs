//! The files that the agent reads: written by the stand-in from seed 1, and the same spans laid out in other files.
//!
//! A corpus is written once and kept; its counts stand beside it, so that a later run need not count again.

use crate::Result;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use testkit::standin::{Compression, Options, SimTime, TRACES, write_all};

/// The corpora's own present, so that the same bytes come out each time.
const END: u64 = 1_772_400_000;
/// What a span takes on average, as the stand-in writes it.
const SPAN_BYTES: u64 = 700;
/// What a line takes on average.
const LINE_BYTES: u64 = 224;
/// Spans a second: a busy host, which writes 1 GB of log a day.
const SPANS_PER_SECOND: u64 = 27;
/// Lines of all logs for each span: so that xensource.log has two.
const LINES_PER_SPAN: u64 = 2;

/// A corpus on disk.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Corpus {
    /// The directory of trace files.
    pub(crate) traces: PathBuf,
    /// xensource.log; not there in a corpus of traces alone.
    pub(crate) log: PathBuf,
    /// What names the host whose spans and lines these are.
    pub(crate) inventory: PathBuf,
    /// Spans, the tracer's own included.
    pub(crate) spans: u64,
    /// Bytes of trace files, uncompressed.
    pub(crate) trace_bytes: u64,
    pub(crate) files: u64,
    pub(crate) lines: u64,
    pub(crate) log_bytes: u64,
}

/// Trace files of about so many bytes, and no log.
pub(crate) fn traces(root: &Path, bytes: u64, compression: Compression) -> Result<Corpus> {
    let form = if compression == Compression::Off { "plain" } else { "zst" };
    standin(&root.join(format!("traces-{form}-{bytes}")), bytes / SPAN_BYTES, 0, compression)
}

/// A log of about so many bytes, and the trace files that belong to it.
pub(crate) fn logs(root: &Path, bytes: u64) -> Result<Corpus> {
    let lines = bytes / LINE_BYTES;
    standin(&root.join(format!("logs-{bytes}")), lines / LINES_PER_SPAN, lines, Compression::Off)
}

fn standin(directory: &Path, spans: u64, lines: u64, compression: Compression) -> Result<Corpus> {
    kept(directory, || {
        let options = Options::bulk(1, spans, lines, 24, SimTime::from_seconds(END));
        let start = SimTime::from_seconds(END - spans / SPANS_PER_SECOND);
        let written = write_all(Options { start, compression, ledger: false, ..options }, directory)?;
        let host = written.hosts().first().ok_or("the stand-in has no host")?;
        let (spans, trace_bytes) = (written.written().spans, written.written().trace_bytes);
        let (traces, log) = (host.traces(), host.log("xensource.log"));
        let inventory = host.root.join("etc/xensource-inventory");
        let files = std::fs::read_dir(&traces)?.count() as u64;
        let (lines, log_bytes) = if log.exists() { count_lines(&log)? } else { (0, 0) };
        Ok(Corpus { traces, log, inventory, spans, trace_bytes, files, lines, log_bytes })
    })
}

fn count_lines(path: &Path) -> Result<(u64, u64)> {
    let mut reader = BufReader::with_capacity(1 << 20, std::fs::File::open(path)?);
    let (mut lines, mut bytes) = (0, 0);
    loop {
        let piece = reader.fill_buf()?;
        if piece.is_empty() {
            return Ok((lines, bytes));
        }
        lines += memchr::memchr_iter(b'\n', piece).count() as u64;
        bytes += piece.len() as u64;
        let length = piece.len();
        reader.consume(length);
    }
}

/// The spans of a corpus, ten to a line, dealt to so many files.
pub(crate) fn dealt(root: &Path, of: &Corpus, files: u64) -> Result<Corpus> {
    const SPANS_PER_LINE: u64 = 10;
    let directory = root.join(format!("traces-{}-in-{files}-files", of.trace_bytes));
    kept(&directory, || {
        let traces = directory.join(TRACES);
        std::fs::create_dir_all(&traces)?;
        let each = (of.spans.div_ceil(files)).next_multiple_of(SPANS_PER_LINE);
        let (mut spans, mut trace_bytes, mut line, mut file) = (0, 0, Vec::new(), Vec::new());
        for_each_span(of, |span| {
            line.extend_from_slice(if line.is_empty() { b"[" } else { b"," });
            line.extend_from_slice(span.as_bytes());
            spans += 1;
            if spans % SPANS_PER_LINE == 0 {
                file.append(&mut line);
                file.extend_from_slice(b"]\n");
            }
            if spans % each == 0 {
                trace_bytes += save(&traces, spans / each, &mut file)?;
            }
            Ok(())
        })?;
        if !line.is_empty() {
            file.append(&mut line);
            file.extend_from_slice(b"]\n");
        }
        trace_bytes += save(&traces, spans / each + 1, &mut file)?;
        let files = std::fs::read_dir(&traces)?.count() as u64;
        Ok(Corpus { traces, spans, trace_bytes, files, ..Corpus::default() })
    })
}

fn save(traces: &Path, number: u64, file: &mut Vec<u8>) -> Result<u64> {
    if file.is_empty() {
        return Ok(0);
    }
    std::fs::write(traces.join(file_name(number)), &file)?;
    let bytes = file.len() as u64;
    file.clear();
    Ok(bytes)
}

/// A trace file's name as XAPI gives it; a later number is a later file.
pub(crate) fn file_name(number: u64) -> String {
    let (hours, minutes, seconds) = (number / 3600 % 24, number / 60 % 60, number % 60);
    format!(
        "xapi-{}-2026-02-19T{hours:02}:{minutes:02}:{seconds:02}.{number:06}-00:00.ndjson",
        testkit::driver::HOST_UUID
    )
}

/// Every line of a corpus's plain trace files, file by file.
pub(crate) fn for_each_line(of: &Corpus, mut each: impl FnMut(&Path, &[u8]) -> Result<()>) -> Result<()> {
    for path in plain_files(&of.traces)? {
        let bytes = std::fs::read(&path)?;
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            each(&path, line)?;
        }
    }
    Ok(())
}

fn for_each_span(of: &Corpus, mut each: impl FnMut(&str) -> Result<()>) -> Result<()> {
    for_each_line(of, |_, line| {
        let spans: Vec<&RawValue> = serde_json::from_slice(line)?;
        spans.into_iter().try_for_each(|span| each(span.get()))
    })
}

/// The files that are not compressed, oldest name first.
pub(crate) fn plain_files(traces: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(traces)?.collect::<std::io::Result<Vec<_>>>()?;
    let mut files: Vec<PathBuf> = entries.iter().map(std::fs::DirEntry::path).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "ndjson"));
    files.sort();
    Ok(files)
}

/// The corpus that is there already, or else a new one.
fn kept(directory: &Path, write: impl FnOnce() -> Result<Corpus>) -> Result<Corpus> {
    let counts = directory.join("corpus.json");
    if let Ok(text) = std::fs::read(&counts) {
        return Ok(serde_json::from_slice(&text)?);
    }
    if directory.exists() {
        std::fs::remove_dir_all(directory)?;
    }
    std::fs::create_dir_all(directory)?;
    eprintln!("   writing {}", directory.display());
    let corpus = write()?;
    std::fs::File::create(counts)?.write_all(&serde_json::to_vec(&corpus)?)?;
    Ok(corpus)
}
