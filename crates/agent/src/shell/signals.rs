//! Signals: SIGTERM and SIGINT end, SIGHUP reads the configuration again, a second end ends at once.

use std::io;
use std::sync::mpsc::{Receiver, sync_channel};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Stop,
    Reload,
}

/// The signals that came.
pub(crate) struct Signals {
    inbox: Receiver<Signal>,
}

impl Signals {
    /// Waits for the next one.
    pub(crate) fn next(&self) -> Signal {
        self.inbox.recv().unwrap_or(Signal::Stop)
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
    let (sender, inbox) = sync_channel(4);
    runtime.spawn(async move {
        let mut stopping = false;
        loop {
            let signal = tokio::select! {
                _ = terminate.recv() => Signal::Stop,
                _ = interrupt.recv() => Signal::Stop,
                _ = hangup.recv() => Signal::Reload,
            };
            if stopping && signal == Signal::Stop {
                std::process::exit(1);
            }
            stopping |= signal == Signal::Stop;
            // Several reloads that wait are one.
            let _ = sender.try_send(signal);
        }
    });
    Ok(Signals { inbox })
}
