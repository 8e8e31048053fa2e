//! The correlator against worlds whose truth is known: operations on two hosts, the spans and lines they leave, and
//! the order and time in which these are read.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod live;
mod orders;
mod read;
mod world;
