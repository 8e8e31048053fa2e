//! Signals: SIGTERM and SIGINT end, SIGHUP reads the configuration again, a second end ends at once.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Stop,
    Reload,
}

/// What was asked for and not done yet. A stop stays.
#[derive(Debug, Default)]
struct Asked {
    stop: bool,
    reload: bool,
}

/// The signals that came.
#[derive(Clone, Default)]
pub(crate) struct Signals {
    asked: Arc<(Mutex<Asked>, Condvar)>,
}

impl Signals {
    /// Waits for the next one, at most `patience`. Several reloads are one; a stop goes before all.
    pub(crate) fn next(&self, patience: Duration) -> Option<Signal> {
        let (asked, came) = &*self.asked;
        let asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
        let none = |asked: &mut Asked| !asked.stop && !asked.reload;
        let waited = came.wait_timeout_while(asked, patience, none);
        let (mut asked, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if asked.stop {
            return Some(Signal::Stop);
        }
        std::mem::take(&mut asked.reload).then_some(Signal::Reload)
    }

    /// Whether it is to end: a reload under way need not begin anew.
    pub(crate) fn wants_stop(&self) -> bool {
        self.asked.0.lock().unwrap_or_else(PoisonError::into_inner).stop
    }

    /// Notes a signal; says whether it is the second that asks for the end.
    fn note(&self, signal: Signal) -> bool {
        let mut asked = self.asked.0.lock().unwrap_or_else(PoisonError::into_inner);
        let again = asked.stop && signal == Signal::Stop;
        match signal {
            Signal::Stop => asked.stop = true,
            Signal::Reload => asked.reload = true,
        }
        self.asked.1.notify_all();
        again
    }
}

/// Begins to listen; from now on these signals no longer end the process by themselves.
///
/// # Errors
/// If the system does not let us.
pub(crate) fn listen(runtime: &Runtime) -> io::Result<Signals> {
    let _context = runtime.enter();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let signals = Signals::default();
    let noted = signals.clone();
    runtime.spawn(async move {
        loop {
            let signal = tokio::select! {
                _ = terminate.recv() => Signal::Stop,
                _ = interrupt.recv() => Signal::Stop,
                _ = hangup.recv() => Signal::Reload,
            };
            if noted.note(signal) {
                std::process::exit(1);
            }
        }
    });
    Ok(signals)
}

/// Set by the first SIGINT or SIGTERM. A second one ends the process at once.
///
/// # Errors
/// If the system does not let us listen.
pub(crate) fn stop_flag(runtime: &Runtime) -> io::Result<Arc<AtomicBool>> {
    let signals = listen(runtime)?;
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let wait = move || {
        while signals.next(Duration::MAX) != Some(Signal::Stop) {}
        flag.store(true, Ordering::Relaxed);
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(wait).map(|_| stop)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn a_stop_goes_before_reloads_and_is_never_lost() {
        let signals = Signals::default();
        (0..9).for_each(|_| assert!(!signals.note(Signal::Reload)));
        assert_eq!(signals.next(LONG), Some(Signal::Reload));
        assert_eq!(signals.next(Duration::ZERO), None, "nine reloads are one");
        signals.note(Signal::Reload);
        assert!(!signals.note(Signal::Stop));
        assert!(signals.wants_stop());
        assert_eq!(signals.next(LONG), Some(Signal::Stop));
        assert!(signals.note(Signal::Stop), "the second ends at once");
    }
}
