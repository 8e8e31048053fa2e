//! What an answer means for the records of its request: a pure function of what the transport saw.
//!
//! The rules are those of the OTLP specification (<https://opentelemetry.io/docs/specs/otlp/>, sections
//! "Failures" of OTLP/gRPC and OTLP/HTTP). Where it says "not retryable", one more question is asked: whose
//! fault is it? Data that the server can't take is [`Class::Bad`] and given up, record by record. A fault of
//! the endpoint, or of our way to it (no credentials, no such path, a redirect), is [`Class::Blocked`]: the
//! data is as good as it was, its position is held, and the endpoint is probed until somebody has repaired
//! it.
//!
//! Leaves to others: waiting, splitting and counting (`delivery`), decoding responses (`transport`).

mod answer;
mod backend;
mod retry_after;

#[cfg(test)]
mod tests;

use std::time::Duration;

use model::Now;
use tonic::Code;

pub use answer::{Answer, Failed, Failure, Grpc, Http, Partial, Reply, TlsFailure};
pub use backend::Refusal;
pub use retry_after::{LONGEST_WAIT, RetryAfter};

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Class {
    /// The records are with the server.
    Delivered {
        /// A warning of the server; empty if it had none.
        warning: String,
    },
    /// Some were refused for good, the others are with the server. Never sent again.
    Stored {
        /// Why those were refused.
        refusal: Refusal,
        /// At least how many, never 0. Which ones, the server does not say.
        refused: u64,
        /// The server's words.
        message: String,
    },
    /// Send the same again later.
    Retry {
        /// Why.
        why: Retry,
        /// Not before this time from now, if the server said so; at most [`LONGEST_WAIT`].
        not_before: Option<Duration>,
    },
    /// The endpoint's fault: hold the records and probe again.
    Blocked {
        /// What is wrong there.
        why: Blocked,
        /// As for [`Class::Retry`].
        not_before: Option<Duration>,
    },
    /// Nothing was stored: the request was too large.
    Split {
        /// The server's words.
        message: String,
    },
    /// The data's fault: one record or more can't be taken, and nothing was stored.
    Bad {
        /// The server's words.
        message: String,
    },
}

/// Why a request is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Retry {
    /// The server has too much to do.
    Throttled,
    /// The same for one stream of the request; others of it were stored.
    ThrottledPartly,
    /// The server can't take anything at the moment.
    Unavailable,
    /// A gateway had no answer from the server behind it.
    Gateway,
    /// The server gave up in the middle.
    Interrupted,
    /// There was no connection to send it on.
    Unreachable,
    /// The connection was lost before the answer.
    Lost,
    /// The answer did not come in time.
    Late,
}

impl Retry {
    /// Whether the server may have stored the request, or a part, all the same: sent again, it may be there
    /// twice.
    #[must_use]
    pub fn may_be_stored(self) -> bool {
        match self {
            Self::ThrottledPartly | Self::Gateway | Self::Interrupted | Self::Lost | Self::Late => true,
            Self::Throttled | Self::Unavailable | Self::Unreachable => false,
        }
    }

    /// The reason's short name, for counters.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::ThrottledPartly => "throttled_partly",
            Self::Unavailable => "unavailable",
            Self::Gateway => "gateway",
            Self::Interrupted => "interrupted",
            Self::Unreachable => "unreachable",
            Self::Lost => "connection_lost",
            Self::Late => "timeout",
        }
    }
}

/// What is wrong with the endpoint, or with our way to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Blocked {
    /// It does not know us, or does not let us (401, 403).
    Credentials,
    /// There is nothing that takes this signal at this address (404, 405, UNIMPLEMENTED …).
    NotThere,
    /// It points elsewhere; redirects are not followed, since our headers are meant for this host alone.
    Redirect,
    /// It answered success with something that is not OTLP.
    NotOtlp,
    /// It refuses the request itself, not its data (for example its content type), or is broken.
    Endpoint,
    /// Its name has no address.
    UnknownHost,
    /// TLS does not come about.
    Tls(TlsFailure),
    /// The proxy asks for credentials.
    Proxy,
}

impl Blocked {
    /// Whether it is so for all that is sent to the endpoint, and not for one path or its credentials alone.
    #[must_use]
    pub fn is_of_endpoint(self) -> bool {
        match self {
            Self::UnknownHost | Self::Tls(_) | Self::Proxy => true,
            Self::Credentials | Self::NotThere | Self::Redirect | Self::NotOtlp | Self::Endpoint => false,
        }
    }

