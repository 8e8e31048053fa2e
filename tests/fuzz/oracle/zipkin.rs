//! What must be true of any bytes in a trace file: good spans beside them are delivered as if they were alone, what is
//! set aside is exact, and no secret leaves.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "an oracle says so by failing"
)]

use parser::redact::Redactor;
use parser::zipkin::{Context, DropRules, Item, read};
use std::sync::LazyLock;

static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| Redactor::new(true, &[]));

/// The value of the secrets in the good spans.
const SECRET: &str = "Qs3cretQ";

/// Good spans, to stand around what is damaged.
const BEFORE: &str = r#"{"tags":{"xs.host.name":"a","xs.span.arg.password":"Qs3cretQ","xs.span.kwargs.str":"{'chappassword': 'Qs3cretQ'}"},"duration":2,"timestamp":1751469555858327,"name":"before","traceId":"0a07bfbf3925e3d4776995171a9222cd","id":"d4bcd152c96bd105"}"#;
const AFTER: &str = r#"{"tags":{"xs.host.name":"b"},"annotations":[{"timestamp":5,"value":"x"}],"duration":3,"timestamp":1751469555858329,"name":"after","parentId":"873b73d304891032","traceId":"0a07bfbf3925e3d4776995171a9222cd","id":"873b73d304891033"}"#;

/// Longer damage may use up what a search for the next span may cost.
const SEARCHED: usize = 60 << 10;

/// What a line was read as, in the order in which it came.
#[derive(Debug, PartialEq)]
enum Got {
    /// A span in full.
    Span(String),
    /// The place of bytes that are none, and whether the whole line was given up.
    Bad { start: usize, end: usize, all: bool },
}

/// Reads `line`; what is set aside must be where and what it is said to be, and in order.
fn got(line: &[u8]) -> Vec<Got> {
    let mut got = Vec::new();
    let mut last = 0;
    read(line, &Context::new("host"), &DropRules::new([]), |item| match item {
        Item::Span { span, raw, .. } => {
            assert!(raw.starts_with(b"{") && raw.ends_with(b"}"));
            got.push(Got::Span(format!("{span:?}")));
            REDACTOR.span(span, raw);
            assert!(raw != BEFORE.as_bytes() || !format!("{span:?}").contains(SECRET), "{span:?}");
            assert_eq!(
                REDACTOR.span_in_full(span),
                0,
                "a quick look misses nothing, twice is once: {span:?}"
            );
        }
        Item::Dropped { .. } => panic!("nothing is to be dropped"),
        Item::Bad { offset, bytes, .. } => {
            let end = offset + bytes.len();
            assert_eq!(line.get(offset..end), Some(bytes), "exact bytes");
            assert!(last <= offset && !bytes.is_empty(), "in order, and something");
            last = end;
            got.push(Got::Bad { start: offset, end, all: bytes.len() == line.len() });
        }
    });
    got
}

/// Whether the line was taken for no text at all: then nothing of it can be read.
fn given_up(got: &[Got]) -> bool {
    matches!(got, [Got::Bad { all: true, .. }])
}

/// Any bytes as a line, between good spans, and cut off before a whole array.
pub fn check(data: &[u8]) {
    let plain = got(data);
    if data.len() > SEARCHED || given_up(&plain) || data.contains(&b'\n') {
        return;
    }
    let (before, after) = (got(BEFORE.as_bytes()), got(AFTER.as_bytes()));
    let within = got(&[b"[", BEFORE.as_bytes(), b",", data, b",", AFTER.as_bytes(), b"]"].concat());
    if !given_up(&within) {
        assert_eq!(within.first(), before.first(), "the span before the damage");
        assert_eq!(spans(&within).last(), after.first().as_ref(), "the span behind the damage: {within:?}");
    }
    let torn = got(&[data, b"[", BEFORE.as_bytes(), b",", AFTER.as_bytes(), b"]"].concat());
    if !given_up(&torn) {
        let whole = [before.first(), after.first()].map(|span| span.expect("a good span"));
        assert!(spans(&torn).ends_with(&whole), "the array behind a cut one: {torn:?}");
    }
}

/// The spans alone: a bracket too many is set aside, too.
fn spans(got: &[Got]) -> Vec<&Got> {
    got.iter().filter(|got| matches!(got, Got::Span(_))).collect()
}

/// An array with one span damaged: the others come out as from the whole array.
pub fn check_neighbours(spans: &[&[u8]], damaged: usize, damage: &[u8]) {
    let line = |spans: &[&[u8]]| [b"[".as_slice(), &spans.join(&b","[..]), b"]"].concat();
    let (mut expected, mut with) = (Vec::new(), spans.to_vec());
    for (index, span) in spans.iter().enumerate() {
        if index == damaged {
            with[index] = damage;
        } else {
            expected.extend(got(span));
        }
    }
    let found = got(&line(&with));
    if given_up(&found) {
        return;
    }
    let count = spans.len() - 1 - damaged;
    let (before, behind) = expected.split_at(expected.len() - count);
    assert!(found.starts_with(before), "those before: {found:?}");
    let behind: Vec<&Got> = behind.iter().collect();
    assert!(self::spans(&found).ends_with(&behind), "those behind: {found:?}");
}
