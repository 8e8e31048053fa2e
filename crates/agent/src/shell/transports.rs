//! The ways to the endpoints, one for each signal.

use crate::config::{Destination, Export};
use crate::engine::Signal;
use exporter::transport::Transport;
use std::sync::Arc;

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

    pub(crate) fn of(&self, signal: Signal) -> Option<Arc<Transport>> {
        match signal {
            Signal::Traces => self.traces.clone(),
            Signal::Logs => self.logs.clone(),
        }
    }
}

/// The way of the agent's own metrics; what is wrong with it is told when they are started.
pub(crate) fn own_transport(export: &Export) -> Result<Option<Arc<Transport>>, String> {
    make(&export.metrics)
}

fn make(destination: &Option<Destination>) -> Result<Option<Arc<Transport>>, String> {
    let made = destination.as_ref().map(|to| Transport::new(&to.transport).map(Arc::new));
    made.transpose().map_err(|error| format!("[export]: {error}"))
}
