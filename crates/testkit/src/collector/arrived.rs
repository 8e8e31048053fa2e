//! Rows as the ledger wants them.

use super::{LogRow, SpanRow, State, attribute};
use crate::ledger::{Arrived, ArrivedLine, ArrivedSpan, SpanId, TraceId, find_marker};
use serde_json::Value;

impl SpanRow {
    /// For the ledger; `None` if an id is none, which the ledger would miss.
    #[must_use]
    pub fn arrived(&self) -> Option<ArrivedSpan> {
        let (trace, id) = (TraceId::from_hex(&self.trace_id)?, SpanId::from_hex(&self.span_id)?);
        Some(ArrivedSpan { trace, id, service: self.service().to_owned().into() })
    }
}

impl LogRow {
    /// For the ledger.
    #[must_use]
    pub fn arrived(&self) -> ArrivedLine {
        let thread = attribute(&self.attributes, "thread.id").and_then(Value::as_i64);
        ArrivedLine {
            marker: find_marker(&self.body, thread),
            trace: TraceId::from_hex(&self.trace_id),
            span: SpanId::from_hex(&self.span_id),
            service: self.service().to_owned().into(),
        }
    }
}

impl State {
    /// All that was stored, for the ledger. Needs [`super::Keep::Rows`].
    #[must_use]
    pub fn arrived(&self) -> Arrived {
        Arrived {
            spans: self.spans().iter().filter_map(SpanRow::arrived).collect(),
            lines: self.logs().iter().map(LogRow::arrived).collect(),
        }
    }
}
