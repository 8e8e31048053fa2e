//! What each case adds to the run's ledger: a line in a file that `tests/run` sums up at its end.
//!
//! The file is `tmp/ledger.tsv` in Cargo's target directory: name of the test, records written, delivered, set aside,
//! lost, duplicates, kills, and the bound of duplicates, with tabs between. Of several statements about one rig the last
//! counts; a test that fails says nothing.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Records of one rig at rest, spans and lines together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sums {
    pub(crate) written: u64,
    pub(crate) delivered: u64,
    pub(crate) set_aside: u64,
    pub(crate) lost: u64,
    pub(crate) duplicates: u64,
    pub(crate) kills: u64,
    /// As many duplicates were allowed.
    pub(crate) bound: u64,
}

impl Sums {
    /// Whether each record is accounted for, and no more came twice than may.
    pub(crate) fn is_whole(&self) -> bool {
        self.written == self.delivered + self.set_aside + self.lost && self.duplicates <= self.bound
    }
}

/// The statement of one rig; written down when the rig is dropped.
#[derive(Debug)]
pub(crate) struct Account {
    test: String,
    sums: Mutex<Option<Sums>>,
}

impl Account {
    /// Of the test that runs on this thread.
    pub(crate) fn new() -> Self {
        let test = std::thread::current().name().unwrap_or("unnamed").to_owned();
        Self { test, sums: Mutex::default() }
    }

    /// What is so now, in place of what was said before.
    pub(crate) fn state(&self, sums: Sums) {
        assert!(sums.is_whole(), "{}: {sums:?}", self.test);
        *self.sums.lock().unwrap_or_else(PoisonError::into_inner) = Some(sums);
    }

    fn write(&self, sums: Sums) {
        let Sums { written, delivered, set_aside, lost, duplicates, kills, bound } = sums;
        let numbers = [written, delivered, set_aside, lost, duplicates, kills, bound].map(|n| n.to_string());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ledger.tsv");
        super::append(&path, format!("{}\t{}\n", self.test, numbers.join("\t")));
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let sums = self.sums.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(sums) = sums.filter(|_| !std::thread::panicking()) {
            self.write(sums);
        }
    }
}
