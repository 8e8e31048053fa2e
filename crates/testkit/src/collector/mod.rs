//! An OTLP receiver on loopback that can be told to misbehave, and remembers all that came.
//!
//! Promises: HTTP (protobuf, JSON; plain, gzip, zstd) and gRPC (plain, gzip, zstd) for traces, logs and metrics, each
//! on a port of its own that the system chose (JSON and gRPC with the feature `every-protocol`); a script of moods for
//! each signal, changeable while it runs; every request recorded with its outcome, also those whose sender went away;
//! ends when the handle is dropped.
//! It decodes by the same crates that the agent may encode with: [`Options::save`] keeps the bodies for a decoder
//! that shares no code with either.
//!
//! Leaves to others: what should have come (the ledger), and faults below HTTP ([`crate::proxy`]).

#![allow(clippy::disallowed_methods, reason = "arrival times are real times")]

mod arrived;
mod decode;
mod exchange;
#[cfg_attr(not(feature = "every-protocol"), path = "no_grpc.rs")]
mod grpc;
mod http;
mod request;
mod rows;
mod save;
mod script;
mod server;
mod state;
#[cfg_attr(not(feature = "tls"), path = "no_tls.rs")]
pub mod tls;
mod verdict;

pub use crate::watched::Late;
pub use request::{Kill, Outcome, Request, Transport};
pub use rows::{Attributes, LogRow, MetricRow, RecordId, Row, SpanRow, attribute, text};
pub use script::{Bad, Code, Mood, Script};
pub use state::State;

use crate::watched::Watched;
use ::http::HeaderMap;
use ::http::request::Parts;
use server::Server;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// One of OTLP's three signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Log records.
    Logs,
    /// Metrics.
    Metrics,
}

impl Signal {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Traces, Self::Logs, Self::Metrics];

    /// As in the path: `traces`, `logs`, `metrics`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Logs => "logs",
            Self::Metrics => "metrics",
        }
    }

    fn index(self) -> usize {
        self as usize
    }

    /// `/v1/traces`, and with anything before it, as `/otlp/v1/logs`.
    fn of_path(path: &str) -> Option<Self> {
        let name = path.rsplit_once("/v1/")?.1;
        Self::ALL.into_iter().find(|signal| signal.name() == name)
    }
}

/// How much is remembered of the records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// Every record as a row, and its id.
    #[default]
    Rows,
    /// Ids and how often each came: some 120 bytes a record, for millions of them.
    Ids,
    /// Requests and their sizes alone; bodies are not even decoded. For measuring senders.
    Nothing,
}

/// How a collector is started; the default keeps rows, on ports of the system's choice, without TLS.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How much is remembered.
    pub keep: Keep,
    /// Where the bodies of stored requests are written, as `NNNNNN.<signal>.<pb|json>`; made if it is missing.
    pub save: Option<PathBuf>,
    /// Ports for HTTP and gRPC; 0 lets the system choose. Given ports let a collector come back where one was.
    pub ports: [u16; 2],
    /// Serve TLS with this certificate, on both ports.
    #[cfg(feature = "tls")]
    pub tls: Option<tls::ServerTls>,
}

/// What connections share.
pub(crate) struct Shared {
    state: Watched<State>,
    scripts: Mutex<[Script; 3]>,
    keep: Keep,
    save: Option<PathBuf>,
    connections: AtomicU64,
}

impl Shared {
    fn next_mood(&self, signal: Signal) -> Mood {
        let mut scripts = self.scripts.lock().unwrap_or_else(PoisonError::into_inner);
        scripts.get_mut(signal.index()).map(Script::next).unwrap_or_default()
    }
}

/// A running collector. Dropped, it closes its connections and ports.
pub struct Collector {
    shared: Arc<Shared>,
    http: SocketAddr,
    grpc: SocketAddr,
    scheme: &'static str,
    _server: Server,
}

