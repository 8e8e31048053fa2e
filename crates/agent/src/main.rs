//! xapi-observer
mod cli;
mod config;
mod host;
mod commands {
    pub(crate) mod check;
}
use clap::Parser;
fn main() -> std::process::ExitCode {
    match cli::Cli::parse().command {
        cli::Command::Check(options) => {
            commands::check::main(&options).map_or_else(|f| f.report(), |()| std::process::ExitCode::SUCCESS)
        }
        _ => std::process::ExitCode::from(2),
    }
}
