//! The command line.

use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// Measures xapi-observer against its floors and writes the tables of docs/performance.md.
#[derive(Debug, Parser)]
pub(crate) struct Options {
    /// The agent's binary, stripped, as it is shipped.
    #[arg(long, value_name = "FILE", default_value = "target/dist/xapi-observer")]
    pub(crate) binary: PathBuf,
    /// How often each figure of the catch-up is taken; the table shows the medians.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) runs: u32,
    /// Share of the full sizes: 1 is 500 MB of trace files and 1 GB of log.
    #[arg(long, default_value_t = 1.0, value_parser = scale)]
    pub(crate) scale: f64,
    /// Seconds that are watched at rest.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) rest: u64,
    /// Only these rows; all by default.
    #[arg(long, value_delimiter = ',', value_name = "ROW", value_parser = crate::rows::names())]
    pub(crate) only: Vec<String>,
    /// Where the files are written that the agent reads; kept there and used again.
    #[arg(long, value_name = "DIRECTORY", default_value = "target/performance")]
    pub(crate) corpora: PathBuf,
    /// Where peers were unpacked; `peers` beside the files by default.
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) peers: Option<PathBuf>,
    /// Put the tables into this document, between its marks.
    #[arg(long, value_name = "FILE")]
    pub(crate) write: Option<PathBuf>,
    /// What else it can be told to be.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Helpers of its own.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Holds an empty sled open until standard input ends: what the agent is compared with at rest.
    #[command(hide = true)]
    OpenSled {
        /// Where.
        directory: PathBuf,
    },
}

impl Options {
    /// Whether this row was asked for.
    pub(crate) fn wants(&self, row: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|one| one == row)
    }

    /// Where peers were unpacked.
    pub(crate) fn peers(&self) -> PathBuf {
        self.peers.clone().unwrap_or_else(|| self.corpora.join("peers"))
    }

    /// So much of the full size.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share"
    )]
    pub(crate) fn scaled(&self, full: u64) -> u64 {
        ((full as f64 * self.scale) as u64).max(1)
    }
}

fn scale(text: &str) -> std::result::Result<f64, String> {
    let scale: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.001..=10.0).contains(&scale) { Ok(scale) } else { Err("from 0.001 to 10".to_owned()) }
}
