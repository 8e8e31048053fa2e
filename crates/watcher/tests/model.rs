//! Random histories of a log and of trace files: whatever happens, each whole line is handed out, once a run, and
//! after a restart only if it was not known to be settled.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what is not there is a failed test")]

mod common;

use common::disk::Disk;
use common::reader::{LOG, Reader};
use common::{gzip, zstd};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use watcher::{Reason, Receipt};

#[derive(Clone, Debug)]
enum Step {
    /// Whole lines, and perhaps the first part of another.
    Write {
        lines: u8,
        torn: bool,
    },
    /// The same by the descriptor that is still open on the rotated file.
    WriteOld {
        lines: u8,
    },
    /// logrotate renames; the last plain sibling but one begins to be compressed.
    Rotate,
    /// A step of the compression that goes on: half written, whole, original removed.
    Compress,
    /// A trace file grows.
    Export {
        file: u8,
        lines: u8,
    },
    /// XAPI compresses the trace file: created, half, unlinked, whole.
    Pack {
        file: u8,
    },
    Time {
        millis: u16,
    },
    Scan,
    Read {
        bytes: u16,
    },
    Settle {
        every: u8,
    },
    Save,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..20u8, any::<bool>()).prop_map(|(lines, torn)| Step::Write { lines, torn }),
        1 => (0..5u8).prop_map(|lines| Step::WriteOld { lines }),
        2 => Just(Step::Rotate),
        3 => Just(Step::Compress),
        4 => (0..4u8, 0..40u8).prop_map(|(file, lines)| Step::Export { file, lines }),
        4 => (0..4u8).prop_map(|file| Step::Pack { file }),
        4 => (0..4000u16).prop_map(|millis| Step::Time { millis }),
        4 => Just(Step::Scan),
        4 => (0..4000u16).prop_map(|bytes| Step::Read { bytes }),
        3 => (1..4u8).prop_map(|every| Step::Settle { every }),
        2 => Just(Step::Save),
        1 => Just(Step::Restart),
    ]
}

/// What is done to the disk, and what must come of it.
struct World {
    disk: Disk,
    reader: Reader,
    /// Whole lines on the disk.
    written: BTreeSet<String>,
    next: usize,
    torn: Option<String>,
    old: Option<u64>,
    compressing: Option<(u64, Vec<u8>, u8)>,
    packing: BTreeMap<u8, (String, u8)>,
    generation: [usize; 4],
    /// Lines of this run, and which of them were settled.
    seen: BTreeSet<String>,
    open: Vec<(Receipt, String)>,
    settled: BTreeSet<String>,
    stored: BTreeSet<String>,
    delivered: BTreeSet<String>,
}

impl World {
    fn new() -> Self {
        let disk = Disk::new();
        disk.mkdir("/log/dt");
        disk.create(LOG);
        let mut reader = Reader::new(&disk);
        reader.settle = false;
        // Without a checkpoint, siblings would be passed over.
        reader.scan();
        reader.save();
        Self {
            disk,
            reader,
            written: BTreeSet::new(),
            next: 0,
            torn: None,
            old: None,
            compressing: None,
            packing: BTreeMap::new(),
            generation: [0; 4],
            seen: BTreeSet::new(),
            open: Vec::new(),
            settled: BTreeSet::new(),
            stored: BTreeSet::new(),
            delivered: BTreeSet::new(),
        }
    }

    fn lines(&mut self, n: u8, form: fn(usize) -> String) -> String {
        let lines: Vec<String> = (self.next..self.next + usize::from(n)).map(form).collect();
        self.next += usize::from(n);
        self.written.extend(lines.iter().cloned());
        lines.iter().map(|line| format!("{line}\n")).collect()
    }

    fn write(&mut self, lines: u8, torn: bool) {
        let mut text = self.torn.take().map(|rest| rest + "\n").unwrap_or_default();
        text += &self.lines(lines, log_line);
        if torn {
            let line = log_line(self.next);
            self.next += 1;
            text += &line[..20];
            self.torn = Some(line[20..].to_owned());
            self.written.insert(line);
        }
        self.disk.append(LOG, text.as_bytes());
    }

    fn rotate(&mut self) {
        if self.compressing.is_some() {
            return;
        }
        self.write(0, false);
        self.old = Some(self.disk.ino(LOG));
        for n in (1..60).rev() {
            for end in ["", ".gz"] {
                let from = format!("{LOG}.{n}{end}");
                if self.disk.exists(&from) {
                    self.disk.rename(from, format!("{LOG}.{}{end}", n + 1));
                }
            }
        }
        self.disk.rename(LOG, format!("{LOG}.1"));
        self.disk.create(LOG);
        if self.disk.exists(format!("{LOG}.2")) {
            let text = String::from_utf8(self.disk.data(format!("{LOG}.2"))).unwrap();
            self.compressing = Some((0, gzip(&text), 0));
        }
    }

    fn compress(&mut self) {
        let Some((_, packed, step)) = &mut self.compressing else { return };
        let (name, half) = (format!("{LOG}.2.gz"), packed.len() / 2);
        *step += 1;
        match step {
            1 => self.disk.append(name, &packed[..half]),
            2 => self.disk.append(name, &packed[half..]),
            _ => {
                self.disk.unlink(format!("{LOG}.2"));
                self.compressing = None;
            }
        }
    }

