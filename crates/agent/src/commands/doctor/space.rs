//! Free space, where XAPI writes and where the agent writes.

use super::finding::Finding;
use crate::config::Settings;
use std::path::{Path, PathBuf};

/// One file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    /// The directory it was asked for, or its nearest ancestor.
    path: PathBuf,
    free: u64,
    total: u64,
    /// Files that can still be made; `None` where the file system has no such limit.
    free_files: Option<u64>,
}

/// The file systems of traces, logs and checkpoints, each once.
pub(super) fn gather(settings: &Settings) -> Vec<Facts> {
    let traces = settings.traces.iter().map(|traces| traces.directory.as_path());
    let logs = settings.logs.iter().filter_map(|log| log.path.parent());
    let paths = traces.chain(logs).chain([settings.checkpoint.as_path()]);
    let mut seen = Vec::new();
    paths.filter_map(existing).filter_map(|path| facts(path, &mut seen)).collect()
}

fn existing(path: &Path) -> Option<&Path> {
    path.ancestors().find(|path| path.is_dir())
}

fn facts(path: &Path, seen: &mut Vec<u64>) -> Option<Facts> {
    use std::os::unix::fs::MetadataExt;
    let device = std::fs::metadata(path).ok()?.dev();
    if seen.contains(&device) {
        return None;
    }
    seen.push(device);
    let stat = rustix::fs::statvfs(path).ok()?;
    Some(Facts {
        path: path.to_path_buf(),
        free: stat.f_bavail.saturating_mul(stat.f_frsize),
        total: stat.f_blocks.saturating_mul(stat.f_frsize),
        free_files: (stat.f_files > 0).then_some(stat.f_favail),
    })
}

pub(super) fn judge(all: &[Facts]) -> Vec<Finding> {
    all.iter().map(|facts| judge_one(facts).of(facts.path.display())).collect()
}

fn judge_one(facts: &Facts) -> Finding {
    let percent = facts.free.saturating_mul(100).checked_div(facts.total).unwrap_or(100);
    let text = format!("{} MiB free of {} MiB ({percent} %)", facts.free >> 20, facts.total >> 20);
    let look = format!("du -xh --max-depth=2 {} | sort -h | tail", facts.path.display());
    if facts.free_files == Some(0) {
        return Finding::fail("space", "no file can be made any more: there are no free inodes")
            .mend(format!("df -i {}", facts.path.display()));
    }
    match (percent, facts.free >> 20) {
        (_, 0..16) | (0..2, _) => {
            Finding::fail("space", format!("{text}: spans, lines and checkpoints get lost")).mend(look)
        }
        (2..10, _) => {
            Finding::warn("space", format!("{text}: files that XAPI has removed are no longer kept open"))
                .mend(look)
        }
        _ => Finding::ok("space", text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::finding::Level;

    #[test]
    fn little_space_warns_and_none_fails() {
        const GIB: u64 = 1 << 30;
        for (free, total, free_files, expected) in [
            (2 * GIB, 4 * GIB, Some(9), Level::Ok),
            (GIB / 4, 4 * GIB, Some(9), Level::Warn),
            (GIB / 40, 4 * GIB, Some(9), Level::Fail),
            (1 << 20, 2 << 20, None, Level::Fail),
            (2 * GIB, 4 * GIB, Some(0), Level::Fail),
        ] {
            let facts = Facts { path: "/var/log".into(), free, total, free_files };
            let found = judge(std::slice::from_ref(&facts)).remove(0);
            assert_eq!((found.level, found.mend.is_empty()), (expected, expected == Level::Ok), "{facts:?}");
        }
    }

    #[test]
    fn a_directory_that_is_not_there_yet_is_of_its_ancestors_file_system() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b");
        assert_eq!(existing(&path), Some(directory.path()));
        let found = facts(directory.path(), &mut Vec::new()).unwrap();
        assert!(found.total >= found.free && found.total > 0);
    }
}
