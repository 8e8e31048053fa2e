//! `import`: files, folders and archives, shipped once.
//!
//! The way of a path: [`mod@gather`] walks it and keeps where each trace file and log can be read, in a [`spool`] what an archive
//! does not let be read in any order; [`learn`] reads it all once, for dates, year and zone; [`job`] makes of it what the
//! engine is told; [`ship`] lets the agent's own engine read it as a [`disk`] that no longer changes, from checkpoints of its
//! own ([`state`]), until everything is settled. [`tally`] says what became of it. What an agent has set aside is sent again
//! from where it lies ([`aside`]).
//!
//! Promises: what a live agent would have made of the files, joins included, is made of them here; nothing is shipped twice
//! from one archive to one endpoint, interrupted or not; what can't be read is told, and the rest goes on.

mod advice;
mod aside;
mod content;
mod disk;
mod gather;
mod job;
mod learn;
mod place;
mod progress;
mod ship;
mod spool;
mod state;
mod tally;

pub(crate) use aside::{Again, Sent, Sources, Told, files as aside_files};
pub(crate) use gather::{Gathering, Unit, gather};
pub(crate) use job::{Job, Watch, Wishes, jobs, logs_of};
pub(crate) use progress::Progress;
pub(crate) use ship::{Ended, Ship};
pub(crate) use spool::Spool;
pub(crate) use state::{Facts, Home, facts, forget, note};
pub(crate) use tally::{Tally, host_line};