    /// The reason's short name, for counters and status.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::NotThere => "not_there",
            Self::Redirect => "redirect",
            Self::NotOtlp => "not_otlp",
            Self::Endpoint => "endpoint",
            Self::UnknownHost => "unknown_host",
            Self::Tls(_) => "tls",
            Self::Proxy => "proxy",
        }
    }
}

/// Says what `answer` means. `now` is for a `Retry-After` that names a date.
#[must_use]
pub fn classify(answer: &Answer, now: Now) -> Class {
    match answer {
        Answer::Http(http) => classify_http(http, now),
        Answer::Grpc(grpc) => classify_grpc(grpc),
        Answer::Failed(failed) => classify_failure(failed),
    }
}

fn classify_http(http: &Http, now: Now) -> Class {
    let not_before = http.retry_after.map(|after| after.delay(now));
    let retry = |why| Class::Retry { why, not_before };
    let blocked = |why| Class::Blocked { why, not_before };
    match http.status {
        200..=299 => classify_success(&http.reply, not_before),
        300..=399 => blocked(Blocked::Redirect),
        400 => classify_bad_request(&http.message),
        401 | 403 => blocked(Blocked::Credentials),
        404 | 405 | 410 => blocked(Blocked::NotThere),
        407 => blocked(Blocked::Proxy),
        // Nothing of it was taken: RFC 9110 §15.5.9 and RFC 8470 §5.2 let the client repeat it.
        408 | 425 => retry(Retry::Unavailable),
        413 => Class::Split { message: http.message.clone() },
        422 => Class::Bad { message: http.message.clone() },
        429 if backend::is_one_stream_throttled(&http.message) => retry(Retry::ThrottledPartly),
        429 => retry(Retry::Throttled),
        // "MUST NOT be retried": a Collector answers so to what a component of its pipeline refused for good.
        500 => Class::Bad { message: http.message.clone() },
        502 | 504 => retry(Retry::Gateway),
        503 => retry(Retry::Unavailable),
        _ => blocked(Blocked::Endpoint),
    }
}

fn classify_success(reply: &Reply, not_before: Option<Duration>) -> Class {
    match reply {
        Reply::Empty => Class::Delivered { warning: String::new() },
        Reply::Otlp(partial) => classify_partial(partial),
        Reply::Foreign { .. } => Class::Blocked { why: Blocked::NotOtlp, not_before },
    }
}

fn classify_partial(partial: &Partial) -> Class {
    let message = partial.message.clone();
    match partial.rejected {
        0 => Class::Delivered { warning: message },
        refused => Class::Stored { refusal: Refusal::PartialSuccess, refused, message },
    }
}

fn classify_bad_request(message: &str) -> Class {
    let message = message.to_owned();
    match backend::left_out(&message) {
        Some((refusal, refused)) => Class::Stored { refusal, refused, message },
        None if backend::is_too_large(&message) => Class::Split { message },
        None => Class::Bad { message },
    }
}

fn classify_grpc(grpc: &Grpc) -> Class {
    let not_before = grpc.retry_info.map(|wait| wait.min(LONGEST_WAIT));
    let retry = |why| Class::Retry { why, not_before };
    let blocked = |why| Class::Blocked { why, not_before };
    match grpc.code {
        Code::Ok => classify_partial(&grpc.partial),
        Code::Cancelled | Code::Aborted | Code::DataLoss => retry(Retry::Interrupted),
        Code::DeadlineExceeded => retry(Retry::Late),
        Code::OutOfRange | Code::Unavailable => retry(Retry::Unavailable),
        Code::ResourceExhausted if grpc.retry_info.is_some() => retry(Retry::Throttled),
        Code::ResourceExhausted => Class::Split { message: grpc.message.clone() },
        Code::Unauthenticated | Code::PermissionDenied => blocked(Blocked::Credentials),
        Code::Unimplemented | Code::NotFound => blocked(Blocked::NotThere),
        Code::Unknown
        | Code::InvalidArgument
        | Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::Internal => Class::Bad { message: grpc.message.clone() },
    }
}

fn classify_failure(failed: &Failed) -> Class {
    let retry = |why| Class::Retry { why, not_before: None };
    let blocked = |why| Class::Blocked { why, not_before: None };
    match failed.failure {
        Failure::UnknownHost => blocked(Blocked::UnknownHost),
        Failure::Tls(why) => blocked(Blocked::Tls(why)),
        Failure::ProxyCredentials => blocked(Blocked::Proxy),
        Failure::Encoding => Class::Bad { message: failed.message.clone() },
        Failure::Timeout if failed.sent => retry(Retry::Late),
        Failure::Reset | Failure::Protocol if failed.sent => retry(Retry::Lost),
        _ => retry(Retry::Unreachable),
    }
}
