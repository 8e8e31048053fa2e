//! From spans and log records to the collector: OTLP bytes, requests, delivery.

pub mod batch;
pub mod classify;
pub mod delivery;
pub mod encode;
pub mod transport;
