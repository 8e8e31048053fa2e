//! A disk in memory, stricter than a real one, and a reader that keeps account of what it was given.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "what is not as it should be is a failed test"
)]

pub mod disk;
pub mod reader;

/// `n` numbered log lines from `from` on.
pub fn lines(from: usize, n: usize) -> String {
    (from..from + n).map(|n| format!("Nov 21 03:44:0{} host xapi: line {n:06}\n", n % 10)).collect()
}

/// `n` numbered exports from `from` on.
pub fn exports(from: usize, n: usize) -> String {
    (from..from + n).map(|n| format!("[{{\"traceId\":\"{n:032x}\",\"id\":\"{n:016x}\"}}]\n")).collect()
}

/// The lines of a text as a list.
pub fn split(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

/// As the program `zstd --fast` writes it: one frame with a checksum.
pub fn zstd(text: &str) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), -1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// As the program `gzip` writes it.
pub fn gzip(text: &str) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Compares line by line, and shows only where they part.
#[track_caller]
pub fn assert_lines(got: &[String], expected: &[String], context: &str) {
    if got != expected {
        let at = got.iter().zip(expected).take_while(|(a, b)| a == b).count();
        panic!(
            "{context}: {} lines of {}; line {at} differs: {:?}, not {:?}",
            got.len(),
            expected.len(),
            got.get(at),
            expected.get(at)
        );
    }
}
