//! The stand-in's promises, checked from what lies on disk.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod corpus;
mod disk;
mod ledger;
mod lines;
mod scenario;
