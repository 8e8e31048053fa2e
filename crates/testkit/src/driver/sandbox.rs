//! Directories, a configuration and an environment for one agent.

use super::process::{Agent, Exit};
use crate::watched::Late;
use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// The host uuid in the sandbox's inventory.
pub const HOST_UUID: &str = "cb043a21-9c51-4418-a1e8-e7079ac6dc1a";

/// A temporary directory laid out as the agent's part of dom0: `dt/` for traces, `log/` for logs, `state/` for
/// checkpoints, `inventory`, `agent.toml`.
#[derive(Debug)]
pub struct Sandbox {
    root: TempDir,
    binary: PathBuf,
    keys: BTreeMap<String, String>,
    env: Vec<(String, String)>,
}

impl Sandbox {
    /// A new one for this binary. Traces, one log, checkpoints, inventory and socket are configured to lie in it;
    /// the endpoint is not set.
    ///
    /// # Errors
    /// If the directories can't be made.
    pub fn new(binary: impl Into<PathBuf>) -> io::Result<Self> {
        let root = tempfile::Builder::new().prefix("agent-").tempdir()?;
        let mut sandbox = Self { root, binary: binary.into(), keys: BTreeMap::new(), env: Vec::new() };
        for directory in [sandbox.traces(), sandbox.logs(), sandbox.state()] {
            std::fs::create_dir_all(directory)?;
        }
        std::fs::write(sandbox.inventory(), format!("INSTALLATION_UUID='{HOST_UUID}'\n"))?;
        let log = format!("[{{ path = {}, format = \"xensource\" }}]", quoted(&sandbox.xensource_log()));
        sandbox.set("traces.directory", quoted(&sandbox.traces()));
        sandbox.set("logs", log);
        sandbox.set("host.inventory", quoted(&sandbox.inventory()));
        sandbox.set("checkpoint.directory", quoted(&sandbox.state()));
        sandbox.set("telemetry.socket", quoted(&sandbox.socket()));
        Ok(sandbox)
    }

    /// The directory that holds everything; removed with the sandbox.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// Where trace files go.
    #[must_use]
    pub fn traces(&self) -> PathBuf {
        self.root().join("dt")
    }

    /// Where logs go.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.root().join("log")
    }

    /// The one log that is configured; not made.
    #[must_use]
    pub fn xensource_log(&self) -> PathBuf {
        self.logs().join("xensource.log")
    }

    /// Where checkpoints go.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.root().join("state")
    }

    /// The host's inventory file.
    #[must_use]
    pub fn inventory(&self) -> PathBuf {
        self.root().join("inventory")
    }

    /// The control socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.root().join("control.sock")
    }

    /// The configuration file.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.root().join("agent.toml")
    }

    /// Sets a key (`export.protocol`) to a TOML value as written (`"\"grpc\""`), in place of what it was.
    pub fn set(&mut self, key: &str, value: impl Into<String>) -> &mut Self {
        self.keys.insert(key.to_owned(), value.into());
        self
    }

    /// Sets a key to a text.
    pub fn set_text(&mut self, key: &str, text: &str) -> &mut Self {
        self.set(key, quoted(Path::new(text)))
    }

    /// Forgets a key.
    pub fn unset(&mut self, key: &str) -> &mut Self {
        self.keys.remove(key);
        self
    }

    /// A key's TOML value, where it is set.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.keys.get(key).map(String::as_str)
    }

    /// A variable for the agent's environment.
    pub fn env(&mut self, name: &str, value: &str) -> &mut Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The configuration as it would be written: one dotted key a line.
    #[must_use]
    pub fn config(&self) -> String {
        self.keys.iter().map(|(key, value)| format!("{key} = {value}\n")).collect()
    }

    /// Writes the configuration file, readable by its owner alone.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn write_config(&self) -> io::Result<()> {
        std::fs::write(self.config_file(), self.config())?;
        std::fs::set_permissions(self.config_file(), std::fs::Permissions::from_mode(0o600))
    }

    /// The binary with these arguments, in the sandbox's environment: the caller's without what the agent reads.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).current_dir(self.root());
        std::env::vars_os().map(|(name, _)| name).filter(|name| is_read_by_agent(name)).for_each(|name| {
            command.env_remove(name);
        });
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Writes the configuration and starts `run` with it.
    ///
    /// # Errors
    /// If the file can't be written or the binary not started.
    pub fn run(&self) -> io::Result<Agent> {
        self.write_config()?;
        let config = self.config_file();
        Agent::start(self.command(&["run", "--config"]).arg(config))
    }

    /// Runs a command of the binary to its end.
    ///
    /// # Errors
    /// [`Late`] if it is not over within `deadline`, or could not be started; it is killed then.
    pub fn finish(&self, arguments: &[&str], deadline: Duration) -> Result<Exit, Late> {
        let started = Agent::start(&mut self.command(arguments));
        let agent = started.map_err(|error| Late { waited: Duration::ZERO, found: error.to_string() })?;
        agent.wait_exit(deadline)
    }
}

/// Whether the agent takes settings from this variable.
fn is_read_by_agent(name: &std::ffi::OsStr) -> bool {
    let name = name.to_string_lossy().to_ascii_uppercase();
    name.starts_with("OTEL_")
        || name.ends_with("_PROXY")
        || matches!(name.as_str(), "NO_COLOR" | "RUST_LOG" | "TZ")
}

/// A TOML string.
fn quoted(path: &Path) -> String {
    let escaped = path.to_string_lossy().replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}
