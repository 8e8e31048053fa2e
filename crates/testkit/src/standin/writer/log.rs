//! Logs: rsyslog's traditional lines, into a file of our own or to whoever takes them.

use super::rotate;
use crate::standin::host::Host;
use crate::standin::line::{Line, Log};
use crate::standin::options::{Options, Rotation};
use crate::standin::time::{SimTime, Zone, syslog};
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

/// A message as rsyslog would get it.
#[derive(Debug)]
pub struct LogMessage<'a> {
    /// The host that logs.
    pub host: &'a Host,
    /// The log it belongs into.
    pub log: Log,
    /// Simulated time.
    pub at: SimTime,
    /// The same as `Mmm dd HH:MM:SS` in the host's zone.
    pub time: String,
    /// Without the colon.
    pub tag: &'a str,
    /// What follows `tag: `.
    pub message: &'a str,
}

/// Takes messages instead of a file, in the order of their times.
pub type LogSink = Box<dyn FnMut(&LogMessage<'_>) -> io::Result<()> + Send>;

impl<'a> LogMessage<'a> {
    pub(super) fn new(host: &'a Host, line: &'a Line, zone: Zone) -> Self {
        let Line { at, program, message, .. } = line;
        Self { host, log: program.log(), at: *at, time: syslog(*at, zone), tag: program.tag(), message }
    }

    /// The line of `RSYSLOG_TraditionalFileFormat`, with its newline.
    #[must_use]
    pub fn line(&self) -> String {
        let Self { time, tag, message, .. } = self;
        format!("{time} {} {tag}: {message}\n", self.host.hostname)
    }

    /// The datagram a program sends to `/dev/log`: priority (`info`), time, tag, message.
    #[must_use]
    pub fn datagram(&self) -> String {
        let Self { time, tag, message, .. } = self;
        format!("<{}>{time} {tag}: {message}", u32::from(self.log.facility()) * 8 + 6)
    }

    pub(super) fn bytes(&self) -> u64 {
        (self.time.len() + self.host.hostname.len() + self.tag.len() + self.message.len() + 5) as u64
    }
}

/// One log of one host.
pub(super) struct LogFile {
    path: PathBuf,
    current: Option<Open>,
    /// The renamed file that rsyslog still writes to, and until when.
    lingering: Option<(Open, SimTime)>,
    rotate_at: Option<SimTime>,
    last: SimTime,
}

struct Open {
    to: BufWriter<File>,
    size: u64,
}

impl LogFile {
    pub(super) fn new(host: &Host, log: Log) -> Self {
        let path = host.log(log.file_name());
        Self { path, current: None, lingering: None, rotate_at: None, last: SimTime::default() }
    }

    /// Writes a line; true if the log was rotated before it.
    pub(super) fn write(&mut self, options: &Options, message: &LogMessage<'_>) -> io::Result<bool> {
        self.last = message.at;
        let rotated = self.rotate_if_due(options, message.at)?;
        let line = message.line();
        let open = self.target(message.at)?;
        open.to.write_all(line.as_bytes())?;
        open.size += line.len() as u64;
        Ok(rotated)
    }

    fn target(&mut self, now: SimTime) -> io::Result<&mut Open> {
        if let Some((mut old, _)) = self.lingering.take_if(|(_, until)| *until <= now) {
            old.to.flush()?;
        }
        if let Some((old, _)) = &mut self.lingering {
            return Ok(old);
        }
        if self.current.is_none() {
            self.current = Some(Open::at(&self.path)?);
        }
        self.current.as_mut().ok_or_else(|| io::Error::other("no log"))
    }

    fn rotate_if_due(&mut self, options: &Options, now: SimTime) -> io::Result<bool> {
        let due = match options.rotation {
            Rotation::Off => false,
            Rotation::Size(most) => self.current.as_ref().is_some_and(|open| open.size >= most),
            Rotation::Every(interval) => {
                let at = *self.rotate_at.get_or_insert(now.plus(interval));
                self.rotate_at = Some(if at <= now { now.plus(interval) } else { at });
                at <= now
            }
        };
        let Some(mut old) = self.current.take_if(|_| due) else { return Ok(false) };
        old.to.flush()?;
        if options.set_times {
            old.to.get_ref().set_modified(now.to_system())?;
        }
        rotate::rotate(&self.path, options.keep)?;
        self.current = Some(Open::at(&self.path)?);
        self.lingering = (options.rotation_linger > 0).then(|| (old, now.plus(options.rotation_linger)));
        Ok(true)
    }

    pub(super) fn sync(&mut self, time: Option<SimTime>) -> io::Result<()> {
        let last = time.map(|_| self.last);
        for open in self.lingering.iter_mut().map(|(open, _)| open).chain(&mut self.current) {
            open.to.flush()?;
            last.map_or(Ok(()), |at| open.to.get_ref().set_modified(at.to_system()))?;
        }
        Ok(())
    }
}

impl Open {
    fn at(path: &PathBuf) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        let size = file.metadata()?.len();
        Ok(Self { to: BufWriter::with_capacity(1 << 16, file), size })
    }
}
