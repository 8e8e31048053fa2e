//! The agent's own metrics: one table (`instruments`), sent by OTLP (`otlp`), and as Prometheus text on request
//! (`prometheus`, `serve`).
//!
//! Promises: what becomes of them never touches the other signals; the SDK's own retries are off; endpoint, headers
//! and TLS are those of the resolved configuration. Names and units: `docs/telemetry.md`.

mod instruments;
mod otlp;
mod prometheus;
mod serve;

pub(crate) use otlp::start;
pub(crate) use serve::serve;

use super::clock::Clock;
use crate::engine::Status;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Where the numbers come from: asks the engine; `None` when it does not answer in time.
pub(crate) type Source = Arc<dyn Fn() -> Option<Status> + Send + Sync>;

/// A source that asks at most once a second: the SDK calls back for each instrument.
pub(crate) fn cached(ask: impl Fn() -> Option<Status> + Send + Sync + 'static) -> Source {
    let clock = Clock::start();
    let last: Mutex<Option<(Duration, Status)>> = Mutex::new(None);
    Arc::new(move || {
        let now = clock.now().mono;
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = last.as_ref().is_some_and(|(at, _)| now.saturating_sub(*at) < Duration::from_secs(1));
        if !fresh {
            *last = ask().map(|status| (now, status));
        }
        last.as_ref().map(|(_, status)| status.clone())
    })
}
