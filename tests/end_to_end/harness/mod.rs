//! What every case needs: an agent's sandbox with a collector beside it, and few words to say what is expected.
//!
//! Promises: all processes end with their handles; waits have deadlines. Leaves to others: the text of spans and
//! lines ([`text`]), and the stand-in's pool ([`pool`]).

pub(crate) mod pool;
mod rejected;
mod text;

pub(crate) use text::{array, line, line_of_task, number, span, span_of_task, trace_file_name, written_at};

use serde_json::Value;
use std::fs::OpenOptions;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use testkit::collector::{Collector, Options, Signal, State};
use testkit::driver::{Agent, Exit, Sandbox};

/// Long enough for a loaded machine; reached only by a test that fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Within this time the agent must end when it is told to.
pub(crate) const STOP: Duration = Duration::from_secs(8);

/// How long is waited before a process is asked again how it is.
const PAUSE: Duration = Duration::from_millis(50);

/// A sandbox that sends to a collector.
#[derive(Debug)]
pub(crate) struct Rig {
    pub(crate) sandbox: Sandbox,
    pub(crate) collector: Collector,
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
        Self { sandbox, collector }
    }

    /// Starts the agent and waits until it runs.
    pub(crate) fn run(&self) -> Agent {
        let agent = self.sandbox.run().unwrap();
        agent.wait_for_line("running", DEADLINE).unwrap();
        agent
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
        self.wait(|state| spans.clone().all(|n| span_copies(state, n) > 0));
    }

    /// Waits until all these lines have come.
    pub(crate) fn wait_lines(&self, lines: Range<u64>) {
        self.wait(|state| lines.clone().all(|n| line_copies(state, n) > 0));
    }

    /// Waits for a condition on what came.
    pub(crate) fn wait(&self, condition: impl FnMut(&State) -> bool) {
        self.collector.wait_for(condition, DEADLINE).unwrap();
    }

    /// Each of these has come exactly once, and nothing else of its signal has.
    pub(crate) fn assert_once(&self, spans: Range<u64>, lines: Range<u64>) {
        self.collector.read(|state| {
            let counts = |range: &Range<u64>, copies: fn(&State, u64) -> usize| -> Vec<(u64, usize)> {
                range.clone().map(|n| (n, copies(state, n))).filter(|(_, copies)| *copies != 1).collect()
            };
            assert_eq!(counts(&spans, span_copies), [], "spans and their copies; {state}");
            assert_eq!(counts(&lines, line_copies), [], "lines and their copies; {state}");
            let stored = (state.stored(Signal::Traces), state.stored(Signal::Logs));
            assert_eq!(stored, (spans.end - spans.start, lines.end - lines.start), "{state}");
            assert_eq!(state.malformed(), [""; 0]);
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
    let id = format!("{n:016x}");
    state.spans().iter().filter(|span| span.span_id == id).count()
}

/// How often this line has come.
pub(crate) fn line_copies(state: &State, n: u64) -> usize {
    state.logs().iter().filter(|log| number(&log.body) == Some(n)).count()
}
