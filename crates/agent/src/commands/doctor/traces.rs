//! The trace directory: there, readable, with files that grow.
//!
//! Whether an observer is enabled is in XAPI's database. Its trace shows in the files: with one enabled, each service
//! writes its own tracing's spans every 30 seconds, whatever else happens (xen-api `ocaml/libs/tracing/
//! tracing_export.ml`).

use super::file::{Access, denied, modified};
use super::finding::Finding;
use super::host::Tracing;
use super::system::Rights;
use crate::commands::status::seconds;
use crate::order;
use parser::zipkin::file_name;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Entries that are looked at; XAPI keeps 100 MB, mostly in files of 1 MiB.
const ENTRIES: usize = 200_000;
/// With an observer enabled no service is quiet for longer, in seconds.
const QUIET: u64 = 300;

/// A trace file.
#[derive(Clone, Debug)]
pub(super) struct TraceFile {
    pub(super) path: PathBuf,
    /// As its name says.
    pub(super) service: String,
    pub(super) modified_unix: u64,
}

/// What is known of the directory.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) directory: PathBuf,
    pub(super) access: Access,
    /// The newest first.
    pub(super) files: Vec<TraceFile>,
    pub(super) directories: usize,
    /// Something in it that may not be read.
    denied: Option<PathBuf>,
}

impl Facts {
    pub(super) fn gather(directory: &Path) -> Self {
        let mut facts = Self {
            directory: directory.to_path_buf(),
            access: Access::of_directory(directory),
            files: Vec::new(),
            directories: 0,
            denied: None,
        };
        facts.walk();
        order::by(&mut facts.files, |a, b| {
            b.modified_unix.cmp(&a.modified_unix).then_with(|| a.path.cmp(&b.path))
        });
        let newest = facts.files.first().map(|file| file.path.clone());
        facts.denied =
            facts.denied.take().or(newest.filter(|path| Access::of_file(path).0 == Access::Denied));
        facts
    }

    /// Symbolic links below it are not followed.
    fn walk(&mut self) {
        let (mut open, mut left) = (vec![self.directory.clone()], ENTRIES);
        while let Some(directory) = open.pop() {
            match Access::of_directory(&directory) {
                Access::Good => self.directories += 1,
                Access::Denied => self.denied = Some(directory.clone()),
                _ => {}
            }
            let Ok(entries) = std::fs::read_dir(&directory) else { continue };
            for entry in entries.flatten().take(left) {
                left -= 1;
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => open.push(entry.path()),
                    Ok(kind) if kind.is_file() => self.files.extend(trace_file(&entry)),
                    _ => {}
                }
            }
        }
    }
}

fn trace_file(entry: &std::fs::DirEntry) -> Option<TraceFile> {
    let name = entry.file_name();
    let service = file_name(name.to_str()?)?.service.to_owned();
    let modified_unix = modified(&entry.metadata().ok()?);
    Some(TraceFile { path: entry.path(), service, modified_unix })
}

pub(super) fn judge(facts: &Facts, tracing: &Tracing, rights: &Rights, now: u64) -> Vec<Finding> {
    let mut all = vec![directory(facts, tracing, rights)];
    if let Some(path) = facts.denied.as_ref().filter(|_| facts.access == Access::Good) {
        all.push(denied("traces.files", path, rights));
    } else if facts.access == Access::Good {
        all.push(files(facts, tracing));
    }
    if let Some(newest) = facts.files.first() {
        all.push(growing(now.saturating_sub(newest.modified_unix), tracing).of(facts.directory.display()));
    }
    all
}

/// The observer that writes to files; one for the whole pool.
fn enable(finding: Finding) -> Finding {
    finding
        .mend("xe observer-list params=uuid,name-label,enabled,components,endpoints")
        .mend("xe observer-create name-label=tracing enabled=true components=xapi,xenopsd endpoints=bugtool   # once per pool, if the list is empty")
        .mend("xe observer-param-set uuid=UUID enabled=true   # if it has a disabled one")
}

fn without(product: &str) -> String {
    format!("{product} has no tracing; logs only")
}

fn directory(facts: &Facts, tracing: &Tracing, rights: &Rights) -> Finding {
    let finding = match (facts.access, tracing) {
        (Access::Good, _) => Finding::ok("traces.directory", "can be read"),
        (Access::Missing, Tracing::Without(product)) => Finding::ok("traces.directory", without(product)),
        (Access::Missing, _) => enable(Finding::warn(
            "traces.directory",
            "is not there: nothing has been traced here (XAPI makes it with the first spans)",
        )),
        (Access::Denied, _) => return denied("traces.directory", &facts.directory, rights),
        (Access::OtherKind, _) => Finding::fail("traces.directory", "is no directory")
            .mend(format!("ls -ld {}", facts.directory.display()))
            .mend("traces.directory = \"/var/log/dt\""),
        (Access::Failed(kind), _) => {
            Finding::fail("traces.directory", format!("can't be read: {kind}")).mend("dmesg | tail")
        }
    };
    finding.of(facts.directory.display())
}

