//! Which files, which bytes, whole lines: everything between the disk and the parser.
//!
//! A byte's way through: `discover` finds its file, `identify` says which stream that file continues,
//! `decode` unpacks it, `lines` cuts it, [`Watcher::read`] hands it out, and `settle` follows it until
//! it is delivered; [`SavedStream`] is what remains of it over a restart.
//!
//! Promises: each complete line is handed out once a run, in order, and again after a restart only if it was
//! not settled; bytes that are passed over are told with a [`Reason`]; memory and descriptors are bounded; no
//! call blocks on anything but a disk. Leaves to others: what a line means, when to read, and where checkpoints
//! are stored.
//!
//! Nothing here has a thread or a clock, except that [`NotifySource`] lets the kernel call it.

mod api;
mod decode;
mod discover;
mod fs;
mod identify;
mod lines;
mod loss;
mod notify_source;
mod saved;
mod settings;
mod settle;
pub mod store;
mod stream;
mod varint;
mod watcher;

pub use api::{
    Change, Dirty, Found, Held, Hint, Item, Line, LogId, Purpose, ReadOutcome, Seek, Skipped, Standing,
    StreamInfo, StreamKind, Taken, Trouble,
};
pub use fs::{Entry, File, FileSystem, Kind, Meta, RealFs, Space};
pub use loss::{Lost, Reason};
pub use model::{Now, Receipt, StreamId};
pub use notify_source::{Health, NotifySource};
pub use saved::{Head, Hints, Marker, Packing, SavedError, SavedKind, SavedStream};
pub use settings::{LogSettings, Settings, StartAt};
pub use watcher::Watcher;
