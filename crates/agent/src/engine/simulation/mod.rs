//! The deterministic simulation: the whole agent but for its threads and sockets, on a simulated clock, above three
//! narrow traits with fakes that are stricter than the real ones.
//!
//! - The file system (`watcher::FileSystem`): `host`, on which `logs` and `traces` play the host's programs, logrotate
//!   and XAPI. Inode numbers come back at once, reads fail or give little, events are lost, the disk fills.
//! - The store (what `Saving` hands its changes to): `store`. Late, refusing; a crash takes back what was not synced.
//! - The transport (requests and answers): `collector`, in every mood.
//!
//! `script` says what is written, `plan` what goes wrong and when, both from one seed; `world` lets it happen; `ledger`
//! says what must be true at the end: each record that is whole on disk has arrived, was set aside, was refused by the
//! collector, or was taken away before it could be read; nothing arrived that was not written; none came twice beyond
//! what the faults account for; none is in a wrong trace; and all of it is so within a stated time. `plant` holds
//! mistakes on purpose: each must be found, or the simulation proves nothing.
//!
//! `tests/simulate` is the command: many seeds, one seed again, the planted mistakes.
#![allow(clippy::print_stdout, reason = "the figures are for people")]

mod agent;
mod collector;
mod decode;
#[allow(dead_code, unreachable_pub, reason = "the watcher's own tests use the rest of it")]
#[path = "../../../../watcher/tests/common/disk.rs"]
mod disk;
mod faults;
mod files;
mod fixture;
mod host;
mod ledger;
mod logs;
mod plan;
mod plant;
mod run;
mod script;
mod store;
mod strikes;
mod sums;
mod tests;
mod traces;
mod world;
