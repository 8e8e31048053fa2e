//! The engine's thread, and what it sets in motion: requests, checkpoints, answers to `status`.
//!
//! Life: [`Agent::start`] opens everything; [`Agent::stop`] ends reading at once, gives open requests five seconds,
//! saves, and returns. Dropping without stopping loses nothing but the last second's checkpoints.

use super::about::{About, PROMETHEUS, ZIPKIN};
use super::clock::Clock;
use super::control::{self, Control};
use super::descriptors;
use super::listener::{Listener, Port};
use super::metrics_way::MetricsWay;
use super::positions::{self, Positions, Saved};
use super::pulse::{Pulse, Turns};
use super::rejected::RejectedFiles;
use super::span_metrics::SpanMetricsLoop;
use super::telemetry::{self, Source};
use super::wakeup::{Inbox, Sender, channel};
use super::zipkin;
use crate::config::Settings;
use crate::engine::{Attempt, Brief, Engine, Request, Saving, Signal, Status, Turn};
use crate::receiver;
use crate::shell::transports::{Transports, own_transport};
use exporter::classify::Answer;
use model::Now;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use watcher::store::{Store, Trouble};
use watcher::{Health, Hint, NotifySource, RealFs};

/// How long open requests get at a stop.
const GRACE: Duration = Duration::from_secs(5);
/// How long the last own metrics and those of the spans may take each at a stop, on top of [`GRACE`]: all together must
/// stay below eight seconds.
const LAST_NUMBERS: Duration = Duration::from_secs(1);
/// How long the disk may take for the last checkpoints at a stop, on top of the others.
pub(crate) const AT_THE_END: Duration = Duration::from_millis(800);
/// How long the engine may take to answer `status`.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the engine's thread is told.
pub(crate) enum Event {
    /// Files changed.
    Wake,
    /// A request was answered.
    Answered { signal: Signal, attempt: Attempt, answer: Answer },
    /// The agent's own metrics were answered.
    MetricsAnswered(Answer),
    /// A save has ended.
    Saved(Saved),
    /// Somebody takes the metrics of spans away, to send them.
    SpanMetrics(tokio::sync::oneshot::Sender<Option<Vec<u8>>>),
    /// Nothing but a turn, of the engine's loop and of the saver's.
    Turn,
    /// Somebody asks which trace files below this directory are settled whole, and at which size.
    Settled { below: PathBuf, reply: SyncSender<Vec<(PathBuf, u64)>> },
    /// Somebody asks how it is.
    Ask(SyncSender<Status>),
    /// The same in short.
    AskBrief(SyncSender<Brief>),
    /// End.
    Stop,
}

/// A running agent.
pub(crate) struct Agent {
    sender: Sender<Event>,
    thread: JoinHandle<Receiver<Store>>,
    runtime: tokio::runtime::Handle,
    pulse: Pulse,
    _control: Option<Control>,
    metrics: Option<SdkMeterProvider>,
    span_metrics: Option<SpanMetricsLoop>,
    /// Open to others.
    ports: Vec<Listener>,
}

impl Agent {
    /// Opens store, files and socket, and starts the engine's thread. Transports work on `runtime`.
    ///
    /// # Errors
    /// What keeps it from running at all: another agent on the same store, or a transport that can't be made.
    pub(crate) fn start(settings: Settings, runtime: &tokio::runtime::Handle) -> Result<Self, String> {
        Self::start_with(settings, runtime, &mut None)
    }

