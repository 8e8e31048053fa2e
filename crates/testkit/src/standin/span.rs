//! A span as the stand-in knows it, before a service writes it down.

use super::time::SimTime;
use crate::ledger::{Kind, SpanId, TraceId};
use std::borrow::Cow;

/// Text that is mostly a constant.
pub type Text = Cow<'static, str>;

/// The tag that names a span's task.
pub const TASK_ID: &str = "xs.xapi.task.id";
/// The tag that only a task's own span has.
pub const TASK_NAME: &str = "xs.xapi.task.name";

/// Who makes spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    /// xapi itself.
    Xapi,
    /// The domain manager.
    Xenopsd,
    /// The cluster daemon.
    Clusterd,
    /// The storage plugins: Python, one process and one file a call.
    Smapi,
}

impl Service {
    /// Those that stay up and flush at intervals.
    pub const FLUSHING: [Self; 3] = [Self::Xapi, Self::Xenopsd, Self::Clusterd];

    /// `localEndpoint.serviceName`, and the begin of its file names.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Xapi => "xapi",
            Self::Xenopsd => "xenopsd",
            Self::Clusterd => "xapi-clusterd",
            Self::Smapi => "smapi",
        }
    }
}

/// A finished span.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// Index of its host.
    pub host: u16,
    /// Who made it.
    pub service: Service,
    /// Its trace.
    pub trace: TraceId,
    /// Its own id.
    pub id: SpanId,
    /// The span above it.
    pub parent: Option<SpanId>,
    /// The operation.
    pub name: Text,
    /// Its part in a call.
    pub kind: Kind,
    /// Its begin.
    pub start: SimTime,
    /// Its end.
    pub end: SimTime,
    /// Its own tags, without those of host and observer.
    pub tags: Vec<(Text, Text)>,
    /// Events in it.
    pub annotations: Vec<(SimTime, Text)>,
    /// When it is written; `None`: a restart takes it, or it never finishes.
    pub exported: Option<SimTime>,
    /// The tracer's own.
    pub tracer: bool,
}

impl Span {
    /// The value of one of its tags.
    #[must_use]
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.tags.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_ref())
    }

    /// Whether it is a task's own span.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.tag(TASK_NAME).is_some()
    }

    /// Whether it covers this moment.
    #[must_use]
    pub fn covers(&self, at: SimTime) -> bool {
        self.start <= at && at <= self.end
    }
}
