//! How much an archive may ask for.

use std::fmt;
use std::io;

/// What a walk may use. The defaults are far beyond any status report: XAPI's own limit for one is some gigabytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Archives within archives; 1 opens the given archive alone.
    pub depth: u32,
    /// Bytes that are unpacked, all levels together.
    pub unpacked: u64,
    /// How many times as large as its compressed form anything may become, once it is larger than 64 MiB.
    pub ratio: u64,
    /// Members, and names in folders.
    pub members: u64,
    /// Bytes of a zip within another archive, which is kept in a temporary file meanwhile.
    pub spool: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 4, unpacked: 64 << 30, ratio: 1000, members: 2_000_000, spool: 8 << 30 }
    }
}

/// A limit that was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Limit {
    /// Archives within archives.
    Depth,
    /// Bytes unpacked.
    Unpacked,
    /// It becomes too many times its size: what is called a bomb.
    Ratio,
    /// Members.
    Members,
    /// Bytes of a zip in an archive.
    Spool,
    /// Whoever asked for the walk has ended it.
    Cancelled,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Depth => "archives lie too deep within each other",
            Self::Unpacked => "it unpacks to more than is allowed",
            Self::Ratio => "it unpacks to far too many times its size, as a bomb does",
            Self::Members => "it has too many members",
            Self::Spool => "an archive within it is too large",
            Self::Cancelled => "reading was ended",
        })
    }
}

impl std::error::Error for Limit {}

impl From<Limit> for io::Error {
    fn from(limit: Limit) -> Self {
        Self::new(io::ErrorKind::QuotaExceeded, limit)
    }
}

/// The limit that an error stands for.
pub(crate) fn limit_of(error: &io::Error) -> Option<Limit> {
    error.get_ref().and_then(|inner| inner.downcast_ref::<Limit>()).copied()
}
