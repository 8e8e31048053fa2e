//! What an endpoint is, as configured.
//!
//! Header values and passwords of proxies are secrets: `Debug` shows none.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// The name and version that requests carry.
pub const USER_AGENT: &str = concat!("xapi-observer/", env!("CARGO_PKG_VERSION"));

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// `ExportTraceServiceRequest`s.
    Traces,
    /// `ExportLogsServiceRequest`s.
    Logs,
    /// `ExportMetricsServiceRequest`s.
    Metrics,
}

/// How it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// OTLP/HTTP, binary.
    HttpProtobuf,
    /// OTLP/HTTP, JSON.
    HttpJson,
    /// OTLP/gRPC.
    Grpc,
}

/// How a request is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, fast.
    Gzip,
    /// Zstandard, fast.
    Zstd,
}

/// The endpoint of one signal, as configured.
#[derive(Clone)]
pub struct Settings {
    /// What is sent there.
    pub signal: Signal,
    /// The full URL. Of a gRPC endpoint only scheme, host and port are used.
    pub url: String,
    /// How it is sent.
    pub protocol: Protocol,
    /// How it is compressed.
    pub compression: Compression,
    /// From the first byte to the last of the answer, connecting included.
    pub timeout: Duration,
    /// Names and values; a value `file:/path` is read from that file, without white space at its end.
    pub headers: Vec<(String, String)>,
    /// For `https`.
    pub tls: TlsFiles,
    /// What stands between.
    pub proxy: Proxy,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Settings")
            .field("signal", &self.signal)
            .field("url", &without_secrets(&self.url))
            .field("protocol", &self.protocol)
            .field("compression", &self.compression)
            .field("timeout", &self.timeout)
            .field("headers", &headers)
            .field("tls", &self.tls)
            .field("proxy", &self.proxy)
            .finish()
    }
}

/// The URL without user, password and query.
pub(super) fn without_secrets(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme + 3 <= at => {
            let head = url.get(..scheme + 3).unwrap_or_default();
            let tail = url.get(at + 1..).unwrap_or_default();
            format!("{head}{tail}")
        }
        _ => url.to_owned(),
    }
}

/// Files and names of TLS; all PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// The authorities that are trusted, instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Our certificate, followed by those between it and its authority.
    pub cert_file: Option<PathBuf>,
    /// Its key.
    pub key_file: Option<PathBuf>,
    /// The name that the server's certificate must have, instead of the URL's host.
    pub server_name: Option<String>,
}

/// Which proxy to use.
#[derive(Clone)]
pub enum Proxy {
    /// This one, always.
    Url(String),
    /// What these variables say for the endpoint.
    Environment(ProxyEnvironment),
}

/// The variables that name proxies, as curl understands them.
#[derive(Clone, Default)]
pub struct ProxyEnvironment {
    /// `HTTPS_PROXY` or `https_proxy`: for endpoints with https.
    pub https: Option<String>,
    /// `HTTP_PROXY` or `http_proxy`: for endpoints with http.
    pub http: Option<String>,
    /// `ALL_PROXY` or `all_proxy`: where the one above is not set.
    pub all: Option<String>,
    /// `NO_PROXY` or `no_proxy`: hosts, domains and networks to reach directly.
    pub no: Option<String>,
}

impl ProxyEnvironment {
    /// Looks the variables up, in capitals first.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let find = |name: &str| lookup(name).or_else(|| lookup(&name.to_ascii_lowercase()));
        Self {
            https: find("HTTPS_PROXY"),
            http: find("HTTP_PROXY"),
            all: find("ALL_PROXY"),
            no: find("NO_PROXY"),
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => f.debug_tuple("Url").field(&without_secrets(url)).finish(),
            Self::Environment(environment) => environment.fmt(f),
        }
    }
}

impl fmt::Debug for ProxyEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |url: &Option<String>| url.as_deref().map(without_secrets);
        f.debug_struct("Environment")
            .field("https", &shown(&self.https))
            .field("http", &shown(&self.http))
            .field("all", &shown(&self.all))
            .field("no", &self.no)
            .finish()
    }
}
