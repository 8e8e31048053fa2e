//! What a log line costs: `cargo bench -p parser --bench log`.

#![allow(clippy::disallowed_methods, reason = "it measures time")]
#![allow(clippy::print_stdout, reason = "it prints what it measured")]

use model::Uuid;
use parser::log::{Filters, Format, HostContext, LogReader, LogSource};
use std::hint::black_box;
use std::time::Instant;

const ROUNDS: u32 = 200;
const CALLS: u32 = 20;

fn main() {
    let samples: Vec<&[u8]> =
        include_str!("../tests/data/xensource-samples.log").lines().map(str::as_bytes).collect();
    let one_second: Vec<&[u8]> =
        samples.iter().copied().filter(|line| line.starts_with(b"Apr 30 20:26:41")).collect();
    println!("lines of one second, as a busy log has them:");
    measure_all(&one_second);
    println!("lines of many versions and years, most with another second than the one before:");
    measure_all(&samples);
}

fn measure_all(lines: &[&[u8]]) {
    let host = HostContext::new(Uuid::parse("cb043a21-9c51-4418-a1e8-e7079ac6dc1a"), "host");
    let source = LogSource::new("/var/log/xensource.log", Format::Xensource);
    let filters = Filters::new(None, &["nothing like this"], &["http*"]).unwrap_or_default();
    let filtered = source.clone().with_filters(filters);
    let mut reader = LogReader::new(1_777_580_000);
    let bytes: usize = lines.iter().map(|line| line.len()).sum();
    println!("{:>24}: {} lines of {} bytes on average", "", lines.len(), bytes / lines.len());
    measure("taken apart", lines, |line| _ = black_box(source.parts(line)));
    measure("evidence", lines, |line| _ = black_box(reader.learn(&source, line)));
    measure("record and evidence", lines, |line| _ = black_box(reader.read(&source, &host, line, 7)));
    measure("the same with filters", lines, |line| _ = black_box(reader.read(&filtered, &host, line, 7)));
}

/// Calls `read` with every line, over and over, and prints the mean time of a call in the best of many rounds: the
/// others had to share the processor.
fn measure(what: &str, lines: &[&[u8]], mut read: impl FnMut(&[u8])) {
    let mut round = || {
        let begin = Instant::now();
        for _ in 0..CALLS {
            lines.iter().for_each(|line| read(line));
        }
        begin.elapsed().as_secs_f64()
    };
    let best = (0..ROUNDS).map(|_| round()).fold(f64::MAX, f64::min);
    let calls = f64::from(CALLS) * f64::from(u32::try_from(lines.len()).unwrap_or(u32::MAX));
    println!("{what:>24}: {:4.0} ns/line", best * 1e9 / calls);
}
