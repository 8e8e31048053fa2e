//! Where a log record goes when the correlator lets it go: to its endpoint, or, where logs are read for spans' events
//! alone, nowhere.
//!
//! Promises: each receipt comes back once, also of a record that goes nowhere.

use super::attach::Attacher;
use super::logs::Ready;
use super::outlet::Outlet;
use exporter::batch::HeldRecord;
use exporter::encode;
use model::{Now, Receipt, TraceContext};
use parser::correlate::Joined;

/// Receipts of records that go nowhere: they are settled as soon as the watcher can be told.
#[derive(Debug, Default)]
pub(super) struct Discard {
    receipts: Vec<Receipt>,
}

impl Discard {
    /// What was discarded since it was asked last.
    pub(super) fn take(&mut self) -> Vec<Receipt> {
        std::mem::take(&mut self.receipts)
    }
}

/// The way out of log records.
#[derive(Debug)]
pub(super) enum Exit<'o> {
    Send(&'o mut Outlet),
    Discard(&'o mut Discard),
}

impl Exit<'_> {
    /// Whether more may be read for it.
    pub(super) fn has_room(&self) -> bool {
        match self {
            Self::Send(outlet) => outlet.has_room(),
            Self::Discard(_) => true,
        }
    }

    /// Whether records are sent.
    pub(super) fn sends(&self) -> bool {
        matches!(self, Self::Send(_))
    }

    /// Takes a record that did not wait, with what was found for it.
    pub(super) fn ship_record(&mut self, ready: &Ready<'_>, context: Option<&TraceContext>, now: Now) {
        match self {
            Self::Discard(discard) => discard.receipts.push(ready.receipt),
            Self::Send(outlet) => outlet.push(&ready.group, ready.receipt, now, |out| {
                encode::log_record(ready.record, out);
                context.into_iter().for_each(|context| encode::trace_context(context, out));
            }),
        }
    }

    /// Takes a record, with what was found for it. Where lines become events, its span may want it, too.
    pub(super) fn ship(&mut self, joined: &Joined<HeldRecord>, attacher: Option<&mut Attacher>, now: Now) {
        attacher.into_iter().for_each(|attacher| attacher.let_go(joined));
        match self {
            Self::Send(outlet) => outlet.push_held(&joined.payload, joined.context.as_ref(), now),
            Self::Discard(discard) => discard.receipts.push(joined.payload.receipt),
        }
    }
}
