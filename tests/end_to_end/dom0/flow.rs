//! The stand-in, writing in real time on a thread of its own.

use crate::harness::DEADLINE;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use testkit::ledger::Ledger;
use testkit::standin::{SimTime, StandIn, Written};
use testkit::watched::Watched;

/// How far it is.
#[derive(Debug, Default)]
struct Progress {
    written: Written,
    over: bool,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// A stand-in at work; given up when it is dropped.
pub(super) struct Flow {
    progress: Arc<Watched<Progress>>,
    /// Dropped, it ends the thread.
    stop: Option<SyncSender<()>>,
    writer: Option<JoinHandle<io::Result<Ledger>>>,
}

impl Flow {
    /// Lets it write.
    pub(super) fn start(standin: StandIn) -> Self {
        let progress = Arc::new(Watched::new(Progress::default()));
        let (stop, stopped) = sync_channel(0);
        let watched = Arc::clone(&progress);
        let writer = std::thread::spawn(move || {
            let ledger = write(standin, &stopped, &watched);
            watched.update(|progress| progress.over = true);
            ledger
        });
        Self { progress, stop: Some(stop), writer: Some(writer) }
    }

    /// Waits until as many more lines were sent.
    pub(super) fn more_lines(&self, lines: u64) {
        let before = self.progress.read(|progress| progress.written.lines);
        self.until(|written| written.lines >= before + lines);
    }

    /// Waits until as many more trace files were compressed.
    pub(super) fn more_compressed(&self, files: u64) {
        let before = self.progress.read(|progress| progress.written.compressed);
        self.until(|written| written.compressed >= before + files);
    }

    /// Waits until the condition holds; asked again whenever something was written.
    pub(super) fn until(&self, mut condition: impl FnMut(&Written) -> bool) {
        let mut held = false;
        let mut look = |progress: &Progress| {
            held = condition(&progress.written);
            held || progress.over
        };
        self.progress.wait_for(&mut look, DEADLINE).unwrap();
        assert!(held, "the stand-in had nothing left to write: {}", self.progress.read(Progress::to_string));
    }

    /// Waits for its end, and takes its ledger.
    pub(super) fn finish(&mut self) -> Ledger {
        self.progress.wait_for(|progress| progress.over, DEADLINE).unwrap();
        self.writer.take().unwrap().join().unwrap().unwrap()
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn write(mut standin: StandIn, stop: &Receiver<()>, progress: &Watched<Progress>) -> io::Result<Ledger> {
    while standin.step(SimTime::now())? {
        progress.update(|progress| progress.written = standin.written());
        let due = standin.next_due().unwrap_or_default().since(SimTime::now());
        match stop.recv_timeout(Duration::from_micros(due)) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    Ok(standin.into_ledger())
}
