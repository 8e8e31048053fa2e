//! Sends the metrics of spans: once a minute, and a last time at the end.
//!
//! Promises: what becomes of them never touches the other signals; a minute that can't be sent is made up for by the
//! next, as the numbers are cumulative. Leaves to others: counting ([`crate::span_metrics`]).

use super::driver::Event;
use super::metrics_way::MetricsWay;
use exporter::classify::{Class, classify};
use std::time::Duration;
use tokio::sync::oneshot;

const EVERY: Duration = Duration::from_secs(60);
/// How long the engine may take to hand out the numbers.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sends until it is ended.
pub(crate) struct SpanMetricsLoop {
    end: oneshot::Sender<()>,
    ended: std::sync::mpsc::Receiver<()>,
}

impl SpanMetricsLoop {
    /// Starts on `runtime`, with the numbers of the engine behind `engine`.
    pub(crate) fn start(way: MetricsWay, runtime: &tokio::runtime::Handle) -> Self {
        let (end, mut told) = oneshot::channel();
        let (done, ended) = std::sync::mpsc::sync_channel(1);
        runtime.spawn(async move {
            let mut way = Way { way, works: true };
            while tokio::time::timeout(EVERY, &mut told).await.is_err() {
                way.send().await;
            }
            way.send().await;
            // Who waits may have lost patience.
            let _ = done.send(());
        });
        Self { end, ended }
    }

    /// Sends a last time, and waits for that at most so long. Blocks.
    pub(crate) fn stop(self, patience: Duration) {
        if self.end.send(()).is_ok() {
            let _ = self.ended.recv_timeout(patience);
        }
    }
}

struct Way {
    way: MetricsWay,
    works: bool,
}

impl Way {
    async fn send(&mut self) {
        let Some(body) = self.numbers().await else { return };
        let Some(answer) = self.way.send(body.into()).await else { return };
        let taken = matches!(
            classify(&answer, model::Now::default()),
            Class::Delivered { .. } | Class::Stored { .. }
        );
        if self.works && !taken {
            tracing::warn!(id = "XO1210", why = %answer, "metrics of spans were not taken; the next minute's make up for it");
        }
        self.works = taken;
    }

    async fn numbers(&self) -> Option<Vec<u8>> {
        let (reply, numbers) = oneshot::channel();
        if !self.way.engine.send(Event::SpanMetrics(reply)) {
            return None;
        }
        tokio::time::timeout(PATIENCE, numbers).await.ok()?.ok()?
    }
}
