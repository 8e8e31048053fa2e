//! The engine on a simulated clock: the stand-in writes real files in simulated time, the engine reads them, and a
//! collector that takes everything (or nothing) answers at once.
#![allow(clippy::print_stdout, reason = "the figures are for people")]

mod attach;
mod examples;
mod folding;
mod joins;
mod outages;
mod span_metrics;
mod states;
mod waiting;

use super::{Engine, Keep, Rejected, Request, Signal};
use crate::config;
use exporter::classify::{Answer, Failed, Failure, Http, Partial, Reply};
use model::Now;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use prost::Message;
use std::time::Duration;
use testkit::ledger::{Accounted, ArrivedLine, ArrivedSpan, Checker, Report, SpanId, TraceId, find_marker};
use testkit::standin::{Host, Options, SimTime, StandIn};
use watcher::RealFs;
use watcher::store::Entries;

/// Nothing is expected to be set aside; what is, is counted in the tally.
struct KeepNothing;

impl Keep for KeepNothing {
    fn keep(&mut self, _: &Rejected<'_>) {}
}

/// What arrived.
#[derive(Default)]
struct Arrived {
    spans: Vec<ArrivedSpan>,
    lines: Vec<ArrivedLine>,
    /// The requests themselves, where a test looks at more.
    bodies: Option<Vec<(Signal, bytes::Bytes)>>,
}

/// One host's agent.
struct Agent {
    settings: config::Settings,
    entries: Entries,
    engine: Engine,
    /// The monotonic clock's zero.
    started: SimTime,
}

/// A pool on a simulated clock.
struct Sim {
    directory: tempfile::TempDir,
    standin: StandIn,
    agents: Vec<Agent>,
    arrived: Arrived,
    now: SimTime,
    /// Endpoints that refuse connections.
    down: Vec<Signal>,
    traces: String,
    extra: String,
}

fn clock(now: SimTime, started: SimTime) -> Now {
    Now { mono: Duration::from_micros(now.since(started)), wall_unix_nano: now.0 * 1000 }
}

fn accepted() -> Answer {
    Answer::Http(Http {
        status: 200,
        retry_after: None,
        reply: Reply::Otlp(Partial { rejected: 0, message: String::new() }),
        message: String::new(),
    })
}

fn unreachable() -> Answer {
    Answer::Failed(Failed {
        failure: Failure::Connect,
        sent: false,
        message: "connection refused".to_owned(),
    })
}

impl Sim {
    /// `extra`: TOML added to each agent's configuration.
    fn new(options: Options, extra: &str) -> Self {
        Self::with(options, "", extra)
    }

    /// `traces`: keys of `[traces]` beside the directory.
    fn with(options: Options, traces: &str, extra: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let now = options.start;
        let standin = StandIn::new(options, directory.path()).expect("the stand-in");
        let mut sim = Self {
            directory,
            standin,
            agents: Vec::new(),
            arrived: Arrived::default(),
            now,
            down: Vec::new(),
            traces: traces.to_owned(),
            extra: extra.to_owned(),
        };
        sim.start_agents();
        sim
    }

    fn start_agents(&mut self) {
        let settings: Vec<_> = self.standin.hosts().iter().map(|host| self.settings(host)).collect();
        self.agents =
            settings.into_iter().map(|settings| Agent::start(settings, Entries::new(), self.now)).collect();
    }

    fn settings(&self, host: &Host) -> config::Settings {
        let root = host.root.display();
        let text = format!(
            "[traces]\ndirectory = \"{root}/var/log/dt\"\n{}\n[[logs]]\npath = \"{root}/var/log/xensource.log\"\n\
             timezone = \"UTC\"\n[[logs]]\npath = \"{root}/var/log/SMlog\"\nformat = \"smlog\"\ntimezone = \"UTC\"\n\
             [host]\ninventory = \"{root}/etc/xensource-inventory\"\n[limits]\nmax_age = \"0s\"\n{}",
            self.traces, self.extra
        );
        let path = self.directory.path().join("agent.toml");
        config::parse(&path, &text, &|_| None).unwrap_or_else(|problems| panic!("{problems}"))
    }

    /// Lets time pass until `end`, in steps; the agents look after each.
    fn run_until(&mut self, end: SimTime, step: Duration) {
        while self.now < end {
            self.now = self.now.plus(u64::try_from(step.as_micros()).expect("a step")).min(end);
            self.standin.step(self.now).expect("the stand-in writes");
            self.look();
        }
    }

    /// Lets everything be written and read.
    fn finish(&mut self) {
        self.standin.finish().expect("the stand-in writes");
        self.now = self.now.max(self.standin.now());
        for _ in 0..300 {
            self.now = self.now.plus(1_000_000);
            self.look();
        }
        assert!(self.agents.iter().all(|agent| agent.engine.is_at_rest()), "something is left to do");
    }

    /// Each agent does all it can do now.
    fn look(&mut self) {
        let mut agents = std::mem::take(&mut self.agents);
        for agent in &mut agents {
            agent.engine.wake(watcher::Hint::Rescan);
            self.work(agent);
        }
        self.agents = agents;
    }

