//! The oracle's other side: the OpenTelemetry SDK's own exporters, and what they can't express.

pub(crate) mod exceptions;
pub(crate) mod sdk;