fn files(facts: &Facts, tracing: &Tracing) -> Finding {
    let mut services: BTreeMap<&str, usize> = BTreeMap::new();
    facts.files.iter().for_each(|file| *services.entry(&file.service).or_default() += 1);
    let told: Vec<String> = services.iter().map(|(service, files)| format!("{service} {files}")).collect();
    let finding = match (told.is_empty(), tracing) {
        (false, _) => Finding::ok("traces.files", format!("trace files: {}", told.join(", "))),
        (true, Tracing::Without(product)) => Finding::ok("traces.files", without(product)),
        (true, _) => {
            enable(Finding::warn("traces.files", "there are no trace files: is an observer enabled?"))
        }
    };
    finding.of(facts.directory.display())
}

fn growing(age: u64, tracing: &Tracing) -> Finding {
    let text = format!("the newest trace file changed {} ago", seconds(age));
    match (age > QUIET, tracing) {
        (true, Tracing::Without(product)) => {
            Finding::ok("traces.growing", format!("{text}, as {}", without(product)))
        }
        (true, _) => enable(Finding::warn(
            "traces.growing",
            format!("{text}; with an observer enabled one changes every 30 s"),
        )),
        (false, _) => Finding::ok("traces.growing", format!("{text}: an observer is enabled")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::finding::Level;

    const ROOT: Rights = Rights { uid: 0, read_all: true };
    const USER: Rights = Rights { uid: 9, read_all: false };

    fn facts(access: Access, ages: &[u64]) -> Facts {
        let file = |age: &u64| TraceFile {
            path: "/dt/x".into(),
            service: "xapi".to_owned(),
            modified_unix: 1_000_000 - age,
        };
        let files = ages.iter().map(file).collect();
        Facts { directory: "/dt".into(), access, files, directories: 1, denied: None }
    }

    #[test]
    fn directory_files_and_growth() {
        use Level::{Fail, Ok as Good, Warn};
        let old = Tracing::Without("XCP-ng 8.2.1".to_owned());
        let refused = Facts { denied: Some("/dt/x".into()), ..facts(Access::Good, &[9]) };
        let cases = [
            (facts(Access::Good, &[9]), &Tracing::Able, ROOT, vec![Good, Good, Good]),
            (facts(Access::Good, &[9_000]), &Tracing::Able, ROOT, vec![Good, Good, Warn]),
            (facts(Access::Good, &[9_000]), &old, ROOT, vec![Good, Good, Good]),
            (facts(Access::Good, &[]), &Tracing::Able, ROOT, vec![Good, Warn]),
            (facts(Access::Good, &[]), &old, ROOT, vec![Good, Good]),
            (facts(Access::Missing, &[]), &Tracing::Unknown, ROOT, vec![Warn]),
            (facts(Access::Missing, &[]), &old, ROOT, vec![Good]),
            (facts(Access::Denied, &[]), &Tracing::Able, USER, vec![Warn]),
            (facts(Access::Denied, &[]), &Tracing::Able, ROOT, vec![Fail]),
            (facts(Access::OtherKind, &[]), &Tracing::Able, ROOT, vec![Fail]),
            (facts(Access::Failed(std::io::ErrorKind::Other), &[]), &Tracing::Able, ROOT, vec![Fail]),
            (refused, &Tracing::Able, USER, vec![Good, Warn, Good]),
        ];
        for (facts, tracing, rights, expected) in cases {
            let found = judge(&facts, tracing, &rights, 1_000_000);
            let levels: Vec<Level> = found.iter().map(|finding| finding.level).collect();
            assert_eq!(levels, expected, "{facts:?}");
        }
    }

    #[test]
    fn what_enables_an_observer_comes_after_the_list() {
        let found = judge(&facts(Access::Good, &[]), &Tracing::Able, &ROOT, 0);
        assert!(found[1].mend[0].starts_with("xe observer-list"));
        assert!(found[1].mend[1].contains("once per pool"));
    }

    #[test]
    fn files_are_found_newest_first() {
        let directory = tempfile::tempdir().unwrap();
        let below = directory.path().join("zipkinv2/json");
        std::fs::create_dir_all(&below).unwrap();
        let uuid = "cb043a21-9c51-4418-a1e8-e7079ac6dc1a";
        for service in ["xapi", "xapi-clusterd"] {
            std::fs::write(
                below.join(format!("{service}-{uuid}-2026-02-19T20:46:15.393923-00:00.ndjson")),
                "",
            )
            .unwrap();
        }
        std::fs::write(below.join("notes.txt"), "").unwrap();
        std::os::unix::fs::symlink(directory.path(), below.join("loop")).unwrap();
        let facts = Facts::gather(directory.path());
        let services: Vec<&str> = facts.files.iter().map(|file| file.service.as_str()).collect();
        assert_eq!((services.len(), facts.directories), (2, 3), "{services:?}");
        assert!(services.contains(&"xapi-clusterd"));
    }
}
