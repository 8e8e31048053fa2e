//! The Zipkin reader on damaged samples: the short, unguided form of `tests/fuzz`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test says so by failing")]

#[path = "../../../tests/fuzz/mutate.rs"]
mod mutate;
#[path = "../../../tests/fuzz/oracle/zipkin.rs"]
mod oracle;
mod zipkin_support;

use serde_json::value::RawValue;
use zipkin_support::{SMAPI, XAPI};

fn lines() -> Vec<Vec<u8>> {
    [XAPI, SMAPI].iter().flat_map(|file| file.lines()).map(|line| line.as_bytes().to_vec()).collect()
}

/// The spans of each line, as they are written.
fn spans() -> Vec<Vec<Vec<u8>>> {
    let spans = |line: &Vec<u8>| {
        let values: Vec<&RawValue> = serde_json::from_slice(line).unwrap();
        values.iter().map(|value| value.get().as_bytes().to_vec()).collect()
    };
    lines().iter().map(spans).collect()
}

#[test]
fn row_18_good_spans_around_a_damaged_line_are_delivered() {
    mutate::run(1500, &lines(), |_, line| oracle::check(&line));
}

#[test]
fn row_14_a_damaged_span_does_not_harm_its_neighbours() {
    let lines = spans();
    mutate::run(1500, &lines.concat(), |damage, damaged| {
        let line = &lines[damage.below(lines.len())];
        let line: Vec<&[u8]> = line.iter().take(8).map(Vec::as_slice).collect();
        oracle::check_neighbours(&line, damage.below(line.len()), &damaged);
    });
}
