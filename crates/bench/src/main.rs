//! Measures the whole program against its floors: `tests/performance` runs it.
//!
//! For: the tables of `docs/performance.md`. Each run starts the real binary in a sandbox, on files that the stand-in
//! wrote, before a sink that only answers; the processor time, the memory and the bytes are the agent's alone. What the
//! same bytes cost at least (reading them, parsing the JSON, splitting the lines) is measured in the same run, so that
//! the ratios hold on any machine. Leaves to others: the parts (`cargo bench`), and whether what arrives is right
//! (`tests/end_to_end`).
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the command line")]
#![allow(clippy::disallowed_methods, reason = "it measures time")]

mod corpus;
mod floors;
mod machine;
mod options;
mod report;
mod rows;
mod run;
mod sdk;
mod sink;
mod split;

use clap::Parser;
use options::{Command, Options};
use report::Report;
use std::path::Path;
use std::process::ExitCode;

/// What goes wrong ends it: there is nothing to be saved.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match &options.command {
        Some(Command::OpenSled { directory }) => rows::rest::hold_sled(directory),
        None => measure(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Options) -> Result<()> {
    let mut report = Report::new(machine::describe(options)?);
    for (name, row) in rows::ALL {
        if options.wants(name) {
            eprintln!("== {name}");
            row(options, &mut report)?;
        }
    }
    print!("{report}");
    match &options.write {
        Some(document) => write_into(document, &report.to_string()),
        None => Ok(()),
    }
}

/// Replaces what stands between the two marks of the document.
fn write_into(document: &Path, tables: &str) -> Result<()> {
    const BEGIN: &str = "<!-- measured: begin -->\n";
    const END: &str = "<!-- measured: end -->";
    let text = std::fs::read_to_string(document)?;
    let parts = text.split_once(BEGIN).and_then(|(head, rest)| Some((head, rest.split_once(END)?.1)));
    let (head, tail) =
        parts.ok_or_else(|| format!("{}: the marks of the tables are gone", document.display()))?;
    Ok(std::fs::write(document, format!("{head}{BEGIN}{tables}{END}{tail}"))?)
}
