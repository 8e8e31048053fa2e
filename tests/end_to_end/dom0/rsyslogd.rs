//! rsyslogd as dom0 configures it, but with a socket, a work directory and a pid file of its own.
//!
//! Which facility goes where, the template, reduced repeats, no rate limit and the file mode are those of
//! xcp-ng-release `src/common/etc/rsyslog.d/xenserver.conf` and `rsyslog.service`. Otherwise than there, a line has the
//! time that its sender gave it, so that the ledger knows it.

use super::program;
use crate::harness::DEADLINE;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use testkit::driver::{Agent, Signal};
use testkit::standin::{Host, Log};

/// A running rsyslogd; killed when it is dropped.
pub(super) struct Rsyslogd {
    process: Agent,
    directory: PathBuf,
}

impl Rsyslogd {
    /// Starts it for the logs of a host; ready to take messages.
    pub(super) fn start(directory: PathBuf, host: &Host) -> Self {
        fs::create_dir_all(&directory).unwrap();
        let file = directory.join("rsyslog.conf");
        fs::write(&file, configuration(&directory, host)).unwrap();
        let mut command = program::command("rsyslogd");
        command.arg("-n").arg("-i").arg(pid_file(&directory)).arg("-f").arg(file);
        let process = Agent::start(command.env("TZ", "UTC")).unwrap();
        process.wait_for_line("] start", DEADLINE).unwrap();
        Self { process, directory }
    }

    /// A socket as programs get it from `openlog`.
    pub(super) fn connect(&self) -> UnixDatagram {
        let socket = UnixDatagram::unbound().unwrap();
        socket.set_write_timeout(Some(DEADLINE)).unwrap();
        socket.connect(socket_file(&self.directory)).unwrap();
        socket
    }

    /// Where its process id stands.
    pub(super) fn pid_file(&self) -> PathBuf {
        pid_file(&self.directory)
    }

    /// Has it open its files anew.
    pub(super) fn hang_up(&self) {
        self.process.signal(Signal::HUP);
    }

    /// Ends it.
    pub(super) fn stop(&self) {
        let exit = self.process.terminate(DEADLINE).unwrap();
        assert!(exit.status.success(), "{exit:?}");
    }
}

fn pid_file(directory: &Path) -> PathBuf {
    directory.join("syslogd.pid")
}

fn socket_file(directory: &Path) -> PathBuf {
    directory.join("log")
}

fn configuration(directory: &Path, host: &Host) -> String {
    let (own, socket) = (directory.display(), socket_file(directory));
    let [xensource, storage, audit] = Log::ALL.map(|log| host.log(log.file_name()).display().to_string());
    format!(
        r#"global(processInternalMessages="on" workDirectory="{own}" localHostname="{hostname}")
module(load="imuxsock" SysSock.Use="off")
$RepeatedMsgReduction on
input(type="imuxsock" Socket="{socket}" RateLimit.Interval="0" IgnoreTimestamp="off" UseSysTimeStamp="off")
$ActionFileDefaultTemplate RSYSLOG_TraditionalFileFormat
$Umask 0066
local5.* :omfile:{xensource}
local2.info :omfile:{storage}
local6.* :omfile:{audit}
syslog.* /dev/stderr
"#,
        hostname = host.hostname,
        socket = socket.display(),
    )
}
