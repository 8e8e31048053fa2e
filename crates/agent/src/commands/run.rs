//! `run`: the agent in the foreground, until a signal ends it.

use super::check::load;
use crate::cli::{ConfigOption, Failure, Outcome};
use crate::config::{self, Settings};
use crate::shell::driver::Agent;
use crate::shell::{own_log, signals};
use std::path::{Path, PathBuf};
use tokio::runtime::Runtime;

/// Runs until SIGTERM or SIGINT; SIGHUP reads the configuration again.
pub(crate) fn main(options: &ConfigOption) -> Outcome {
    let settings = load(options.config.as_deref())?;
    own_log::start(&settings.telemetry.log);
    refuse_own_log(&settings)?;
    warn(options.config.as_deref(), &settings);
    let runtime = runtime()?;
    let signals = signals::listen(&runtime).map_err(|error| Failure::Running(format!("signals: {error}")))?;
    let agent = Agent::start(settings.clone(), runtime.handle()).map_err(Failure::Running)?;
    tracing::info!(id = "XO1001", version = env!("CARGO_PKG_VERSION"), "running");
    if let Some(agent) = serve(agent, settings, options, &runtime, &signals)? {
        tracing::info!(id = "XO1002", "stopping");
        agent.stop();
    }
    tracing::info!(id = "XO1003", "stopped");
    // Answers that are still awaited are of no use to anybody now.
    runtime.shutdown_background();
    Ok(())
}

/// Two workers: one busy with a request must not keep the other signal's from leaving.
pub(crate) fn runtime() -> Result<Runtime, Failure> {
    let built = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    built.map_err(|error| Failure::Running(format!("no threads to be had: {error}")))
}

/// Waits for signals; a new configuration means a new agent, from the old one's checkpoints.
fn serve(
    mut agent: Agent,
    mut settings: Settings,
    options: &ConfigOption,
    runtime: &Runtime,
    signals: &signals::Signals,
) -> Result<Option<Agent>, Failure> {
    loop {
        match signals.next() {
            signals::Signal::Stop => return Ok(Some(agent)),
            signals::Signal::Reload => match reload(options, &settings) {
                Err(Failure::Usage(problems) | Failure::Running(problems)) => {
                    tracing::error!(id = "XO1005", %problems, "the new configuration is refused; the old one stays");
                }
                Ok(new) => {
                    warn(options.config.as_deref(), &new);
                    agent.stop();
                    if signals.wants_stop() {
                        return Ok(None);
                    }
                    (agent, settings) = restart(new, settings, runtime)?;
                }
            },
        }
    }
}

/// The new settings, if they can take the place of the old ones while the agent goes on.
fn reload(options: &ConfigOption, old: &Settings) -> Result<Settings, Failure> {
    let new = load(options.config.as_deref())?;
    refuse_own_log(&new)?;
    if new.checkpoint != old.checkpoint {
        let problem =
            "checkpoint.directory: can't change while it runs, as the positions lie there; restart the agent";
        return Err(Failure::Usage(problem.to_owned()));
    }
    Ok(new)
}

/// Starts with the new settings, or with the old ones if the new can't be carried out.
fn restart(new: Settings, old: Settings, runtime: &Runtime) -> Result<(Agent, Settings), Failure> {
    match Agent::start(new.clone(), runtime.handle()) {
        Ok(agent) => {
            own_log::set_level(&new.telemetry.log);
            tracing::info!(id = "XO1004", "runs with the new configuration");
            Ok((agent, new))
        }
        Err(problem) => {
            tracing::error!(id = "XO1006", %problem, "the new configuration can't be carried out; the old one stays");
            let agent = Agent::start(old.clone(), runtime.handle()).map_err(Failure::Running)?;
            Ok((agent, old))
        }
    }
}

fn warn(named: Option<&Path>, settings: &Settings) {
    let path = named.map_or_else(|| PathBuf::from(config::DEFAULT_PATH), Path::to_path_buf);
    for warning in config::warnings(&path, settings) {
        tracing::warn!(id = "XO1007", "{warning}");
    }
}

/// Lines that the agent writes about lines would never end.
fn refuse_own_log(settings: &Settings) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt;
    let own = rustix::fs::fstat(std::io::stderr()).ok().map(|stat| (stat.st_dev, stat.st_ino));
    for log in &settings.logs {
        let watched = std::fs::metadata(&log.path).ok().map(|meta| (meta.dev(), meta.ino()));
        if watched.is_some() && watched == own {
            let path = log.path.display();
            return Err(Failure::Usage(format!(
                "logs[].path: {path} is where this program writes its own log (stderr)"
            )));
        }
    }
    Ok(())
}
