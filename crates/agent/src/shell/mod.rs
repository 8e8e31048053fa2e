//! What touches the outside world: clocks, threads, signals, sockets, the network, files of our own.
//!
//! Promises: all decisions are the engine's; here is only what carries them out. Every channel is bounded.

pub(crate) mod about;
pub(crate) mod allocator;
pub(crate) mod clock;
pub(crate) mod control;
pub(crate) mod descriptors;
pub(crate) mod driver;
pub(crate) mod listener;
pub(crate) mod metrics_way;
pub(crate) mod own_log;
pub(crate) mod positions;
pub(crate) mod pulse;
pub(crate) mod rejected;
pub(crate) mod service_manager;
pub(crate) mod signals;
mod span_metrics;
pub(crate) mod telemetry;
pub(crate) mod transports;
pub(crate) mod wakeup;
mod zipkin;
