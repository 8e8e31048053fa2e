//! What an agent or an import has set aside (`rejected/`), shipped once more.
//!
//! For: after a collector was mended, or a reader. An entry that holds a refused request is sent again as it is; one that
//! holds bytes of a file is read again ([`source`]), and goes the way of every import if there are spans or lines in
//! it by now. Each entry that has arrived is noted by its content ([`Sent`]), and not sent a second time.
//!
//! Promises: entries in the order in which they were set aside; what is damaged, refused again or still unreadable is told
//! with file and offset, and the rest goes on; the files are left as they are, for the agent may be writing to them.

mod request;
mod sent;
mod source;
mod told;

pub(crate) use sent::Sent;
pub(crate) use source::Sources;
pub(crate) use told::Told;

use super::ship::{Ended, Ship};
use crate::config::Settings;
use crate::engine::Form;
use crate::shell::rejected::{self, Entries, Entry};
use archive::Layout;
use request::{Outcome, Request};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// The files of what was set aside that a path stands for, the oldest first; `None`: it is something else to import.
pub(crate) fn files(path: &Path) -> Option<Vec<PathBuf>> {
    if path.is_dir() {
        return Some(rejected::files(path)).filter(|files| !files.is_empty());
    }
    let name = path.file_name()?.to_str()?;
    let number = name.strip_prefix("rejected.").is_some_and(|number| number.parse::<u8>().is_ok());
    (path.is_file() && (number || begins_with_an_entry(path))).then(|| vec![path.to_path_buf()])
}

fn begins_with_an_entry(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| matches!(Entries::new(BufReader::new(file)).next(), Some(Ok(_))))
}

/// Where an entry stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) file: PathBuf,
    pub(crate) byte: u64,
}

impl std::fmt::Display for At {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at byte {}", self.file.display(), self.byte)
    }
}

/// Sends entries on.
pub(crate) struct Again<'a> {
    pub(crate) ship: &'a Ship<'a>,
    pub(crate) settings: &'a Settings,
    pub(crate) layout: &'a Layout,
    pub(crate) sent: &'a mut Sent,
    pub(crate) told: &'a mut Told,
    /// What is to be read again, when all requests are sent.
    pub(crate) sources: Sources,
}

impl Again<'_> {
    /// Sends what these files hold, and collects what is to be read again.
    ///
    /// # Errors
    /// That of the store of what was sent, in words.
    pub(crate) fn run(&mut self, files: &[PathBuf]) -> Result<Ended, String> {
        for file in files {
            let ended = self.file(file)?;
            if ended != Ended::Done {
                return Ok(ended);
            }
        }
        Ok(Ended::Done)
    }

    fn file(&mut self, path: &Path) -> Result<Ended, String> {
        let opened = match File::open(path) {
            Ok(file) => file,
            Err(error) => {
                self.told.broken(format!("{}: {error}", path.display()));
                return Ok(Ended::Done);
            }
        };
        let mut entries = Entries::new(BufReader::new(opened));
        loop {
            let at = At { file: path.to_path_buf(), byte: entries.whole_bytes() };
            let ended = match entries.next() {
                None => return Ok(Ended::Done),
                Some(Ok(entry)) => self.entry(entry, at)?,
                Some(Err(error)) => {
                    self.told.broken(format!("{}, {error}; nothing behind it can be read", path.display()));
                    return Ok(Ended::Done);
                }
            };
            if ended != Ended::Done {
                return Ok(ended);
            }
        }
    }

    fn entry(&mut self, entry: Entry, at: At) -> Result<Ended, String> {
        if self.sent.has(&entry) {
            self.told.known += 1;
            return Ok(Ended::Done);
        }
        match entry.form {
            Form::Otlp => self.request(&entry, at),
            Form::Source => {
                if let Err(why) = self.sources.add(entry, self.layout) {
                    self.told.unreadable(&at, &why);
                }
                Ok(Ended::Done)
            }
        }
    }

    fn request(&mut self, entry: &Entry, at: At) -> Result<Ended, String> {
        let request = match Request::of(entry) {
            Ok(request) => request,
            Err(why) => {
                self.told.unreadable(&at, why);
                return Ok(Ended::Done);
            }
        };
        match request.send(self.ship, self.settings) {
            Outcome::Delivered { refused } => {
                self.told.delivered(&request, refused);
                self.sent.note(entry).map_err(|error| error.to_string())?;
            }
            Outcome::Refused(words) => self.told.refused(&request, &at, &words),
            Outcome::NoWay => self.told.no_way(&request),
            Outcome::Ended(ended) => return Ok(ended),
        }
        Ok(Ended::Done)
    }
}

#[cfg(test)]
mod tests;
