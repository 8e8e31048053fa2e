//! The other way in: Zipkin spans over HTTP, as XAPI sends them with `observer-endpoint-http-enabled`.
//!
//! What arrives is written to a trace file of our own, a line a request, and is on disk before it is answered. From there
//! it goes the way of all trace files: the watcher reads it, checkpoints say what of it was delivered, a bad span is set
//! aside alone. So nothing is lost when an endpoint is down or the agent is killed, and nothing is written twice.
//!
//! [`body`] says what a request is, [`spool`] keeps the files; HTTP itself is in `shell/zipkin.rs`.

pub(crate) mod body;
pub(crate) mod spool;

use std::path::{Path, PathBuf};

/// Where the files are, below the checkpoints.
pub(crate) fn directory(checkpoints: &Path) -> PathBuf {
    checkpoints.join("zipkin")
}
