//! `demo`: what this program is for, seen in some seconds on any machine.
//!
//! A XAPI stand-in writes trace files and logs into a temporary directory, the agent reads and joins and ships them,
//! a collector on loopback takes them: all in this process, all real but XAPI. Traces are drawn as they have arrived;
//! at the end, what arrived is held against what was written.
//!
//! Promises: needs neither root nor configuration nor network; ends by itself; leaves nothing behind, also after
//! Ctrl-C; ends with 1 unless everything that was written arrived and no line was joined wrongly.

mod gallery;
mod report;
mod stage;
mod tally;

use super::draw::Style;
use super::run::runtime;
use crate::cli::{DemoOptions, Failure, Outcome};
use crate::shell::clock::Clock;
use crate::shell::{own_log, signals};
use gallery::Gallery;
use stage::Stage;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use testkit::collector::Signal;
use testkit::standin::SimTime;

/// How long what was written last may take to arrive.
const REST: Duration = Duration::from_secs(25);
/// How long nothing may happen between two looks.
const TICK: Duration = Duration::from_millis(100);
/// Spans of one trace, and lines under one span, that are drawn.
const DRAWN: (usize, usize) = (18, 2);

/// Plays, draws, tells.
pub(crate) fn main(options: &DemoOptions) -> Outcome {
    if let Some(path) = &options.report {
        return report::write(path).and_then(|told| say(&told));
    }
    own_log::start("warn");
    let runtime = runtime()?;
    let interrupted =
        signals::stop_flag(&runtime).map_err(|error| Failure::Running(format!("signals: {error}")))?;
    let clock = Clock::start();
    let stage = Stage::set(options.seed, SimTime(clock.now().wall_unix_nano / 1_000), runtime.handle())?;
    say(&introduction(&stage, options))?;
    let style = Style::of_stdout(DRAWN.0, DRAWN.1);
    let mut play = Play { stage, gallery: Gallery::default(), clock, interrupted, style };
    let outcome = play.run(options.duration).and_then(|end| play.tell(end));
    let struck = play.stage.strike();
    runtime.shutdown_background();
    outcome.and(struck)
}

/// Writes to standard output, which may have been closed: then there is nobody to play for.
fn say(text: &str) -> Outcome {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Failure::Running(format!("standard output: {error}")))
}

fn introduction(stage: &Stage, options: &DemoOptions) -> String {
    format!(
        "\
A stand-in for XAPI writes trace files and logs for {seconds} s (seed {seed}), as an XCP-ng host would:
  {directory}
The agent tails them, finds the span of each log line, and ships both by OTLP to a collector at {url}.
Below are traces as they arrived there: spans with bars to scale, and under each span the log lines that were joined
to it (`·`; `~`: joined to the trace alone). `m=…` is the number by which the tally knows a line. Ctrl-C ends early.

",
        seconds = options.duration.as_secs_f64(),
        seed = options.seed,
        directory = stage.directory().display(),
        url = stage.collector.http_url(),
    )
}

/// How the play ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Everything arrived.
    All,
    /// Something had not arrived when it should have.
    Late,
    /// The user had seen enough.
    Interrupted,
}

/// Everything while it runs.
struct Play {
    stage: Stage,
    gallery: Gallery,
    clock: Clock,
    interrupted: Arc<AtomicBool>,
    style: Style,
}

impl Play {
    /// Lets the stand-in write for `duration` by the wall clock, then the rest arrive.
    fn run(&mut self, duration: Duration) -> Result<End, Failure> {
        let mut rest_by = None;
        loop {
            let now = self.clock.now();
            if self.interrupted.load(Ordering::Relaxed) {
                return Ok(End::Interrupted);
            }
            if rest_by.is_none() {
                self.stage.write(now, duration)?;
                rest_by = (now.mono >= duration).then_some(now.mono + REST);
            }
            self.stage.collector.read(|state| self.gallery.look(state, now.mono));
            if let Some(trace) = self.gallery.ready(now.mono) {
                say(&format!("{}\n", super::draw::trace(&trace, &self.style)))?;
            }
            match rest_by {
                Some(_) if self.stage.has_all() => return Ok(End::All),
                Some(time) if now.mono >= time => return Ok(End::Late),
                _ => self.wait(),
            }
        }
    }

    /// Until something arrives, for a tick at most.
    fn wait(&self) {
        let stored =
            |state: &testkit::collector::State| (state.stored(Signal::Traces), state.stored(Signal::Logs));
        let before = self.stage.collector.read(stored);
        // Late is no news here.
        let _ = self.stage.collector.wait_for(|state| stored(state) != before, TICK);
    }

    /// Draws what is worth it of the rest, then the tally.
    fn tell(&mut self, end: End) -> Outcome {
        self.stage.collector.read(|state| self.gallery.look(state, self.clock.now().mono));
        for trace in self.gallery.best_of_rest() {
            say(&format!("{}\n", super::draw::trace(&trace, &self.style)))?;
        }
        if let Some(others) = self.gallery.others() {
            say(&format!("{others}\n\n"))?;
        }
        let tally = self.stage.tally()?;
        say(&tally::text(&tally, end, self.style.paint()))?;
        match tally::complaint(&tally, end) {
            Some(complaint) => Err(Failure::Running(complaint)),
            None => Ok(()),
        }
    }
}
