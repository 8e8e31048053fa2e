//! Writes a corpus as XAPI would, and the ledger of what is in it.
//!
//! `cargo run --release -p testkit --example standin -- --dir /tmp/corpus --seed 1 --spans 100000 --lines 200000`
//!
//! The hosts' roots lie below the directory, `ledger.jsonl` beside them. One line of JSON on standard output says
//! how much was written.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the command line")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use testkit::standin::{Compression, F2, Options, Rotation, SECOND, SimTime, write_all};

const USAGE: &str = "standin --dir DIR [--seed N] [--spans N] [--lines N] [--hosts N] [--hours N] [--end UNIX-SECONDS]
        [--compress off|library|program] [--compress-delay SECONDS] [--rotate BYTES] [--f2 hostname|empty|traceparent|mixed]
        [--adverse] [--audit] [--no-ledger]";

struct Arguments {
    directory: PathBuf,
    options: Options,
}

fn main() -> ExitCode {
    match parse(std::env::args().skip(1)).and_then(write) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

fn parse(words: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let (mut directory, mut seed, mut spans, mut lines, mut hours) = (None, 1, 10_000, 20_000, 6);
    let (mut end, mut adverse, mut extra) = (SimTime::now(), false, Options::default());
    let mut words = words;
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value\n{USAGE}"));
        match word.as_str() {
            "--dir" => directory = Some(PathBuf::from(value()?)),
            "--seed" => seed = number(&value()?)?,
            "--spans" => spans = number(&value()?)?,
            "--lines" => lines = number(&value()?)?,
            "--hosts" => extra.hosts = number(&value()?)?,
            "--hours" => hours = number(&value()?)?,
            "--end" => end = SimTime::from_seconds(number(&value()?)?),
            "--compress" => extra.compression = compression(&value()?)?,
            "--compress-delay" => extra.compression_delay = number::<u64>(&value()?)? * SECOND,
            "--rotate" => extra.rotation = Rotation::Size(number(&value()?)?),
            "--f2" => extra.f2 = f2(&value()?)?,
            "--adverse" => adverse = true,
            "--audit" => extra.audit = true,
            "--no-ledger" => extra.ledger = false,
            other => return Err(format!("{other}?\n{USAGE}")),
        }
    }
    let Options { start, end, spans, lines_per_span, set_times, .. } =
        Options::bulk(seed, spans, lines, hours, end);
    let options = Options { seed, start, end, spans, lines_per_span, set_times, ..extra };
    let options = if adverse { options.adverse() } else { options };
    Ok(Arguments { directory: directory.ok_or(USAGE)?, options })
}

fn number<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text}: no such number\n{USAGE}"))
}

fn compression(text: &str) -> Result<Compression, String> {
    match text {
        "off" => Ok(Compression::Off),
        "library" => Ok(Compression::Library),
        "program" => Ok(Compression::Program),
        other => Err(format!("--compress {other}?\n{USAGE}")),
    }
}

fn f2(text: &str) -> Result<F2, String> {
    match text {
        "hostname" => Ok(F2::Hostname),
        "empty" => Ok(F2::Empty),
        "traceparent" => Ok(F2::Traceparent),
        "mixed" => Ok(F2::Mixed),
        other => Err(format!("--f2 {other}?\n{USAGE}")),
    }
}

fn write(arguments: Arguments) -> Result<(), String> {
    let Arguments { directory, options } = arguments;
    let standin = write_all(options, &directory).map_err(|error| error.to_string())?;
    let written = standin.written();
    let file = std::fs::File::create(directory.join("ledger.jsonl")).map_err(|error| error.to_string())?;
    standin.ledger().save(std::io::BufWriter::new(file)).map_err(|error| error.to_string())?;
    println!(
        "{{\"spans\":{},\"lines\":{},\"trace_bytes\":{},\"log_bytes\":{},\"compressed\":{},\"rotated\":{}}}",
        written.spans,
        written.lines,
        written.trace_bytes,
        written.log_bytes,
        written.compressed,
        written.rotated
    );
    Ok(())
}
