//! Which names matter, and what they say.
//!
//! Promises: pure functions over names and listings; any bytes may be in a name. Leaves to others: the disk,
//! and which of the files are one stream.

mod created;
mod kept;
mod names;
mod stamped;
mod tree;

pub(crate) use created::created_unix_nano;
pub(crate) use kept::Name;
pub(crate) use names::{Rotation, log_sibling, trace_file};
pub(crate) use stamped::Stamps;
pub(crate) use tree::{Directory, Node};

use crate::saved::Packing;
use crate::settings::Settings;
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// What a path is to the watcher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// A trace file; the stem is its name without a compression's suffix.
    Trace { stem: OsString, packing: Packing },
    /// A file of the family of the log with this index.
    Log { log: usize, rotation: Rotation, packing: Packing },
}

impl Class {
    pub(crate) fn packing(&self) -> Packing {
        match self {
            Self::Trace { packing, .. } | Self::Log { packing, .. } => *packing,
        }
    }
}

/// What the file `name` in `dir` is; `None`: nothing that is watched.
pub(crate) fn classify(settings: &Settings, dir: &Path, name: &OsStr) -> Option<Class> {
    let family = |(log, base): (usize, &Path)| {
        // The name first: to compare paths takes longer, and nearly all names are those of trace files.
        let (rotation, packing) = log_sibling(base.file_name()?, name)?;
        (base.parent() == Some(dir)).then_some(Class::Log { log, rotation, packing })
    };
    let logs = settings.logs.iter().map(|log| log.path.as_path()).enumerate();
    logs.into_iter().find_map(family).or_else(|| {
        settings.traces.iter().find(|root| dir.starts_with(root))?;
        trace_file(name).map(|(stem, packing)| Class::Trace { stem, packing })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LogSettings;

    #[test]
    fn the_directory_decides_what_a_name_is() {
        let log = LogSettings { path: "/var/log/SMlog".into(), start_at: crate::StartAt::Beginning };
        let settings =
            Settings { traces: vec!["/var/log/dt".into()], logs: vec![log], ..Settings::default() };
        let at = |dir: &str, name: &str| classify(&settings, Path::new(dir), OsStr::new(name));
        assert!(matches!(at("/var/log", "SMlog.1"), Some(Class::Log { log: 0, .. })));
        assert!(matches!(at("/var/log/dt/a/b", "x.ndjson"), Some(Class::Trace { .. })));
        for (dir, name) in [("/var/log/old", "SMlog.1"), ("/var/log", "x.ndjson"), ("/var/log/dt", "SMlog")] {
            assert_eq!(at(dir, name), None, "{dir}/{name}");
        }
    }
}
