//! What is shown while it goes on: one line on a terminal, with rate and time left.

use crate::shell::clock::Clock;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often it is drawn.
const EVERY: Duration = Duration::from_millis(200);
/// Columns of the bar.
const WIDTH: u64 = 24;

/// The line; ends with [`Progress::end`].
pub(crate) struct Progress {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    clock: Clock,
}

struct Shared {
    state: Mutex<State>,
    ended: AtomicBool,
}

/// A piece of work, in bytes.
#[derive(Clone, Debug, Default)]
struct State {
    label: String,
    done: u64,
    /// Zero: nobody knows.
    total: u64,
    began: Duration,
    /// What was done before it began.
    done_before: Option<u64>,
    /// Who counts what is done, if it is not told.
    counter: Option<Arc<AtomicU64>>,
}

impl Progress {
    /// Begins to draw, if standard error is a terminal.
    pub(crate) fn start(clock: Clock) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let shared = Arc::new(Shared { state: Mutex::default(), ended: AtomicBool::new(false) });
        let drawn = Arc::clone(&shared);
        let draw = move || {
            while !drawn.ended.load(Ordering::Acquire) {
                drawn.draw(clock.now().mono);
                std::thread::park_timeout(EVERY);
            }
        };
        let thread = terminal.then(|| std::thread::Builder::new().name("progress".to_owned()).spawn(draw));
        Self { shared, thread: thread.and_then(Result::ok), clock }
    }

    /// From now on this is being done; a `total` of 0 is unknown.
    pub(crate) fn phase(&self, label: impl Into<String>, total: u64) {
        let began = self.clock.now().mono;
        *self.shared.state() = State { label: label.into(), total, began, ..State::default() };
    }

    /// The same, where somebody counts the bytes; they count from where they are now.
    pub(crate) fn counted(&self, label: impl Into<String>, total: u64, counter: &Arc<AtomicU64>) {
        self.phase(label, total);
        self.shared.state().counter = Some(Arc::clone(counter));
    }

    /// So much of it is done.
    pub(crate) fn at(&self, done: u64, total: u64) {
        let mut state = self.shared.state();
        state.done_before.get_or_insert(done);
        (state.done, state.total) = (done, total);
    }

    /// Takes the line away.
    pub(crate) fn end(mut self) {
        self.shared.ended.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

impl Shared {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw(&self, now: Duration) {
        let mut state = self.state();
        if let Some(counter) = &state.counter {
            state.done = counter.load(Ordering::Relaxed);
        }
        if !state.label.is_empty() {
            // A terminal that takes nothing needs no line.
            let _ = write!(std::io::stderr(), "\r\x1b[K{}", state.line(now));
        }
    }
}

impl State {
    fn line(&self, now: Duration) -> String {
        let seconds = now.saturating_sub(self.began).as_secs().max(1);
        let rate = self.done.saturating_sub(self.done_before.unwrap_or(0)) / seconds;
        let speed = format!("{}/s", size(rate));
        if self.total == 0 {
            return format!("{}  {}  {speed}", self.label, size(self.done));
        }
        let done = self.done.min(self.total);
        let filled = done * WIDTH / self.total;
        let bar: String = (0..WIDTH).map(|at| if at < filled { '█' } else { '·' }).collect();
        let left = (self.total - done).checked_div(rate).map_or("?".to_owned(), time);
        let percent = done * 100 / self.total;
        format!(
            "{}  {bar} {percent:3} %  {} of {}  {speed}  {left} left",
            self.label,
            size(done),
            size(self.total)
        )
    }
}

/// `1.2 MiB`.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..0x10_0000 => tenths(bytes, 1 << 10, "KiB"),
        0x10_0000..0x4000_0000 => tenths(bytes, 1 << 20, "MiB"),
        _ => tenths(bytes, 1 << 30, "GiB"),
    }
}

fn tenths(bytes: u64, unit: u64, name: &str) -> String {
    format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit)
}

fn time(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_rate_and_time_left() {
        let state = State {
            label: "shipping".to_owned(),
            done: 50 << 20,
            total: 100 << 20,
            began: Duration::ZERO,
            done_before: Some(30 << 20),
            counter: None,
        };
        let line = state.line(Duration::from_secs(10));
        assert!(line.contains("████████████············  50 %"), "{line}");
        assert!(line.ends_with("50.0 MiB of 100.0 MiB  2.0 MiB/s  25 s left"), "{line}");
        let fresh = State { done: 0, done_before: None, ..state.clone() };
        assert!(fresh.line(Duration::ZERO).ends_with("? left"));
        let unknown = State { total: 0, ..state };
        assert_eq!(unknown.line(Duration::from_secs(10)), "shipping  50.0 MiB  2.0 MiB/s");
    }
}