    fn work(&mut self, agent: &mut Agent) {
        for _ in 0..1_000_000 {
            let now = clock(self.now, agent.started);
            let turn = agent.engine.turn(now);
            for request in &turn.requests {
                let answer = self.answer(request);
                agent.engine.answered(request.signal, request.attempt, &answer, now);
            }
            if !turn.more && turn.requests.is_empty() {
                return;
            }
        }
        panic!("the engine finds no rest");
    }

    fn answer(&mut self, request: &Request) -> Answer {
        if self.down.contains(&request.signal) {
            return unreachable();
        }
        self.arrived.bodies.iter_mut().for_each(|bodies| bodies.push((request.signal, request.body.clone())));
        match request.signal {
            Signal::Traces => self.arrived.traces(&request.body),
            Signal::Logs => self.arrived.logs(&request.body),
        }
        accepted()
    }

    /// Ends each agent, saving its positions or (`killed`) what had been saved before, and starts it again.
    fn restart(&mut self, killed: bool) {
        let agents = std::mem::take(&mut self.agents);
        let now = self.now;
        self.agents = agents.into_iter().map(|agent| agent.again(now, killed)).collect();
    }

    /// Saves each agent's positions.
    fn save(&mut self) {
        let now = self.now;
        self.agents.iter_mut().for_each(|agent| agent.save(now));
    }

    /// What arrived, and how it was joined; what the agents passed over is printed.
    fn report(&self) -> Report {
        for agent in &self.agents {
            let status = agent.engine.status(clock(self.now, agent.started));
            let passed =
                status.signals.values().map(|signal| (&signal.tally.lost_bytes, &signal.tally.set_aside));
            println!("passed over {:?}, degraded {:?}", passed.collect::<Vec<_>>(), status.degraded);
            let behind = status.files.iter().filter(|file| file.lag_bytes > 0);
            behind.for_each(|file| println!("behind: {file:?}"));
        }
        let mut checker = Checker::new(self.standin.ledger());
        self.arrived.spans.iter().for_each(|span| checker.span(span));
        self.arrived.lines.iter().for_each(|line| checker.line(line));
        checker.report(Accounted::default())
    }
}

impl Agent {
    fn start(settings: config::Settings, entries: Entries, now: SimTime) -> Self {
        let engine = Engine::new(
            Box::new(RealFs),
            settings.clone(),
            &entries,
            false,
            Box::new(KeepNothing),
            clock(now, now),
        );
        Self { settings, entries, engine, started: now }
    }

    fn save(&mut self, now: SimTime) {
        for (key, value) in self.engine.changed_entries(clock(now, self.started), usize::MAX) {
            match value {
                Some(value) => self.entries.insert(key, value),
                None => self.entries.remove(&key),
            };
        }
    }

    fn again(mut self, now: SimTime, killed: bool) -> Self {
        if !killed {
            self.engine.stop();
            self.save(now);
        }
        Self::start(self.settings, self.entries, now)
    }
}

impl Arrived {
    fn traces(&mut self, body: &[u8]) {
        let request = ExportTraceServiceRequest::decode(body).expect("a traces request");
        for resource in request.resource_spans {
            let service = service(resource.resource.as_ref().map_or(&[], |resource| &resource.attributes));
            for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                let trace = TraceId::from_bytes(&span.trace_id).expect("a trace id");
                let id = SpanId::from_bytes(&span.span_id).expect("a span id");
                self.spans.push(ArrivedSpan { trace, id, service: service.clone().into() });
            }
        }
    }

    fn logs(&mut self, body: &[u8]) {
        let request = ExportLogsServiceRequest::decode(body).expect("a logs request");
        for resource in request.resource_logs {
            let service = service(resource.resource.as_ref().map_or(&[], |resource| &resource.attributes));
            for record in resource.scope_logs.into_iter().flat_map(|scope| scope.log_records) {
                let thread = number(&record.attributes, "thread.id");
                let body = match record.body.and_then(|body| body.value) {
                    Some(Value::StringValue(text)) => text,
                    _ => String::new(),
                };
                self.lines.push(ArrivedLine {
                    marker: find_marker(&body, thread),
                    trace: TraceId::from_bytes(&record.trace_id),
                    span: SpanId::from_bytes(&record.span_id),
                    service: service.clone().into(),
                });
            }
        }
    }
}

fn value<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Value> {
    attributes.iter().find(|kv| kv.key == key)?.value.as_ref()?.value.as_ref()
}

fn number(attributes: &[KeyValue], key: &str) -> Option<i64> {
    match value(attributes, key) {
        Some(Value::IntValue(number)) => Some(*number),
        _ => None,
    }
}

fn service(attributes: &[KeyValue]) -> String {
    match value(attributes, "service.name") {
        Some(Value::StringValue(text)) => text.clone(),
        _ => String::new(),
    }
}

/// Some busy hours that end now-ish; small enough for a test, long enough for operations of more than ten minutes.
fn hours(seed: u64, spans: u64, lines: u64, hours: u64) -> Options {
    Options::bulk(seed, spans, lines, hours, SimTime::from_seconds(1_772_500_000))
}
