//! The command line: what was typed, and the exit codes.

use crate::shell::own_log;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Ships XAPI's traces and logs, joined, by OpenTelemetry.
///
/// Runs in dom0 of XenServer and XCP-ng: tails /var/log/dt and /var/log/xensource.log, finds the span that each
/// log line belongs to, and sends both by OTLP.
#[derive(Debug, Parser)]
#[command(name = "xapi-observer", version, max_term_width = 100, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the agent in the foreground; systemd runs this
    Run(ConfigOption),
    /// Read the configuration and list every mistake; opens nothing else
    Check(CheckOptions),
    /// Ask the running agent how it is
    Status(StatusOptions),
    /// Look at this host and the way to the collector: what works, what does not, and what mends it
    Doctor(DoctorOptions),
    /// Say what is read out of a log line, and why it is joined so
    Explain(ExplainOptions),
    /// Play XAPI, agent and collector for some seconds, and draw what arrives
    Demo(DemoOptions),
    /// Print the manual page
    #[command(hide = true)]
    Man,
}

/// Which configuration.
#[derive(Args, Clone, Debug)]
pub(crate) struct ConfigOption {
    /// The configuration file [default: /etc/xapi-observer/xapi-observer.toml, which may be absent]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// What `check` is asked.
#[derive(Args, Debug)]
pub(crate) struct CheckOptions {
    #[command(flatten)]
    pub(crate) config: ConfigOption,
    /// Print a sample configuration with every key and its default instead
    #[arg(long)]
    pub(crate) sample: bool,
}

/// What `status` is asked.
#[derive(Args, Debug)]
pub(crate) struct StatusOptions {
    #[command(flatten)]
    pub(crate) config: ConfigOption,
    /// For scripts: one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Show every file, not only the twenty that are furthest behind
    #[arg(long)]
    pub(crate) all: bool,
}

/// What `doctor` is asked.
#[derive(Args, Debug)]
pub(crate) struct DoctorOptions {
    #[command(flatten)]
    pub(crate) config: ConfigOption,
    /// For scripts: one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Send one marked trace with one log line, and say how to find it
    #[arg(long)]
    pub(crate) send_test: bool,
    /// Look at the host whose files are below this directory, such as a mounted root
    #[arg(long, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,
}

/// What `explain` is asked.
#[derive(Args, Debug)]
pub(crate) struct ExplainOptions {
    #[command(flatten)]
    pub(crate) config: ConfigOption,
    /// A log line, or FILE:OFFSET for the line at (or around) that byte of a file
    #[arg(value_name = "LINE | FILE:OFFSET")]
    pub(crate) subject: String,
    /// For scripts: one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// How the demo runs.
#[derive(Args, Debug)]
pub(crate) struct DemoOptions {
    /// How long XAPI is played, such as 10s or 1m
    #[arg(long, default_value = "10s", value_parser = duration)]
    pub(crate) duration: std::time::Duration,
    /// The same seed plays the same operations
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

fn duration(text: &str) -> Result<std::time::Duration, String> {
    let found = crate::config::duration(text).filter(|duration| !duration.is_zero());
    found.ok_or_else(|| "expected a duration such as 10s, 1m or 500ms".to_owned())
}

/// Why a command did not end well; decides the exit code.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Wrong usage or configuration: 2.
    Usage(String),
    /// Failed while running: 1.
    Running(String),
    /// The same, and the command has told why: 1.
    Told,
}

impl Failure {
    /// Says it on stderr and gives the exit code.
    #[expect(clippy::print_stderr, reason = "the one place where a command tells its failure")]
    pub(crate) fn report(&self) -> ExitCode {
        let (code, id, text) = match self {
            Self::Usage(text) => (2, "XO1011", text),
            Self::Running(text) => (1, "XO1012", text),
            Self::Told => return ExitCode::FAILURE,
        };
        eprint!("{}", own_log::failure(id, text));
        ExitCode::from(code)
    }
}

/// How a command ends.
pub(crate) type Outcome = Result<(), Failure>;
