//! What became of a walk.

use crate::limits::{Limit, limit_of};
use crate::member::Place;
use std::fmt;
use std::io;

/// The most broken members that are told one by one; the rest is counted.
const BROKEN_TOLD: usize = 200;

/// What a walk met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Regular files that were handed out.
    pub members: u64,
    /// Archives that were opened.
    pub archives: u64,
    /// Bytes that were unpacked.
    pub unpacked: u64,
    /// Symbolic and hard links, not followed.
    pub links: u64,
    /// Devices, FIFOs, sockets.
    pub specials: u64,
    /// Names that were absolute, had `..` in them, or control characters: harmless, as nothing is written by name.
    pub odd_names: u64,
    /// What could not be read, the first of them.
    pub broken: Vec<Broken>,
    /// How much could not be read in all.
    pub broken_total: u64,
}

impl Report {
    pub(crate) fn broken(&mut self, place: &Place, reason: Reason) {
        self.broken_total += 1;
        if self.broken.len() < BROKEN_TOLD {
            self.broken.push(Broken { place: place.clone(), reason });
        }
    }
}

/// Something that could not be read, or not to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// A member, a folder, or an archive.
    pub place: Place,
    /// Why.
    pub reason: Reason,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}

/// Why something could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A limit was met.
    Limit(Limit),
    /// It ends too early.
    Cut,
    /// Its form is one that is not read: encrypted, sparse, xz …
    Unsupported(String),
    /// It contradicts its own format.
    Damaged(String),
    /// The disk says so: no permission, an I/O error …
    Io(io::ErrorKind),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit(limit) => limit.fmt(f),
            Self::Cut => f.write_str("it is cut off"),
            Self::Unsupported(what) => f.write_str(what),
            Self::Damaged(how) => write!(f, "it is damaged ({how})"),
            Self::Io(kind) => write!(f, "{kind}"),
        }
    }
}

impl From<&io::Error> for Reason {
    fn from(error: &io::Error) -> Self {
        if let Some(limit) = limit_of(error) {
            return Self::Limit(limit);
        }
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Cut,
            io::ErrorKind::Unsupported => Self::Unsupported(error.to_string()),
            // Decoders answer with either; the kernel's errors have a number.
            _ if error.raw_os_error().is_none() => Self::Damaged(error.to_string()),
            kind => Self::Io(kind),
        }
    }
}
