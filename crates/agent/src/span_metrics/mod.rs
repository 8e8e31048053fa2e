//! Metrics from spans: rate, errors and durations of each operation, for those whose backend makes none.
//!
//! Names and attributes are those of the OpenTelemetry Collector's spanmetrics connector
//! (opentelemetry-collector-contrib `connector/spanmetricsconnector`), so that its dashboards fit. Cumulative: what one
//! minute loses, the next one brings.
//!
//! Promises: memory is bounded by the number of series; a span counts once, when it is taken for delivery; one that ended
//! more than ten minutes ago belongs into no rate of today: it is left out and counted. Pure code: no clock, no I/O.
//! Leaves to others: when the numbers leave, and how.

mod histogram;
mod operation;
mod request;
mod series;
#[cfg(test)]
mod tests;

use model::{Now, Span};
use operation::operation;
use serde::Serialize;
use series::{Series, Table};
use std::time::Duration;

/// A span that ended longer ago than this is left out.
const TOO_OLD: Duration = Duration::from_secs(600);

/// What became of spans, besides being counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct SpanMetricsStatus {
    /// Combinations of service, operation, kind and status that are told apart.
    pub(crate) series: usize,
    /// Spans that were counted.
    pub(crate) spans: u64,
    /// Spans that ended too long ago.
    pub(crate) too_old: u64,
    /// Spans that were counted without their names, as there are too many.
    pub(crate) overflowed: u64,
}

/// The numbers since the start.
#[derive(Debug)]
pub(crate) struct SpanMetrics {
    table: Table,
    started_unix_nano: u64,
    status: SpanMetricsStatus,
}

impl SpanMetrics {
    /// Nothing counted yet.
    pub(crate) fn new(now: Now) -> Self {
        Self {
            table: Table::default(),
            started_unix_nano: now.wall_unix_nano,
            status: SpanMetricsStatus::default(),
        }
    }

    /// Counts a span. Its secrets are to be out of it: names leave with the numbers.
    pub(crate) fn observe(&mut self, span: &Span<'_>, now: Now) {
        let oldest = now.wall_unix_nano.saturating_sub(nanos(TOO_OLD));
        if span.end_unix_nano < oldest {
            self.status.too_old += 1;
            return;
        }
        let (series, overflowed) = self.table.series(span, &operation(&span.name));
        series.observe(span);
        self.status.spans += 1;
        self.status.overflowed += u64::from(overflowed);
    }

    /// An `ExportMetricsServiceRequest` in protobuf, with an exemplar for each series that grew since the last one;
    /// `None` while nothing was counted.
    pub(crate) fn take_request(&mut self, now: Now) -> Option<Vec<u8>> {
        if self.table.is_empty() {
            return None;
        }
        let body = request::encode(&self.table, self.started_unix_nano, now.wall_unix_nano);
        self.table.iter_mut().for_each(Series::forget_exemplar);
        Some(body)
    }

    /// What became of spans so far.
    pub(crate) fn status(&self) -> SpanMetricsStatus {
        SpanMetricsStatus { series: self.table.len(), ..self.status }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
