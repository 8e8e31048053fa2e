//! An engine in small: scans, reads everything, settles, and keeps account.

use super::disk::Disk;
use std::collections::BTreeMap;
use std::time::Duration;
use watcher::{
    Change, FileSystem, Hint, Item, LogId, LogSettings, Now, Purpose, Reason, Receipt, SavedStream, Settings,
    StartAt, StreamKind, Taken, Trouble, Watcher,
};

pub const TRACES: &str = "/log/dt";
pub const LOG: &str = "/log/x.log";

/// Traces in `/log/dt`, the log `/log/x.log`.
pub fn settings() -> Settings {
    let log = LogSettings { path: LOG.into(), start_at: StartAt::Beginning };
    Settings { traces: vec![TRACES.into()], logs: vec![log], line_limit: 5000, ..Settings::default() }
}

pub struct Reader {
    pub watcher: Watcher,
    pub settings: Settings,
    clock: Box<dyn Fn() -> u64>,
    pub mono: Duration,
    /// All lines that were handed out, in order.
    pub lines: Vec<String>,
    /// Lines that were settled before a restart, and came by again.
    pub known: Vec<String>,
    /// What is not settled yet.
    pub receipts: Vec<Receipt>,
    pub lost: BTreeMap<Reason, u64>,
    pub troubles: Vec<(String, Option<Trouble>)>,
    pub changes: Vec<Change>,
    /// What a store would hold.
    pub store: BTreeMap<u64, SavedStream>,
    /// Settle each line as soon as it is read.
    pub settle: bool,
}

impl Reader {
    pub fn new(disk: &Disk) -> Self {
        Self::with(disk, settings(), BTreeMap::new())
    }

    pub fn with(disk: &Disk, settings: Settings, store: BTreeMap<u64, SavedStream>) -> Self {
        let clock = disk.clone();
        Self::on(Box::new(disk.clone()), Box::new(move || clock.clock().try_into().unwrap()), settings, store)
    }

    pub fn on(
        fs: Box<dyn FileSystem>,
        clock: Box<dyn Fn() -> u64>,
        settings: Settings,
        store: BTreeMap<u64, SavedStream>,
    ) -> Self {
        let saved = store.values().map(|saved| SavedStream::from_bytes(&saved.to_bytes()).unwrap()).collect();
        Self {
            watcher: Watcher::new(fs, settings.clone(), saved),
            settings,
            clock,
            mono: Duration::from_secs(1),
            lines: Vec::new(),
            known: Vec::new(),
            receipts: Vec::new(),
            lost: BTreeMap::new(),
            troubles: Vec::new(),
            changes: Vec::new(),
            store,
            settle: true,
        }
    }

    /// Starts again from what was stored.
    pub fn restart(&mut self, disk: &Disk) {
        let next = Self::with(disk, self.settings.clone(), self.store.clone());
        let old = std::mem::replace(self, next);
        self.lines = old.lines;
        self.lost = old.lost;
        self.settle = old.settle;
    }

    pub fn now(&self) -> Now {
        Now { mono: self.mono, wall_unix_nano: (self.clock)() }
    }

    /// A scan in which nothing is read, told that all may have changed.
    pub fn scan(&mut self) {
        self.watcher.wake(Hint::Rescan);
        self.scan_due();
    }

    /// A scan of what is due or hinted.
    pub fn scan_due(&mut self) {
        let changes = self.watcher.scan(self.now());
        for change in &changes {
            match change {
                Change::Lost(lost) => *self.lost.entry(lost.reason).or_default() += lost.bytes,
                Change::Trouble { path, trouble } => {
                    self.troubles.push((path.display().to_string(), *trouble))
                }
                _ => {}
            }
        }
        self.changes.extend(changes);
    }

    /// Reads until nothing is unread. Panics if that takes for ever.
    pub fn read(&mut self) -> usize {
        let before = self.lines.len();
        for _ in 0..100_000 {
            if !self.read_some(3000) {
                return self.lines.len() - before;
            }
        }
        panic!("reading does not come to an end");
    }

    /// One read of the first unread stream of each kind.
    pub fn read_some(&mut self, bytes: usize) -> bool {
        let kinds = [StreamKind::Trace, StreamKind::Log(LogId(0))];
        let next: Vec<_> =
            kinds.iter().filter_map(|kind| self.watcher.unread(*kind, Purpose::Deliver).next()).collect();
        for stream in &next {
            let mut receipts = Vec::new();
            let (lines, known, lost) = (&mut self.lines, &mut self.known, &mut self.lost);
            self.watcher.read(*stream, Purpose::Deliver, bytes, &mut |item| match item {
                Item::Line(line) => {
                    lines.push(String::from_utf8_lossy(line.bytes).into_owned());
                    receipts.push(line.receipt);
                    Taken::parts(1)
                }
                Item::Settled(line) => {
                    known.push(String::from_utf8_lossy(line.bytes).into_owned());
                    Taken::default()
                }
                Item::Skipped(skipped) => {
                    *lost.entry(skipped.reason).or_default() += skipped.bytes;
                    Taken::default()
                }
            });
            self.receipts.append(&mut receipts);
        }
        if self.settle {
            self.settle_all();
        }
        !next.is_empty()
    }

    pub fn settle_all(&mut self) {
        for receipt in std::mem::take(&mut self.receipts) {
            assert!(self.watcher.settle(receipt, 1), "{receipt:?} is open");
        }
    }

    /// Stores what changed.
    pub fn save(&mut self) {
        let dirty = self.watcher.take_dirty(self.now(), usize::MAX);
        self.store.extend(dirty.saved.into_iter().map(|saved| (saved.key, saved)));
        dirty.removed.iter().for_each(|key| drop(self.store.remove(key)));
    }

    /// Time goes by, in steps of a quarter of a second; each is scanned and read.
    pub fn run(&mut self, disk: &Disk, seconds: f64) {
        for _ in 0..(seconds * 4.0) as u32 {
            self.mono += Duration::from_millis(250);
            disk.advance(250_000_000);
            self.scan_due();
            self.read();
        }
    }

    /// Scans all, reads all, and gives the lines since the last time.
    pub fn take(&mut self) -> Vec<String> {
        self.scan();
        self.read();
        std::mem::take(&mut self.lines)
    }
}
