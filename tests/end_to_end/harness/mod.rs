//! What every case needs: an agent's sandbox with a collector beside it, and few words to say what is expected.
//!
//! Promises: all processes end with their handles; waits have deadlines. Leaves to others: the text of spans and
//! lines ([`text`]), and the stand-in's pool ([`pool`]).

mod account;
pub(crate) mod pool;
mod rejected;
mod text;

pub(crate) use account::{Account, Sums};
pub(crate) use text::{array, line, line_of_task, number, span, span_of_task, trace_file_name, written_at};

use serde_json::Value;
use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use testkit::collector::{Collector, Options, Signal, State};
use testkit::driver::{Agent, Exit, Sandbox};

/// Long enough for a loaded machine; reached only by a test that fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Within this time the agent must end when it is told to.
pub(crate) const STOP: Duration = Duration::from_secs(8);

/// What the agent may take beyond `limits.memory`: its threads, tables, the checkpoint store.
const BESIDE_MEMORY: u64 = 16 * MIB;

const MIB: u64 = 1 << 20;

/// How long is waited before a process is asked again how it is.
const PAUSE: Duration = Duration::from_millis(50);

/// A sandbox that sends to a collector.
#[derive(Debug)]
pub(crate) struct Rig {
    pub(crate) sandbox: Sandbox,
    pub(crate) collector: Collector,
    pub(crate) account: Account,
}

impl Rig {
    /// A collector that takes everything by HTTP; the agent's other settings are its defaults.
    pub(crate) fn new() -> Self {
        Self::with(Options::default())
    }

    /// The same with another collector.
    pub(crate) fn with(options: Options) -> Self {
        let collector = Collector::start(options).unwrap();
        let mut sandbox = sandbox();
        sandbox.set_text("export.endpoint", &collector.http_url());
        Self { sandbox, collector, account: Account::new() }
    }

    /// Starts the agent and waits until it runs.
    pub(crate) fn run(&self) -> Agent {
        let agent = self.sandbox.run().unwrap();
        agent.wait_for_line("running", DEADLINE).unwrap();
        agent
    }

    /// `run`, started by another program with these arguments, to which the agent's own command line is appended.
    pub(crate) fn through(&self, program: &str, arguments: &[&str]) -> Command {
        self.sandbox.write_config().unwrap();
        let own = self.sandbox.command(&["run", "--config"]);
        let mut command = Command::new(program);
        command.args(arguments).arg(own.get_program()).args(own.get_args()).arg(self.sandbox.config_file());
        command.current_dir(self.sandbox.root());
        for (name, value) in own.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    /// Ends the agent as systemd does, and holds it to its time, its exit code and its memory.
    pub(crate) fn stop(&self, agent: &Agent) -> Exit {
        self.assert_memory(agent);
        stop(agent)
    }

    /// SIGKILL, after a look at its memory.
    pub(crate) fn kill(&self, agent: Agent) {
        self.assert_memory(&agent);
        agent.kill();
    }

    /// The most anonymous memory it had so far is within `limits.memory` and 16 MiB. The pages of its own file are left
    /// out: a program without optimization has more of them.
    pub(crate) fn assert_memory(&self, agent: &Agent) {
        let Ok(usage) = agent.usage() else { return };
        let bound = self.memory_limit() + BESIDE_MEMORY;
        assert!(usage.peak_anon() <= bound, "{} of {bound} bytes; {usage:?}", usage.peak_anon());
    }

    fn memory_limit(&self) -> u64 {
        let text = self.sandbox.get("limits.memory").unwrap_or("\"32MiB\"");
        let mebibytes = text.trim_matches('"').strip_suffix("MiB").unwrap();
        mebibytes.parse::<u64>().unwrap() * MIB
    }

    /// Writes these spans as a trace file of their own, one array.
    pub(crate) fn write_spans(&self, spans: Range<u64>) -> PathBuf {
        let all: Vec<String> = spans.clone().map(span).collect();
        self.write_trace(spans.start, array(&all))
    }

    /// Appends to the trace file of this number.
    pub(crate) fn write_trace(&self, file: u64, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.sandbox.traces().join(trace_file_name(file));
        append(&path, text);
        path
    }

    /// Appends these lines to the log, in one piece.
    pub(crate) fn write_lines(&self, lines: Range<u64>) {
        self.write_log(lines.map(line).collect::<String>());
    }

    /// Appends to the log.
    pub(crate) fn write_log(&self, text: impl AsRef<[u8]>) {
        append(&self.sandbox.xensource_log(), text);
    }

    /// Waits until all these spans have come.
    pub(crate) fn wait_spans(&self, spans: Range<u64>) {
        self.wait(|state| has_all(state.stored(Signal::Traces), &spans, || copies_of_spans(state)));
    }

    /// Waits until all these lines have come.
    pub(crate) fn wait_lines(&self, lines: Range<u64>) {
        self.wait(|state| has_all(state.stored(Signal::Logs), &lines, || copies_of_lines(state)));
    }

    /// Waits for a condition on what came.
    pub(crate) fn wait(&self, condition: impl FnMut(&State) -> bool) {
        self.collector.wait_for(condition, DEADLINE).unwrap();
    }

    /// Each of these has come exactly once, and nothing else of its signal has.
    pub(crate) fn assert_once(&self, spans: Range<u64>, lines: Range<u64>) {
        self.collector.read(|state| {
            assert_eq!(
                other_than_once(&spans, &copies_of_spans(state)),
                [],
                "spans and their copies; {state}"
            );
            assert_eq!(
                other_than_once(&lines, &copies_of_lines(state)),
                [],
                "lines and their copies; {state}"
            );
            let stored = (state.stored(Signal::Traces), state.stored(Signal::Logs));
            assert_eq!(stored, (spans.end - spans.start, lines.end - lines.start), "{state}");
            assert_eq!(state.malformed(), [""; 0]);
            let written = stored.0 + stored.1;
            self.account.state(Sums { written, delivered: written, ..Sums::default() });
        });
    }

    /// What `status --json` says.
    pub(crate) fn status(&self) -> Value {
        let exit = self.command(&["status", "--json"]);
        assert_eq!(exit.status.code(), Some(0), "{}", exit.stderr);
        serde_json::from_str(&exit.stdout).unwrap()
    }

    /// Asks for the status until it is as it should be, and gives it.
    pub(crate) fn wait_status(&self, mut condition: impl FnMut(&Value) -> bool) -> Value {
        let mut status = Value::Null;
        let met = until(|| {
            status = self.status();
            condition(&status)
        });
        assert!(met, "the status is still {status:#}");
        status
    }

    /// Runs a command with the sandbox's configuration to its end.
    pub(crate) fn command(&self, arguments: &[&str]) -> Exit {
        let config = self.sandbox.config_file();
        let with_config = [arguments, &["--config", config.to_str().unwrap()]].concat();
        self.sandbox.finish(&with_config, DEADLINE).unwrap()
    }
}

/// The binary under test: the one just built, or another that `XAPI_OBSERVER_BINARY` names, such as an installed one.
fn binary() -> std::path::PathBuf {
    std::env::var_os("XAPI_OBSERVER_BINARY")
        .map_or_else(|| env!("CARGO_BIN_EXE_xapi-observer").into(), Into::into)
}

/// A sandbox for the binary under test; its log's times are UTC.
pub(crate) fn sandbox() -> Sandbox {
    let mut sandbox = Sandbox::new(binary()).unwrap();
    sandbox.env("TZ", "UTC");
    sandbox
}

/// Ends the agent as systemd does, and holds it to its time and its exit code.
pub(crate) fn stop(agent: &Agent) -> Exit {
    let exit = agent.terminate(STOP).unwrap();
    assert_eq!(exit.status.code(), Some(0), "{}", exit.stderr);
    exit
}

/// Several cases at once, each on a thread with the test's own name: they mostly wait.
pub(crate) fn side_by_side<C: Sync>(cases: &[C], case: impl Fn(&C) + Sync) {
    let name = std::thread::current().name().unwrap_or_default().to_owned();
    let named = || std::thread::Builder::new().name(name.clone());
    let case = &case;
    std::thread::scope(|scope| {
        cases.iter().for_each(|one| drop(named().spawn_scoped(scope, move || case(one)).unwrap()));
    });
}

/// Asks until it is so, or too late; for what nobody tells of by itself.
#[allow(clippy::disallowed_methods, reason = "a test's deadline is real time")]
pub(crate) fn until(mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + DEADLINE;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        std::thread::park_timeout(PAUSE);
    }
}

