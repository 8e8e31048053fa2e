//! The configuration: a TOML file, filled up from OpenTelemetry's environment variables and defaults.
//!
//! Two stages. *As written* (`written`): every key is looked up in one table (`keys`), checked for its kind and
//! range, and kept with its line. *As used* (`settings`): typed values, with what one key says about another checked.
//! Promises: all mistakes are reported at once, each with line, key and what is allowed; nothing is opened but
//! the file itself. The table also makes the sample file (`sample`), so that the three can't drift apart.

mod destination;
mod environment;
mod keys;
mod kind;
mod problem;
mod sample;
mod settings;
mod warnings;
mod written;

pub(crate) use destination::Destination;
pub(crate) use kind::duration;
pub(crate) use problem::Problems;
pub(crate) use sample::sample;
pub(crate) use settings::{Export, LogSettings, Settings};
pub(crate) use warnings::warnings;

use exporter::transport::ProxyEnvironment;
use std::path::{Path, PathBuf};

/// Where the file is looked for when no `--config` names one; it may be absent.
pub(crate) const DEFAULT_PATH: &str = "/etc/xapi-observer/xapi-observer.toml";

/// Reads the configuration: `named` by the user, or the default file if there is one, or defaults alone.
///
/// # Errors
/// Every mistake in the file and the environment, or the one that kept the file from being read.
pub(crate) fn load(named: Option<&Path>, env: &dyn Fn(&str) -> Option<String>) -> Result<Settings, Problems> {
    let path = named.map_or_else(|| PathBuf::from(DEFAULT_PATH), Path::to_path_buf);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Problems::of_file(&path, &format!("can't be read: {error}"))),
    };
    parse(&path, &text, env)
}

/// The settings that `text` says; `path` is for messages.
///
/// # Errors
/// Every mistake in the text and the environment.
pub(crate) fn parse(
    path: &Path,
    text: &str,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Settings, Problems> {
    let mut problems = Problems::new(path);
    let mut written = written::read(text, &mut problems);
    environment::fill(&mut written, env, &mut problems);
    let settings = settings::resolve(&written, &ProxyEnvironment::read(env), &mut problems);
    if problems.is_empty() { Ok(settings) } else { Err(problems) }
}

#[cfg(test)]
mod tests;
