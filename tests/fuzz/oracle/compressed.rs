//! What must be true of any bytes as a compressed file: what is handed out is what a plain decoder finds at that place,
//! in order, once, with nothing left out between; what can't be decoded is counted; and reading comes to an end.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    unreachable_pub,
    reason = "an oracle says so by failing"
)]

use super::common::disk::Disk;
use std::io::Read;
use std::time::Duration;
use watcher::{
    Change, Item, LogId, LogSettings, Now, Purpose, Reason, Settings, StartAt, StreamKind, Taken, Watcher,
};

/// More of a file is not looked at: a bomb has no end.
const READ: usize = 1 << 20;
const WINDOW_LOG: u32 = 20;
const LINE_LIMIT: usize = 5000;
/// What one step of a decoder gives is lost if that step fails.
const STEP: usize = 4096;

/// The first byte says whether it is a trace file (zstd) or a rotated log (gzip).
pub fn check(data: &[u8]) {
    let Some((kind, bytes)) = data.split_first() else { return };
    let (path, (decoded, whole)) = match kind & 1 {
        0 => ("/log/dt/x.ndjson.zst", unzstd(bytes)),
        _ => ("/log/x.log.1.gz", gunzip(bytes)),
    };
    let disk = Disk::new();
    disk.mkdir("/log/dt");
    disk.create("/log/x.log");
    disk.append(path, bytes);
    let sure = if whole { decoded.len() } else { decoded.len().saturating_sub(STEP) };
    let mut account = Account { decoded, at: 0, lost: 0 };
    if read(&disk, &mut account) {
        account.close(sure);
        assert!(whole || account.lost > 0 || !has_content(*kind, bytes), "what can't be decoded is counted");
    }
}

/// A file that ends within its header has no content to lose.
fn has_content(kind: u8, bytes: &[u8]) -> bool {
    match kind & 1 {
        // The magic number, the smallest frame header, a block header.
        0 => bytes.len() > 4 + 2 + 3,
        _ => flate2::bufread::GzDecoder::new(bytes).header().is_some(),
    }
}

fn settings() -> Settings {
    let log = LogSettings { path: "/log/x.log".into(), start_at: StartAt::Beginning };
    Settings {
        traces: vec!["/log/dt".into()],
        logs: vec![log],
        line_limit: LINE_LIMIT,
        window_log_max: WINDOW_LOG,
        all_siblings: true,
        max_age: Duration::ZERO,
        ..Settings::default()
    }
}

/// Scans and reads for 80 seconds of the disk's time, in which a cut file is given up; whether all was read.
fn read(disk: &Disk, account: &mut Account) -> bool {
    let mut watcher = Watcher::new(Box::new(disk.clone()), settings(), Vec::new());
    let mut left = READ;
    for step in 1..20_u32 {
        disk.advance(4_000_000_000);
        let wall_unix_nano = disk.clock().try_into().expect("after 1970");
        let changes = watcher.scan(Now { mono: Duration::from_secs(4) * step, wall_unix_nano });
        changes.iter().for_each(|change| account.change(change));
        for kind in [StreamKind::Trace, StreamKind::Log(LogId(0))] {
            loop {
                let next = watcher.unread(kind, Purpose::Deliver).next();
                let Some(stream) = next else { break };
                let outcome = watcher.read(stream, Purpose::Deliver, 3000, &mut |item| account.take(item));
                let Some(rest) = left.checked_sub(outcome.bytes.max(1) as usize) else { return false };
                left = rest;
            }
        }
    }
    true
}

/// What was handed out, against what a plain decoder found.
struct Account {
    decoded: Vec<u8>,
    /// Everything before was handed out or passed over.
    at: usize,
    /// How many bytes were counted as lost.
    lost: u64,
}

impl Account {
    fn change(&mut self, change: &Change) {
        if let Change::Lost(lost) = change {
            self.lost += lost.bytes;
        }
    }

    /// All whole lines of what is surely decodable were handed out. (Of documents over several lines it can't be
    /// said from outside where they end.)
    fn close(&self, sure: usize) {
        let simple = |line: &[u8]| line.starts_with(b"[") && line.ends_with(b"]");
        let text = self.decoded.get(..sure).unwrap_or_default();
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(&b""[..], |end| &text[..end]);
        if whole.split(|byte| *byte == b'\n').all(simple) {
            assert!(self.at >= whole.len(), "{} of {} bytes were handed out", self.at, whole.len());
        }
    }

    fn take(&mut self, item: Item<'_>) -> Taken {
        match item {
            Item::Line(line) => {
                let (start, end) = (line.start as usize, line.end as usize);
                let between = self.decoded.get(self.at..start).unwrap_or_default();
                assert!(between.iter().all(u8::is_ascii_whitespace), "left out before {start}: {between:?}");
                let expected = self.decoded.get(start..start + line.bytes.len());
                assert!(
                    end <= READ || expected.is_none() || expected == Some(line.bytes),
                    "other bytes at {start}"
                );
                assert!(line.bytes.len() <= LINE_LIMIT);
                self.at = end;
                // Nothing is settled one by one here: what has no parts is settled at once.
                Taken::parts(0)
            }
            Item::Skipped(skipped) => {
                self.lost += skipped.bytes;
                assert!(skipped.start as usize >= self.at, "passed over what was handed out");
                if skipped.reason != Reason::Undecodable {
                    self.at = self.at.max((skipped.start + skipped.bytes) as usize);
                }
                Taken::default()
            }
            Item::Settled(_) => panic!("nothing was settled before"),
        }
    }
}

fn unzstd(bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut decoder = zstd::stream::read::Decoder::new(bytes).expect("memory");
    decoder.window_log_max(WINDOW_LOG).expect("a window");
    all(decoder)
}

fn gunzip(bytes: &[u8]) -> (Vec<u8>, bool) {
    all(flate2::bufread::MultiGzDecoder::new(bytes))
}

/// What can be decoded, up to the first error, and whether there was none.
fn all(mut decoder: impl Read) -> (Vec<u8>, bool) {
    let (mut out, mut piece) = (Vec::new(), [0; STEP]);
    while out.len() < READ + LINE_LIMIT {
        match decoder.read(&mut piece) {
            Ok(0) => return (out, true),
            Ok(length) => out.extend_from_slice(&piece[..length]),
            Err(_) => return (out, false),
        }
    }
    (out, true)
}
