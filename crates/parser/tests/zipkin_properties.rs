//! The Zipkin reader on any bytes, on generated spans, and on real lines cut and flipped at every byte.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test says so by failing")]

mod zipkin_support;

use parser::zipkin::{DropRules, Item, read};
use proptest::prelude::*;
use serde_json::Value as Json;
use zipkin_support::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Every byte is delivered, set aside, or one of those that stand between spans.
    #[test]
    fn any_bytes_are_accounted_for(line in prop::collection::vec(any::<u8>(), 0..200)) {
        account(&line);
    }

    #[test]
    fn any_mix_of_pieces_is_accounted_for(pieces in prop::collection::vec(piece(), 0..24)) {
        account(pieces.concat().as_bytes());
    }

    #[test]
    fn generated_spans_come_back(wanted in prop::collection::vec(wanted(), 0..8)) {
        let json = Json::Array(wanted.iter().map(Wanted::json).collect());
        for text in [json.to_string(), serde_json::to_string_pretty(&json).unwrap()] {
            let got = spans(read_all(text));
            prop_assert_eq!(got.len(), wanted.len());
            for (span, wanted) in got.iter().zip(&wanted) {
                wanted.check(span);
            }
        }
    }

    /// Resources that differ by little, each as if its span stood alone. (That `new_origin` tells of each change is held
    /// where all of these tests read.)
    #[test]
    fn resources_are_those_of_each_span(tags in prop::collection::vec((0..2u8, 0..3u8, 0..2u8, 0..2u8), 1..12)) {
        let one = |(host, sdk, scope, secret): &(u8, u8, u8, u8)| {
            let host = ["", r#""xs.host.name":"a","#][usize::from(*host)];
            let sdk = ["", r#""telemetry.sdk.name":"b","#, r#""telemetry.sdk.name":"c","telemetry.sdk.x":"d","#][usize::from(*sdk)];
            let scope = ["", r#""otel.scope.name":"e","#][usize::from(*scope)];
            format!(r#"{{"tags":{{{host}{sdk}{scope}"n":"{secret}"}},"timestamp":1,"name":"n","traceId":"1","id":"1"}}"#)
        };
        let alone: Vec<_> = tags.iter().flat_map(|tags| spans(read_all(one(tags)))).collect();
        let line = format!("[{}]", tags.iter().map(one).collect::<Vec<_>>().join(","));
        prop_assert_eq!(spans(read_all(line)), alone);
    }

    /// Whichever traces are looked at first, dropping is the same as when all spans wait.
    #[test]
    fn dropping_is_the_same_by_both_ways(tree in prop::collection::vec((0..3u8, 1..7u8, prop::option::of(1..7u8), 0..3usize), 0..10)) {
        let names = ["Tracing.x", "Tracin", "a.Tracing.b"];
        let one = |(trace, id, parent, name): &(u8, u8, Option<u8>, usize)| {
            let parent = parent.map(|parent| parent.to_string());
            span(names[*name], &id.to_string(), parent.as_deref()).replace("a1", &format!("a{trace}"))
        };
        let line = format!("[{}]", tree.iter().map(one).collect::<Vec<_>>().join(","));
        let count = |globs: &[&str]| {
            let got = read_with(line.as_bytes(), &context(), globs);
            got.iter().filter(|got| matches!(got, Got::Dropped(..))).count()
        };
        // The second glob fits no name, but has no text to look for.
        prop_assert_eq!(count(&["Tracing.*"]), count(&["Tracing.*", "?"]));
    }
}

fn account(line: &[u8]) {
    let mut place = 0;
    read(line, &context(), &DropRules::new([]), |item| {
        let bytes = match item {
            Item::Bad { offset, bytes, .. } => {
                assert!(offset >= place, "in order");
                place = offset;
                bytes.len()
            }
            Item::Span { raw, .. } => {
                let text = std::str::from_utf8(raw).unwrap();
                assert!(serde_json::from_str::<Json>(text).is_ok());
                place += line[place..].iter().position(|byte| *byte == b'{').unwrap();
                raw.len()
            }
            Item::Dropped { .. } => panic!("nothing is dropped"),
        };
        place += bytes;
    });
    let rest = String::from_utf8_lossy(&line[place.min(line.len())..]).into_owned();
    let between = rest.trim_matches([' ', '\t', '\r', '\n', ',', '[', ']', '\u{feff}']);
    assert_eq!(between, "", "{:?}", String::from_utf8_lossy(line));
}

fn piece() -> impl Strategy<Value = String> {
    let parts = [
        "[",
        "]",
        "{",
        "}",
        ",",
        "\"",
        "\\",
        ":",
        "{\"tags\":",
        "{\"id\":",
        "\"traceId\":\"1\"",
        "1",
        "\0",
        "\u{feff}",
        " ",
        "é",
        "\\ud800",
    ];
    prop_oneof![
        6 => proptest::sample::select(parts.to_vec()).prop_map(str::to_owned),
        1 => Just(span("s", "1", None)),
    ]
}

#[derive(Debug, Clone)]
struct Wanted {
    trace: u128,
    id: u64,
    parent: Option<u64>,
    name: String,
    micros: u64,
    duration: i64,
    tags: std::collections::BTreeMap<String, String>,
}

fn wanted() -> impl Strategy<Value = Wanted> {
    let tags = prop::collection::btree_map("[a-z.\"\\\\é]{1,8}x", ".{0,12}", 0..6);
    let ids = (1..u128::MAX, 1..u64::MAX, prop::option::of(1..u64::MAX));
    (ids, ".{0,12}", 1..u64::from(u32::MAX) * 1000, any::<i32>(), tags).prop_map(
        |((trace, id, parent), name, micros, duration, tags)| Wanted {
            trace,
            id,
            parent,
            name,
            micros,
            duration: duration.into(),
            tags,
        },
    )
}

impl Wanted {
    fn json(&self) -> Json {
        let mut json = serde_json::json!({
            "tags": self.tags, "annotations": [], "localEndpoint": {"serviceName": "xapi"}, "duration": self.duration,
            "timestamp": self.micros, "name": self.name, "traceId": format!("{:x}", self.trace), "id": format!("{:016x}", self.id),
        });
        if let Some(parent) = self.parent {
            json["parentId"] = format!("{parent:X}").into();
        }
        json
    }

    fn check(&self, span: &model::Span<'_>) {
        assert_eq!(u128::from_be_bytes(*span.trace_id.bytes()), self.trace);
        assert_eq!(u64::from_be_bytes(*span.span_id.bytes()), self.id);
        assert_eq!(span.parent_id.map(|id| u64::from_be_bytes(*id.bytes())), self.parent);
        assert_eq!(span.name, self.name);
        assert_eq!(span.start_unix_nano, self.micros * 1000);
        let length = u64::try_from(self.duration).unwrap_or(0);
        assert_eq!(span.end_unix_nano, (self.micros + length) * 1000);
        let mut tags: Vec<_> = span.attributes.iter().map(|kv| (&*kv.key, kv.as_str().unwrap())).collect();
        tags.sort_unstable();
        let expected: Vec<_> = self.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(tags, expected);
    }
}

/// Every prefix of a real line: the spans that are whole in it are delivered.
#[test]
fn every_prefix_of_a_real_line() {
    for line in [XAPI, SMAPI].iter().flat_map(|file| file.lines()) {
        let ends = span_ends(line);
        for cut in 0..line.len() {
            if !line.is_char_boundary(cut) {
                continue;
            }
            let prefix = &line[..cut];
            account(prefix.as_bytes());
            let whole = ends.iter().filter(|end| **end <= cut).count();
            let got = read_all(prefix);
            assert_eq!(got.iter().filter(|got| matches!(got, Got::Span(..))).count(), whole, "cut at {cut}");
        }
    }
}

/// Every byte of a real line flipped in three ways: the spans that it doesn't stand in are delivered.
#[test]
fn every_byte_of_a_real_line_flipped() {
    let line = XAPI.lines().next().unwrap();
    let ends = span_ends(line);
    for place in 0..line.len() {
        for mask in [0x01, 0x20, 0xff] {
            let mut bytes = line.as_bytes().to_vec();
            bytes[place] ^= mask;
            account_loosely(&bytes, &ends, place);
        }
    }
}

fn account_loosely(bytes: &[u8], ends: &[usize], place: usize) {
    let hit = ends.iter().position(|end| place < *end);
    let ids: Vec<String> = read_all(bytes)
        .iter()
        .filter_map(|got| match got {
            Got::Span(span, _) => Some(span.span_id.to_string()),
            _ => None,
        })
        .collect();
    let all = ["d4bcd152c96bd105", "fcdd53da8eb51fee", "5fb761b593cbd395"];
    for (index, id) in all.iter().enumerate() {
        assert!(hit == Some(index) || ids.iter().any(|got| got == id), "flip at {place} lost {id}");
    }
}

fn span_ends(line: &str) -> Vec<usize> {
    let values: Vec<&serde_json::value::RawValue> = serde_json::from_str(line).unwrap();
    let start = line.as_ptr() as usize;
    values.iter().map(|value| value.get().as_ptr() as usize - start + value.get().len()).collect()
}
