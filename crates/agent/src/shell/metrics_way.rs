//! The way of metrics, the agent's own and those of spans, past the engine's queues.
//!
//! Promises: nothing is sent while their endpoint is down for the other signals or has asked for a pause, and a pause that
//! it asks for here holds for those too. What is not sent is no loss: the numbers are cumulative.

use super::driver::Event;
use super::wakeup::Sender;
use bytes::Bytes;
use exporter::classify::Answer;
use exporter::transport::Transport;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A transport, and what the engine says of its endpoint.
#[derive(Clone)]
pub(crate) struct MetricsWay {
    pub(crate) transport: Arc<Transport>,
    /// Nothing is to be sent now.
    pub(crate) pause: Arc<AtomicBool>,
    /// Is told each answer.
    pub(crate) engine: Sender<Event>,
}

impl MetricsWay {
    /// Sends a request; `None`: it is not the time for it. Not cancel-safe: a request that is dropped may have arrived.
    pub(crate) async fn send(&self, body: Bytes) -> Option<Answer> {
        if self.pause.load(Ordering::Relaxed) {
            return None;
        }
        let answer = self.transport.send(body).await;
        self.engine.send(Event::MetricsAnswered(answer.clone()));
        Some(answer)
    }
}
