//! Trace files: appended at each flush, compressed when full, a new one after that.
//!
//! The order of steps is that of xen-api `ocaml/libs/tracing/tracing_export.ml` and
//! `ocaml/libs/xapi-compression/xapi_compression.ml`.

use super::zst::Pending;
use crate::standin::host::Host;
use crate::standin::operation::SmBatch;
use crate::standin::options::{Compression, Options};
use crate::standin::span::{Service, Span};
use crate::standin::time::SimTime;
use crate::standin::zipkin;
use std::cmp::Reverse;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// OCaml's channel buffer: more than this takes several calls of write.
const PIECE: usize = 65_536;

/// The present trace file of one service of one host.
#[derive(Default)]
pub(super) struct TraceFile {
    /// Spans that have ended since the last flush.
    pub(super) waiting: Vec<Span>,
    path: Option<PathBuf>,
    pending: Option<Pending>,
    buffer: Vec<u8>,
}

/// What a flush did.
pub(super) struct Exported {
    pub(super) spans: Vec<Span>,
    pub(super) bytes: u64,
    /// When the compressed file it began will be whole.
    pub(super) compressing: Option<SimTime>,
}

impl TraceFile {
    /// Writes spans, each chunk a line; once for each observer.
    pub(super) fn export(
        &mut self,
        options: &Options,
        host: &Host,
        service: Service,
        at: SimTime,
        mut spans: Vec<Span>,
        copies: u8,
    ) -> io::Result<Exported> {
        let mut done = Exported { spans: Vec::new(), bytes: 0, compressing: None };
        if spans.is_empty() {
            return Ok(done);
        }
        self.complete(SimTime::MAX)?;
        spans.sort_by_key(|span| (span.trace, Reverse(span.end)));
        let path = self.path.get_or_insert_with(|| host.traces().join(zipkin::file_name(host, service, at)));
        let path = path.clone();
        for _ in 0..copies {
            for chunk in spans.chunks(options.chunk.max(1)) {
                self.buffer.clear();
                zipkin::ocaml(&mut self.buffer, host, chunk);
                append(&path, &self.buffer)?;
                done.bytes += self.buffer.len() as u64;
            }
        }
        done.spans = spans;
        done.compressing = self.leave_if_full(options, &path, at)?;
        Ok(done)
    }

    fn leave_if_full(&mut self, options: &Options, path: &Path, at: SimTime) -> io::Result<Option<SimTime>> {
        let full = fs::metadata(path)?.len() >= options.file_size;
        if !full && options.set_times {
            touch(path, at)?;
        }
        if !full || options.compression == Compression::Off {
            self.path = self.path.take().filter(|_| !full);
            return Ok(None);
        }
        let due = at.plus(options.compression_delay);
        self.path = None;
        let pending = Pending::begin(path, options, due)?;
        self.pending = Some(pending);
        self.complete(at)?;
        Ok(Some(due))
    }

    /// Completes the compressed file, if it is due.
    pub(super) fn complete(&mut self, now: SimTime) -> io::Result<()> {
        match self.pending.take_if(|pending| pending.due <= now) {
            Some(pending) => pending.complete(),
            None => Ok(()),
        }
    }

    /// A new life begins with a new file; the old one stays as it is, and unflushed spans are gone.
    pub(super) fn restart(&mut self) -> io::Result<()> {
        self.waiting.clear();
        self.path = None;
        self.complete(SimTime::MAX)
    }
}

fn append(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = open(path)?;
    bytes.chunks(PIECE).try_for_each(|piece| file.write_all(piece))
}

fn open(path: &Path) -> io::Result<File> {
    let open = |path| OpenOptions::new().append(true).create(true).mode(0o700).open(path);
    match open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(path.parent().unwrap_or(path))?;
            open(path)
        }
        opened => opened,
    }
}

/// A storage plugin's own file, one for each process: bytes written.
pub(super) fn plugin(options: &Options, host: &Host, batch: &SmBatch) -> io::Result<u64> {
    let mut bytes = Vec::with_capacity(8192);
    zipkin::python(&mut bytes, host, &batch.spans);
    let path = host.traces().join(zipkin::file_name(host, Service::Smapi, batch.began));
    append(&path, &bytes)?;
    if options.set_times {
        touch(&path, batch.at)?;
    }
    Ok(bytes.len() as u64)
}

pub(super) fn touch(path: &Path, at: SimTime) -> io::Result<()> {
    open(path)?.set_modified(at.to_system())
}