    /// The same, going on with the store of an agent that was stopped; left there if it is not come to.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub(crate) fn start_with(
        mut settings: Settings,
        runtime: &tokio::runtime::Handle,
        store: &mut Option<Store>,
    ) -> Result<Self, String> {
        settings.limits.open_files = descriptors::room(settings.limits.open_files);
        let clock = Clock::start();
        let transports = Transports::new(&settings.export)?;
        let (sender, inbox) = channel();
        let saver = sender.clone();
        let saved = move |saved| {
            saver.send(Event::Saved(saved));
        };
        let opened = positions::open(&settings.checkpoint, store.take(), clock, saved)
            .map_err(|error| error.to_string())?;
        let keep = Box::new(RejectedFiles::new(&settings.checkpoint, clock));
        let lost = opened.troubles.iter().any(Trouble::loses_positions);
        let mut engine =
            Engine::new(Box::new(RealFs), settings.clone(), &opened.entries, lost, keep, clock.now());
        opened.troubles.iter().for_each(|trouble| engine.store_trouble(trouble));
        let pulse = Pulse::new(opened.positions.turns());
        let about = Arc::new(About::default());
        let notify = notify(&sender, &about, engine.watched());
        let pause = Arc::new(AtomicBool::new(false));
        let work = Work {
            engine,
            inbox,
            turns: pulse.engine(),
            clock,
            transports,
            positions: opened.positions,
            notify,
            sender: sender.clone(),
            runtime: runtime.clone(),
            about: Arc::clone(&about),
            metrics_pause: Arc::clone(&pause),
        };
        let thread = std::thread::Builder::new()
            .name("engine".to_owned())
            .spawn(move || {
                let _guard = EndWithEngine;
                work.run()
            })
            .map_err(|error| error.to_string())?;
        let control = listen(&settings, &sender, &about);
        let asked = sender.clone();
        let source = telemetry::cached(move || ask(&asked, Event::Ask));
        let way = metrics_way(&settings, &sender, pause);
        let own = way.clone().filter(|_| settings.telemetry.export);
        let metrics = own.and_then(|way| own_metrics(&settings, way, runtime, Arc::clone(&source)));
        let of_spans = way.filter(|_| settings.span_metrics);
        let span_metrics = of_spans.map(|way| SpanMetricsLoop::start(way, runtime));
        let ports = ports(&settings, runtime, &about, source, &sender, clock)?;
        let (runtime, _control) = (runtime.clone(), control);
        let agent = Self { sender, thread, runtime, pulse, _control, metrics, span_metrics, ports };
        agent.ask_to_turn();
        Ok(agent)
    }

    /// The stages whose loop has not turned since the last time that all of them had; none: all is in motion.
    /// Waiting, for whatever it is, is motion. Asks them to turn once more, for the next time.
    pub(crate) fn stuck(&mut self) -> Vec<&'static str> {
        let stuck = self.pulse.stuck();
        self.ask_to_turn();
        stuck
    }

    fn ask_to_turn(&self) {
        self.sender.send(Event::Turn);
        let turns = self.pulse.runtime();
        self.runtime.spawn(async move { turns.one_more() });
    }

    /// Asks the engine how it is; `None` if it does not answer within five seconds.
    pub(crate) fn status(&self) -> Option<Status> {
        ask(&self.sender, Event::Ask)
    }

    /// Asks the engine how it is, in short; `None` if it does not answer within five seconds.
    pub(crate) fn brief(&self) -> Option<Brief> {
        ask(&self.sender, Event::AskBrief)
    }

    /// Ends it: no reading, no new requests, five seconds for the open ones, a last checkpoint, for which the disk gets
    /// `patience`. Blocks. Returns the store, unless the disk took longer.
    pub(crate) fn stop(self, patience: Duration) -> Option<Store> {
        if let Some(metrics) = self.metrics {
            send_last_numbers(metrics);
        }
        if let Some(metrics) = self.span_metrics {
            metrics.stop(LAST_NUMBERS);
        }
        self.ports.into_iter().for_each(Listener::stop);
        self.sender.send(Event::Stop);
        let store = self.thread.join().ok()?.recv_timeout(patience).ok();
        if store.is_none() {
            tracing::warn!(id = "XO1305", "the disk does not take the last checkpoints; not waited for");
        }
        store
    }
}

fn ask<T>(sender: &Sender<Event>, event: impl FnOnce(SyncSender<T>) -> Event) -> Option<T> {
    let (reply, replies) = sync_channel(1);
    if !sender.send(event(reply)) {
        return None;
    }
    replies.recv_timeout(PATIENCE).ok()
}

fn notify(sender: &Sender<Event>, about: &Arc<About>, watched: &watcher::Settings) -> NotifySource {
    let (sender, about) = (sender.clone(), Arc::clone(about));
    let source = NotifySource::new(move |hint| match hint {
        Hint::Path(path) => {
            about.event();
            sender.changed(Some(path), Event::Wake);
        }
        Hint::Rescan => {
            about.overflow();
            sender.changed(None, Event::Wake);
        }
        Hint::Notified(_) => sender.changed(None, Event::Wake),
    });
    source.only(watched)
}

