//! The hosts of the stand-in's pool, and where each keeps its files.

use super::options::{F2, Options};
use super::rng::Rng;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The trace directory below a host's root.
pub const TRACES: &str = "var/log/dt/zipkinv2/json";

/// One host: its identity and its own root directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// `INSTALLATION_UUID`, the uuid in file names, `xs.host.uuid`.
    pub uuid: String,
    /// Its name-label, `xs.host.name`.
    pub name: String,
    /// What syslog puts into each line.
    pub hostname: String,
    /// `xs.pool.uuid`.
    pub pool: String,
    /// The directory that is `/` to it.
    pub root: PathBuf,
    /// Its observer's uuid.
    pub observer: String,
    /// What its bracket's second field holds; never [`F2::Mixed`].
    pub f2: F2,
}

impl Host {
    /// The pool of these options, below `root`: `<root>/<hostname>` for each host.
    pub(super) fn pool(options: &Options, root: &Path) -> Vec<Self> {
        let mut rng = Rng::new(super::rng::hash(&[options.seed, 0x0705_7000]));
        let (pool, observer) = (rng.uuid(), rng.uuid());
        (1..=options.hosts.max(1))
            .map(|number| {
                let hostname = format!("xcp-ng-lab-{number}");
                Self {
                    uuid: rng.uuid(),
                    name: format!("lab host {number}"),
                    root: root.join(&hostname),
                    hostname,
                    pool: pool.clone(),
                    observer: observer.clone(),
                    f2: second_field(options.f2, number),
                }
            })
            .collect()
    }

    /// Where its trace files are.
    #[must_use]
    pub fn traces(&self) -> PathBuf {
        self.root.join(TRACES)
    }

    /// One of its logs.
    #[must_use]
    pub fn log(&self, name: &str) -> PathBuf {
        self.root.join("var/log").join(name)
    }

    /// Makes its directories and the files that say who it is.
    pub(super) fn lay(&self, master: bool) -> io::Result<()> {
        fs::create_dir_all(self.traces())?;
        fs::create_dir_all(self.root.join("etc/xensource"))?;
        let inventory = format!(
            "PRODUCT_BRAND='XCP-ng'\nPRODUCT_VERSION='8.3.0'\nBUILD_NUMBER='cloud'\nINSTALLATION_UUID='{}'\nMANAGEMENT_INTERFACE='xenbr0'\nMANAGEMENT_ADDRESS_TYPE='IPv4'\n",
            self.uuid
        );
        fs::write(self.root.join("etc/xensource-inventory"), inventory)?;
        let role = if master { "master" } else { "slave:10.0.0.11" };
        fs::write(self.root.join("etc/xensource/pool.conf"), role)
    }
}

fn second_field(f2: F2, number: u16) -> F2 {
    match (f2, number % 3) {
        (F2::Mixed, 1) => F2::Empty,
        (F2::Mixed, 2) => F2::Traceparent,
        (F2::Mixed, _) => F2::Hostname,
        (fixed, _) => fixed,
    }
}
