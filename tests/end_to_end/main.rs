//! End-to-end tests of the real binary: files written as XAPI writes them go in, and a collector that can be told to
//! misbehave says what came out.
//!
//! Each case has a sandbox of its own (`harness`), so that all may run side by side. Nothing sleeps until something
//! is likely to have happened: each wait is for a condition, with a deadline that only a failing test reaches.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panic")]
#![allow(clippy::print_stdout, reason = "the figures are for people")]

mod harness;

mod attach;
mod bad_input;
mod bulk;
mod commands;
mod connections;
mod crash;
mod directories;
mod disk;
mod doctor;
mod dom0;
mod import;
mod long_lines;
mod outage;
mod protocols;
mod rotation;
mod set_aside;
mod show;
mod signals;
mod span_metrics;
mod status;
mod store;
mod zipkin;
