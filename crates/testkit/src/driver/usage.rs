//! What a process takes of the machine, from `/proc/PID`.
//!
//! Source: proc_pid_status(5), proc_pid_stat(5).

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// What a process takes at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Resident bytes (`VmRSS`).
    pub rss: u64,
    /// The most resident bytes so far (`VmHWM`).
    pub peak_rss: u64,
    /// Resident bytes of files (`RssFile`): the program's own text, which is larger in the dev profile.
    pub file_rss: u64,
    /// Open descriptors.
    pub fds: u64,
    /// Threads.
    pub threads: u64,
    /// User and system time so far, in steps of the kernel's clock tick (10 ms).
    pub cpu: Duration,
}

impl Usage {
    /// The most bytes so far that are no file's: the heap and the stacks. The kernel keeps no such mark (proc_pid_status(5)
    /// has `RssAnon` for now alone), so it is the peak without the file pages of now: too low by what of the program's
    /// text was first touched after the peak.
    #[must_use]
    pub fn peak_anon(&self) -> u64 {
        self.peak_rss.saturating_sub(self.file_rss)
    }

    /// Reads it for a living process.
    ///
    /// # Errors
    /// If the process is gone or another user's.
    pub fn of(pid: u32) -> io::Result<Self> {
        let proc = PathBuf::from(format!("/proc/{pid}"));
        let status = std::fs::read_to_string(proc.join("status"))?;
        Ok(Self {
            rss: field(&status, "VmRSS:") * 1024,
            peak_rss: field(&status, "VmHWM:") * 1024,
            file_rss: field(&status, "RssFile:") * 1024,
            fds: std::fs::read_dir(proc.join("fd"))?.count() as u64,
            threads: field(&status, "Threads:"),
            cpu: cpu(pid)?,
        })
    }
}

/// User and system time; also of a process that has ended and not been waited for.
pub(super) fn cpu(pid: u32) -> io::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let ticks = ticks(&stat).ok_or_else(|| io::Error::other("stat is not as proc_pid_stat(5) says"))?;
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    Ok(Duration::from_millis(ticks * 1_000 / per_second))
}

/// The number after `name` in a `status` file; 0 if there is none (as the memory of a process that has ended).
fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .unwrap_or_default()
}

/// Fields 14 and 15. The second field is the program's name in parentheses, in which anything may stand.
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found() {
        let status = "Name:\tx\nVmHWM:\t    1234 kB\nVmRSS:\t 1000 kB\nThreads:\t3\n";
        assert_eq!(
            (field(status, "VmHWM:"), field(status, "Threads:"), field(status, "VmSwap:")),
            (1234, 3, 0)
        );
        let stat = "42 (a b) c) S 1 42 42 0 -1 4194304 100 0 0 0 7 5 0 0 20 0 1 0 1 2 3";
        assert_eq!(ticks(stat), Some(12));
        assert_eq!(ticks("42 (x) S 1"), None);
    }

    #[test]
    fn this_process_takes_something() {
        let usage = Usage::of(std::process::id()).unwrap();
        assert!(
            usage.file_rss > 0 && usage.peak_anon() > 0 && usage.peak_anon() < usage.peak_rss,
            "{usage:?}"
        );
        assert!(
            usage.peak_rss >= usage.rss && usage.rss > 0 && usage.fds > 2 && usage.threads > 0,
            "{usage:?}"
        );
    }
}
