//! What the kernel lets us do: rights, and inotify.

use super::finding::Finding;
use super::root::Root;
use std::path::Path;

/// Who looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rights {
    pub(super) uid: u32,
    /// Every file can be read, by `CAP_DAC_READ_SEARCH` or `CAP_DAC_OVERRIDE`.
    pub(super) read_all: bool,
}

impl Rights {
    pub(super) fn gather() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        Self { uid: rustix::process::geteuid().as_raw(), read_all: reads_all(&status) }
    }
}

/// Bits 1 and 2 of the effective set (linux/capability.h), from proc_pid_status(5).
fn reads_all(status: &str) -> bool {
    let set = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    set.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).is_some_and(|set| set & 0b110 != 0)
}

pub(super) fn judge_rights(rights: &Rights) -> Finding {
    let uid = rights.uid;
    match rights.read_all {
        true => Finding::ok("rights", format!("uid {uid} can read every log")),
        false => Finding::warn(
            "rights",
            format!(
                "uid {uid} can't read what is root's alone (XAPI's traces, rsyslog's files); the service can"
            ),
        )
        .mend("sudo xapi-observer doctor"),
    }
}

/// The kernel's limits of inotify, and whether it can be had now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Inotify {
    /// `None`: the kernel does not say.
    watches: Option<u64>,
    instances: Option<u64>,
    /// How many directories are to be watched.
    wanted: u64,
    /// Why no instance or watch can be had.
    refused: Option<String>,
}

impl Inotify {
    pub(super) fn gather(root: &Root, directories: usize) -> Self {
        let limit = |name: &str| {
            let text = std::fs::read_to_string(root.at(format!("/proc/sys/fs/inotify/{name}"))).ok()?;
            text.trim().parse().ok()
        };
        Self {
            watches: limit("max_user_watches"),
            instances: limit("max_user_instances"),
            wanted: directories as u64,
            refused: try_inotify(&root.at("/")).err().map(|error| error.to_string()),
        }
    }
}

/// Takes one instance with one watch, and gives it back.
fn try_inotify(path: &Path) -> Result<(), rustix::io::Errno> {
    use rustix::fs::inotify;
    let instance = inotify::init(inotify::CreateFlags::CLOEXEC)?;
    inotify::add_watch(&instance, path, inotify::WatchFlags::CREATE).map(|_| ())
}

pub(super) fn judge_inotify(facts: &Inotify) -> Vec<Finding> {
    let polled = "files will be polled, somewhat later and with more work";
    let raise = |key: &str, value: u64| format!("sysctl -w fs.inotify.{key}={value}");
    let finding = match facts {
        Inotify { refused: Some(why), .. } => {
            let more = |limit: Option<u64>| limit.unwrap_or(128).saturating_mul(2);
            Finding::warn("inotify", format!("the kernel refuses a watch ({why}); {polled}"))
                .mend(raise("max_user_instances", more(facts.instances)))
                .mend(raise("max_user_watches", more(facts.watches)))
        }
        Inotify { watches: Some(watches), wanted, .. } if watches < wanted => {
            Finding::warn("inotify", format!("{wanted} directories, and only {watches} watches; {polled}"))
                .mend(raise("max_user_watches", wanted.saturating_mul(2).max(8192)))
        }
        Inotify { watches, wanted, .. } => {
            let limit =
                watches.map_or_else(|| "nobody knows how many".to_owned(), |watches| watches.to_string());
            Finding::ok("inotify", format!("{wanted} directories to watch, {limit} are allowed"))
        }
    };
    vec![finding]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::finding::Level;

    #[test]
    fn capabilities_decide() {
        for (status, expected) in [
            ("Name:\tx\nCapEff:\t000001ffffffffff\n", true),
            ("CapEff:\t0000000000000004\n", true),
            ("CapEff:\t0000000000000001\n", false),
            ("CapEff:\t0000000000000000\n", false),
            ("", false),
        ] {
            assert_eq!(reads_all(status), expected, "{status}");
        }
        assert_eq!(judge_rights(&Rights { uid: 0, read_all: true }).level, Level::Ok);
        let other = judge_rights(&Rights { uid: 1000, read_all: false });
        assert_eq!((other.level, other.mend[0].as_str()), (Level::Warn, "sudo xapi-observer doctor"));
    }

    #[test]
    fn inotify_is_there_or_files_are_polled() {
        let good = Inotify { watches: Some(8192), instances: Some(128), wanted: 3, refused: None };
        let cases = [
            (good.clone(), Level::Ok, 0),
            (Inotify { watches: None, ..good.clone() }, Level::Ok, 0),
            (Inotify { watches: Some(2), ..good.clone() }, Level::Warn, 1),
            (Inotify { refused: Some("too many open files".to_owned()), ..good }, Level::Warn, 2),
        ];
        for (facts, level, mends) in cases {
            let found = judge_inotify(&facts).remove(0);
            assert_eq!((found.level, found.mend.len()), (level, mends), "{facts:?}");
        }
    }

    #[test]
    fn limits_are_read_below_the_root() {
        let directory = tempfile::tempdir().unwrap();
        let kernel = directory.path().join("proc/sys/fs/inotify");
        std::fs::create_dir_all(&kernel).unwrap();
        std::fs::write(kernel.join("max_user_watches"), "1\n").unwrap();
        let root = Root::new(Some(directory.path())).unwrap();
        let facts = Inotify::gather(&root, 5);
        assert_eq!((facts.watches, facts.instances, facts.wanted), (Some(1), None, 5));
    }
}
