//! A refused request, sent again as it is.
//!
//! It was cut down to the records that were refused when it was set aside, so it is not split any further.

use crate::config::Settings;
use crate::engine::{Signal, Words};
use crate::import::ship::{BLOCKED, Ended, SILENT, Ship, TICK};
use crate::shell::rejected::Entry;
use crate::shell::transports::unanswered;
use bytes::Bytes;
use exporter::classify::{Answer, Class, classify};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The first wait before it is tried again, and the longest.
const WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// An OTLP request.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) signal: Signal,
    pub(super) records: u64,
    body: Bytes,
}

/// What became of it.
#[derive(Debug)]
pub(super) enum Outcome {
    /// All but so many records are with the server.
    Delivered { refused: Option<(u64, &'static str, String)> },
    /// It was refused again; the server's words.
    Refused(String),
    /// The signal is not exported.
    NoWay,
    /// The import ends here.
    Ended(Ended),
}

impl Request {
    /// The request of an entry.
    ///
    /// # Errors
    /// Why it is none, in words.
    pub(super) fn of(entry: &Entry) -> Result<Self, &'static str> {
        let (signal, records) = match entry.signal.as_str() {
            "traces" => (Signal::Traces, spans(&entry.bytes)),
            "logs" => (Signal::Logs, lines(&entry.bytes)),
            _ => return Err("of a signal that this version does not know"),
        };
        let records = records.ok_or("no OTLP request")?;
        Ok(Self { signal, records, body: Bytes::copy_from_slice(&entry.bytes) })
    }

    /// Sends it until there is an answer that decides, or nobody has answered for too long.
    pub(super) fn send(&self, ship: &Ship<'_>, settings: &Settings) -> Outcome {
        let words = Words::new(settings);
        let (mut wait, since) = (WAITS.0, ship.clock.now().mono);
        loop {
            let Some(answer) = self.try_once(ship) else { return Outcome::NoWay };
            let Ok(answer) = answer else { return Outcome::Ended(Ended::Stopped) };
            let now = ship.clock.now();
            let (not_before, patience) = match classify(&answer, now) {
                Class::Delivered { .. } => return Outcome::Delivered { refused: None },
                Class::Stored { refusal, refused, message } => {
                    let refused = refused.min(self.records);
                    return Outcome::Delivered {
                        refused: Some((refused, refusal.as_str(), words.of(&message))),
                    };
                }
                Class::Split { message } | Class::Bad { message } => {
                    return Outcome::Refused(words.of(&message));
                }
                Class::Retry { not_before, .. } => (not_before, SILENT),
                Class::Blocked { not_before, .. } => (not_before, BLOCKED),
            };
            let pause = not_before.unwrap_or(wait).max(wait);
            if (now.mono + pause).saturating_sub(since) >= Duration::from_secs(patience) {
                let why = words.of(&answer.to_string());
                return Outcome::Ended(Ended::GaveUp(format!(
                    "the {} are not taken: {why}",
                    self.signal.as_str()
                )));
            }
            if !ship.pause(pause) {
                return Outcome::Ended(Ended::Stopped);
            }
            wait = (2 * wait).min(WAITS.1);
        }
    }

    /// `None`: there is no way for the signal; `Err`: the import was stopped.
    fn try_once(&self, ship: &Ship<'_>) -> Option<Result<Answer, ()>> {
        let transport = ship.transports.of(self.signal)?;
        let body = self.body.clone();
        let mut sending = ship.runtime.spawn(async move { transport.send(body).await });
        loop {
            let waited = ship.runtime.block_on(async { tokio::time::timeout(TICK, &mut sending).await });
            match waited {
                Ok(Ok(answer)) => return Some(Ok(answer)),
                Ok(Err(_)) => return Some(Ok(unanswered())),
                Err(_) if ship.stop.load(Ordering::Relaxed) => {
                    sending.abort();
                    return Some(Err(()));
                }
                Err(_) => {}
            }
        }
    }
}

fn spans(body: &[u8]) -> Option<u64> {
    let request = ExportTraceServiceRequest::decode(body).ok()?;
    let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
    Some(scopes.map(|scope| scope.spans.len() as u64).sum())
}

fn lines(body: &[u8]) -> Option<u64> {
    let request = ExportLogsServiceRequest::decode(body).ok()?;
    let scopes = request.resource_logs.iter().flat_map(|resource| &resource.scope_logs);
    Some(scopes.map(|scope| scope.log_records.len() as u64).sum())
}
