//! Where the host's files are: below `/`, or below another directory (a mounted root, a test).
//!
//! Re-rooted: the default configuration file, and every file and directory of the host that the configuration names.
//! As they are: a file named by `--config`, and files of headers and TLS, which belong to the one who asks.

use super::file::Access;
use crate::cli::Failure;
use crate::config::{self, Settings};
use std::path::{Path, PathBuf};

/// The configuration that is looked at.
pub(super) struct Loaded {
    pub(super) path: PathBuf,
    pub(super) from: From,
    pub(super) settings: Settings,
}

/// What the settings come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    File,
    /// There is no file.
    Defaults,
    /// There is one, and this user may not read it.
    NotAllowed,
}

/// The directory that stands for `/`.
#[derive(Clone, Debug)]
pub(super) struct Root(PathBuf);

impl Root {
    /// # Errors
    /// If it is no directory.
    pub(super) fn new(named: Option<&Path>) -> Result<Self, Failure> {
        let path = named.unwrap_or(Path::new("/"));
        if path.is_dir() {
            return Ok(Self(path.to_path_buf()));
        }
        Err(Failure::Usage(format!("--root {}: there is no such directory", path.display())))
    }

    /// An absolute path of the host.
    pub(super) fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.0.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The configuration, and where it comes from. The default file may be absent, or (it may hold secrets) root's
    /// alone: then the defaults are looked at.
    ///
    /// # Errors
    /// Every mistake in it.
    pub(super) fn load(&self, named: Option<&Path>) -> Result<Loaded, Failure> {
        let path = named.map_or_else(|| self.at(config::DEFAULT_PATH), Path::to_path_buf);
        let env = |name: &str| std::env::var(name).ok();
        let from = match (named, Access::of_file(&path).0) {
            (None, Access::Missing) => From::Defaults,
            (None, Access::Denied) => From::NotAllowed,
            _ => From::File,
        };
        let loaded = match from {
            From::File => config::load(Some(&path), &env),
            From::Defaults | From::NotAllowed => config::parse(&path, "", &env),
        };
        let settings = loaded.map_err(|problems| Failure::Usage(problems.to_string()))?;
        Ok(Loaded { path, from, settings: self.apply(settings) })
    }

    fn apply(&self, mut settings: Settings) -> Settings {
        if let Some(traces) = &mut settings.traces {
            traces.directory = self.at(&traces.directory);
        }
        settings.logs.iter_mut().for_each(|log| log.path = self.at(&log.path));
        settings.inventory = self.at(&settings.inventory);
        settings.checkpoint = self.at(&settings.checkpoint);
        settings.telemetry.socket = self.at(&settings.telemetry.socket);
        settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_files_are_looked_for_below_it() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(Some(directory.path())).unwrap();
        let Loaded { path, from, settings } = root.load(None).ok().unwrap();
        assert_eq!(from, From::Defaults);
        assert_eq!(path, directory.path().join("etc/xapi-observer/xapi-observer.toml"));
        assert_eq!(settings.traces.unwrap().directory, directory.path().join("var/log/dt"));
        assert_eq!(settings.logs[0].path, directory.path().join("var/log/xensource.log"));
        assert_eq!(settings.checkpoint, directory.path().join("var/lib/xapi-observer"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "[traces]\nenabled = 1\n").unwrap();
        let refused = root.load(None).err().unwrap();
        assert!(matches!(refused, Failure::Usage(text) if text.contains("traces.enabled")));
        assert!(Root::new(Some(&directory.path().join("none"))).is_err());
    }
}
