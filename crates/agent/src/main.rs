//! xapi-observer: tails XAPI's trace files and logs, joins them, ships them by OTLP.
//!
//! The program around the other crates: command line (`cli`, `commands`), configuration (`config`), the engine
//! that wires watcher, parser and exporter on one thread (`engine`), and what touches the outside world (`shell`).

mod cli;
mod commands;
mod config;
mod engine;
mod host;
mod import;
mod order;
mod receiver;
mod shell;
mod span_metrics;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let outcome = match cli::Cli::parse().command {
        cli::Command::Run(options) => commands::run::main(&options),
        cli::Command::Check(options) => commands::check::main(&options),
        cli::Command::Status(options) => commands::status::main(&options),
        cli::Command::Doctor(options) => commands::doctor::main(&options),
        cli::Command::Explain(options) => commands::explain::main(&options),
        cli::Command::Import(options) => commands::import::main(&options),
        cli::Command::Show(options) => commands::show::main(&options),
        cli::Command::Demo(options) => commands::demo::main(&options),
        cli::Command::Man => commands::man::main(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
