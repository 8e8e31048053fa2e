//! Any bytes are a line: nothing panics, nothing is refused, nothing of the message is lost.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../../../tests/fuzz/mutate.rs"]
mod mutate;
#[path = "../../../tests/fuzz/oracle/log_line.rs"]
mod oracle;

use oracle::check_after as check;
use parser::log::{Format, HostContext, LogReader, LogSource, Zone};
use proptest::prelude::*;
use std::sync::LazyLock;

static SAMPLES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let samples = concat!(
        include_str!("data/xensource-samples.log"),
        include_str!("data/other-logs-samples.log"),
        "Jun 30 14:46:11 h xapi: [ info|00-0a07bfbf3925e3d4776995171a9222cd-d4bcd152c96bd105-01|7 HTTPS 10.0.0.1->\
         INET :::80|a|b]c R:6155c3fcfe29\\x0A{\"traceparent\":\"00-0a07bfbf3925e3d4776995171a9222cd-d4bcd152c96bd105\
         -01\"}|xapi] caf\\xC3\\xA9 \\\\ trackid=9be672f1a72fb158013dce44c1df30fc\n",
        "2026-04-30T20:26:40.123+02:00 h SMAPIv3: [3] - WARN - text\n",
    );
    samples.lines().map(|line| line.as_bytes().to_vec()).collect()
});

#[test]
fn row_18_every_prefix_of_a_line_is_a_record() {
    for line in SAMPLES.iter() {
        for end in 0..=line.len() {
            check(&line[..end], 0);
        }
    }
}

#[test]
fn row_18_every_byte_flipped_is_a_record() {
    for line in SAMPLES.iter() {
        for at in 0..line.len() {
            for flip in [0x01, 0x20, 0x80, 0xff] {
                let mut line = line.clone();
                line[at] ^= flip;
                check(&line, 1_777_580_000);
            }
        }
    }
}

#[test]
fn row_18_a_damaged_line_is_a_record_without_its_secrets() {
    mutate::run(4000, &SAMPLES, |_, line| oracle::check(&line));
}

/// Lines built to make a careless splitter go back and forth: each must be read in one pass.
#[test]
fn long_lines_are_read_in_one_pass() {
    let head = "Jun 10 13:32:30 jupiter xapi: ";
    let long = |piece: &str| format!("{head}[debug||0 |{}", piece.repeat(4_000_000 / piece.len()));
    for line in [
        long("] "),
        long("|"),
        long("|] "),
        long("traceparent"),
        long("trackid="),
        long(" by task "),
        long("\\"),
    ] {
        let source =
            LogSource::new("/var/log/x.log", Format::Xensource).with_zone(Zone::parse("UTC").unwrap());
        let host = HostContext::default();
        let read = LogReader::new(0).read(&source, &host, line.as_bytes(), 0).record;
        assert_eq!(read.body, line[head.len()..], "{}", &line[..80]);
    }
}

proptest! {
    #[test]
    fn any_bytes(line in prop::collection::vec(any::<u8>(), 0..300), mark: u64) {
        check(&line, mark);
    }

    #[test]
    fn any_pieces(pieces in prop::collection::vec(piece(), 0..12), mark: u64) {
        check(&pieces.concat(), mark);
    }

    /// What XAPI's escape makes of any text is read back as that text.
    #[test]
    fn escapes_round_trip(text in "\\PC{0,40}|[\\x00-\\x7f]{0,40}") {
        let mut line = b"Jun 10 13:32:30 jupiter xapi: [debug||1 |t|xapi] ".to_vec();
        for byte in text.bytes() {
            match byte {
                b'\\' => line.extend(b"\\\\"),
                0x20..=0x7e => line.push(byte),
                _ => line.extend(format!("\\x{byte:02X}").bytes()),
            }
        }
        let host = HostContext::default();
        let read = LogReader::new(0).read(&oracle::SOURCES[0], &host, &line, 0).record.body.into_owned();
        prop_assert_eq!(read, text);
    }
}

/// Pieces of real lines.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: [&str; 24] = [
        "Oct 25 02:30:00 ",
        "2026-10-25T02:30:00 ",
        "host ",
        "xapi: ",
        "qemu-dm-7[3]: ",
        "SM: [5] ",
        "[debug|",
        "|",
        "] ",
        "7 INET :::80|",
        "R:6155c3fcfe29",
        "message repeated 3 times: [ ",
        "task ",
        " created by task ",
        " forwarded",
        "taskhelper] ",
        "Task 7 reference ",
        "\\x0A",
        "\\",
        "00-0a07bfbf3925e3d4776995171a9222cd-d4bcd152c96bd105-01",
        "traceparent",
        "trackid=",
        "Parallel:task=5.",
        "-> ",
    ];
    prop_oneof![
        8 => prop::sample::select(PIECES.to_vec()).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ]
}
