//! What an endpoint is, as configured, and what can be wrong with that.
//!
//! Header values, passwords of proxies and keys are secrets: neither `Debug` nor an error's text shows one.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use rustls::pki_types::pem;

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
fn without_secrets(url: &str) -> String {
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

/// Why no transport can be made of settings. Each names the key, and the file if there is one.
#[derive(Debug)]
pub enum SettingsError {
    /// `endpoint` is not `http://host…` or `https://host…`.
    Endpoint,
    /// `endpoint` has a user or password in it; a header `Authorization` is the place for them.
    EndpointCredentials,
    /// `proxy`, or the variable in its place, is not `http://host:port`.
    Proxy,
    /// A name in `headers` that no header can have.
    HeaderName {
        /// The name.
        name: String,
    },
    /// A name in `headers` that the transport itself sets.
    HeaderReserved {
        /// The name.
        name: String,
    },
    /// A value in `headers`, or in its file, has characters that a header can't have.
    HeaderValue {
        /// The header's name.
        name: String,
    },
    /// A file can't be read.
    File {
        /// The key that names it, such as `tls.ca_file` or `headers`.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file has not the PEM sections that it should have.
    Pem {
        /// The key that names it.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: PemProblem,
    },
    /// `tls.cert_file` without `tls.key_file`, or the reverse.
    MissingFile {
        /// The key that is not set.
        key: &'static str,
    },
    /// TLS can't use what a file holds, such as a key for another certificate.
    Tls {
        /// The key that names the file.
        key: &'static str,
        /// Why.
        source: rustls::Error,
    },
    /// `tls.server_name` is no name of a host.
    ServerName,
    /// No authority is trusted on this host, and `tls.ca_file` is not set.
    SystemAuthorities {
        /// What the system's store said.
        source: io::Error,
    },
}

/// What is wrong with a PEM file; the parser's own words may quote it, and it may be a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PemProblem {
    /// There is no section of the kind that was looked for.
    NothingFound,
    /// A section is damaged.
    Damaged,
}

impl SettingsError {
    /// Tells a file that can't be read from one that holds something else.
    pub(super) fn of_pem(key: &'static str, path: PathBuf, error: pem::Error) -> Self {
        match error {
            pem::Error::Io(source) => Self::File { key, path, source },
            pem::Error::NoItemsFound => Self::Pem { key, path, problem: PemProblem::NothingFound },
            _ => Self::Pem { key, path, problem: PemProblem::Damaged },
        }
    }

    /// The key of `[export]` that is wrong.
    #[must_use]
    pub fn key(&self) -> &'static str {
        match self {
            Self::Endpoint | Self::EndpointCredentials => "endpoint",
            Self::Proxy => "proxy",
            Self::HeaderName { .. } | Self::HeaderReserved { .. } | Self::HeaderValue { .. } => "headers",
            Self::File { key, .. }
            | Self::Pem { key, .. }
            | Self::MissingFile { key }
            | Self::Tls { key, .. } => key,
            Self::ServerName => "tls.server_name",
            Self::SystemAuthorities { .. } => "tls.ca_file",
        }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key();
        match self {
            Self::Endpoint => write!(f, "{key}: expected http://host:port or https://host:port"),
            Self::EndpointCredentials => {
                write!(f, "{key}: a user or password belongs into headers, as Authorization")
            }
            Self::Proxy => write!(f, "{key}: expected http://host:port"),
            Self::HeaderName { name } => write!(f, "{key}: {name:?} is no name of a header"),
            Self::HeaderReserved { name } => write!(f, "{key}: {name} is set by the protocol itself"),
            Self::HeaderValue { name } => {
                write!(f, "{key}: the value of {name} has characters no header can have")
            }
            Self::File { path, source, .. } => write!(f, "{key}: {}: {source}", path.display()),
            Self::Pem { path, problem, .. } => write!(f, "{key}: {}: {problem}", path.display()),
            Self::MissingFile { .. } => write!(f, "{key}: certificate and key belong together"),
            Self::Tls { source, .. } => write!(f, "{key}: {source}"),
            Self::ServerName => write!(f, "{key}: no name of a host"),
            Self::SystemAuthorities { source } => {
                write!(f, "{key}: not set, and the system's authorities can't be had: {source}")
            }
        }
    }
}

impl fmt::Display for PemProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NothingFound => "no such PEM section in it",
            Self::Damaged => "a PEM section is damaged",
        })
    }
}

impl std::error::Error for SettingsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { source, .. } | Self::SystemAuthorities { source } => Some(source),
            Self::Tls { source, .. } => Some(source),
            _ => None,
        }
    }
}