    fn trace(&self, file: u8) -> String {
        let generation = self.generation[usize::from(file)];
        format!("/log/dt/xapi{file}-2026-02-19T20:{:02}:{:02}Z.ndjson", generation / 60, generation % 60)
    }

    fn export(&mut self, file: u8, lines: u8) {
        if !self.packing.contains_key(&file) {
            let text = self.lines(lines, export);
            self.disk.append(self.trace(file), text.as_bytes());
        }
    }

    fn pack(&mut self, file: u8) {
        let path = self.trace(file);
        if !self.packing.contains_key(&file) {
            if self.disk.exists(&path) {
                let text = String::from_utf8(self.disk.data(&path)).unwrap();
                self.packing.insert(file, (text, 0));
                self.disk.create(format!("{path}.zst"));
            }
            return;
        }
        let (text, step) = self.packing.get_mut(&file).unwrap();
        let packed = zstd(text);
        *step += 1;
        match step {
            1 => self.disk.append(format!("{path}.zst"), &packed[..packed.len() / 2]),
            2 => self.disk.unlink(&path),
            _ => {
                self.disk.append(format!("{path}.zst"), &packed[packed.len() / 2..]);
                self.packing.remove(&file);
                self.generation[usize::from(file)] += 1;
            }
        }
    }

    fn read(&mut self, bytes: u16) {
        let from = self.reader.lines.len();
        self.reader.read_some(usize::from(bytes));
        let receipts = std::mem::take(&mut self.reader.receipts);
        for (receipt, line) in receipts.into_iter().zip(self.reader.lines[from..].to_vec()) {
            assert!(self.written.contains(&line), "never written: {line}");
            assert!(self.seen.insert(line.clone()), "twice in a run: {line}");
            assert!(!self.stored.contains(&line), "again though settled: {line}");
            self.delivered.insert(line.clone());
            self.open.push((receipt, line));
        }
    }

    fn settle(&mut self, every: u8) {
        let mut at = 0;
        let (watcher, settled) = (&mut self.reader.watcher, &mut self.settled);
        self.open.retain(|(receipt, line)| {
            at += 1;
            let keep = at % usize::from(every) != 0;
            if !keep {
                assert!(watcher.settle(*receipt, 1));
                settled.insert(line.clone());
            }
            keep
        });
    }

    fn save(&mut self) {
        self.reader.save();
        self.stored.extend(self.settled.iter().cloned());
    }

    fn restart(&mut self) {
        self.reader.restart(&self.disk);
        self.open.clear();
        self.settled.clear();
        self.seen.clear();
    }

    fn time(&mut self, millis: u64) {
        self.reader.mono += Duration::from_millis(millis);
        self.disk.advance((millis * 1_000_000).try_into().unwrap());
    }

    fn apply(&mut self, step: &Step) {
        match *step {
            Step::Write { lines, torn } => self.write(lines, torn),
            Step::WriteOld { lines } => {
                if let Some(old) = self.old.filter(|_| self.compressing.is_none()) {
                    let text = self.lines(lines, log_line);
                    self.disk.write(old, text.as_bytes());
                }
            }
            Step::Rotate => self.rotate(),
            Step::Compress => self.compress(),
            Step::Export { file, lines } => self.export(file, lines),
            Step::Pack { file } => self.pack(file),
            Step::Time { millis } => self.time(millis.into()),
            Step::Scan => self.reader.scan_due(),
            Step::Read { bytes } => self.read(bytes),
            Step::Settle { every } => self.settle(every),
            Step::Save => self.save(),
            Step::Restart => self.restart(),
        }
    }

    /// All that was begun is ended, and everything is read.
    fn finish(&mut self) {
        self.write(0, false);
        (0..4).for_each(|_| self.compress());
        for file in 0..4 {
            while self.packing.contains_key(&file) {
                self.pack(file);
            }
        }
        for _ in 0..200 {
            self.time(500);
            self.reader.scan_due();
            for _ in 0..1000 {
                let before = self.seen.len();
                self.read(4000);
                self.settle(1);
                if self.seen.len() == before {
                    break;
                }
            }
        }
    }
}

fn log_line(n: usize) -> String {
    format!("Nov 21 03:44:0{} host xapi: line {n:06}", n % 10)
}

fn export(n: usize) -> String {
    format!("[{{\"traceId\":\"{n:032x}\",\"id\":\"{n:016x}\"}}]")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, max_shrink_iters: 4000, ..ProptestConfig::default() })]
    #[test]
    fn each_line_is_handed_out_once_and_none_is_lost(steps in proptest::collection::vec(step(), 1..150)) {
        let mut world = World::new();
        steps.iter().for_each(|step| world.apply(step));
        world.finish();
        // A compression that pauses for a minute is taken for broken, and counted; it is read when it goes on.
        world.reader.lost.remove(&Reason::Undecodable);
        prop_assert_eq!(&world.reader.lost, &BTreeMap::new());
        let missing: Vec<_> = world.written.difference(&world.delivered).collect();
        prop_assert!(missing.is_empty(), "never handed out: {:?}", missing);
    }
}
