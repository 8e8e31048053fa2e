//! Encoded records to requests: which records share one, when it leaves, and how its bytes are laid out.
//!
//! Promises:
//! * a request holds several resources, each (resource, scope) once, its records in the order in which they came;
//! * its size is known exactly while it fills, and is never above `max_request`, unless one record alone is;
//! * the same records of a batch always make the same bytes, so a retry sends what was sent before;
//! * every record's receipt stays with it, and each record's exact bytes can be had;
//! * no clock, no I/O, no threads: times are passed in.
//!
//! Leaves to others: encoding a record ([`crate::encode`]), compression, sending, what an answer means.
//!
//! A signal has one [`Batcher`]; the [`Groups`] may be shared by all signals of a thread, for the layout of a request
//! is the same for each (`ResourceSpans`/`ResourceLogs`: resource 1, scopes 2; `ScopeSpans`/`ScopeLogs`: scope 1,
//! records 2).

mod batcher;
mod group;
mod held;
mod receipts;
mod request;

pub use batcher::{Batcher, BatcherConfig};
pub use group::{Group, Groups};
pub use held::HeldRecord;
pub use request::{Batch, RecordRef};
