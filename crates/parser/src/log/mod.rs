//! Log lines: from the bytes of a line to its record and its evidence.
//!
//! For: xensource.log and its relatives of dom0 ([`Format`]). [`LogSource`] is what all streams of one configured log
//! share; [`LogReader`] is one stream's sense of time.
//!
//! Promises:
//! - every line gives a record: one that fits no grammar is plain text with what its syslog header says; bytes that are
//!   no UTF-8 become the replacement character; nothing is cut off;
//! - the same line at the same offset gives the same record, whenever it is read: no clock is asked, so
//!   there is no time at which it was observed;
//! - a reader that starts in mid-file with the [`TimeMark`] that stood there goes on as if it had read what was before;
//! - the evidence names only what the line says; a line that a filter leaves out still gives its evidence.
//!
//! Leaves to others: lines and offsets (`watcher`), which trace a line belongs to (`correlate`), secrets (`redact`).

mod bracket;
mod clock;
mod context;
mod escape;
mod facts;
mod filter;
mod header;
mod host;
pub mod keys;
mod parts;
mod pattern;
mod program;
mod reader;
mod record;
mod smlog;
mod source;
mod stamp;
mod task;
mod uid;
mod zone;

pub use clock::{LineTime, TimeMark};
pub use filter::{DropRule, Filters, PatternError};
pub use host::{HostContext, Origin};
pub use parts::Parts;
pub use pattern::LinePattern;
pub use reader::{Learned, LogLine, LogReader, RawLine};
pub use record::Fields;
pub use source::{Format, LogSource};
pub use stamp::{Fraction, Stamp};
pub use task::Task;
pub use zone::{Iana, Zone};
