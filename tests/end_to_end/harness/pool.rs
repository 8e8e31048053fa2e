//! The stand-in, writing under the agent's eyes in real time, and the comparison of what arrived with its ledger.

use super::{DEADLINE, Rig, trace_file_name};
use std::path::PathBuf;
use std::time::Duration;
use testkit::collector::Signal;
use testkit::ledger::{Accounted, Arrived, Checker, Ledger, Report};
use testkit::standin::{Host, MILLI, Options, Rotation, SECOND, SimTime, StandIn, Written};

/// How often the stand-in does what is due.
const STEP: Duration = Duration::from_millis(20);
/// The stand-in begins nothing new so long before its end.
const TAIL: u64 = 120 * SECOND;
/// How old a line gets without its span, here; what has no evidence makes a test so much longer.
const WAIT: Duration = Duration::from_secs(10);
/// A hundred times the spans and lines of a busy host are held for seconds until their task ends.
const MEMORY: &str = "512MiB";

/// One busy host that writes for about `seconds`: a flush every half second, logs rotated every three seconds with
/// lines that still go to the old file, trace files compressed at 1 MiB with the `.zst` whole a moment later.
pub(crate) fn busy(seed: u64, spans: u64, lines_per_span: f64, seconds: u64) -> Options {
    let start = SimTime::now();
    Options {
        seed,
        start,
        end: start.plus(seconds * SECOND + TAIL),
        spans: Some(spans),
        lines_per_span,
        long_share: 0.0,
        flush_interval: 500 * MILLI,
        compression_delay: 300 * MILLI,
        rotation: Rotation::Every(3 * SECOND),
        rotation_linger: 400 * MILLI,
        ..Options::default()
    }
}

/// A stand-in whose host is the one that the rig's agent watches.
pub(crate) struct Pool {
    standin: StandIn,
}

impl Pool {
    /// Lays the host's directories and configures the agent for them.
    pub(crate) fn new(rig: &mut Rig, options: Options) -> Self {
        let standin = StandIn::new(options, rig.sandbox.root().join("pool")).unwrap();
        let host = &standin.hosts()[0];
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        rig.sandbox.set_text("traces.directory", &text(host.root.join("var/log/dt")));
        rig.sandbox.set_text("host.inventory", &text(host.root.join("etc/xensource-inventory")));
        rig.sandbox.set(
            "logs",
            format!("[{}, {}]", log(host, "xensource.log", "xensource"), log(host, "SMlog", "smlog")),
        );
        rig.sandbox.set_text("correlation.wait", &format!("{}s", WAIT.as_secs()));
        rig.sandbox.set_text("limits.memory", MEMORY);
        // Tracing has been on for a while: else the first lines would not wait for spans.
        std::fs::write(host.traces().join(trace_file_name(0)), "").unwrap();
        Self { standin }
    }

    /// Lets it write in real time until nothing is left to write; `between` is called after each step.
    pub(crate) fn play(&mut self, mut between: impl FnMut(Written)) {
        while self.standin.step(SimTime::now()).unwrap() {
            between(self.standin.written());
            std::thread::park_timeout(STEP);
        }
        self.standin.finish().unwrap();
    }

    pub(crate) fn written(&self) -> Written {
        self.standin.written()
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        self.standin.ledger()
    }

    /// Waits until everything written has come.
    pub(crate) fn wait_for_all(&self, rig: &Rig) {
        let spans = self.ledger().spans.iter().filter(|span| !span.tracer).count() as u64;
        let lines = self.ledger().lines.len() as u64;
        let all = |state: &testkit::collector::State| {
            state.stored(Signal::Traces) >= spans
                && state.stored(Signal::Logs) >= lines
                && state.distinct(Signal::Traces) >= spans
                && state.distinct(Signal::Logs) >= lines
        };
        if let Err(late) = rig.collector.wait_for(all, 2 * DEADLINE) {
            panic!("{spans} spans and {lines} lines were written; {late}; {:#}", rig.status());
        }
    }

    /// Holds what arrived against what was written.
    pub(crate) fn report(&self, arrived: &Arrived) -> Report {
        let wait = u32::try_from(WAIT.as_millis()).unwrap();
        let mut checker = Checker::new(self.ledger()).with_wait_ms(wait);
        arrived.spans.iter().for_each(|span| checker.span(span));
        arrived.lines.iter().for_each(|line| checker.line(line));
        checker.report(Accounted::default())
    }
}

fn log(host: &Host, name: &str, format: &str) -> String {
    format!("{{ path = \"{}\", format = \"{format}\", timezone = \"UTC\" }}", host.log(name).display())
}
