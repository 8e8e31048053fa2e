//! A running process, what it says, and how it ends.

use super::usage::{self, Usage};
use crate::watched::{Late, Watched};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Lines of each stream that are remembered; older ones are forgotten.
const REMEMBERED: usize = 20_000;

/// Lines of standard error that a failure shows.
const SHOWN: usize = 60;

/// What a process has said, and whether it is over.
#[derive(Debug, Default)]
pub struct Said {
    /// Standard output, the last 20,000 lines.
    pub stdout: VecDeque<String>,
    /// Standard error, the last 20,000 lines.
    pub stderr: VecDeque<String>,
    /// Set when the process is over and all it said was read.
    pub exit: Option<(ExitStatus, Duration)>,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.exit {
            Some((status, _)) => write!(f, "{status}")?,
            None => f.write_str("running")?,
        }
        self.stderr
            .iter()
            .skip(self.stderr.len().saturating_sub(SHOWN))
            .try_for_each(|line| write!(f, "\n  {line}"))
    }
}

/// How a process ended.
#[derive(Clone, Debug)]
pub struct Exit {
    /// Its code or signal.
    pub status: ExitStatus,
    /// User and system time of its whole life.
    pub cpu: Duration,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Exit {
    fn of(said: &Said) -> Option<Self> {
        let join = |lines: &VecDeque<String>| lines.iter().map(|line| format!("{line}\n")).collect();
        let (status, cpu) = said.exit?;
        Some(Self { status, cpu, stdout: join(&said.stdout), stderr: join(&said.stderr) })
    }
}

/// A running agent; killed when it is dropped, and then shown if the test is failing.
pub struct Agent {
    child: Arc<Mutex<Child>>,
    pid: Pid,
    said: Arc<Watched<Said>>,
    reaper: Option<JoinHandle<()>>,
}

impl Agent {
    /// Starts the command with its output captured and no input.
    ///
    /// # Errors
    /// If the program can't be started.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let pid = Pid::from_child(&child);
        let said = Arc::new(Watched::new(Said::default()));
        let readers = [
            child.stdout.take().map(|stream| read_lines(stream, &said, |said| &mut said.stdout)),
            child.stderr.take().map(|stream| read_lines(stream, &said, |said| &mut said.stderr)),
        ];
        let child = Arc::new(Mutex::new(child));
        let reaper = reap(Arc::clone(&child), pid, readers, Arc::clone(&said));
        Ok(Self { child, pid, said, reaper: Some(reaper) })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Looks at what it has said.
    pub fn read<R>(&self, look: impl FnOnce(&Said) -> R) -> R {
        self.said.read(look)
    }

    /// Blocks until the condition on what it has said holds.
    ///
    /// # Errors
    /// [`Late`] with its last lines, if it does not within `deadline`.
    pub fn wait_for(&self, condition: impl FnMut(&Said) -> bool, deadline: Duration) -> Result<(), Late> {
        self.said.wait_for(condition, deadline)
    }

    /// Blocks until a line of standard error, also an earlier one, has this text in it.
    ///
    /// # Errors
    /// [`Late`] with its last lines, if none has within `deadline`; at once if the process is over.
    pub fn wait_for_line(&self, text: &str, deadline: Duration) -> Result<(), Late> {
        let has = |said: &Said| said.stderr.iter().any(|line| line.contains(text));
        self.wait_for(|said| has(said) || said.exit.is_some(), deadline)?;
        if self.read(has) {
            return Ok(());
        }
        Err(Late { waited: deadline, found: self.read(|said| format!("no {text:?}; {said}")) })
    }

    /// Sends a signal; nothing happens if the process is over.
    pub fn signal(&self, signal: Signal) {
        // The lock keeps the process from being waited for, so that its id can't be another's.
        let _child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        if self.read(|said| said.exit.is_none()) {
            let _ = kill_process(self.pid, signal);
        }
    }

    /// Blocks until it is over.
    ///
    /// # Errors
    /// [`Late`] with its last lines, if it is not within `deadline`.
    pub fn wait_exit(&self, deadline: Duration) -> Result<Exit, Late> {
        self.wait_for(|said| said.exit.is_some(), deadline)?;
        self.read(Exit::of).ok_or_else(|| Late { waited: deadline, found: "no exit".into() })
    }

    /// SIGTERM, and how it ends.
    ///
    /// # Errors
    /// [`Late`] with its last lines, if it is not over within `deadline`.
    pub fn terminate(&self, deadline: Duration) -> Result<Exit, Late> {
        self.signal(Signal::TERM);
        self.wait_exit(deadline)
    }

    /// SIGKILL; returns when the process is gone.
    pub fn kill(mut self) {
        self.end();
    }

    /// What it takes of the machine now.
    ///
    /// # Errors
    /// If it is over.
    pub fn usage(&self) -> io::Result<Usage> {
        Usage::of(self.pid())
    }

    fn end(&mut self) {
        self.signal(Signal::KILL);
        if let Some(reaper) = self.reaper.take() {
            let _ = reaper.join();
        }
    }
}

impl Drop for Agent {
    #[allow(clippy::print_stderr, reason = "the test's own output is where a failure is looked for")]
    fn drop(&mut self) {
        self.end();
        if std::thread::panicking() {
            eprintln!("agent {}: {}", self.pid(), self.read(Said::to_string));
        }
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Agent({}: {})", self.pid(), self.read(Said::to_string))
    }
}

fn read_lines(
    stream: impl Read + Send + 'static,
    said: &Arc<Watched<Said>>,
    which: fn(&mut Said) -> &mut VecDeque<String>,
) -> JoinHandle<()> {
    let said = Arc::clone(said);
    std::thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            said.update(|said| {
                let lines = which(said);
                if lines.len() == REMEMBERED {
                    lines.pop_front();
                }
                lines.push_back(String::from_utf8_lossy(&line).into_owned());
            });
        }
    })
}

/// Waits for the end on a thread of its own: first without taking the process away, so that its times can still be
/// read, then for good under the lock that signals take.
fn reap(
    child: Arc<Mutex<Child>>,
    pid: Pid,
    readers: [Option<JoinHandle<()>>; 2],
    said: Arc<Watched<Said>>,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let _ = rustix::io::retry_on_intr(|| waitid(WaitId::Pid(pid), ended));
        let cpu = usage::cpu(pid.as_raw_nonzero().get().unsigned_abs()).unwrap_or_default();
        for reader in readers.into_iter().flatten() {
            let _ = reader.join();
        }
        let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(status) = child.wait() {
            said.update(|said| said.exit = Some((status, cpu)));
        }
    })
}
