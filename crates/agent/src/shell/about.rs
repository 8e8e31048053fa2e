//! What only the shell knows of how the agent is: the process, the kernel's events, the listeners. It completes the
//! engine's status.

use crate::engine::status::{ListenerStatus, ProcessStatus, Status};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The listener of `telemetry.prometheus`.
pub(crate) const PROMETHEUS: &str = "telemetry.prometheus";
/// That of `zipkin.listen`.
pub(crate) const ZIPKIN: &str = "zipkin.listen";

/// Numbers and states, gathered where they arise.
#[derive(Debug, Default)]
pub(crate) struct About {
    events: AtomicU64,
    overflows: AtomicU64,
    /// By name.
    listeners: Mutex<BTreeMap<&'static str, ListenerStatus>>,
    /// Why `status` can't be asked on its socket.
    socket: Mutex<Option<String>>,
}

impl About {
    /// The kernel told of a change.
    pub(crate) fn event(&self) {
        self.events.fetch_add(1, Ordering::Relaxed);
    }

    /// The kernel has lost events.
    pub(crate) fn overflow(&self) {
        self.overflows.fetch_add(1, Ordering::Relaxed);
    }

    /// A listener is open at this address, or why it is not.
    pub(crate) fn listener(&self, name: &'static str, address: SocketAddr, why: Option<&str>) {
        let state = if why.is_some() { "degraded" } else { "ok" };
        let why = why.unwrap_or_default().to_owned();
        let listener = ListenerStatus { address: address.to_string(), state, why };
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).insert(name, listener);
    }

    /// The control socket can't be had.
    pub(crate) fn no_socket(&self, why: String) {
        *self.socket.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    /// Adds all this to the engine's status.
    pub(crate) fn complete(&self, status: &mut Status) {
        status.wakeups.events = self.events.load(Ordering::Relaxed);
        status.wakeups.overflows = self.overflows.load(Ordering::Relaxed);
        status.process = process();
        let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner).clone();
        status.prometheus = listeners.get(PROMETHEUS).cloned();
        status.zipkin = listeners.get(ZIPKIN).cloned();
        status.degraded.extend(self.troubles());
    }

    /// What does not work as it should.
    pub(crate) fn troubles(&self) -> Vec<String> {
        let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        let shut = listeners.iter().filter(|(_, listener)| !listener.why.is_empty());
        let listener =
            shut.map(|(name, to)| format!("nobody can reach {name} at {}: {}", to.address, to.why));
        let socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let socket = socket.map(|why| format!("status can't be asked on its socket: {why}"));
        listener.chain(socket).collect()
    }
}

/// This process, from proc_pid_status(5) and clock_gettime(2).
fn process() -> ProcessStatus {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let cpu = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    ProcessStatus {
        pid: std::process::id(),
        rss_bytes: kilobytes(&status, "VmRSS:") << 10,
        peak_rss_bytes: kilobytes(&status, "VmHWM:") << 10,
        // The one that reads the directory is not counted.
        descriptors: std::fs::read_dir("/proc/self/fd").map_or(0, |all| all.count().saturating_sub(1) as u64),
        cpu_seconds: cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9,
    }
}

/// The number after `name`; 0 if there is none.
fn kilobytes(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_shell_knows_completes_the_status() {
        let about = About::default();
        let mut status = Status::default();
        about.complete(&mut status);
        assert!(status.process.rss_bytes > 1 << 20 && status.process.descriptors > 0, "{:?}", status.process);
        assert!(
            status.process.peak_rss_bytes >= status.process.rss_bytes && status.process.cpu_seconds > 0.0
        );
        assert!(status.prometheus.is_none() && status.degraded.is_empty());
        about.event();
        about.overflow();
        about.listener(PROMETHEUS, "127.0.0.1:9464".parse().unwrap(), Some("in use"));
        about.no_socket("no directory".to_owned());
        about.complete(&mut status);
        assert_eq!((status.wakeups.events, status.wakeups.overflows), (1, 1));
        assert_eq!(status.prometheus.unwrap().state, "degraded");
        assert_eq!(status.degraded.len(), 2, "{:?}", status.degraded);
    }
}
