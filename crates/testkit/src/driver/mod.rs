//! Runs the real binary: a sandbox with its directories and configuration, and the process in it.
//!
//! Promises: everything lies below one temporary directory; no variable of the caller's that the agent reads gets
//! in; every wait has a deadline and none polls; the process never outlives its handle, and what it said is shown
//! when a test fails. Leaves to others: what is written for it to read ([`crate::standin`]) and what it sends
//! ([`crate::collector`]).

mod process;
mod sandbox;
mod usage;

pub use process::{Agent, Exit, Said};
pub use rustix::process::Signal;
pub use sandbox::{HOST_UUID, Sandbox};
pub use usage::Usage;
