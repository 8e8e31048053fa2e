//! Why there was no answer: from the chain of a client's errors to one cause. Types decide, never their text.

use std::error::Error;
use std::io;

use hyper_util::client::legacy;

use super::route::{TunnelError, UnknownHost};
use super::tls;
use crate::classify::{Answer, Failed, Failure, TlsFailure};

/// The answer for a request whose exchange failed.
pub(super) fn of_client(error: &legacy::Error, sent: bool) -> Answer {
    let otherwise = if error.is_connect() { Failure::Connect } else { Failure::Reset };
    of(error, otherwise, sent)
}

/// The answer for a response that ended too early.
pub(super) fn of_body(error: &hyper::Error) -> Answer {
    of(error, Failure::Reset, true)
}

/// The answer for a request whose time was up.
pub(super) fn timeout(sent: bool) -> Answer {
    Answer::Failed(Failed { failure: Failure::Timeout, sent, message: String::new() })
}

fn of(error: &(dyn Error + 'static), otherwise: Failure, sent: bool) -> Answer {
    let hidden_tls = || causes(error).find_map(hidden_tls);
    let failure = causes(error).find_map(known).or_else(hidden_tls).unwrap_or(otherwise);
    let sent = sent && !causes(error).any(is_unread);
    Answer::Failed(Failed { failure, sent, message: words(error) })
}

/// Whether the server has certainly not looked at the request, though it was written: the handshake was
/// refused, or the stream was (RFC 9113 §8.7).
fn is_unread(error: &(dyn Error + 'static)) -> bool {
    let refused = |error: &h2::Error| error.reason() == Some(h2::Reason::REFUSED_STREAM);
    error.is::<rustls::Error>() || error.downcast_ref::<h2::Error>().is_some_and(refused)
}

fn known(error: &(dyn Error + 'static)) -> Option<Failure> {
    if error.is::<UnknownHost>() {
        return Some(Failure::UnknownHost);
    }
    if let Some(error) = error.downcast_ref::<TunnelError>() {
        return Some(match error {
            TunnelError::Credentials => Failure::ProxyCredentials,
            _ => Failure::Proxy,
        });
    }
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(Failure::Tls(tls::failure(error)));
    }
    let error = error.downcast_ref::<hyper::Error>()?;
    error.is_parse().then_some(Failure::Protocol)
}

/// h2 keeps only the kind and the words of an error below it. TLS alone makes this kind of one: an alert that
/// came after our side of the handshake was done, as when the server refuses our certificate.
fn hidden_tls(error: &(dyn Error + 'static)) -> Option<Failure> {
    let error = error.downcast_ref::<io::Error>()?;
    (error.kind() == io::ErrorKind::InvalidData).then_some(Failure::Tls(TlsFailure::Handshake))
}

/// The error and what is behind it. `io::Error` hides the error that it was made of from `source()`.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| behind(*error))
}

fn behind<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

/// The chain in words, each once.
fn words(error: &(dyn Error + 'static)) -> String {
    let mut words = String::new();
    for cause in causes(error) {
        let cause = cause.to_string();
        if words.ends_with(&cause) {
            continue;
        }
        if !words.is_empty() {
            words.push_str(": ");
        }
        words.push_str(&cause);
    }
    super::reply::clean(&words)
}
