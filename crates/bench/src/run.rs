//! One run of the agent: a sandbox, its settings, and what it took until all was delivered.

use crate::Result;
use crate::corpus::Corpus;
use crate::options::Options;
use crate::sink::{Mood, Sink};
use serde_json::Value;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};
use testkit::driver::{Agent, Sandbox, Usage};

/// Longer than any run takes on a slow machine.
const DEADLINE: Duration = Duration::from_secs(600);
/// How often it is looked whether a run is over.
const LOOK: Duration = Duration::from_millis(20);
/// The sink has had nothing for so long: the agent may be at its end, and is asked. Asking costs it a little.
const QUIET: Duration = Duration::from_millis(300);

/// Which signals are shipped, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) traces: bool,
    pub(crate) logs: bool,
    pub(crate) compression: &'static str,
    /// `limits.memory`; empty: the default.
    pub(crate) memory: &'static str,
}

impl Setting {
    /// Traces alone, by this compression.
    pub(crate) const fn traces(compression: &'static str) -> Self {
        Self { traces: true, logs: false, compression, memory: "" }
    }

    /// Both, uncompressed.
    pub(crate) const BOTH: Self = Self { traces: true, logs: true, compression: "none", memory: "" };
}

/// What a run took.
#[derive(Clone, Debug, Default)]
pub(crate) struct Taken {
    pub(crate) cpu: f64,
    /// Seconds from its start to the last request.
    pub(crate) wall: f64,
    pub(crate) peak_rss: u64,
    /// Bytes of the bodies, as they were sent.
    pub(crate) wire_bytes: u64,
    pub(crate) requests: u64,
    /// The agent's own account at the end.
    pub(crate) status: Value,
}

impl Taken {
    /// A number of the status.
    pub(crate) fn count(&self, pointer: &str) -> u64 {
        count(&self.status, pointer)
    }
}

/// A number of a status; 0 where there is none.
pub(crate) fn count(status: &Value, pointer: &str) -> u64 {
    status.pointer(pointer).and_then(Value::as_u64).unwrap_or_default()
}

/// A sandbox for the binary, sending to `sink`.
pub(crate) fn sandbox(options: &Options, sink: &Sink, setting: Setting) -> Result<Sandbox> {
    let mut sandbox = Sandbox::new(options.binary.canonicalize()?)?;
    sandbox.env("TZ", "UTC");
    sandbox.set_text("export.endpoint", &sink.url()).set_text("export.compression", setting.compression);
    sandbox.set("export.traces.enabled", setting.traces.to_string());
    sandbox.set("export.logs.enabled", setting.logs.to_string());
    // A corpus has a date of its own.
    sandbox.set("limits.max_age", "\"0s\"");
    if !setting.memory.is_empty() {
        sandbox.set_text("limits.memory", setting.memory);
    }
    Ok(sandbox)
}

/// Lets it read a corpus instead of the sandbox's own directories.
pub(crate) fn point_to(sandbox: &mut Sandbox, corpus: &Corpus) {
    sandbox.set_text("traces.directory", &corpus.traces.to_string_lossy());
    if corpus.inventory.exists() {
        sandbox.set_text("host.inventory", &corpus.inventory.to_string_lossy());
    }
    let log = format!("[{{ path = {:?}, format = \"xensource\" }}]", corpus.log.to_string_lossy());
    if !corpus.log.as_os_str().is_empty() {
        sandbox.set("logs", log);
    }
}

/// Starts the agent and waits until it runs.
pub(crate) fn start(sandbox: &Sandbox) -> Result<Agent> {
    let agent = sandbox.run()?;
    agent.wait_for_line("running", DEADLINE)?;
    Ok(agent)
}

