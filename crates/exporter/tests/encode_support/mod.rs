//! What the encoder's tests share: generated spans and records, and the generated OTLP messages of the same.

#![allow(dead_code, reason = "each test binary uses its part")]

pub(crate) mod generate;
pub(crate) mod messages;

use exporter::batch::{Batch, Batcher, BatcherConfig, Group, Groups};
use exporter::encode;
use model::{LogRecord, Now, Receipt, Scope, Span, StreamId};
use std::sync::Arc;
use std::time::Duration;

/// Pushes spans and log records, and takes the batches out as if the collector had always room.
pub(crate) struct Rig {
    pub(crate) groups: Groups,
    pub(crate) batcher: Batcher,
}

pub(crate) fn receipt(start: u64) -> Receipt {
    Receipt { stream: StreamId(3), start }
}

impl Rig {
    pub(crate) fn new(max_request: usize) -> Self {
        let config = BatcherConfig { max_request, max_delay: Duration::ZERO };
        Self { groups: Groups::new(), batcher: Batcher::new(config) }
    }

    pub(crate) fn span(&mut self, span: &Span<'_>, receipt: Receipt) -> Arc<Group> {
        let group = self.groups.get(&span.resource, &span.scope);
        self.batcher.push(&group, receipt, Now::default(), |out| encode::span(span, out));
        group
    }

    pub(crate) fn log(&mut self, record: &LogRecord<'_>, receipt: Receipt) {
        let group = self.groups.get(&record.resource, &Scope::default());
        self.batcher.push(&group, receipt, Now::default(), |out| encode::log_record(record, out));
    }

    pub(crate) fn batches(&mut self) -> Vec<Batch> {
        std::iter::from_fn(|| self.batcher.ready(Now::default(), true)).collect()
    }
}

/// The spans as one batch.
pub(crate) fn batch_of(spans: &[Span<'_>]) -> Batch {
    let mut rig = Rig::new(usize::MAX);
    for (at, span) in (0..).zip(spans) {
        rig.span(span, receipt(at));
    }
    rig.batches().pop().unwrap_or_default()
}
