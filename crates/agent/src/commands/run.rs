//! `run`: the agent in the foreground, until a signal ends it.

use super::check::load;
use crate::cli::{ConfigOption, Failure, Outcome};
use crate::config::{self, Settings};
use crate::shell::driver::{AT_THE_END, Agent};
use crate::shell::service_manager::{self, ServiceManager};
use crate::shell::signals::{Signal, Signals};
use crate::shell::{allocator, own_log, signals};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::runtime::{Handle, Runtime};
use watcher::store::Store;

/// How long a reload waits for a disk that hangs: no agent can take the place of one whose store is not free.
const FOR_THE_DISK: Duration = Duration::from_secs(60);

/// Runs until SIGTERM or SIGINT; SIGHUP reads the configuration again. systemd is told how it goes.
pub(crate) fn main(options: &ConfigOption) -> Outcome {
    allocator::settle();
    let settings = load(options.config.as_deref())?;
    own_log::start(&settings.telemetry.log);
    refuse_own_log(&settings)?;
    warn(options.config.as_deref(), &settings);
    let runtime = runtime()?;
    let signals = signals::listen(&runtime).map_err(|error| Failure::Running(format!("signals: {error}")))?;
    let manager = ServiceManager::from_environment(&|name| std::env::var_os(name));
    let agent = Agent::start(settings.clone(), runtime.handle()).map_err(Failure::Running)?;
    tracing::info!(id = "XO1001", version = env!("CARGO_PKG_VERSION"), "running");
    manager.ready();
    Service { settings, options, runtime: runtime.handle(), signals, manager }.serve(agent)?;
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

/// What outlives a single agent: each new configuration is a new one.
struct Service<'a> {
    settings: Settings,
    options: &'a ConfigOption,
    runtime: &'a Handle,
    signals: Signals,
    manager: ServiceManager,
}

impl Service<'_> {
    /// Waits for signals until one asks for the end; says meanwhile that all gets on.
    fn serve(mut self, mut agent: Agent) -> Outcome {
        loop {
            match self.signals.next(self.manager.every()) {
                None => self.look_after(&mut agent),
                Some(Signal::Reload) => {
                    self.manager.reloading();
                    // Open requests may take their five seconds of the watchdog's period.
                    self.manager.alive();
                    let Some(next) = self.reload(agent)? else { return Ok(()) };
                    agent = next;
                    self.manager.ready();
                }
                Some(Signal::Stop) => {
                    self.manager.stopping();
                    tracing::info!(id = "XO1002", "stopping");
                    agent.stop(AT_THE_END);
                    return Ok(());
                }
            }
        }
    }

    /// Feeds the watchdog if every stage has turned. If not, it says which, and systemd restarts us in the end.
    fn look_after(&mut self, agent: &mut Agent) {
        let stuck = agent.stuck();
        if !stuck.is_empty() {
            tracing::warn!(id = "XO1013", stages = stuck.join(", "), "no progress; the watchdog is not fed");
            return;
        }
        self.manager.alive();
        if let Some(brief) = self.manager.listens().then(|| agent.brief()).flatten() {
            self.manager.status(service_manager::line(&brief));
        }
    }

    /// An agent with the new configuration, from the old one's checkpoints; the old one, if the new is refused; none,
    /// if it is to end meanwhile.
    fn reload(&mut self, agent: Agent) -> Result<Option<Agent>, Failure> {
        let new = match new_settings(self.options, &self.settings) {
            Ok(new) => new,
            Err(Failure::Told) => return Ok(Some(agent)),
            Err(Failure::Usage(problems) | Failure::Running(problems)) => {
                tracing::error!(id = "XO1005", %problems, "the new configuration is refused; the old one stays");
                self.manager.status("the new configuration is refused; the old one stays".to_owned());
                return Ok(Some(agent));
            }
        };
        warn(self.options.config.as_deref(), &new);
        // What no disk has taken yet is in there.
        let store = agent.stop(FOR_THE_DISK);
        if self.signals.wants_stop() {
            return Ok(None);
        }
        self.restart(new, store).map(Some)
    }

    /// Starts with the new settings, or with the old ones if the new can't be carried out.
    fn restart(&mut self, new: Settings, mut store: Option<Store>) -> Result<Agent, Failure> {
        match Agent::start_with(new.clone(), self.runtime, &mut store) {
            Ok(agent) => {
                own_log::set_level(&new.telemetry.log);
                tracing::info!(id = "XO1004", "runs with the new configuration");
                self.settings = new;
                Ok(agent)
            }
            Err(problem) => {
                tracing::error!(id = "XO1006", %problem, "the new configuration can't be carried out; the old one stays");
                let old = Agent::start_with(self.settings.clone(), self.runtime, &mut store);
                old.map_err(Failure::Running)
            }
        }
    }
}

/// The new settings, if they can take the place of the old ones while the agent goes on.
fn new_settings(options: &ConfigOption, old: &Settings) -> Result<Settings, Failure> {
    let new = load(options.config.as_deref())?;
    refuse_own_log(&new)?;
    if new.checkpoint != old.checkpoint {
        let problem =
            "checkpoint.directory: can't change while it runs, as the positions lie there; restart the agent";
        return Err(Failure::Usage(problem.to_owned()));
    }
    Ok(new)
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
