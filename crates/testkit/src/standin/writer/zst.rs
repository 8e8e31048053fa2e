//! XAPI's compression of a full trace file: the `.zst` is created empty and read-only, the original is unlinked as
//! soon as its last byte is in the pipe, and the `.zst` is whole only some time later.

use crate::standin::options::{Compression, Options};
use crate::standin::time::SimTime;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// `zstd --fast`.
const LEVEL: i32 = -1;

/// A compressed file that is not whole.
pub(super) struct Pending {
    pub(super) due: SimTime,
    file: File,
    rest: Vec<u8>,
    modified: Option<SimTime>,
}

impl Pending {
    /// Everything up to the moment when the original is gone.
    pub(super) fn begin(path: &Path, options: &Options, due: SimTime) -> io::Result<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push(".zst");
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o444).open(&name)?;
        let whole = match options.compression {
            Compression::Program => by_program(path)?,
            Compression::Library | Compression::Off => zstd::encode_all(File::open(path)?, LEVEL)?,
        };
        let (now, rest) = whole.split_at(whole.len() / 2);
        file.write_all(now)?;
        fs::remove_file(path)?;
        Ok(Self { due, file, rest: rest.to_vec(), modified: options.set_times.then_some(due) })
    }

    /// Writes what is missing.
    pub(super) fn complete(mut self) -> io::Result<()> {
        self.file.write_all(&self.rest)?;
        self.modified.map_or(Ok(()), |at| self.file.set_modified(at.to_system()))
    }
}

fn by_program(path: &Path) -> io::Result<Vec<u8>> {
    let output = Command::new("zstd")
        .args(["--fast", "-c"])
        .stdin(File::open(path)?)
        .stderr(Stdio::null())
        .output()?;
    if output.status.success() { Ok(output.stdout) } else { Err(io::Error::other("zstd failed")) }
}
