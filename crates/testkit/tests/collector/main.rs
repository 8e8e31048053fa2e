//! The collector, met by the clients that real senders use: hyper's for HTTP, tonic's generated ones for gRPC.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panic")]

mod client;
mod decoder;
mod grpc;
mod http;
mod tls;

use std::time::Duration;

/// Long enough for a loaded machine; reached only by a test that fails.
const DEADLINE: Duration = Duration::from_secs(30);
