//! Where an import keeps how far it has come: a small store for each host of each archive.
//!
//! The name of a store is made of what an import is of and where it goes: the namespace (by default the archive's content), the
//! host, the endpoints, and whether times are moved. So the same again goes on, and something else is something else.

use super::job::Job;
use crate::config::{Destination, Export};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::Xxh3;

/// What has to stay the same when an import goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// By how many seconds times are moved.
    pub(crate) shift_seconds: i64,
}

/// The directory of all stores.
#[derive(Clone, Debug)]
pub(crate) struct Home(PathBuf);

impl Home {
    /// The one that was named; else below the agent's checkpoints for root, and for others where XDG's base directories
    /// say that state belongs. `env` looks a variable up.
    ///
    /// # Errors
    /// If nothing says where.
    pub(crate) fn find(
        named: Option<&Path>,
        is_root: bool,
        checkpoint: &Path,
        env: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Self, String> {
        let absolute = |name| env(name).map(PathBuf::from).filter(|path| path.is_absolute());
        if let Some(named) = named {
            return Ok(Self(named.to_path_buf()));
        }
        if is_root {
            return Ok(Self(checkpoint.join("import")));
        }
        let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
        state.map(|state| Self(state.join("xapi-observer/import"))).ok_or_else(|| {
            "neither XDG_STATE_HOME nor HOME is set; say with --state where to keep how far the import has come"
                .to_owned()
        })
    }

    /// Where it is kept which entries of what was set aside have arrived at these endpoints.
    pub(crate) fn sent(&self, export: &Export) -> PathBuf {
        let mut hash = Xxh3::new();
        for to in [&export.traces, &export.logs] {
            hash.update(to.as_ref().map_or("", url).as_bytes());
            hash.update(&[0]);
        }
        self.0.join(format!("rejected-{:016x}", hash.digest()))
    }

    /// The store of one host; made if it is not there.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn store(&self, job: &Job, export: &Export, moved: bool) -> io::Result<PathBuf> {
        let mut hash = Xxh3::new();
        let host = job.host.uuid.map_or_else(|| job.host.root.prefix.clone(), |uuid| uuid.to_string());
        let urls = [&export.traces, &export.logs].map(|to| to.as_ref().map_or("", url));
        for part in [&job.namespace, &host, urls[0], urls[1]] {
            hash.update(part.as_bytes());
            hash.update(&[0, u8::from(moved)]);
        }
        let path = self.0.join(format!("{:032x}", hash.digest128()));
        DirBuilder::new().mode(0o700).recursive(true).create(&path)?;
        Ok(path)
    }
}

fn url(destination: &Destination) -> &str {
    &destination.transport.url
}

/// What an earlier run has noted in a store.
pub(crate) fn facts(store: &Path) -> Option<Facts> {
    serde_json::from_slice(&std::fs::read(store.join("import.json")).ok()?).ok()
}

/// Notes it for later runs.
///
/// # Errors
/// Those of the disk.
pub(crate) fn note(store: &Path, facts: Facts) -> io::Result<()> {
    std::fs::write(store.join("import.json"), serde_json::to_vec(&facts)?)
}

/// Forgets what was shipped, but not what was set aside.
///
/// # Errors
/// Those of the disk.
pub(crate) fn forget(store: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(store)? {
        let entry = entry?;
        if entry.file_name() == "rejected" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            std::fs::remove_dir_all(entry.path())?;
        } else {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(named: Option<&str>, is_root: bool, env: &[(&str, &str)]) -> Option<PathBuf> {
        let look =
            |name: &str| env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into());
        Home::find(named.map(Path::new), is_root, Path::new("/var/lib/x"), &look).ok().map(|home| home.0)
    }

    #[test]
    fn state_is_kept_where_it_belongs() {
        let xdg = [("XDG_STATE_HOME", "/s"), ("HOME", "/h")];
        for (named, is_root, env, expected) in [
            (Some("here"), true, &xdg[..], Some("here")),
            (None, true, &xdg, Some("/var/lib/x/import")),
            (None, false, &xdg, Some("/s/xapi-observer/import")),
            (None, false, &xdg[1..], Some("/h/.local/state/xapi-observer/import")),
            (None, false, &[("XDG_STATE_HOME", "relative")], None),
            (None, false, &[], None),
        ] {
            assert_eq!(home(named, is_root, env), expected.map(PathBuf::from), "{named:?} {is_root} {env:?}");
        }
    }

    #[test]
    fn forgetting_leaves_what_was_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("rejected")).unwrap();
        std::fs::create_dir_all(at("store")).unwrap();
        note(folder.path(), Facts { shift_seconds: 7 }).unwrap();
        assert_eq!(facts(folder.path()), Some(Facts { shift_seconds: 7 }));
        forget(folder.path()).unwrap();
        assert!(at("rejected").exists() && !at("store").exists() && facts(folder.path()).is_none());
    }
}
