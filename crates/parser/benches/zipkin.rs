//! What reading a trace file costs, beside a plain borrowed parse by serde_json of the same bytes in the same run.
//!
//! `cargo bench -p parser --bench zipkin`

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "a measurement, not the agent"
)]

use parser::zipkin::{Context, DropRules, Item, read};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

const SPANS: usize = 1400;
const ROUNDS: usize = 200;

/// A line of spans as xapi writes them, about 700 bytes each, one value in each with an escape; two of them trace
/// the tracer.
fn line() -> String {
    let mut line = String::from("[");
    for n in 0..SPANS {
        let name = if n % 700 == 699 { "Tracing.flush_spans" } else { "dispatch:VM.get_by_uuid" };
        let trace = if n % 700 == 699 { n } else { n / 20 };
        let _infallible = write!(
            line,
            concat!(
                r#"{{"tags":{{"xs.xapi.task.uuid":"{n:08x}-0000-0000-0000-000000000000","xs.xapi.task.origin":"http","#,
                r#""xs.xapi.task.name":"Async.VM.start \"x\"","xs.xapi.task.id":"R:{n:012x}","#,
                r#""xs.xapi.session.track.id":"ed027918fda74f47eec4b3ac1de88018","span.depth":"3","#,
                r#""xs.pool.uuid":"0496aa55-4e6f-363d-6578-4ab872ddfb9e","xs.observer.name":"local observer","#,
                r#""xs.host.uuid":"cb043a21-9c51-4418-a1e8-e7079ac6dc1a","xs.host.name":"xcp-gtn-ip13","#,
                r#""service.name":"xapi"}},"annotations":[],"localEndpoint":{{"serviceName":"xapi"}},"#,
                r#""kind":"SERVER","duration":{n},"timestamp":1751469555858327,"name":"{name}","#,
                r#""parentId":"873b73d3{n:08x}","traceId":"0a07bfbf3925e3d477699517{trace:08x}","id":"d4bcd152{n:08x}"}},"#,
            ),
            n = n,
            name = name,
            trace = trace,
        );
    }
    line.pop();
    line.push(']');
    line
}

/// The floor: the same fields, borrowed, by derive.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "only the parse is measured")]
struct Plain<'a> {
    trace_id: &'a str,
    id: &'a str,
    parent_id: Option<&'a str>,
    name: &'a str,
    kind: Option<&'a str>,
    timestamp: u64,
    duration: i64,
    #[serde(borrow)]
    tags: Tags<'a>,
    local_endpoint: Endpoint<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "only the parse is measured")]
struct Endpoint<'a> {
    service_name: &'a str,
}

struct Tags<'a>(#[allow(dead_code, reason = "only the parse is measured")] Vec<(Text<'a>, Text<'a>)>);

struct Text<'a>(#[allow(dead_code, reason = "only the parse is measured")] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Cow<'de, str>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("text")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(text))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(text.to_owned()))
            }
        }
        from.deserialize_str(Visitor).map(Text)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Tags<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Vec<(Text<'de>, Text<'de>)>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("tags")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut list = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    list.push(entry);
                }
                Ok(list)
            }
        }
        from.deserialize_map(Visitor).map(Tags)
    }
}

/// The quickest of many rounds, for one span.
fn measure(what: &str, mut round: impl FnMut()) -> f64 {
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        round();
        best = best.min(start.elapsed());
    }
    let nanos = best.as_secs_f64() * 1e9 / SPANS as f64;
    println!("{what:<44} {nanos:8.0} ns/span");
    nanos
}

fn main() {
    let line = line();
    println!("{SPANS} spans of {} bytes", line.len() / SPANS);
    let floor = measure("serde_json::from_str, borrowed", || {
        let spans: Vec<Plain<'_>> = serde_json::from_str(&line).expect("the line is good");
        black_box(spans);
    });
    let context = Context::new("host").attributes(vec![("service.namespace".into(), "lab".into())]);
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for (what, rules) in
        [("read", DropRules::default()), ("read, drop Tracing.*", DropRules::new(["Tracing.*"]))]
    {
        let nanos = measure(what, || {
            read(line.as_bytes(), &context, &rules, |item| match item {
                Item::Span { span, facts, .. } => {
                    black_box((span, facts));
                    *counts.entry("shipped").or_default() += 1;
                }
                Item::Dropped { .. } => *counts.entry("dropped").or_default() += 1,
                Item::Bad { .. } => *counts.entry("bad").or_default() += 1,
            });
        });
        println!("{:<44} {:8.2} x serde_json", "", nanos / floor);
    }
    println!("{counts:?}");
}