/// A socket that can't be had is no reason not to run.
fn listen(settings: &Settings, sender: &Sender<Event>, about: &About) -> Option<Control> {
    let path = &settings.telemetry.socket;
    let control = control::listen(path, sender.clone(), Event::Ask);
    if let Err(error) = &control {
        tracing::warn!(id = "XO1008", socket = %path.display(), %error, "status can't be asked");
        about.no_socket(format!("{}: {error}", path.display()));
    }
    control.ok()
}

/// The metrics' own way, if there is one.
fn metrics_way(settings: &Settings, engine: &Sender<Event>, pause: Arc<AtomicBool>) -> Option<MetricsWay> {
    let transport = own_transport(&settings.export).unwrap_or_else(|error| {
        metrics_are_off(&error);
        None
    });
    transport.map(|transport| MetricsWay { transport, pause, engine: engine.clone() })
}

fn metrics_are_off(error: &str) {
    tracing::warn!(id = "XO1009", %error, "own metrics are off");
}

fn own_metrics(
    settings: &Settings,
    way: MetricsWay,
    runtime: &tokio::runtime::Handle,
    source: Source,
) -> Option<SdkMeterProvider> {
    let started = telemetry::start(way, runtime.clone(), own_resource(settings), source);
    started.inspect_err(|error| metrics_are_off(error)).ok()
}

/// What the configuration opens to others.
fn ports(
    settings: &Settings,
    runtime: &tokio::runtime::Handle,
    about: &Arc<About>,
    source: Source,
    sender: &Sender<Event>,
    clock: Clock,
) -> Result<Vec<Listener>, String> {
    let port = |name, address| Port { name, address, about: Arc::clone(about) };
    let prometheus = settings.telemetry.prometheus.map(|address| port(PROMETHEUS, address));
    let prometheus = prometheus.map(|port| telemetry::serve(port, runtime, own_resource(settings), source));
    let zipkin = settings.zipkin.map(|address| port(ZIPKIN, address));
    let zipkin = zipkin.map(|port| {
        let directory = receiver::directory(&settings.checkpoint);
        zipkin::serve(port, directory, clock, sender.clone(), runtime).map_err(|error| error.to_string())
    });
    Ok(prometheus.into_iter().chain(zipkin.transpose()?).collect())
}

fn own_resource(settings: &Settings) -> Vec<(String, String)> {
    let name = std::env::var("OTEL_SERVICE_NAME").ok();
    settings.own_resource(name, crate::host::resource(&settings.inventory))
}

/// The collector may be gone or hang, and the SDK's own shutdown then takes five seconds whatever timeout it is given
/// (opentelemetry_sdk 0.33, `metrics/periodic_reader.rs`): so it runs on a thread that is left behind if need be.
fn send_last_numbers(metrics: SdkMeterProvider) {
    let (sender, ended) = sync_channel(1);
    let send = move || {
        let _ = metrics.shutdown();
        let _ = sender.send(());
    };
    if std::thread::Builder::new().name("last numbers".to_owned()).spawn(send).is_ok() {
        let _ = ended.recv_timeout(LAST_NUMBERS);
    }
}

/// Ends the process if the engine's thread panics: one that only looks alive would be restarted by nobody.
struct EndWithEngine;

impl Drop for EndWithEngine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::exit(1);
        }
    }
}

/// Everything the engine's thread owns.
struct Work {
    engine: Engine,
    inbox: Inbox<Event>,
    turns: Turns,
    clock: Clock,
    transports: Transports,
    positions: Positions,
    notify: NotifySource,
    sender: Sender<Event>,
    runtime: tokio::runtime::Handle,
    about: Arc<About>,
    /// The agent's own metrics are not to be sent now.
    metrics_pause: Arc<AtomicBool>,
}

