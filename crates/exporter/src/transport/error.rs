//! What can be wrong with settings. No text of an error has a secret in it: no header's value, no part of a
//! key.

use std::fmt;
use std::io;
use std::path::PathBuf;

use rustls::pki_types::pem;

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
