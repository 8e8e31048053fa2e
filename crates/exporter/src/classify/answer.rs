//! What a transport saw of one request: plain data, without a judgement.

use std::fmt;
use std::time::Duration;

use tonic::Code;

use super::retry_after::RetryAfter;

/// The outcome of one request, as the transport saw it.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The server answered over HTTP. A gRPC endpoint that answers with another status than 200 is one too.
    Http(Http),
    /// The server ended the gRPC call with a status.
    Grpc(Grpc),
    /// There was no definite answer.
    Failed(Failed),
}

/// An HTTP response.
#[derive(Clone, Debug, PartialEq)]
pub struct Http {
    /// The status code.
    pub status: u16,
    /// The header `Retry-After`, if it was understood.
    pub retry_after: Option<RetryAfter>,
    /// What the body of a 2xx response was; [`Reply::Empty`] for all others.
    pub reply: Reply,
    /// The server's own words about an error; empty if it had none.
    pub message: String,
}

/// The body of a successful HTTP response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// No bytes: Loki and others answer 204 so.
    Empty,
    /// An `Export…ServiceResponse`, as protobuf or JSON.
    Otlp(Partial),
    /// Something else: a login page, a proxy's greeting. The request did not reach an OTLP endpoint.
    Foreign {
        /// Its content type, as sent; empty if there was none.
        content_type: String,
    },
}

/// The field `partial_success` of a response; zero and empty if it was not set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Partial {
    /// How many records were refused for good.
    pub rejected: u64,
    /// Why, or a warning if none was refused.
    pub message: String,
}

/// The end of a gRPC call.
#[derive(Clone, Debug, PartialEq)]
pub struct Grpc {
    /// The status code.
    pub code: Code,
    /// The status message.
    pub message: String,
    /// `google.rpc.RetryInfo` of the status' details.
    pub retry_info: Option<Duration>,
    /// From the response message; only with [`Code::Ok`].
    pub partial: Partial,
}

/// A request without a definite answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// What failed.
    pub failure: Failure,
    /// Whether any of the body had been handed to a connection: then the server may have stored it.
    pub sent: bool,
    /// The error's own words, without any header value.
    pub message: String,
}

/// What failed, where there was no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The host's name has no address.
    UnknownHost,
    /// No connection: refused, unreachable, closed in the handshake.
    Connect,
    /// The proxy did not open a tunnel.
    Proxy,
    /// The proxy asks for credentials.
    ProxyCredentials,
    /// The TLS handshake failed.
    Tls(TlsFailure),
    /// The connection ended before the answer did.
    Reset,
    /// The time was up.
    Timeout,
    /// What came back is not HTTP, or not gRPC.
    Protocol,
    /// The request could not be written in the endpoint's encoding.
    Encoding,
}

/// Why a TLS handshake failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TlsFailure {
    /// The certificate is for other names.
    WrongHost,
    /// The certificate's time is over.
    Expired,
    /// The certificate's time has not begun.
    NotYetValid,
    /// No trusted authority has signed it.
    UnknownIssuer,
    /// The certificate was revoked.
    Revoked,
    /// The certificate is unusable for another reason.
    BadCertificate,
    /// The server refused our certificate, or asks for one.
    ClientCertificate,
    /// The other side does not speak TLS.
    NotTls,
    /// Anything else, such as no common version.
    Handshake,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(http) => http.fmt(f),
            Self::Grpc(grpc) => with_message(f, format_args!("gRPC {:?}", grpc.code), &grpc.message),
            Self::Failed(failed) => with_message(f, format_args!("{}", failed.failure), &failed.message),
        }
    }
}

impl fmt::Display for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reply {
            Reply::Foreign { content_type } if content_type.is_empty() => {
                write!(f, "HTTP {} with something that is not an OTLP response", self.status)
            }
            Reply::Foreign { content_type } => {
                write!(f, "HTTP {} with {content_type}, which is not an OTLP response", self.status)
            }
            _ => with_message(f, format_args!("HTTP {}", self.status), &self.message),
        }
    }
}

fn with_message(f: &mut fmt::Formatter<'_>, head: fmt::Arguments<'_>, message: &str) -> fmt::Result {
    if message.is_empty() { write!(f, "{head}") } else { write!(f, "{head}: {message}") }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownHost => "unknown host",
            Self::Connect => "no connection",
            Self::Proxy => "the proxy opened no tunnel",
            Self::ProxyCredentials => "the proxy asks for credentials",
            Self::Tls(tls) => return write!(f, "TLS: {tls}"),
            Self::Reset => "the connection was lost before the answer",
            Self::Timeout => "no answer in time",
            Self::Protocol => "the answer is not what the protocol says",
            Self::Encoding => "the request can't be encoded",
        })
    }
}

impl fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WrongHost => "the certificate is for another host",
            Self::Expired => "the certificate has expired",
            Self::NotYetValid => "the certificate is not valid yet",
            Self::UnknownIssuer => "the certificate's authority is not known here",
            Self::Revoked => "the certificate was revoked",
            Self::BadCertificate => "the certificate can't be used",
            Self::ClientCertificate => "the server does not accept our certificate",
            Self::NotTls => "the server does not speak TLS",
            Self::Handshake => "the handshake failed",
        })
    }
}
