//! The ways to the endpoints, one for each signal.

use crate::config::{Destination, Export};
use crate::engine::{Attempt, Request, Signal};
use exporter::classify::{Answer, Failed, Failure};
use exporter::transport::Transport;
use std::sync::Arc;
use tokio::runtime::Handle;

/// The transports of the signals that have files.
pub(crate) struct Transports {
    traces: Option<Arc<Transport>>,
    logs: Option<Arc<Transport>>,
}

impl Transports {
    /// # Errors
    /// What is wrong with the settings, in words.
    pub(crate) fn new(export: &Export) -> Result<Self, String> {
        Ok(Self { traces: make(&export.traces)?, logs: make(&export.logs)? })
    }

    /// Sends a request on a task of its own, which hands on what became of it. One whose task ends without an answer
    /// may have been sent.
    pub(crate) fn send(
        &self,
        runtime: &Handle,
        request: Request,
        answered: impl FnOnce(Signal, Attempt, Answer) + Send + 'static,
    ) {
        let Request { signal, attempt, body } = request;
        let Some(transport) = self.of(signal) else { return };
        runtime.spawn(async move {
            let answer = tokio::spawn(async move { transport.send(body).await }).await;
            answered(signal, attempt, answer.unwrap_or_else(|_| unanswered()));
        });
    }

    /// The signal's own; `None`: it is not exported.
    pub(crate) fn of(&self, signal: Signal) -> Option<Arc<Transport>> {
        match signal {
            Signal::Traces => self.traces.clone(),
            Signal::Logs => self.logs.clone(),
        }
    }
}

/// What is known of a request whose task ended without an answer.
pub(crate) fn unanswered() -> Answer {
    let message = "the request was given up".to_owned();
    Answer::Failed(Failed { failure: Failure::Reset, sent: true, message })
}

/// The way of the agent's own metrics; what is wrong with it is told when they are started.
pub(crate) fn own_transport(export: &Export) -> Result<Option<Arc<Transport>>, String> {
    make(&export.metrics)
}

fn make(destination: &Option<Destination>) -> Result<Option<Arc<Transport>>, String> {
    let made = destination.as_ref().map(|to| Transport::new(&to.transport).map(Arc::new));
    made.transpose().map_err(|error| format!("[export]: {error}"))
}
