//! Whether the storage manager's scripts (SMAPI) are traced. XAPI hides that component by default.
//!
//! Sources: xen-api `ocaml/xapi/xapi_observer_components.ml` (components in `observer-experimental-components` are left
//! out; since 24.5 the default is `smapi`) and `xapi_observer.ml` (`/etc/xensource/observer/smapi/enabled/
//! <uuid>.observer.conf` for each enabled observer).

use super::finding::Finding;
use super::host::Tracing;
use super::root::Root;
use super::traces;
use std::path::{Path, PathBuf};

/// Trace files of SMAPI that are younger, in seconds, say that it is traced.
const RECENT: u64 = 86_400;
const KEY: &str = "observer-experimental-components";

/// What the files say.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// Observers that are enabled for SMAPI.
    enabled: usize,
    /// A trace file of SMAPI was written lately.
    recent: bool,
    /// The key's value in XAPI's configuration; `None`: its default.
    experimental: Option<String>,
}

impl Facts {
    pub(super) fn gather(root: &Root, traces: &traces::Facts, now: u64) -> Self {
        let enabled = names(&root.at("/etc/xensource/observer/smapi/enabled"));
        let is_observer = |path: &&PathBuf| path.to_string_lossy().ends_with(".observer.conf");
        let recent = |file: &traces::TraceFile| {
            file.service == "smapi" && now.saturating_sub(file.modified_unix) < RECENT
        };
        let parts = names(&root.at("/etc/xapi.conf.d"));
        // The last one that has it decides.
        let configuration = parts.into_iter().rev().chain([root.at("/etc/xapi.conf")]);
        let text = |path: PathBuf| std::fs::read(path).ok();
        let mut values =
            configuration.filter_map(text).filter_map(|text| value(&String::from_utf8_lossy(&text)));
        Self {
            enabled: enabled.iter().filter(is_observer).count(),
            recent: traces.files.iter().any(recent),
            experimental: values.next(),
        }
    }
}

fn names(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// The last value of the key in a `key = value` file.
fn value(text: &str) -> Option<String> {
    let value = |line: &str| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == KEY).then(|| value.trim().trim_matches(['"', '\'']).to_owned())
    };
    text.lines().filter_map(value).next_back()
}

pub(super) fn judge(facts: &Facts, tracing: &Tracing) -> Option<Finding> {
    if matches!(tracing, Tracing::Without(_)) {
        return None;
    }
    let hidden =
        facts.experimental.as_deref().unwrap_or("smapi").split([',', ' ']).any(|name| name == "smapi");
    let traced = facts.recent || (facts.enabled > 0 && !hidden);
    Some(match (traced, hidden) {
        (true, _) => Finding::ok("traces.smapi", "the storage manager is traced"),
        (false, true) if facts.enabled > 0 => {
            Finding::warn("traces.smapi", format!("an observer is enabled for smapi, but {KEY} hides it"))
                .mend(unhide())
                .mend("xe-toolstack-restart")
        }
        (false, true) => Finding::ok(
            "traces.smapi",
            format!("the storage manager is not traced: XAPI hides it as experimental ({KEY}); to have it:"),
        )
        .mend(unhide())
        .mend("xe-toolstack-restart"),
        (false, false) => Finding::ok(
            "traces.smapi",
            "the storage manager is not traced: no enabled observer has it; to have it:",
        )
        .mend("xe observer-param-set uuid=UUID components=xapi,xenopsd,smapi"),
    })
}

fn unhide() -> String {
    format!("echo '{KEY}=\"\"' > /etc/xapi.conf.d/observer-smapi.conf")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::finding::Level;

    #[test]
    fn hidden_traced_or_neither() {
        for (enabled, recent, experimental, level, said) in [
            (0, true, None, Level::Ok, "is traced"),
            (1, false, Some(""), Level::Ok, "is traced"),
            (1, false, None, Level::Warn, "hides it"),
            (0, false, None, Level::Ok, "experimental"),
            (0, false, Some("smapi,other"), Level::Ok, "experimental"),
            (0, false, Some("other"), Level::Ok, "no enabled observer"),
        ] {
            let facts = Facts { enabled, recent, experimental: experimental.map(str::to_owned) };
            let found = judge(&facts, &Tracing::Able).unwrap();
            assert_eq!(found.level, level, "{facts:?}");
            assert!(found.text.contains(said), "{facts:?}: {}", found.text);
            assert!(judge(&facts, &Tracing::Without(String::new())).is_none());
        }
    }

    #[test]
    fn the_last_file_that_has_the_key_decides() {
        let directory = tempfile::tempdir().unwrap();
        let etc = directory.path().join("etc");
        std::fs::create_dir_all(etc.join("xapi.conf.d")).unwrap();
        std::fs::create_dir_all(etc.join("xensource/observer/smapi/enabled")).unwrap();
        std::fs::write(etc.join("xapi.conf"), format!("# {KEY} = x\n{KEY} = smapi\n")).unwrap();
        std::fs::write(etc.join("xapi.conf.d/a.conf"), format!("{KEY}=\"\"\n")).unwrap();
        std::fs::write(etc.join("xapi.conf.d/b.conf"), "other=1\n").unwrap();
        std::fs::write(etc.join("xensource/observer/smapi/enabled/1.observer.conf"), "").unwrap();
        let root = Root::new(Some(directory.path())).unwrap();
        let facts = Facts::gather(&root, &traces::Facts::gather(&etc), 0);
        assert_eq!((facts.experimental.as_deref(), facts.enabled, facts.recent), (Some(""), 1, false));
    }
}
