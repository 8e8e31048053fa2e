//! The commands, one module each: what `main` runs.

pub(crate) mod check;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod draw;
pub(crate) mod explain;
pub(crate) mod import;
pub(crate) mod man;
pub(crate) mod run;
pub(crate) mod show;
pub(crate) mod status;
