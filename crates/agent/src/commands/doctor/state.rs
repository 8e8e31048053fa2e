//! The checkpoint directory, and what was set aside there.

use super::file::{Access, denied};
use super::finding::Finding;
use super::system::Rights;
use std::path::{Path, PathBuf};

/// What is known of it.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    path: PathBuf,
    access: Access,
    /// It, or the ancestor in which it is to be made, can be written.
    writable: bool,
    /// Files in `rejected/`.
    rejected: u64,
}

impl Facts {
    pub(super) fn gather(path: &Path) -> Self {
        use rustix::fs::{Access as Ask, access};
        let near = path.ancestors().find(|path| path.is_dir());
        let rejected = std::fs::read_dir(path.join("rejected")).map_or(0, |entries| entries.count() as u64);
        Self {
            path: path.to_path_buf(),
            access: Access::of_directory(path),
            writable: near.is_some_and(|near| access(near, Ask::WRITE_OK | Ask::EXEC_OK).is_ok()),
            rejected,
        }
    }
}

pub(super) fn judge(facts: &Facts, rights: &Rights) -> Vec<Finding> {
    let mut all = vec![directory(facts, rights)];
    if facts.rejected > 0 {
        let place = facts.path.join("rejected");
        let text = format!("{} files of what could not be read or was refused for good", facts.rejected);
        let look = format!("ls -lt {} | head", place.display());
        all.push(Finding::warn("state.rejected", text).of(place.display()).mend(look));
    } else if facts.access == Access::Good {
        all.push(Finding::ok("state.rejected", "nothing was set aside").of(facts.path.display()));
    }
    all
}

fn directory(facts: &Facts, rights: &Rights) -> Finding {
    let path = facts.path.display();
    let root = rights.uid == 0;
    let finding = match (facts.access, facts.writable) {
        (Access::Good, true) => Finding::ok("state.directory", "positions are kept here"),
        (Access::Missing, true) => Finding::ok("state.directory", "is made at the first start"),
        (Access::Denied, _) => return denied("state.directory", &facts.path, rights),
        (Access::Good | Access::Missing, false) if !root => Finding::warn(
            "state.directory",
            format!("can't be written by uid {}; the service, as root, may well", rights.uid),
        )
        .mend("sudo xapi-observer doctor"),
        (Access::OtherKind, _) => {
            Finding::fail("state.directory", "is no directory").mend(format!("ls -ld {path}"))
        }
        _ => Finding::fail("state.directory", "can't be written: positions would be in memory only")
            .mend(format!("findmnt -T {path}"))
            .mend("checkpoint.directory = \"/var/lib/xapi-observer\""),
    };
    finding.of(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::finding::Level;

    #[test]
    fn the_directory_and_what_was_set_aside() {
        let root = Rights { uid: 0, read_all: true };
        let user = Rights { uid: 1000, read_all: false };
        for (access, writable, rejected, rights, expected) in [
            (Access::Good, true, 0, root, vec![Level::Ok, Level::Ok]),
            (Access::Good, true, 3, root, vec![Level::Ok, Level::Warn]),
            (Access::Missing, true, 0, root, vec![Level::Ok]),
            (Access::Missing, false, 0, root, vec![Level::Fail]),
            (Access::Missing, false, 0, user, vec![Level::Warn]),
            (Access::Good, false, 0, root, vec![Level::Fail, Level::Ok]),
            (Access::OtherKind, false, 0, root, vec![Level::Fail]),
            (Access::Denied, false, 0, user, vec![Level::Warn]),
        ] {
            let facts = Facts { path: "/s".into(), access, writable, rejected };
            let found = judge(&facts, &rights);
            let levels: Vec<Level> = found.iter().map(|finding| finding.level).collect();
            assert_eq!(levels, expected, "{facts:?}");
        }
    }

    #[test]
    fn files_in_rejected_are_counted() {
        let directory = tempfile::tempdir().unwrap();
        let rejected = directory.path().join("rejected");
        std::fs::create_dir(&rejected).unwrap();
        std::fs::write(rejected.join("a"), "").unwrap();
        let facts = Facts::gather(directory.path());
        assert_eq!((facts.access, facts.writable, facts.rejected), (Access::Good, true, 1));
        assert!(Facts::gather(&directory.path().join("new")).writable);
    }
}
