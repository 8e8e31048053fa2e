//! The configured logs: there, readable, growing.

use super::file::{Access, denied, modified};
use super::finding::Finding;
use super::system::Rights;
use crate::commands::status::seconds;
use crate::config::LogSettings;
use std::path::PathBuf;

/// XAPI writes to its log each minute, whatever happens; after this many seconds somebody should look.
const QUIET: u64 = 3600;

/// What is known of one log.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    path: PathBuf,
    access: Access,
    modified_unix: u64,
    size: u64,
    /// XAPI's own log: it never rests.
    busy: bool,
}

impl Facts {
    pub(super) fn gather(log: &LogSettings) -> Self {
        let (access, found) = Access::of_file(&log.path);
        Self {
            path: log.path.clone(),
            access,
            modified_unix: found.as_ref().map(modified).unwrap_or_default(),
            size: found.map(|found| found.len()).unwrap_or_default(),
            busy: log.format == "xensource",
        }
    }
}

pub(super) fn judge(facts: &Facts, rights: &Rights, now: u64) -> Vec<Finding> {
    let path = facts.path.display();
    let finding = match facts.access {
        Access::Good => return vec![readable(facts).of(&path), growing(facts, now).of(&path)],
        Access::Denied => return vec![denied("logs.file", &facts.path, rights)],
        Access::Missing => Finding::warn("logs.file", "is not there (yet)")
            .mend(format!("ls -l {}*", facts.path.display()))
            .mend("[[logs]] path = \"…\", if it lies elsewhere"),
        Access::OtherKind => Finding::fail("logs.file", "is no regular file").mend(format!("ls -ld {path}")),
        Access::Failed(kind) => {
            Finding::fail("logs.file", format!("can't be read: {kind}")).mend("dmesg | tail".to_owned())
        }
    };
    vec![finding.of(path)]
}

fn readable(facts: &Facts) -> Finding {
    Finding::ok("logs.file", format!("can be read, {} KiB", facts.size >> 10))
}

fn growing(facts: &Facts, now: u64) -> Finding {
    let age = now.saturating_sub(facts.modified_unix);
    let text = format!("last written {} ago", seconds(age));
    match facts.busy && age > QUIET {
        true => Finding::warn("logs.growing", format!("{text}, and XAPI writes each minute"))
            .mend("systemctl status rsyslog xapi"),
        false => Finding::ok("logs.growing", text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::finding::Level;

    #[test]
    fn a_log_is_there_and_grows() {
        let root = Rights { uid: 0, read_all: true };
        let user = Rights { uid: 7, read_all: false };
        for (access, age, busy, rights, expected) in [
            (Access::Good, 5, true, root, vec![Level::Ok, Level::Ok]),
            (Access::Good, 2 * QUIET, true, root, vec![Level::Ok, Level::Warn]),
            (Access::Good, 2 * QUIET, false, root, vec![Level::Ok, Level::Ok]),
            (Access::Missing, 0, true, root, vec![Level::Warn]),
            (Access::Denied, 0, true, user, vec![Level::Warn]),
            (Access::Denied, 0, true, root, vec![Level::Fail]),
            (Access::OtherKind, 0, true, root, vec![Level::Fail]),
            (Access::Failed(std::io::ErrorKind::Other), 0, true, root, vec![Level::Fail]),
        ] {
            let facts = Facts { path: "/l".into(), access, modified_unix: 100_000 - age, size: 4096, busy };
            let found = judge(&facts, &rights, 100_000);
            let levels: Vec<Level> = found.iter().map(|finding| finding.level).collect();
            assert_eq!(levels, expected, "{facts:?}");
            assert!(found.iter().all(|finding| finding.subject == "/l"));
        }
    }
}
