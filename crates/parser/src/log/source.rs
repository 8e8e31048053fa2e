//! One configured log: what all the streams that belong to it share.

use super::filter::Filters;
use super::parts::Parts;
use super::pattern::LinePattern;
use super::program::Program;
use super::zone::Zone;
use xxhash_rust::xxh3::xxh3_128;

/// How a log's lines are built.
#[derive(Clone, Debug)]
pub enum Format {
    /// XAPI's bracket behind a syslog header; lines of other programs stand between.
    Xensource,
    /// The storage manager's `[pid] text` behind a syslog header.
    Smlog,
    /// XAPI's audit trail: the bracket, with a time of its own.
    Audit,
    /// A syslog header and text; a bracket is read where there is one.
    Syslog,
    /// What a configured regular expression says.
    Regex(LinePattern),
}

/// One configured log. Cheap to share, never changed while it is read.
#[derive(Clone, Debug)]
pub struct LogSource {
    path: String,
    path_hash: u128,
    format: Format,
    service_name: String,
    zone: Zone,
    filters: Filters,
}

impl LogSource {
    /// The log that is written under this path, in the host's own zone, without filters. Its lines name their service
    /// themselves, or else are of the service that the file's name says (`xha` for `/var/log/xha.log`).
    #[must_use]
    pub fn new(path: impl Into<String>, format: Format) -> Self {
        let path = path.into();
        let service_name = file_stem(&path).to_owned();
        let path_hash = xxh3_128(path.as_bytes());
        Self { path, path_hash, format, service_name, zone: Zone::Local, filters: Filters::default() }
    }

    /// Names the service of lines that don't say theirs.
    #[must_use]
    pub fn with_service_name(mut self, name: impl Into<String>) -> Self {
        self.service_name = name.into();
        self
    }

    /// Sets the zone of the timestamps.
    #[must_use]
    pub fn with_zone(mut self, zone: Zone) -> Self {
        self.zone = zone;
        self
    }

    /// Sets what is left out.
    #[must_use]
    pub fn with_filters(mut self, filters: Filters) -> Self {
        self.filters = filters;
        self
    }

    /// The path under which the lines are written, never a rotated name.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Takes a line apart: the first step of reading it, and all that needs no sense of time.
    #[must_use]
    pub fn parts<'a>(&'a self, line: &'a [u8]) -> Parts<'a> {
        Parts::parse(&self.format, line)
    }

    /// The program of a line, or what stands for it.
    pub(crate) fn program<'a>(&'a self, parts: &Parts<'a>) -> Program<'a> {
        if parts.program.is_empty() {
            return Program { service: &self.service_name, domain: None };
        }
        Program::parse(parts.program)
    }

    pub(crate) fn path_hash(&self) -> u128 {
        self.path_hash
    }

    pub(crate) fn zone(&self) -> &Zone {
        &self.zone
    }

    pub(crate) fn filters(&self) -> &Filters {
        &self.filters
    }
}

fn file_stem(path: &str) -> &str {
    let name = path.rsplit('/').find(|part| !part.is_empty()).unwrap_or("unknown_service");
    name.strip_suffix(".log").filter(|stem| !stem.is_empty()).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::file_stem;

    #[test]
    fn services_of_files() {
        let cases =
            [("/var/log/xha.log", "xha"), ("SMlog", "SMlog"), ("", "unknown_service"), ("/.log", ".log")];
        for (path, service) in cases {
            assert_eq!(file_stem(path), service, "{path}");
        }
    }
}
