//! What the demo is played with: directory, stand-in, collector, agent.

use super::tally::Tally;
use crate::cli::{Failure, Outcome};
use crate::config;
use crate::shell::driver::{AT_THE_END, Agent};
use model::Now;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use testkit::collector::{self, Collector, Signal};
use testkit::ledger::Checker;
use testkit::standin::{Host, Options, SECOND, SimTime, StandIn};

/// How long the agent waits for a line's span. XAPI writes spans every 30 s and the agent waits 75 s for them; here
/// all goes faster.
const WAIT: Duration = Duration::from_secs(6);
/// How often the stand-in writes spans, in its microseconds.
const FLUSH: u64 = 2 * SECOND;
/// How long XAPI has been at work when the agent starts. Where no trace file was ever written nothing is traced, as far
/// as the agent can see, and no line waits for a span.
const BEFORE: u64 = 5 * SECOND;
/// Operations a second.
const RATE: f64 = 2.0;

/// Everything that runs.
pub(super) struct Stage {
    standin: StandIn,
    pub(super) collector: Collector,
    agent: Agent,
    directory: TempDir,
}

impl Stage {
    /// Builds it all below a new temporary directory, and writes what XAPI did before.
    pub(super) fn set(seed: u64, now: SimTime, runtime: &tokio::runtime::Handle) -> Result<Self, Failure> {
        let directory = tempfile::Builder::new().prefix("xapi-observer-demo-").tempdir();
        let directory = directory.map_err(failed("a temporary directory"))?;
        let options = Options {
            seed,
            start: now.minus(BEFORE),
            rate: RATE,
            flush_interval: FLUSH,
            long_share: 0.0,
            lines_per_span: 1.6,
            ..Options::default()
        };
        let mut standin = StandIn::new(options, directory.path()).map_err(failed("the stand-in's files"))?;
        standin.step(now).map_err(failed("the stand-in's files"))?;
        let collector =
            Collector::start(collector::Options::default()).map_err(failed("a port for the collector"))?;
        let host = standin.hosts().first().ok_or_else(|| failed("the stand-in")("it has no host"))?;
        let text = configuration(host, directory.path(), &collector.http_url());
        let settings = config::parse(Path::new("the demo's configuration"), &text, &|_| None)
            .map_err(|problems| Failure::Running(problems.to_string()))?;
        let agent = Agent::start(settings, runtime).map_err(Failure::Running)?;
        Ok(Self { standin, collector, agent, directory })
    }

    /// Where everything lies.
    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Writes what is due by the wall clock; once `duration` is over, all that is left of what was begun.
    pub(super) fn write(&mut self, now: Now, duration: Duration) -> Outcome {
        let written = if now.mono < duration {
            self.standin.step(SimTime(now.wall_unix_nano / 1_000)).map(drop)
        } else {
            self.standin.finish()
        };
        written.map_err(failed("the stand-in's files"))
    }

    /// Whether as many records arrived as were written.
    pub(super) fn has_all(&self) -> bool {
        let ledger = self.standin.ledger();
        let spans = ledger.spans.iter().filter(|span| !span.tracer).count() as u64;
        let lines = ledger.lines.len() as u64;
        self.collector
            .read(|state| state.distinct(Signal::Traces) >= spans && state.distinct(Signal::Logs) >= lines)
    }

    /// What arrived, held against what was written.
    pub(super) fn tally(&self) -> Result<Tally, Failure> {
        let status = self.agent.status().ok_or_else(|| failed("the agent")("it does not answer"))?;
        let mut checker = Checker::new(self.standin.ledger())
            .with_wait_ms(u32::try_from(WAIT.as_millis()).unwrap_or(u32::MAX));
        let arrived = self.collector.read(collector::State::arrived);
        arrived.spans.iter().for_each(|span| checker.span(span));
        arrived.lines.iter().for_each(|line| checker.line(line));
        Ok(Tally::new(self.standin.written(), &status, |accounted| checker.report(accounted)))
    }

    /// Stops the agent and removes the directory.
    pub(super) fn strike(self) -> Outcome {
        let Self { agent, directory, .. } = self;
        agent.stop(AT_THE_END);
        directory.close().map_err(failed("the temporary directory"))
    }
}

fn failed<E: std::fmt::Display>(what: &str) -> impl Fn(E) -> Failure {
    move |error| Failure::Running(format!("{what}: {error}"))
}

/// The agent's configuration: that of a host, but for the places.
fn configuration(host: &Host, directory: &Path, endpoint: &str) -> String {
    let quoted = |path: &Path| toml::Value::String(path.to_string_lossy().into_owned()).to_string();
    format!(
        r#"
[traces]
directory = {traces}
[[logs]]
path = {xensource}
timezone = "UTC"
[[logs]]
path = {smlog}
format = "smlog"
timezone = "UTC"
[correlation]
wait = "{wait}s"
[export]
endpoint = "{endpoint}"
max_delay = "200ms"
[host]
inventory = {inventory}
[checkpoint]
directory = {checkpoint}
[telemetry]
socket = {socket}
export = false
"#,
        traces = quoted(&host.root.join("var/log/dt")),
        xensource = quoted(&host.log("xensource.log")),
        smlog = quoted(&host.log("SMlog")),
        wait = WAIT.as_secs(),
        inventory = quoted(&host.root.join("etc/xensource-inventory")),
        checkpoint = quoted(&directory.join("checkpoint")),
        socket = quoted(&directory.join("control.sock")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_is_a_good_one() {
        let standin = StandIn::new(Options::default(), tempfile::tempdir().unwrap().path()).unwrap();
        let text = configuration(&standin.hosts()[0], Path::new("/a \"b\""), "http://127.0.0.1:1");
        let settings =
            config::parse(Path::new("demo"), &text, &|_| None).unwrap_or_else(|wrong| panic!("{wrong}"));
        assert_eq!((settings.wait, settings.logs.len()), (WAIT, 2));
        assert_eq!(settings.checkpoint, Path::new("/a \"b\"/checkpoint"));
        assert!(settings.export.metrics.is_none());
    }
}
