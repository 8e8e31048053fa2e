//! From the append of a line to its arrival: at 100 lines a second without a task id, and a lone one after quiet.

use crate::Result;
use crate::options::Options;
use crate::report::Report;
use crate::run::{self, Setting};
use crate::sink::{Kept, Mood, Sink};
use flate2::read::GzDecoder;
use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};
use testkit::driver::Sandbox;

const STEADY: u32 = 1_000;
const PACE: Duration = Duration::from_millis(10);
const LONE: u32 = 15;
const QUIET: Duration = Duration::from_millis(700);
const LATEST: Duration = Duration::from_secs(10);

pub(crate) fn measure(options: &Options, report: &mut Report) -> Result<()> {
    let sink = Sink::start(Mood::Keep)?;
    let setting = Setting { compression: "gzip", ..Setting::BOTH };
    let sandbox = run::sandbox(options, &sink, setting)?;
    append(&sandbox.xensource_log(), 0)?;
    let agent = run::start(&sandbox)?;
    let steady = play(&sandbox, &sink, 1..STEADY, PACE)?;
    report.at_most("append → collector, 100 lines/s, p50", percentile(&steady, 50), 35.0, "ms");
    report.at_most("append → collector, 100 lines/s, p99", percentile(&steady, 99), 80.0, "ms");
    std::thread::sleep(QUIET);
    let lone = play(&sandbox, &sink, STEADY..STEADY + LONE, QUIET)?;
    report.at_most("a lone line after quiet, p50", percentile(&lone, 50), 10.0, "ms");
    report.at_most("a lone line after quiet, the slowest", percentile(&lone, 100), 10.0, "ms");
    agent.kill();
    Ok(())
}

/// Appends lines at this pace; how long each took, in milliseconds.
fn play(sandbox: &Sandbox, sink: &Sink, lines: std::ops::Range<u32>, pace: Duration) -> Result<Vec<f64>> {
    let begin = Instant::now();
    let mut sent = HashMap::new();
    for number in lines.clone() {
        let due = begin + pace * (number - lines.start);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        sent.insert(number, Instant::now());
        append(&sandbox.xensource_log(), number)?;
    }
    let last = lines.end - 1;
    let late = Instant::now() + LATEST;
    let mut arrived = HashMap::new();
    while !arrived.contains_key(&last) && Instant::now() < late {
        std::thread::sleep(PACE);
        for kept in sink.read(|came| std::mem::take(&mut came.kept)) {
            numbers(&kept)?.into_iter().for_each(|number| _ = arrived.entry(number).or_insert(kept.at));
        }
    }
    let took =
        |(number, at): (&u32, &Instant)| Some(arrived.get(number)?.duration_since(*at).as_secs_f64() * 1e3);
    let took: Option<Vec<f64>> = sent.iter().map(took).collect();
    Ok(took.ok_or("a line did not arrive")?)
}

fn append(log: &Path, number: u32) -> Result<()> {
    let seconds = testkit::standin::SimTime::now().0 / 1_000_000;
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let mut file = OpenOptions::new().append(true).create(true).open(log)?;
    let line = format!(
        "{} {hour:02}:{minute:02}:{second:02} lab xapi: [ info||7 ||test] number <{number}> said\n",
        today(seconds)
    );
    Ok(file.write_all(line.as_bytes())?)
}

/// `Mmm dd`.
fn today(unix: u64) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_, month, day) = crate::machine::civil(unix / 86_400);
    let name = MONTHS.get(usize::try_from(month).unwrap_or(1).saturating_sub(1)).copied().unwrap_or("Jan");
    format!("{name} {day:2}")
}

/// The numbers of the lines in a request.
fn numbers(kept: &Kept) -> Result<Vec<u32>> {
    let mut body = Vec::new();
    if kept.gzip {
        GzDecoder::new(kept.body.as_slice()).read_to_end(&mut body)?;
    } else {
        body.clone_from(&kept.body);
    }
    let text = String::from_utf8_lossy(&body);
    let found = text.split("number <").skip(1).filter_map(|rest| rest.split_once('>')?.0.parse().ok());
    Ok(found.collect())
}

fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn percentiles() {
        let values: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!(
            (percentile(&values, 50), percentile(&values, 99), percentile(&values, 100)),
            (100.0, 198.0, 200.0)
        );
        assert_eq!(percentile(&[7.0], 50), 7.0);
    }
}
