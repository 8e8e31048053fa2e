//! Years, zones and the hours that come twice or never; and a reader that starts in mid-file.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use chrono::DateTime;
use parser::log::{Format, HostContext, LogReader, LogSource, TimeMark, Zone};

fn source(zone: &str) -> LogSource {
    LogSource::new("/var/log/xensource.log", Format::Xensource).with_zone(Zone::parse(zone).unwrap())
}

fn unix(text: &str) -> i64 {
    DateTime::parse_from_rfc3339(text).unwrap().timestamp()
}

fn shown(unix: i64) -> String {
    DateTime::from_timestamp(unix, 0).unwrap().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Reads lines of these timestamps; and once more, each by a reader of its own that starts there with the mark.
fn check(zone: &str, modified: &str, lines: &[(&str, &str)]) {
    let (source, host) = (source(zone), HostContext::default());
    let mut reader = LogReader::new(unix(modified));
    for (time, expected) in lines {
        let line = format!("{time} host xapi: text");
        let read = reader.read(&source, &host, line.as_bytes(), 5);
        assert_eq!(shown(read.unix_second), *expected, "{time}");
        let mut restarted = LogReader::new(unix(modified));
        restarted.restore(TimeMark::from(u64::from(read.mark)));
        assert_eq!(restarted.read(&source, &host, line.as_bytes(), 5), read, "{time}");
        assert_eq!(restarted.mark(), reader.mark());
    }
}

#[test]
fn the_first_line_is_near_the_files_time_and_at_most_a_day_after() {
    let cases = [
        ("Apr 30 20:00:00", "2026-04-30T20:00:00Z"),
        ("May  1 20:00:00", "2026-05-01T20:00:00Z"),
        ("May  1 20:00:01", "2025-05-01T20:00:01Z"),
        ("Dec 31 23:59:59", "2025-12-31T23:59:59Z"),
        ("Jan  1 00:00:00", "2026-01-01T00:00:00Z"),
        ("Feb 29 12:00:00", "2024-02-29T12:00:00Z"),
        ("Feb 30 12:00:00", "2026-04-30T20:00:00Z"),
    ];
    for case in cases {
        check("UTC", "2026-04-30T20:00:00Z", &[case]);
    }
}

#[test]
fn new_year() {
    check(
        "UTC",
        "2027-01-01T00:10:00Z",
        &[
            ("Dec 31 23:59:59", "2026-12-31T23:59:59Z"),
            ("Jan  1 00:00:00", "2027-01-01T00:00:00Z"),
            ("Dec 31 23:59:59", "2026-12-31T23:59:59Z"),
            ("Jan  1 00:00:01", "2027-01-01T00:00:01Z"),
        ],
    );
    // The file goes on for more than a year after its first line; each line follows the one before.
    check(
        "UTC",
        "2026-02-01T00:00:00Z",
        &[
            ("Feb  1 00:00:00", "2026-02-01T00:00:00Z"),
            ("Jul  1 00:00:00", "2026-07-01T00:00:00Z"),
            ("Nov  1 00:00:00", "2026-11-01T00:00:00Z"),
            ("Mar  1 00:00:00", "2027-03-01T00:00:00Z"),
        ],
    );
    // Local midnight is not that of Greenwich.
    check(
        "Asia/Tokyo",
        "2026-12-31T15:10:00Z",
        &[("Dec 31 23:59:59", "2026-12-31T14:59:59Z"), ("Jan  1 00:00:00", "2026-12-31T15:00:00Z")],
    );
}

#[test]
fn leap_days() {
    check(
        "UTC",
        "2028-03-01T00:00:00Z",
        &[
            ("Feb 28 23:59:59", "2028-02-28T23:59:59Z"),
            ("Feb 29 00:00:00", "2028-02-29T00:00:00Z"),
            ("Mar  1 00:00:00", "2028-03-01T00:00:00Z"),
        ],
    );
    check("UTC", "2027-06-01T00:00:00Z", &[("Feb 29 00:00:00", "2024-02-29T00:00:00Z")]);
}

#[test]
fn summer_time_ends() {
    // 25 October 2026: 03:00 CEST (01:00 UTC) becomes 02:00 CET.
    check(
        "Europe/Paris",
        "2026-10-25T12:00:00Z",
        &[
            ("Oct 25 01:59:59", "2026-10-24T23:59:59Z"),
            ("Oct 25 02:00:00", "2026-10-25T00:00:00Z"),
            ("Oct 25 02:30:00", "2026-10-25T00:30:00Z"),
            ("Oct 25 02:29:59", "2026-10-25T00:29:59Z"), // two programs swapped
            ("Oct 25 02:59:59", "2026-10-25T00:59:59Z"),
            ("Oct 25 02:00:00", "2026-10-25T01:00:00Z"),
            ("Oct 25 02:30:00", "2026-10-25T01:30:00Z"),
            ("Oct 25 02:29:59", "2026-10-25T01:29:59Z"),
            ("Oct 25 02:59:59", "2026-10-25T01:59:59Z"),
            ("Oct 25 03:00:00", "2026-10-25T02:00:00Z"),
        ],
    );
    // A step back in the middle of the hour; then a file that begins in it.
    check(
        "Europe/Paris",
        "2026-10-25T12:00:00Z",
        &[("Oct 25 02:40:00", "2026-10-25T00:40:00Z"), ("Oct 25 02:10:00", "2026-10-25T01:10:00Z")],
    );
    // Lines with a year of their own, and from summer straight into the hour.
    check(
        "America/New_York",
        "2026-11-01T12:00:00Z",
        &[
            ("Jul  1 12:00:00", "2026-07-01T16:00:00Z"),
            ("2026-11-01T01:30:00", "2026-11-01T05:30:00Z"),
            ("2026-11-01T01:10:00", "2026-11-01T06:10:00Z"),
            ("2026-11-01T01:30:00-04:00", "2026-11-01T05:30:00Z"),
        ],
    );
    // Winter before, summer never seen: still the first pass.
    check(
        "Europe/Paris",
        "2026-10-25T12:00:00Z",
        &[("2026-06-01T00:00:00Z", "2026-06-01T00:00:00Z"), ("Oct 25 02:10:00", "2026-10-25T00:10:00Z")],
    );
}

#[test]
fn summer_time_begins() {
    // 29 March 2026: 02:00 CET becomes 03:00 CEST. 02:30 was never; it is read as if the clock had not been put forward.
    check(
        "Europe/Paris",
        "2026-03-29T12:00:00Z",
        &[
            ("Mar 29 01:59:59", "2026-03-29T00:59:59Z"),
            ("Mar 29 02:30:00", "2026-03-29T01:30:00Z"),
            ("Mar 29 03:00:00", "2026-03-29T01:00:00Z"),
        ],
    );
}

#[test]
fn lines_without_a_time_have_that_of_the_line_before() {
    let (source, host) = (source("UTC"), HostContext::default());
    let mut reader = LogReader::new(unix("2026-04-30T20:00:00Z"));
    let mut time =
        |line: &str, start| reader.read(&source, &host, line.as_bytes(), start).record.time_unix_nano;
    assert_eq!(time("no time", 7), 1_777_579_200_000_000_007);
    assert_eq!(time("Apr 30 19:00:00 host xapi: text", 8), 1_777_575_600_000_000_008);
    assert_eq!(time("no time", 9), 1_777_575_600_000_000_009);
}

#[test]
fn the_place_in_the_file_fills_what_the_text_leaves_open() {
    let (source, host) = (source("UTC"), HostContext::default());
    let cases = [
        ("Apr 30 20:00:00 h x: t", 12, 1_777_579_200_000_000_012),
        ("Apr 30 20:00:00 h x: t", 3_000_000_012, 1_777_579_200_000_000_012),
        ("2026-04-30T20:00:00.123Z h x: t", 1_000_012, 1_777_579_200_123_000_012),
        ("2026-04-30T20:00:00.123456Z h x: t", 12_012, 1_777_579_200_123_456_012),
        ("2026-04-30T20:00:00.123456789Z h x: t", 12, 1_777_579_200_123_456_789),
        ("Apr 30 20:00:00 h xapi: [20260430T20:00:01.5Z|audit||1 |t|audit] x", 7, 1_777_579_201_500_000_007),
        ("1960-01-01T00:00:00Z h x: t", 3, 3),
        ("9999-01-01T00:00:00Z h x: t", 3, u64::MAX),
    ];
    for (line, start, expected) in cases {
        let mut reader = LogReader::new(unix("2026-04-30T20:00:00Z"));
        let read = reader.read(&source, &host, line.as_bytes(), start);
        assert_eq!(read.record.time_unix_nano, expected, "{line}");
    }
}

/// The mark is all there is to know: a reader started anywhere gives what the first one gave.
#[test]
fn a_year_read_in_pieces_is_the_year_read_at_once() {
    let (source, host) = (source("Europe/Paris"), HostContext::default());
    let zone = chrono_tz::Europe::Paris;
    let times = (0..9_000).map(|step| unix("2026-03-01T00:00:00Z") + step * 3_517);
    let lines: Vec<(i64, String)> = times
        .map(|time| {
            let local = DateTime::from_timestamp(time, 0).unwrap().with_timezone(&zone);
            (time, local.format("%b %e %H:%M:%S host xapi: text").to_string())
        })
        .collect();
    let mut reader = LogReader::new(unix("2026-03-01T00:00:00Z"));
    for (at, (time, line)) in lines.iter().enumerate() {
        let mut restarted = LogReader::new(0);
        restarted.restore(reader.mark());
        let read = reader.learn(&source, line.as_bytes());
        assert_eq!(read.unix_second, *time, "{line}");
        if at > 0 {
            assert_eq!(restarted.read(&source, &host, line.as_bytes(), 0).unix_second, *time, "{line}");
        }
    }
}