/// The number at a JSON pointer; 0 where there is none.
pub(crate) fn count(status: &Value, pointer: &str) -> u64 {
    status.pointer(pointer).and_then(Value::as_u64).unwrap_or_default()
}

/// The text at a JSON pointer; empty where there is none.
pub(crate) fn word<'v>(status: &'v Value, pointer: &str) -> &'v str {
    status.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Appends to a file, which is made if it is not there.
pub(crate) fn append(path: &Path, text: impl AsRef<[u8]>) {
    let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
    file.write_all(text.as_ref()).unwrap();
}

/// How often this span has come.
pub(crate) fn span_copies(state: &State, n: u64) -> usize {
    copies_of_spans(state).get(&n).copied().unwrap_or_default()
}

/// How often this line has come.
pub(crate) fn line_copies(state: &State, n: u64) -> usize {
    copies_of_lines(state).get(&n).copied().unwrap_or_default()
}

fn copies_of_spans(state: &State) -> HashMap<u64, usize> {
    tally(state.spans().iter().filter_map(|span| u64::from_str_radix(&span.span_id, 16).ok()))
}

fn copies_of_lines(state: &State) -> HashMap<u64, usize> {
    tally(state.logs().iter().filter_map(|log| number(&log.body)))
}

fn tally(numbers: impl Iterator<Item = u64>) -> HashMap<u64, usize> {
    let mut copies = HashMap::new();
    numbers.for_each(|n| *copies.entry(n).or_default() += 1);
    copies
}

/// Looks at the records themselves only once there are enough of them.
fn has_all(stored: u64, wanted: &Range<u64>, copies: impl FnOnce() -> HashMap<u64, usize>) -> bool {
    stored >= wanted.end - wanted.start && {
        let copies = copies();
        wanted.clone().all(|n| copies.contains_key(&n))
    }
}

fn other_than_once(wanted: &Range<u64>, copies: &HashMap<u64, usize>) -> Vec<(u64, usize)> {
    let copies = |n| (n, copies.get(&n).copied().unwrap_or_default());
    wanted.clone().map(copies).filter(|(_, copies)| *copies != 1).collect()
}
