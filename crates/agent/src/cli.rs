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
    /// Ship files, folders and archives (status reports, XO's logs) once, and end
    Import(ImportOptions),
    /// Draw traces with their log lines, from files, folders or archives
    Show(ShowOptions),
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

/// What is imported, and how.
#[derive(Args, Clone, Debug)]
pub(crate) struct ImportOptions {
    /// Status reports (.tar.bz2, .tar, .zip, also a zip of several), XO's logs.tgz, other tars, folders, single files; and
    /// `rejected` in checkpoint.directory, to send again what was set aside
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) config: ConfigOption,
    /// Where to send it all, whatever the configuration says
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// The zone of log lines, such as Europe/Paris, UTC or +02:00 [default: found out from spans and files' dates]
    #[arg(long, value_name = "TZ", value_parser = timezone)]
    pub(crate) timezone: Option<parser::log::Zone>,
    /// The year of the newest log line [default: found out from files' dates and spans]
    #[arg(long, value_name = "Y", value_parser = clap::value_parser!(i32).range(1971..=2261))]
    pub(crate) year: Option<i32>,
    /// Where to keep how far it has come [default: $XDG_STATE_HOME/xapi-observer/import, or ~/.local/state; for root,
    /// `import` in checkpoint.directory]
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
    /// The service.namespace of everything imported [default: import- and a hash of the archive]
    #[arg(long, value_name = "NAME", value_parser = namespace)]
    pub(crate) namespace: Option<String>,
    /// Move everything in time, so that the newest of it is of now: for backends that refuse what is old
    #[arg(long)]
    pub(crate) shift_to_now: bool,
    /// Ship what was shipped before once more: after a backend that refused it was told to take it
    #[arg(long)]
    pub(crate) again: bool,
}

fn timezone(text: &str) -> Result<parser::log::Zone, String> {
    let expected = "expected a name such as Europe/Paris or UTC, an offset such as +02:00, or local";
    parser::log::Zone::parse(text).ok_or_else(|| expected.to_owned())
}

fn namespace(text: &str) -> Result<String, String> {
    let fits = !text.trim().is_empty() && text.len() <= 200 && !text.contains(char::is_control);
    fits.then(|| text.to_owned()).ok_or_else(|| "expected 1 to 200 characters on one line".to_owned())
}

/// What is shown, and of what. All filters that are given must fit.
#[derive(Args, Debug)]
pub(crate) struct ShowOptions {
    /// Files, folders and archives: status reports (tar.bz2, tar, zip), XO's logs.tgz, a copied /var/log
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// Redact, drop spans and read logs as this configuration says [default: as by default]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The trace with this id, or whose id begins so
    #[arg(long, value_name = "ID")]
    pub(crate) trace: Option<String>,
    /// Traces of this task, such as R:3e35c13ce76f; without spans, its lines
    #[arg(long, value_name = "ID")]
    pub(crate) task: Option<String>,
    /// Traces that mention this uuid: in names, attributes or lines
    #[arg(long, value_name = "UUID")]
    pub(crate) vm: Option<String>,
    /// Traces with a span whose name has this text in it
    #[arg(long, value_name = "TEXT")]
    pub(crate) name: Option<String>,
    /// Traces with a failure, each with what failed and its error lines
    #[arg(long)]
    pub(crate) errors: bool,
    /// The N slowest traces, the slowest first
    #[arg(long, value_name = "N")]
    pub(crate) slowest: Option<usize>,
    /// Nothing that ended before this time, such as "2026-03-01 20:46" (UTC) or 2026-03-01T20:46:15+01:00
    #[arg(long, value_name = "TIME", value_parser = crate::commands::show::time)]
    pub(crate) since: Option<u64>,
    /// Nothing that began after this time
    #[arg(long, value_name = "TIME", value_parser = crate::commands::show::time)]
    pub(crate) until: Option<u64>,
    /// The zone of the log lines' times, such as Europe/Paris or +02:00; else it is found from spans and dates
    #[arg(long, value_name = "TZ", value_parser = timezone)]
    pub(crate) timezone: Option<parser::log::Zone>,
    /// The year of the newest log line; else it is found from dates and spans
    #[arg(long, value_name = "Y")]
    pub(crate) year: Option<i32>,
    /// For scripts: one JSON object with everything that fits
    #[arg(long)]
    pub(crate) json: bool,
    /// Write one page for a browser, with everything that fits; it needs no network
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    pub(crate) html: Option<PathBuf>,
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
    /// Play nothing; write a sample status report (a zip of three hosts') for `show` and `import`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["duration", "seed"])]
    pub(crate) report: Option<PathBuf>,
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
