//! What systemd is told, by the protocol of sd_notify(3): ready, reloading, stopping, that every stage gets on, and in
//! one line how it is.
//!
//! Promises: without systemd (no `NOTIFY_SOCKET`) nothing happens; a message that can't be sent is no error, as systemd
//! may be restarting itself; nothing ever waits. Works with systemd 219, and by `MONOTONIC_USEC` with the
//! `Type=notify-reload` of newer ones.

use super::clock;
use crate::engine::Brief;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// How often the line is renewed where there is no watchdog.
const STATUS_EVERY: Duration = Duration::from_secs(60);
/// The longest text of a status line; systemd shows one line.
const STATUS_LENGTH: usize = 300;

/// The service manager, if there is one.
#[derive(Debug)]
pub(crate) struct ServiceManager {
    socket: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
    said: String,
}

impl ServiceManager {
    /// As the environment says: `NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID`.
    pub(crate) fn from_environment(variable: &dyn Fn(&str) -> Option<std::ffi::OsString>) -> Self {
        let socket = variable("NOTIFY_SOCKET").and_then(|name| open(&name).ok());
        let text = |name| variable(name).and_then(|value| value.into_string().ok());
        let ours = text("WATCHDOG_PID").is_none_or(|pid| pid == std::process::id().to_string());
        let micros = text("WATCHDOG_USEC").filter(|_| ours).and_then(|text| text.parse().ok());
        let watchdog = micros.filter(|micros| *micros > 0).map(Duration::from_micros);
        Self { socket, watchdog, said: String::new() }
    }

    /// How often to come by: four times in a watchdog's period, so that one delay does no harm.
    pub(crate) fn every(&self) -> Duration {
        self.watchdog.map_or(STATUS_EVERY, |period| (period / 4).max(Duration::from_millis(100)))
    }

    /// It works, or works again.
    pub(crate) fn ready(&self) {
        self.tell("READY=1");
    }

    /// A new configuration is being read; [`Self::ready`] ends it, whatever came of it.
    pub(crate) fn reloading(&self) {
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={}", clock::boot_micros()));
    }

    /// It ends.
    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=stopping: open requests get five seconds");
    }

    /// Every stage has got on since the last time.
    pub(crate) fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    /// Whether there is one: else nobody need be asked for what it is told.
    pub(crate) fn listens(&self) -> bool {
        self.socket.is_some()
    }

    /// How it is, in a line.
    pub(crate) fn status(&mut self, line: String) {
        if self.said != line {
            self.tell(&format!("STATUS={line}"));
            self.said = line;
        }
    }

    fn tell(&self, state: &str) {
        if let Some((socket, address)) = &self.socket {
            let _ = socket.send_to_addr(state.as_bytes(), address);
        }
    }
}

/// A path, or the name of an abstract socket after an `@`.
fn open(name: &OsStr) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    Ok((socket, address))
}

/// The line that `systemctl status` shows.
pub(crate) fn line(brief: &Brief) -> String {
    let signals = brief.signals.iter().map(|(name, signal)| {
        let why = if signal.why.is_empty() { String::new() } else { format!(" ({})", signal.why) };
        format!("{name} {}{why}, {} delivered", signal.state, signal.tally.delivered)
    });
    let degraded = brief.degraded.first().map(|what| format!("degraded: {what}"));
    let line = degraded.into_iter().chain(signals).collect::<Vec<_>>().join("; ");
    line.chars().map(|c| if c.is_control() { ' ' } else { c }).take(STATUS_LENGTH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;

    fn manager(pairs: &[(&str, &OsStr)]) -> ServiceManager {
        let found = |name: &str| {
            pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        };
        ServiceManager::from_environment(&found)
    }

    fn received(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 1024];
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    fn check_messages(socket: &UnixDatagram, name: &OsStr) {
        let mut manager = manager(&[("NOTIFY_SOCKET", name)]);
        manager.ready();
        manager.reloading();
        manager.alive();
        manager.status("all is well".to_owned());
        manager.status("all is well".to_owned());
        manager.stopping();
        assert_eq!(received(socket), "READY=1");
        let reloading = received(socket);
        let micros = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
        assert!(micros.parse::<u64>().unwrap() > 0, "{reloading}");
        assert_eq!(received(socket), "WATCHDOG=1");
        assert_eq!(received(socket), "STATUS=all is well");
        assert!(received(socket).starts_with("STOPPING=1\n"), "the same status is said once");
    }

    #[test]
    fn a_socket_with_a_path_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        check_messages(&UnixDatagram::bind(&path).unwrap(), path.as_os_str());
    }

    #[test]
    fn an_abstract_socket_is_told() {
        let name = format!("xapi-observer-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        check_messages(&UnixDatagram::bind_addr(&address).unwrap(), OsStr::new(&format!("@{name}")));
    }

    #[test]
    fn without_systemd_or_with_a_dead_socket_nothing_happens() {
        for name in ["", "/nowhere/at/all", "@nobody-listens-here", &"x".repeat(300)] {
            manager(&[("NOTIFY_SOCKET", OsStr::new(name))]).ready();
        }
        manager(&[]).ready();
    }

    #[test]
    fn the_watchdog_is_fed_four_times_a_period_if_it_is_ours() {
        let check = |usec: &str, pid: &str, expected: Duration| {
            let pairs = [("WATCHDOG_USEC", OsStr::new(usec)), ("WATCHDOG_PID", OsStr::new(pid))];
            assert_eq!(manager(&pairs).every(), expected, "{usec} {pid}");
        };
        let own = std::process::id().to_string();
        check("120000000", &own, Duration::from_secs(30));
        check("40", &own, Duration::from_millis(100));
        check("0", &own, STATUS_EVERY);
        check("soon", &own, STATUS_EVERY);
        check("120000000", "1", STATUS_EVERY);
        assert_eq!(manager(&[("WATCHDOG_USEC", OsStr::new("8000000"))]).every(), Duration::from_secs(2));
    }

    #[test]
    fn the_line_is_one_line_and_short() {
        let mut brief = Brief::default();
        assert_eq!(line(&brief), "");
        brief.degraded = vec!["a\nb".to_owned(), "c".to_owned()];
        assert_eq!(line(&brief), "degraded: a b");
        brief.degraded = vec!["é".repeat(1000)];
        assert_eq!(line(&brief).chars().count(), STATUS_LENGTH);
    }
}
