//! Compressed files that are damaged: the short, unguided form of `tests/fuzz`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what is not there is a failed test")]

mod common;
#[path = "../../../tests/fuzz/mutate.rs"]
mod mutate;
#[path = "../../../tests/fuzz/oracle/compressed.rs"]
mod oracle;

use common::{exports, gzip, lines, zstd};

/// Files as the oracle takes them: the first byte says what it is.
fn file(kind: u8, bytes: &[u8]) -> Vec<u8> {
    [&[kind], bytes].concat()
}

fn samples() -> Vec<Vec<u8>> {
    let busy: String = (0..3000u64)
        .map(|n| format!("[{{\"id\":\"{:x}\"}}]\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
        .collect();
    vec![
        file(0, &zstd(&exports(0, 400))),
        file(0, &zstd(&busy)),
        file(0, &[zstd(&exports(0, 10)), zstd(""), zstd(&exports(10, 10))].concat()),
        file(0, &zstd::stream::encode_all(exports(0, 200).as_bytes(), 3).unwrap()),
        file(1, &gzip(&lines(0, 400))),
        file(1, &gzip(&busy)),
        file(1, &[gzip(&lines(0, 10)), gzip(&lines(10, 10))].concat()),
    ]
}

#[test]
fn whole_files_fit_the_oracle() {
    samples().iter().for_each(|sample| oracle::check(sample));
}

#[test]
fn row_07_a_damaged_compressed_file_gives_its_decodable_part_once() {
    mutate::run(1500, &samples(), |_, file| oracle::check(&file));
}

/// The short head of the file is read before its lines: the error that this met was forgotten, and the rest not counted.
#[test]
fn row_07_damage_within_the_first_kib_of_a_gzip_file_is_counted() {
    for text in [lines(0, 7), lines(0, 10)] {
        let mut bytes = gzip(&text);
        let checksum = bytes.len() - 8;
        bytes[checksum] ^= 1;
        oracle::check(&file(1, &bytes));
    }
}
