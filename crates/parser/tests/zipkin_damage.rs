//! The Zipkin reader on what is no span: it is set aside exactly, and its neighbours are delivered.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test says so by failing")]

mod zipkin_support;

use parser::zipkin::Reason;
use zipkin_support::*;

#[test]
fn row_14_bad_spans_are_set_aside_alone() {
    let good = r#""traceId":"1","id":"2","timestamp":1"#;
    let cases = [
        (r#""id":"2","timestamp":1"#.to_owned(), Reason::TraceId),
        (r#""traceId":"0","id":"2","timestamp":1"#.to_owned(), Reason::TraceId),
        (
            r#""traceId":"123456789012345678901234567890123","id":"2","timestamp":1"#.to_owned(),
            Reason::TraceId,
        ),
        (r#""traceId":1,"id":"2","timestamp":1"#.to_owned(), Reason::TraceId),
        (r#""traceId":"1","timestamp":1"#.to_owned(), Reason::SpanId),
        (r#""traceId":"1","id":"xyz","timestamp":1"#.to_owned(), Reason::SpanId),
        (format!(r#"{good},"parentId":"0000000000000000""#), Reason::ParentId),
        (format!(r#"{good},"parentId":3"#), Reason::ParentId),
        (format!(r#"{good},"name":{{}}"#), Reason::Name),
        (r#""traceId":"1","id":"2""#.to_owned(), Reason::Timestamp),
        (r#""traceId":"1","id":"2","timestamp":1.5"#.to_owned(), Reason::Timestamp),
        (r#""traceId":"1","id":"2","timestamp":-1"#.to_owned(), Reason::Timestamp),
        (r#""traceId":"1","id":"2","timestamp":"1""#.to_owned(), Reason::Timestamp),
        (r#""traceId":"1","id":"2","timestamp":18446744073709551615"#.to_owned(), Reason::Timestamp),
        (r#""traceId":"1","id":"2","timestamp":99999999999999999999999"#.to_owned(), Reason::Timestamp),
        (format!(r#"{good},"duration":1.0"#), Reason::Duration),
        (format!(r#"{good},"duration":18446744073709551615"#), Reason::Duration),
        (format!(r#"{good},"duration":9223372036854775807"#), Reason::Duration),
        (format!(r#"{good},"localEndpoint":"xapi""#), Reason::Endpoint),
        (format!(r#"{good},"remoteEndpoint":[{{}}]"#), Reason::Endpoint),
        (format!(r#"{good},"annotations":{{"a":[1]}}"#), Reason::Annotation),
        (format!(r#"{good},"annotations":[1]"#), Reason::Annotation),
        (format!(r#"{good},"annotations":[{{"timestamp":1.5,"value":"x"}}]"#), Reason::Annotation),
        (format!(r#"{good},"tags":[]"#), Reason::Tag),
        (format!(r#"{good},"tags":{{"a":{{"b":[]}}}}"#), Reason::Tag),
    ];
    for (fields, reason) in cases {
        let bad = format!("{{{fields}}}");
        let (before, after) = (span("before", "b", None), span("after", "c", None));
        let got = read_all(format!("[{before},{bad},{after}]"));
        assert_eq!(names(&got), ["+before", reason.as_str(), "+after"], "{bad}");
        assert_eq!(got[1], Got::Bad(before.len() + 2, bad.into_bytes(), reason));
    }
}

#[test]
fn other_values_are_set_aside() {
    let good = span("s", "1", None);
    for value in
        ["1", "\"x\"", "null", "[1,[2]]", "[[]]", "{}", "{\"foo\":{\"id\":\"1\"}}", "[]", "-1.5e3", "true"]
    {
        let got = read_all(format!("[{good}, {value} ,{good}]"));
        let reason = if value.starts_with('{') { Reason::TraceId } else { Reason::NotASpan };
        assert_eq!(names(&got), ["+s", reason.as_str(), "+s"], "{value}");
        assert_eq!(got[1], Got::Bad(good.len() + 3, value.into(), reason));
    }
}

#[test]
fn row_14_joined_arrays_byte_order_marks_and_carriage_returns() {
    let (a, b) = (span("a", "1", None), span("b", "2", None));
    let pretty = format!("[\n  {},\r\n\t{}\n]\n", a.replace(":", " : \n"), b);
    for document in [
        format!("[{a},{b}]"),
        format!("\u{feff}[{a},{b}]  \r"),
        format!("[ {a} , {b} ] \r\n"),
        pretty,
        format!("[{a}][{b}]"),
        format!("[{a},[{b}]"),
        format!("{a}{b}"),
        format!("[{a}{b}"),
        format!("{a}\n{b}"),
    ] {
        assert_eq!(names(&read_all(&document)), ["+a", "+b"], "{document}");
    }
    assert_eq!(names(&read_all(&a)), ["+a"]);
    for nothing in ["", "[]", " \r\n", "\u{feff}", "[ ]\n"] {
        assert_eq!(read_all(nothing), [], "{nothing:?}");
    }
}

#[test]
fn row_14_a_cut_array_with_a_whole_one_appended() {
    let whole = format!("[{},{}]", span("a", "1", None), span("b", "2", None));
    for cut in 1..whole.len() - 1 {
        let joined = format!("{}{whole}", &whole[..cut]);
        let got = read_all(&joined);
        let names = names(&got);
        assert_eq!(names[names.len() - 2..], ["+a", "+b"], "{joined}");
        let first_done = cut > span("a", "1", None).len();
        assert_eq!(names.len() > 2 && names[0] == "+a", first_done, "{joined}");
    }
    let torn = r#"[{"tags":{"xs."#;
    let got = read_all(format!("{torn}{whole}"));
    assert_eq!(got[0], Got::Bad(1, torn.as_bytes()[1..].to_vec(), Reason::Syntax));
}

#[test]
fn row_14_damage_is_reported_where_it_is() {
    let good = span("s", "1", None);
    for damage in [
        "\0\0\0\0",
        "garbage",
        "{\"tags\":{\"a\":\"\u{1}\"}}",
        "{\"tags\":{\"a\":\"\\q\"}}",
        "\"",
        "{",
        "}",
        "]]",
        "nul",
    ] {
        let line = format!("[{good},{damage},{good}]");
        let got = read_all(&line);
        assert_eq!(got.iter().filter(|got| matches!(got, Got::Span(..))).count(), 2, "{line}");
        let bad: Vec<&[u8]> = got
            .iter()
            .filter_map(|got| match got {
                Got::Bad(_, bytes, _) => Some(&**bytes),
                _ => None,
            })
            .collect();
        assert!(bad.concat().ends_with(damage.trim_start_matches(']').as_bytes()), "{line}: {bad:?}");
        assert!(!bad.is_empty() && bad.concat().len() <= damage.len() + 1, "{line}: {bad:?}");
    }
}

#[test]
fn row_16_bytes_that_are_no_utf8_harm_only_themselves() {
    let mut line = b"[".to_vec();
    line.extend(span("a\u{e9}", "1", None).bytes());
    line.extend(b",{\"id\":\"\xff\xfe\"},");
    line.extend(
        span("QQ", "2", None)
            .replace("QQ", "q\u{1}q")
            .bytes()
            .map(|byte| if byte == 1 { 0xc3 } else { byte }),
    );
    line.extend(b",{\"traceId\":\"\xff\"}]");
    let got = read_all(&line);
    assert_eq!(names(&got), ["+aé", "trace_id", "+q\u{fffd}q", "trace_id"]);
    assert!(matches!(&got[1], Got::Bad(_, bytes, _) if bytes == b"{\"id\":\"\xff\xfe\"}"));
    assert!(matches!(&got[3], Got::Bad(_, bytes, _) if bytes == b"{\"traceId\":\"\xff\"}"));
    let garbage = vec![0xff; 1 << 20];
    assert_eq!(read_all(&garbage), [Got::Bad(0, garbage.clone(), Reason::Encoding)]);
}

#[test]
fn row_16_lone_surrogates_become_replacement_characters() {
    let good = span("s", "1", None);
    let lone = span(r"x\ud83dy", "2", None);
    let pair = span(r"\ud83d\ude00", "3", None);
    let bad = r#"{"id":"\udead"}"#;
    let got = read_all(format!("[{good},{lone},{bad},{pair}]"));
    assert_eq!(names(&got), ["+s", "+x\u{fffd}y", "trace_id", "+😀"]);
    assert_eq!(got[2], Got::Bad(good.len() + lone.len() + 3, bad.into(), Reason::TraceId));
}

#[test]
fn row_16_depth_is_no_danger() {
    const DEPTH: usize = 10_000;
    let good = span("s", "1", None);
    let (open, close) = ("[".repeat(DEPTH), "]".repeat(DEPTH));
    let (open_map, close_map) = ("{\"tags\":".repeat(DEPTH), "}".repeat(DEPTH));
    for deep in [
        format!("{open}{close}"),
        format!(r#"{{"traceId":"1","id":"2","x":{open}{close}}}"#),
        format!(r#"{{"traceId":"1","id":"2","tags":{{"a":{open_map}1{close_map}}}}}"#),
        format!(r#"{{"traceId":"1","id":"2","annotations":[{open}{close}]}}"#),
        format!(r#"{{"traceId":"1","id":"2","localEndpoint":{open}{close}}}"#),
        format!("{open_map}1{close_map}"),
    ] {
        let got = read_all(format!("[{good},{deep},{good}]"));
        let first_of: Vec<_> = names(&got);
        assert_eq!((first_of.len(), &*first_of[0], &*first_of[2]), (3, "+s", "+s"), "{}", &deep[..40]);
    }
    assert_eq!(read_all(open.repeat(10)).len(), 1);
    assert!(!read_all(format!("{good}{}", open_map.repeat(10))).is_empty());
    let annotated =
        format!(r#"{{"x":{{"deep":{}{}}}}}"#, "[".repeat(DEPTH), "]".repeat(DEPTH)).replace('"', "\\\"");
    let json =
        format!(r#"{{"traceId":"1","id":"2","annotations":[{{"timestamp":1,"value":"{annotated}"}}]}}"#);
    assert_eq!(one(&json).events[0].name, "x");
}

/// Text that looks like the beginning of a span at every step: to read it anew each time would take hours.
#[test]
#[allow(clippy::disallowed_methods, reason = "a deadline")]
fn hostile_text_takes_linear_time() {
    let pieces = [
        "{\"tags\":",
        "[{\"id\":\"",
        "{\"tags\":{\"a\":\"\\u",
        "\"Tracing.",
        "{\"name\":\"Tracing.",
        "\\ud800",
        "[",
        "\0",
        "{}",
        "é",
    ];
    for piece in pieces {
        let line = piece.repeat(4_000_000 / piece.len());
        let start = std::time::Instant::now();
        let got = read_with(line.as_bytes(), &context(), &["Tracing.*"]);
        assert!(start.elapsed().as_secs() < 20, "{piece} took {:?}", start.elapsed());
        assert!(!got.is_empty(), "{piece}");
    }
}

/// A number past 64 bits is read as the nearest double, one past doubles makes its span a bad one; nobody else is harmed.
#[test]
fn row_16_odd_keys_and_numbers_harm_nobody() {
    let (before, after) = (span("before", "b", None), span("after", "c", None));
    let odd = |fields: &str| format!(r#"{{"traceId":"1","id":"2","timestamp":10,"name":"odd",{fields}}}"#);
    let cases = [
        (odd(r#""tags":{"k":"first","k":"last"}"#), "last"),
        (odd(r#""tags":{"k":"x"},"tags":{"k":"last"}"#), "last"),
        (odd(r#""tags":{"k":99999999999999999999999999}"#), "100000000000000000000000000"),
        (odd(r#""tags":{"k":-9223372036854775809}"#), "-9223372036854776000"),
        (odd(r#""x":1e999,"tags":{"k":"v"}"#), "v"),
    ];
    for (json, expected) in cases {
        let got = read_all(format!("[{before},{json},{after}]"));
        assert_eq!(names(&got), ["+before", "+odd", "+after"], "{json}");
        let Got::Span(span, _) = &got[1] else { panic!("{json}") };
        let value = span.attributes.iter().find(|kv| kv.key == "k").map(|kv| &kv.value);
        assert!(matches!(value, Some(model::Value::Str(text)) if text == expected), "{json}: {value:?}");
    }
    let past_doubles = odd(r#""tags":{"k":1e400}"#);
    let got = read_all(format!("[{before},{past_doubles},{after}]"));
    assert_eq!(names(&got), ["+before", Reason::Syntax.as_str(), "+after"]);
}

/// A line's array is never held parsed: what 10,000 spans take is what one takes.
#[test]
fn row_15_ten_thousand_spans_of_a_line_come_one_by_one() {
    let spans: Vec<String> = (1..=10_000).map(|id| span("s", &format!("{id:x}"), None)).collect();
    let got = read_all(format!("[{}]", spans.join(",")));
    assert_eq!(got.len(), 10_000);
    assert!(got.iter().all(|got| matches!(got, Got::Span(..))));
}