impl Collector {
    /// Starts to listen on 127.0.0.1. It accepts everything until told otherwise.
    ///
    /// # Errors
    /// If a port can't be had, the directory for bodies can't be made, or the certificate is not usable.
    pub fn start(options: Options) -> io::Result<Self> {
        if let Some(directory) = &options.save {
            std::fs::create_dir_all(directory)?;
        }
        let [http, grpc] = options.ports.map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)));
        let (http, grpc) = (http?, grpc?);
        let addresses = (http.local_addr()?, grpc.local_addr()?);
        let acceptor = tls::acceptor(&options)?;
        let scheme = if acceptor.is_some() { "https" } else { "http" };
        let shared = Arc::new(Shared {
            state: Watched::new(State::keeping(options.keep)),
            scripts: Mutex::default(),
            keep: options.keep,
            save: options.save,
            connections: AtomicU64::new(0),
        });
        let server = Server::start(Arc::clone(&shared), [http, grpc], acceptor)?;
        Ok(Self { shared, http: addresses.0, grpc: addresses.1, scheme, _server: server })
    }

    /// `http://127.0.0.1:PORT`; `https://localhost:PORT` with TLS.
    #[must_use]
    pub fn http_url(&self) -> String {
        self.url(self.http)
    }

    /// As [`Self::http_url`], of the gRPC port.
    #[must_use]
    pub fn grpc_url(&self) -> String {
        self.url(self.grpc)
    }

    fn url(&self, address: SocketAddr) -> String {
        let host = if self.scheme == "https" { "localhost".to_owned() } else { address.ip().to_string() };
        format!("{}://{host}:{}", self.scheme, address.port())
    }

    /// Where HTTP is served.
    #[must_use]
    pub fn http_addr(&self) -> SocketAddr {
        self.http
    }

    /// Where gRPC is served.
    #[must_use]
    pub fn grpc_addr(&self) -> SocketAddr {
        self.grpc
    }

    /// From the next request of this signal on, this mood or script. Requests under way are not touched.
    pub fn set(&self, signal: Signal, script: impl Into<Script>) {
        let mut scripts = self.shared.scripts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = scripts.get_mut(signal.index()) {
            *place = script.into();
        }
    }

    /// The same mood or script for each signal.
    pub fn set_all(&self, script: impl Into<Script>) {
        let script = script.into();
        Signal::ALL.into_iter().for_each(|signal| self.set(signal, script.clone()));
    }

    /// Looks at what came.
    pub fn read<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        self.shared.state.read(look)
    }

    /// Blocks until the condition holds; it is asked again at every change, with the state locked.
    ///
    /// # Errors
    /// [`Late`] with the state in short, if the condition does not hold within `deadline`.
    pub fn wait_for(&self, condition: impl FnMut(&State) -> bool, deadline: Duration) -> Result<(), Late> {
        self.shared.state.wait_for(condition, deadline)
    }

    /// As [`Self::wait_for`], without blocking the thread. Cancel safe.
    ///
    /// # Errors
    /// [`Late`], as there.
    pub async fn wait(&self, condition: impl FnMut(&State) -> bool, deadline: Duration) -> Result<(), Late> {
        self.shared.state.wait(condition, deadline).await
    }

    /// How many connections were accepted so far.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Collector({}, {}: {})", self.http_url(), self.grpc_url(), self.read(State::to_string))
    }
}

/// The header's value as text; empty if it is absent or no text.
fn header(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

fn head(parts: &Parts, signal: Signal, transport: Transport) -> Request {
    let encoding = if transport == Transport::Grpc { "grpc-encoding" } else { "content-encoding" };
    let headers = parts.headers.iter();
    Request {
        seq: 0,
        signal,
        transport,
        path: parts.uri.path().to_owned(),
        content_type: header(&parts.headers, "content-type"),
        encoding: header(&parts.headers, encoding),
        headers: headers
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()))
            .collect(),
        wire_bytes: 0,
        bytes: 0,
        records: 0,
        stored: 0,
        arrived: Instant::now(),
        ended: None,
        outcome: Outcome::Open,
    }
}
