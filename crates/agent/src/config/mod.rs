//! The configuration: a TOML file, filled up from OpenTelemetry's environment variables and defaults.
//!
//! Two stages. *As written* (`written`): every key is looked up in one table (`keys`), checked for its kind and
//! range, and kept with its line. *As used* (`settings`): typed values, with what one key says about another checked.
//! Promises: all mistakes are reported at once, each with line, key and what is allowed; nothing is opened but
//! the file itself and those that it names for headers and TLS; no message shows the value of a header. The table also
//! makes the sample (`sample`), the packaged file (`packaged`) and the reference (`reference`), so that they can't drift
//! apart.

mod destination;
mod environment;
mod file;
mod keys;
mod kind;
mod logs;
#[cfg(test)]
mod packaged;
mod problem;
#[cfg(test)]
mod reference;
mod sample;
mod settings;
mod units;
mod url;
mod warnings;
mod written;

pub(crate) use destination::Destination;
pub(crate) use logs::LogSettings;
pub(crate) use problem::Problems;
pub(crate) use sample::sample;
pub(crate) use settings::{AttachLogs, Export, Settings};
pub(crate) use units::duration;
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
    load_for(None, named, env)
}

/// The same, with all signals sent to `endpoint` if there is one, whatever the file and the environment say.
///
/// # Errors
/// As [`load`].
pub(crate) fn load_for(
    endpoint: Option<&str>,
    named: Option<&Path>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Settings, Problems> {
    let path = named.map_or_else(|| PathBuf::from(DEFAULT_PATH), Path::to_path_buf);
    let text = file::read(&path, named.is_some())?;
    parse_for(endpoint, &path, &text, env)
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
    parse_for(None, path, text, env)
}

fn parse_for(
    endpoint: Option<&str>,
    path: &Path,
    text: &str,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Settings, Problems> {
    let mut problems = Problems::new(path);
    let mut written = written::read(text, &mut problems);
    if let Some(endpoint) = endpoint {
        environment::set_endpoint(&mut written, endpoint, &mut problems);
    }
    environment::fill(&mut written, env, &mut problems);
    written.values.retain(|path, _| endpoint.is_none() || !is_signals_own_endpoint(path));
    let settings = settings::resolve(&written, &ProxyEnvironment::read(env), &mut problems);
    if problems.is_empty() { Ok(settings) } else { Err(problems) }
}

/// `export.traces.endpoint` and its like.
fn is_signals_own_endpoint(path: &str) -> bool {
    path.starts_with("export.") && path.ends_with(".endpoint") && path != "export.endpoint"
}

#[cfg(test)]
mod tests;
