//! At rest on 10,000 drained files, beside an empty sled held open for as long; and the start with these files known.

use super::{float, mebibytes};
use crate::Result;
use crate::corpus::file_name;
use crate::options::Options;
use crate::report::Report;
use crate::run::{self, Setting};
use crate::sink::{Mood, Sink};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use testkit::driver::{Agent, Sandbox};

const FILES: u64 = 10_000;
/// After the last file was drained: files that have just changed are looked at each second for a minute, and their
/// descriptors are closed after a minute and a half.
const SETTLE: Duration = Duration::from_secs(100);
const LATEST: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(1);

pub(crate) fn measure(options: &Options, report: &mut Report) -> Result<()> {
    let files = options.scaled(FILES).min(FILES);
    let sink = Sink::start(Mood::Answer)?;
    let mut sandbox = run::sandbox(options, &sink, Setting::BOTH)?;
    // As on a dom0 where nobody asks for the agent's own metrics: those are requests, not rest.
    sandbox.set("telemetry.export", "false");
    (0..files).try_for_each(|number| write_span(&sandbox, number))?;
    let agent = run::start(&sandbox)?;
    wait_until(|| Ok(drained(&sandbox)? >= files))?;
    std::thread::sleep(SETTLE);
    at_rest(options, &agent, files, report)?;
    agent.terminate(LATEST)?;
    start_again(&sandbox, &sink, files, report)
}

/// Processor time over the same while of the agent and of a sled that is held open.
fn at_rest(options: &Options, agent: &Agent, files: u64, report: &mut Report) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut sled = hold(directory.path())?;
    let before = (on_cpu(agent.pid())?, on_cpu(sled.id())?);
    std::thread::sleep(Duration::from_secs(options.rest));
    let after = (on_cpu(agent.pid())?, on_cpu(sled.id())?);
    let usage = agent.usage()?;
    drop(sled.stdin.take());
    sled.wait()?;
    let (own, floor) = (float(after.0 - before.0) / 1e6, float(after.1 - before.1) / 1e6);
    let seconds = options.rest;
    report.corpus(format!("at rest for {seconds} s: the agent took {own:.1} ms, an idle sled {floor:.1} ms"));
    let what = format!("{files} drained files, {seconds} s at rest");
    report.at_most(format!("{what}: CPU above an idle sled"), (own - floor).max(0.0), 20.0, "ms");
    report.at_most(format!("{what}: RSS"), mebibytes(usage.rss), 24.0, "MiB");
    report.at_most(format!("{what}: descriptors"), float(usage.fds), 24.0, "");
    Ok(())
}

/// From the start of the process to the arrival of what was written after its last life.
fn start_again(sandbox: &Sandbox, sink: &Sink, files: u64, report: &mut Report) -> Result<()> {
    write_span(sandbox, files)?;
    let before = sink.read(|came| came.requests);
    let begin = Instant::now();
    let agent = sandbox.run()?;
    wait_until(|| Ok(sink.read(|came| came.requests) > before))?;
    let took = begin.elapsed().as_secs_f64() * 1e3;
    report.at_most(
        format!("start with {files} known files to the first new span's arrival"),
        took,
        300.0,
        "ms",
    );
    agent.terminate(LATEST)?;
    Ok(())
}

fn write_span(sandbox: &Sandbox, number: u64) -> Result<()> {
    let span = format!(
        "[{{\"traceId\":\"{number:032x}\",\"id\":\"{:016x}\",\"name\":\"call\",\"timestamp\":1771500000000000,\"duration\":5,\"tags\":{{}}}}]\n",
        number + 1
    );
    Ok(std::fs::write(sandbox.traces().join(file_name(number)), span)?)
}

fn drained(sandbox: &Sandbox) -> Result<u64> {
    Ok(run::count(&run::ask(&sandbox.socket())?, "/drained_files"))
}

fn wait_until(mut done: impl FnMut() -> Result<bool>) -> Result<()> {
    let end = Instant::now() + LATEST;
    while !done()? {
        if Instant::now() > end {
            return Err("it took too long".into());
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}

/// Nanoseconds on a processor, of all threads that live.
fn on_cpu(pid: u32) -> Result<u64> {
    let mut sum = 0;
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        sum += text.split_whitespace().next().unwrap_or_default().parse::<u64>()?;
    }
    Ok(sum)
}

fn hold(directory: &Path) -> Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    let mut child =
        command.arg("open-sled").arg(directory).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let said = child.stdout.take().ok_or("no output")?;
    BufReader::new(said).read_line(&mut String::new())?;
    Ok(child)
}

/// The helper: opens a sled as the agent does, says so, and holds it until standard input ends.
pub(crate) fn hold_sled(directory: &Path) -> Result<()> {
    let db =
        sled::Config::new().path(directory).cache_capacity(1 << 20).flush_every_ms(Some(5_000)).open()?;
    println!("open");
    std::io::stdin().read_to_end(&mut Vec::new())?;
    drop(db);
    Ok(())
}