/// Reads a whole corpus from its beginning.
pub(crate) fn catch_up(options: &Options, corpus: &Corpus, setting: Setting) -> Result<Taken> {
    let sink = Sink::start(Mood::Answer)?;
    let mut sandbox = sandbox(options, &sink, setting)?;
    point_to(&mut sandbox, corpus);
    let begin = Instant::now();
    let agent = start(&sandbox)?;
    let (status, usage) = wait_for_all(&agent, &sandbox, &sink, corpus, setting)?;
    agent.terminate(DEADLINE)?;
    let (wire_bytes, requests, last) = sink.read(|came| (came.bytes, came.requests, came.last));
    Ok(Taken {
        cpu: usage.cpu.as_secs_f64(),
        wall: last.map_or(0.0, |last| last.duration_since(begin).as_secs_f64()),
        peak_rss: usage.peak_rss,
        wire_bytes,
        requests,
        status,
    })
}

/// Until all records are accounted for; the status then, and what the agent had used before it was asked for that.
fn wait_for_all(
    agent: &Agent,
    sandbox: &Sandbox,
    sink: &Sink,
    corpus: &Corpus,
    setting: Setting,
) -> Result<(Value, Usage)> {
    let end = Instant::now() + DEADLINE;
    let mut asked = Instant::now();
    loop {
        std::thread::sleep(LOOK);
        let last = sink.read(|came| came.last).unwrap_or(asked).max(asked);
        if last.elapsed() < QUIET {
            continue;
        }
        asked = Instant::now();
        let usage = agent.usage()?;
        let status = ask(&sandbox.socket())?;
        let traces = !setting.traces || is_done(&status, "traces", corpus.spans);
        let logs = !setting.logs || is_done(&status, "logs", corpus.lines);
        if traces && logs {
            return Ok((status, usage));
        }
        if Instant::now() > end || agent.read(|said| said.exit.is_some()) {
            return Err(
                format!("not all was delivered: {status:#}\n{}", agent.read(ToString::to_string)).into()
            );
        }
    }
}

/// Whether so many records were read, and each delivered, folded or left out.
fn is_done(status: &Value, signal: &str, records: u64) -> bool {
    let number = |name: &str| count(status, &format!("/signals/{signal}/tally/{name}"));
    let dropped = status.pointer(&format!("/signals/{signal}/tally/dropped")).and_then(Value::as_object);
    let dropped: u64 = dropped.into_iter().flatten().filter_map(|(_, count)| count.as_u64()).sum();
    number("records") >= records && number("delivered") + number("folded") + dropped >= number("records")
}

/// Asks the agent on its control socket.
pub(crate) fn ask(socket: &Path) -> Result<Value> {
    let mut stream = UnixStream::connect(socket)?;
    writeln!(stream, "status")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(serde_json::from_str(&text)?)
}

/// What a start costs with nothing to read.
pub(crate) fn start_up(options: &Options) -> Result<f64> {
    let sink = Sink::start(Mood::Answer)?;
    let sandbox = sandbox(options, &sink, Setting::BOTH)?;
    let agent = start(&sandbox)?;
    std::thread::sleep(QUIET);
    let cpu = agent.usage()?.cpu;
    agent.terminate(DEADLINE)?;
    Ok(cpu.as_secs_f64())
}

/// The run in the middle, by processor time.
pub(crate) fn median(runs: u32, mut run: impl FnMut() -> Result<Taken>) -> Result<Taken> {
    let mut all = (0..runs).map(|_| run()).collect::<Result<Vec<Taken>>>()?;
    let peak = all.iter().map(|taken| taken.peak_rss).max().unwrap_or(0);
    all.sort_by(|one, other| one.cpu.total_cmp(&other.cpu));
    let middle = all.len() / 2;
    let taken = all.into_iter().nth(middle).ok_or("no run")?;
    Ok(Taken { peak_rss: peak, ..taken })
}

/// The floor in the middle, in seconds.
pub(crate) fn median_floor(runs: u32, mut run: impl FnMut() -> Result<Duration>) -> Result<f64> {
    let mut all = (0..runs).map(|_| run()).collect::<Result<Vec<Duration>>>()?;
    all.sort();
    Ok(all.get(all.len() / 2).copied().unwrap_or_default().as_secs_f64())
}
