//! Requests over the network: bytes of an OTLP request in, an [`Answer`] out.
//!
//! Promises:
//! - one answer for each request, at the latest when its time is up; failures are answers too;
//! - a request whose body was never handed to a connection is told from one that the server may have;
//! - redirects are not followed: the configured headers go to the configured host alone;
//! - of an answer at most 64 KiB are kept;
//! - certificates, keys and headers in files are used as they are when a request begins, without a restart;
//!   while new ones can't be used, the old are, and [`Transport::renewal_problem`] says why;
//! - secrets are in no `Debug` output and in no error.
//!
//! Leaves to others: what an answer means (`classify`), when to send (`delivery`), what to send (`batch`).

mod body;
mod compress;
mod error;
mod failure;
mod files;
mod grpc;
mod headers;
mod http;
mod live;
mod reply;
mod route;
mod settings;
mod tls;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use ::http::Request;
use bytes::Bytes;

use crate::classify::{Answer, Failed, Failure};
use crate::encode::json;
use body::{Outgoing, Sent};
pub use error::{PemProblem, SettingsError};
use live::{Live, Plan};
pub use settings::{Compression, Protocol, Proxy, ProxyEnvironment, Settings, Signal, TlsFiles, USER_AGENT};

/// The way to one endpoint. It keeps its connections open between requests.
pub struct Transport {
    plan: Plan,
    signal: Signal,
    compression: Compression,
    timeout: Duration,
    current: Mutex<Current>,
}

/// An answer, and what else came with it.
#[derive(Clone, Debug)]
pub struct Probed {
    /// The answer.
    pub answer: Answer,
    /// The server's clock when it answered, by its header `Date`; whole seconds.
    pub date: Option<SystemTime>,
}

/// Where a connection is opened to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hop {
    /// Name or address, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// It is a proxy, and the endpoint is behind it.
    pub is_proxy: bool,
}

/// What requests are sent with now.
struct Current {
    live: Arc<Live>,
    problem: Option<Arc<SettingsError>>,
}

impl Transport {
    /// Checks the settings and reads their files; opens nothing. Connections are made in the tokio runtime
    /// that [`Transport::send`] is called in.
    ///
    /// # Errors
    /// [`SettingsError`] names the key, and the file if there is one.
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let plan = Plan::new(settings)?;
        let live = Arc::new(plan.read()?);
        Ok(Self {
            plan,
            signal: settings.signal,
            compression: settings.compression,
            timeout: settings.timeout,
            current: Mutex::new(Current { live, problem: None }),
        })
    }

    /// Sends the protobuf bytes of an OTLP request (of the settings' signal), and waits for the answer.
    ///
    /// Cancel safe: dropped, it closes or resets what it has opened; the server may have got the request
    /// then.
    pub async fn send(&self, body: Bytes) -> Answer {
        self.probe(body).await.answer
    }

    /// The same, and what else the answer says: for a look at the endpoint.
    ///
    /// Cancel safe, as [`Transport::send`].
    pub async fn probe(&self, body: Bytes) -> Probed {
        let live = self.renewed();
        let sent = Sent::default();
        let request = match self.request(&live, body, sent.clone()) {
            Ok(request) => request,
            Err(answer) => return Probed { answer, date: None },
        };
        let exchange = self.exchange(&live, request, &sent);
        let probed = tokio::time::timeout(self.timeout, exchange).await;
        let probed = probed.unwrap_or_else(|_| Probed { answer: failure::timeout(sent.get()), date: None });
        if matches!(probed.answer, Answer::Failed(_)) {
            self.forget_connections(&live);
        }
        probed
    }

    /// Where connections are opened to: the endpoint, or the proxy before it.
    #[must_use]
    pub fn first_hop(&self) -> Hop {
        self.plan.first_hop()
    }

    /// Why renewed files are not in use; `None` while all are.
    pub fn renewal_problem(&self) -> Option<Arc<SettingsError>> {
        self.current().problem.clone()
    }

    async fn exchange(&self, live: &Live, request: Request<Outgoing>, sent: &Sent) -> Probed {
        let response = match live.client.request(request).await {
            Ok(response) => response,
            Err(error) => {
                let answer = self.plan.with_files(failure::of_client(&error, sent.get()));
                return Probed { answer, date: None };
            }
        };
        let date = http::date(response.headers());
        let answer =
            if self.plan.is_grpc() { grpc::answer(response).await } else { http::answer(response).await };
        Probed { answer, date }
    }

    fn request(&self, live: &Live, body: Bytes, sent: Sent) -> Result<Request<Outgoing>, Answer> {
        let payload = self.payload(body)?;
        let (payload, encoding) = compress::compress(payload, self.compression);
        let mut request = match self.plan.protocol() {
            Protocol::Grpc => grpc::request(payload, encoding, self.timeout, sent),
            protocol => http::request(protocol, payload, encoding, sent),
        };
        *request.uri_mut() = self.plan.uri().clone();
        for (name, value) in &live.headers {
            request.headers_mut().append(name, value.clone());
        }
        Ok(request)
    }

    fn payload(&self, body: Bytes) -> Result<Bytes, Answer> {
        let written = match (self.plan.protocol(), self.signal) {
            (Protocol::HttpProtobuf | Protocol::Grpc, _) => return Ok(body),
            (Protocol::HttpJson, Signal::Traces) => json::traces(&body),
            (Protocol::HttpJson, Signal::Logs) => json::logs(&body),
            (Protocol::HttpJson, Signal::Metrics) => json::metrics(&body),
        };
        written.map_err(|error| {
            Answer::Failed(Failed { failure: Failure::Encoding, sent: false, message: error.to_string() })
        })
    }

    /// What to send with, read anew if a file has changed.
    fn renewed(&self) -> Arc<Live> {
        let mut current = self.current();
        let prints = self.plan.prints();
        if prints != current.live.prints {
            current.renew(self.plan.read());
        }
        current.live.clone()
    }

    /// Makes the next request open a new connection. HTTP/2 would go on using one whose other end is gone,
    /// until the kernel gives it up after a quarter of an hour.
    fn forget_connections(&self, used: &Arc<Live>) {
        let mut current = self.current();
        if Arc::ptr_eq(&current.live, used) {
            current.live = Arc::new(self.plan.reconnected(used));
        }
    }

    /// A panic elsewhere while the lock was held leaves nothing half done: each change is one assignment.
    fn current(&self) -> std::sync::MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Current {
    fn renew(&mut self, read: Result<Live, SettingsError>) {
        match read {
            Ok(live) => *self = Self { live: Arc::new(live), problem: None },
            Err(problem) => self.problem = Some(Arc::new(problem)),
        }
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("signal", &self.signal)
            .field("host", &self.plan.uri().authority())
            .finish_non_exhaustive()
    }
}