impl Work {
    fn run(mut self) -> Receiver<Store> {
        let mut saving = Saving::default();
        let mut stop_by: Option<Duration> = None;
        self.watch_first();
        loop {
            self.turns.one_more();
            let now = self.clock.now();
            let mut turn = self.engine.turn(now);
            self.send(std::mem::take(&mut turn.requests));
            self.metrics_pause.store(self.engine.metrics_are_to_wait(now), Ordering::Relaxed);
            self.watch(now);
            saving.step(&mut self.engine, now, |changes| self.positions.save(changes));
            if stop_by.is_some_and(|time| now.mono >= time || !self.engine.has_open_requests()) {
                break;
            }
            let timeout = wait(&turn, stop_by.or(saving.due(&self.engine)), now.mono);
            if !self.take_events(timeout, &mut stop_by) {
                break;
            }
        }
        self.positions.close(saving.last(&mut self.engine, self.clock.now()))
    }

    /// Listens before anything is looked at: the first turn need not be repeated for what may have changed meanwhile.
    fn watch_first(&mut self) {
        self.notify.sync(&self.engine.find_directories());
        self.inbox.changes();
    }

    /// Listens where the watcher says that events matter.
    fn watch(&mut self, now: Now) {
        if let Some(directories) = self.engine.take_directories() {
            self.notify.sync(&directories);
        }
        self.notify.refresh(now);
        self.engine.watching(match self.notify.health() {
            Health::Notified => None,
            Health::Polling { cause } => Some(cause),
        });
    }

    /// A body stays with its outlet until the next one takes its place; here it is no more once it is compressed.
    fn send(&self, requests: Vec<Request>) {
        for request in requests {
            let sender = self.sender.clone();
            self.transports.send(&self.runtime, request, move |signal, attempt, answer| {
                sender.send(Event::Answered { signal, attempt, answer });
            });
        }
    }

    /// Takes all events there are, waiting for the first; false when nobody is left to send any.
    fn take_events(&mut self, timeout: Duration, stop_by: &mut Option<Duration>) -> bool {
        let mut timeout = timeout;
        loop {
            match self.inbox.next(timeout) {
                Ok(None) => return true,
                Ok(Some(event)) => self.take(event, stop_by),
                Err(()) => return false,
            }
            timeout = Duration::ZERO;
        }
    }

    fn take(&mut self, event: Event, stop_by: &mut Option<Duration>) {
        let now = self.clock.now();
        match event {
            Event::Wake => {
                let changes = self.inbox.changes();
                let hints = changes
                    .paths
                    .into_iter()
                    .map(Hint::Path)
                    .chain(changes.everything.then_some(Hint::Rescan));
                hints.for_each(|hint| self.engine.wake(hint));
            }
            Event::Answered { signal, attempt, answer } => {
                self.engine.answered(signal, attempt, &answer, now)
            }
            Event::MetricsAnswered(answer) => self.engine.metrics_answered(&answer, now),
            Event::Saved((result, dealt_with)) => {
                dealt_with.iter().for_each(|trouble| self.engine.store_trouble(trouble));
                self.engine.saved(result.as_ref().err());
            }
            Event::SpanMetrics(reply) => {
                // Who asked may have gone.
                let _ = reply.send(self.engine.take_span_metrics(now));
            }
            Event::Turn => self.positions.turn(),
            Event::Settled { below, reply } => {
                // Who asked may have gone.
                let _ = reply.try_send(self.engine.settled_files(&below));
            }
            Event::Ask(reply) => {
                let mut status = self.engine.status(now);
                self.about.complete(&mut status);
                // Who asked may have gone.
                let _ = reply.try_send(status);
            }
            Event::AskBrief(reply) => {
                let mut brief = self.engine.brief(now);
                brief.degraded.extend(self.about.troubles());
                // Who asked may have gone.
                let _ = reply.try_send(brief);
            }
            Event::Stop => {
                self.engine.stop();
                stop_by.get_or_insert(now.mono + GRACE);
            }
        }
    }
}

/// How long to sleep: not at all while there is work, else to the next deadline, and at most a minute.
fn wait(turn: &Turn, other: Option<Duration>, now: Duration) -> Duration {
    if turn.more {
        return Duration::ZERO;
    }
    let deadline = [turn.deadline, other].into_iter().flatten().min();
    deadline.map_or(Duration::from_secs(60), |time| time.saturating_sub(now))
}
