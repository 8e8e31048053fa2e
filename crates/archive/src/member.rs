//! A regular file in a folder or an archive.

use crate::disk::Slice;
use crate::magic::{Format, Packing};
use crate::meter::{Budget, decoder};
use crate::peek::Look;
use std::fmt;
use std::io::{self, Read};

/// The longest name that is shown, in bytes.
const NAME_BYTES: usize = 4096;

/// Where a file was found: through which archives, and under which name. Text for people: no path to open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// What was given to the walk, then each archive on the way, outermost first.
    pub chain: Vec<String>,
    /// The name within the last of them, with `/`, without `.`, `..`, and a leading `/`; empty: it is the last itself.
    pub path: String,
}

impl Place {
    /// The file's own name.
    #[must_use]
    pub fn file_name(&self) -> &str {
        let whole =
            if self.path.is_empty() { self.chain.last().map_or("", String::as_str) } else { &self.path };
        whole.rsplit('/').next().unwrap_or(whole)
    }

    /// The place of what lies in this archive.
    pub(crate) fn within(&self, path: String) -> Self {
        let own = Some(&self.path).filter(|path| !path.is_empty()).cloned();
        Self { chain: self.chain.iter().cloned().chain(own).collect(), path }
    }
}

impl fmt::Display for Place {
    /// `report.zip → host1.tar.bz2 → var/log/xensource.log`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = Some(&self.path).filter(|path| !path.is_empty());
        for (at, part) in self.chain.iter().chain(own).enumerate() {
            write!(f, "{}{part}", if at > 0 { " → " } else { "" })?;
        }
        Ok(())
    }
}

/// A name from an archive as text that can be shown, and whether anything about it was odd.
pub(crate) fn clean(name: &[u8]) -> (String, bool) {
    let name = name.get(..NAME_BYTES).unwrap_or(name);
    let text = String::from_utf8_lossy(name);
    let mut odd = name.first() == Some(&b'/');
    let mut clean = String::with_capacity(text.len());
    for part in text.split('/').filter(|part| !matches!(*part, "" | ".")) {
        if part == ".." {
            odd = true;
            continue;
        }
        if !clean.is_empty() {
            clean.push('/');
        }
        let shown = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
        odd |= part.chars().any(char::is_control);
        clean.extend(part.chars().map(shown));
    }
    (clean, odd)
}

/// When a file was last changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Modified {
    /// Seconds since the epoch.
    Utc(i64),
    /// Local time of the machine that made the archive, as if it were UTC: a zip without further fields says no more.
    Local(i64),
}

impl Modified {
    /// The seconds, whichever clock they are of.
    #[must_use]
    pub fn seconds(self) -> i64 {
        match self {
            Self::Utc(seconds) | Self::Local(seconds) => seconds,
        }
    }
}

/// A regular file, handed out once: read it now or never. Reading gives its bytes as they are; see
/// [`decoded`](Self::decoded).
pub struct Member<'a> {
    pub(crate) place: &'a Place,
    pub(crate) modified: Option<Modified>,
    pub(crate) size: Option<u64>,
    pub(crate) slice: Option<Slice>,
    pub(crate) reader: &'a mut dyn Look,
    pub(crate) budget: &'a Budget,
}

impl Member<'_> {
    /// Where it is.
    #[must_use]
    pub fn place(&self) -> &Place {
        self.place
    }

    /// When it was last changed, where that is known.
    #[must_use]
    pub fn modified(&self) -> Option<Modified> {
        self.modified
    }

    /// Its size in bytes, as the archive says: not to be trusted.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// Where it lies on a disk as it is: a file, or a member of an archive that is not compressed. Such a member can be read
    /// later, and in any order.
    #[must_use]
    pub fn slice(&self) -> Option<&Slice> {
        self.slice.as_ref()
    }

    /// How its own bytes are packed, by the first of them. To be asked before anything is read.
    pub fn packing(&mut self) -> Option<Packing> {
        match Format::of(self.reader.head(16)) {
            Format::Packed(packing) => Some(packing),
            _ => None,
        }
    }

    /// Its bytes, unpacked if they are packed with gzip, bzip2 or zstd; they count towards the limits of the walk.
    ///
    /// # Errors
    /// Those of reading; [`io::ErrorKind::Unsupported`] for xz.
    pub fn decoded(&mut self) -> io::Result<Box<dyn Read + '_>> {
        match self.packing() {
            Some(packing) => Ok(Box::new(decoder(packing, &mut *self.reader, self.budget)?)),
            None => Ok(Box::new(&mut *self.reader)),
        }
    }

    /// Its text, unpacked, at most `limit` bytes of it; what is no UTF-8 is replaced.
    ///
    /// # Errors
    /// Those of [`decoded`](Self::decoded).
    pub fn text(&mut self, limit: u64) -> io::Result<String> {
        let mut bytes = Vec::new();
        self.decoded()?.take(limit).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Read for Member<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_harmless() {
        for (name, expected, odd) in [
            (&b"var/log/xensource.log"[..], "var/log/xensource.log", false),
            (b"./var//log/./x", "var/log/x", false),
            (b"../../etc/passwd", "etc/passwd", true),
            (b"/etc/shadow", "etc/shadow", true),
            (b"a/..", "a", true),
            (b"a\x1b[31m\nb", "a\u{fffd}[31m\u{fffd}b", true),
            (b"\xff", "\u{fffd}", false),
            (b"", "", false),
        ] {
            assert_eq!(clean(name), (expected.to_owned(), odd), "{name:?}");
        }
        assert!(clean(&[b'x'; 10_000]).0.len() <= NAME_BYTES);
    }

    #[test]
    fn a_place_tells_the_way() {
        let given = Place { chain: vec!["r.zip".into()], path: String::new() };
        let inner = given.within("h1.tar".into()).within("var/log/x".into());
        assert_eq!(inner.to_string(), "r.zip → h1.tar → var/log/x");
        assert_eq!((given.file_name(), inner.file_name(), given.to_string()), ("r.zip", "x", "r.zip".into()));
    }
}
