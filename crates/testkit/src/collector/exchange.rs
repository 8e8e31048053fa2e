//! One request from its head to its end, the same for both transports.

#![allow(clippy::disallowed_methods, reason = "arrival times are real times")]

use super::decode;
use super::request::{Outcome, Request};
use super::save::{self, Whole};
use super::script::Mood;
use super::verdict::{Reply, When, malformed, verdict};
use super::{Keep, Shared, Signal};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Notify;

/// Closes a connection from within one of its requests.
pub(crate) type Cutter = Arc<Notify>;

/// An open request. Dropped without a reply, it counts as unanswered.
pub(crate) struct Exchange {
    shared: Arc<Shared>,
    cutter: Cutter,
    seq: u64,
    signal: Signal,
    mood: Mood,
    json: bool,
    ended: bool,
}

impl Exchange {
    /// Takes down the head, and the mood in which the rest will be met.
    pub(crate) fn open(shared: &Arc<Shared>, cutter: &Cutter, head: Request, json: bool) -> Self {
        let (signal, mood) = (head.signal, shared.next_mood(head.signal));
        let seq = shared.state.update(|state| state.open(head));
        Self { shared: Arc::clone(shared), cutter: Arc::clone(cutter), seq, signal, mood, json, ended: false }
    }

    /// Ends here if the mood is to close before reading.
    pub(crate) async fn before_reading(&self) {
        if matches!(self.mood, Mood::CloseBeforeReading) {
            self.cut().await;
        }
    }

    /// Closes the connection; never returns, as the connection's end drops this future.
    async fn cut(&self) {
        self.cutter.notify_one();
        std::future::pending::<()>().await;
    }

    /// Takes down how many bytes came.
    pub(crate) fn came(&self, wire_bytes: u64, bytes: u64) {
        self.shared.state.update(|state| {
            if let Some(request) = state.request_mut(self.seq) {
                (request.wire_bytes, request.bytes) = (wire_bytes, bytes);
            }
        });
    }

    /// The answer to a body that could not be read at all.
    pub(crate) fn unreadable(mut self, why: String) -> Reply {
        self.shared.state.update(|state| state.not_read(why.clone()));
        self.end(Outcome::Refused);
        malformed(why)
    }

    /// Decodes, stores and decides; returns when the answer is to go out. Dropping it ends the request unanswered.
    pub(crate) async fn answer(mut self, body: Bytes) -> Reply {
        let rows = match self.rows(&body) {
            Ok(rows) => rows,
            Err(why) => return self.unreadable(why),
        };
        let records = rows.len();
        let verdict = verdict(self.mood.clone(), rows, body.len());
        let stored = verdict.store.len();
        self.store(verdict.store, records, &body);
        match verdict.when {
            When::Now => {}
            When::After(delay) => tokio::time::sleep(delay).await,
            When::Never => std::future::pending().await,
            When::Cut => self.cut().await,
        }
        self.end(outcome(&verdict.reply, stored));
        verdict.reply
    }

    fn rows(&self, body: &[u8]) -> Result<Vec<super::Row>, String> {
        if self.shared.keep == Keep::Nothing {
            return Ok(Vec::new());
        }
        decode::rows(self.signal, self.json, body, self.seq)
    }

    fn store(&self, rows: Vec<super::Row>, records: usize, body: &[u8]) {
        let whole = if rows.len() == records { Whole::Yes } else { Whole::No };
        let saved = if rows.is_empty() { Ok(()) } else { self.save(whole, body) };
        self.shared.state.update(|state| {
            if let Err(error) = saved {
                state.not_read(format!("request {} was not saved: {error}", self.seq));
            }
            if let Some(request) = state.request_mut(self.seq) {
                request.records = records as u64;
            }
            state.store(self.seq, rows);
        });
    }

    fn save(&self, whole: Whole, body: &[u8]) -> std::io::Result<()> {
        let Some(directory) = &self.shared.save else { return Ok(()) };
        save::write(directory, self.seq, self.signal, self.json, whole, body)
    }

    fn end(&mut self, outcome: Outcome) {
        self.ended = true;
        self.shared.state.update(|state| state.end(self.seq, outcome, Instant::now()));
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !self.ended {
            self.end(Outcome::Unanswered);
        }
    }
}

fn outcome(reply: &Reply, stored: usize) -> Outcome {
    match reply {
        Reply::Success | Reply::NoContent | Reply::Partial { .. } => Outcome::Accepted,
        Reply::Refused { .. } | Reply::Raw { .. } if stored > 0 => Outcome::RefusedInPart,
        Reply::Refused { .. } | Reply::Raw { .. } => Outcome::Refused,
    }
}
