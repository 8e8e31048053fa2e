//! OTLP/HTTP.

use crate::DEADLINE;
use crate::client::{UUID, logs, metrics, post, spans, start};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use std::time::Duration;
use testkit::collector::{Code, Collector, Keep, Mood, Options, Outcome, Script, Signal, Transport};

const PB: &str = "application/x-protobuf";
const JSON: &str = "application/json";

async fn send(collector: &Collector, count: u8) -> Option<u16> {
    let url = format!("{}/v1/traces", collector.http_url());
    post(&url, PB, "", &spans(count).encode_to_vec()).await.ok().map(|answer| answer.0)
}

#[tokio::test]
async fn every_encoding_and_compression_arrives_as_rows() {
    let pb = spans(3).encode_to_vec();
    let json = serde_json::to_vec(&spans(3)).unwrap();
    let cases =
        [(PB, "", &pb), (PB, "gzip", &pb), (PB, "zstd", &pb), (JSON, "", &json), (JSON, "gzip", &json)];
    for (content_type, encoding, body) in cases {
        let collector = start();
        let url = format!("{}/v1/traces", collector.http_url());
        let (status, headers, _) = post(&url, content_type, encoding, body).await.unwrap();
        assert_eq!((status, headers["content-type"].to_str().unwrap()), (200, content_type));
        collector.read(|state| {
            let span = &state.spans()[1];
            assert_eq!((span.name.as_str(), span.service(), span.host_uuid()), ("span 2", "xapi", UUID));
            assert_eq!(
                (span.trace_id.as_str(), span.span_id.as_str()),
                ("07".repeat(16).as_str(), "0000000000000002")
            );
            assert_eq!((span.kind, span.start, span.end), (2, 1_000, 2_000));
            assert_eq!(span.text("xs.xapi.task.id"), "R:3e35c13ce76f");
            let request = &state.requests()[0];
            assert_eq!((request.records, request.stored, request.outcome), (3, 3, Outcome::Accepted));
            assert_eq!((request.encoding.as_str(), request.bytes), (encoding, body.len() as u64));
            assert_eq!(request.wire_bytes < request.bytes, !encoding.is_empty(), "{encoding}");
            assert_eq!(request.transport == Transport::HttpJson, content_type == JSON);
        });
    }
}

#[tokio::test]
async fn logs_and_metrics_arrive_under_any_prefix() {
    let collector = start();
    let base = collector.http_url();
    post(&format!("{base}/otlp/v1/logs"), PB, "", &logs(2).encode_to_vec()).await.unwrap();
    post(&format!("{base}/v1/metrics"), PB, "", &metrics().encode_to_vec()).await.unwrap();
    collector.read(|state| {
        let line = &state.logs()[1];
        assert_eq!((line.body.as_str(), line.time, line.service()), ("line 2", 2_000_000_000, "xapi"));
        assert_eq!(line.span_id, "0000000000000002");
        let metric = &state.metrics()[0];
        assert_eq!((metric.name.as_str(), metric.kind, metric.points[0].1), ("lines", "sum", 5.0));
        assert_eq!(state.requests()[0].path, "/otlp/v1/logs");
    });
}

#[tokio::test]
async fn what_is_no_request_is_refused_and_told() {
    let collector = start();
    let base = collector.http_url();
    let cases = [
        ("/v1/traces", PB, "", &b"\xff\xff\xff"[..], 400),
        ("/v1/traces", JSON, "", b"{", 400),
        ("/v1/traces", PB, "br", b"", 400),
        ("/v1/traces", "text/plain", "", b"", 415),
        ("/v1/profiles", PB, "", b"", 404),
    ];
    for (path, content_type, encoding, body, status) in cases {
        let answer = post(&format!("{base}{path}"), content_type, encoding, body).await.unwrap();
        assert_eq!(answer.0, status, "{path} {content_type} {encoding}");
    }
    assert_eq!(collector.read(|state| state.malformed().len()), 3);
}

#[tokio::test]
async fn refusals_speak_http() {
    let cases = [
        (Mood::refuse(Code::Unavailable, "busy"), 503, None),
        (Mood::retry_after(Code::ResourceExhausted, Duration::from_millis(2_500)), 429, Some("3")),
        (Mood::status(502), 502, None),
        (Mood::TooLarge { limit: 10 }, 413, None),
        (Mood::reject_if(|row| row.as_span().is_some_and(|span| span.name == "span 2")), 400, None),
        (Mood::Html200, 200, None),
        (Mood::Redirect("http://127.0.0.1:1/".into()), 307, None),
    ];
    for (mood, status, retry_after) in cases {
        let collector = start();
        collector.set(Signal::Traces, mood.clone());
        let url = format!("{}/v1/traces", collector.http_url());
        let (found, headers, _) = post(&url, PB, "", &spans(3).encode_to_vec()).await.unwrap();
        assert_eq!(found, status, "{mood:?}");
        assert_eq!(headers.get("retry-after").map(|value| value.to_str().unwrap()), retry_after, "{mood:?}");
        assert_eq!(collector.read(|state| state.stored(Signal::Traces)), 0, "{mood:?}");
        assert_eq!(collector.read(|state| state.requests()[0].outcome), Outcome::Refused, "{mood:?}");
    }
}

#[tokio::test]
async fn a_refusal_carries_its_message_in_the_senders_encoding() {
    let collector = start();
    collector.set_all(Mood::refuse(Code::InvalidArgument, "too old"));
    let url = format!("{}/v1/traces", collector.http_url());
    let (_, _, body) = post(&url, PB, "", &spans(1).encode_to_vec()).await.unwrap();
    assert_eq!(tonic_types::Status::decode(body).unwrap().message, "too old");
    let (_, _, body) = post(&url, JSON, "", &serde_json::to_vec(&spans(1)).unwrap()).await.unwrap();
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&body).unwrap()["message"], "too old");
}

#[tokio::test]
async fn a_partial_success_says_how_many() {
    let collector = start();
    collector.set_all(Mood::PartialSuccess { rejected: 2, message: "no room".into() });
    let base = collector.http_url();
    let (_, _, body) = post(&format!("{base}/v1/traces"), PB, "", &spans(3).encode_to_vec()).await.unwrap();
    let partial = ExportTraceServiceResponse::decode(body).unwrap().partial_success.unwrap();
    assert_eq!((partial.rejected_spans, partial.error_message.as_str()), (2, "no room"));
    let body = serde_json::to_vec(&logs(3)).unwrap();
    let (_, _, body) = post(&format!("{base}/v1/logs"), JSON, "", &body).await.unwrap();
    let partial =
        serde_json::json!({"partialSuccess": {"rejectedLogRecords": "2", "errorMessage": "no room"}});
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&body).unwrap(), partial);
    assert_eq!(collector.read(|state| (state.stored(Signal::Traces), state.stored(Signal::Logs))), (1, 1));
}

#[tokio::test]
async fn one_that_stores_the_others_refuses_in_part() {
    let collector = start();
    let old = |row: &testkit::collector::Row| row.as_log().is_some_and(|line| line.time < 2_000_000_000);
    collector.set(Signal::Logs, Mood::store_others("entry too far behind", old));
    let url = format!("{}/v1/logs", collector.http_url());
    let (status, _, body) = post(&url, PB, "gzip", &logs(3).encode_to_vec()).await.unwrap();
    assert_eq!(
        (status, tonic_types::Status::decode(body).unwrap().message.as_str()),
        (400, "entry too far behind")
    );
    assert_eq!(
        collector.read(|state| (state.stored(Signal::Logs), state.requests()[0].outcome)),
        (2, Outcome::RefusedInPart)
    );
}

#[tokio::test]
async fn scripts_change_while_it_runs() {
    let collector = start();
    collector.set(Signal::Traces, Script::times(2, Mood::status(503)).then(1, Mood::NoContent));
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(send(&collector, 1).await.unwrap());
    }
    collector.set(Signal::Traces, Mood::status(401));
    seen.push(send(&collector, 1).await.unwrap());
    assert_eq!(seen, [503, 503, 204, 200, 401]);
    assert_eq!(collector.read(|state| state.duplicates(Signal::Traces)), 1);
}

#[tokio::test]
async fn lost_answers_are_no_answers() {
    let cases = [(Mood::AnswerLost, 2), (Mood::CloseBeforeReading, 0)];
    for (mood, stored) in cases {
        let collector = start();
        collector.set_all(mood.clone());
        // The client tries a connection that was closed on it once more by itself.
        assert_eq!(send(&collector, 2).await, None, "{mood:?}");
        let seen = |state: &testkit::collector::State| {
            state
                .requests()
                .iter()
                .all(|request| request.outcome == Outcome::Unanswered && request.stored == stored)
        };
        collector.wait(seen, DEADLINE).await.unwrap();
    }
}

#[tokio::test]
async fn a_sender_that_gives_up_leaves_an_unanswered_request() {
    for (mood, stored) in [(Mood::Hang, 0), (Mood::HangAfterStoring, 1), (Mood::Slow(DEADLINE), 1)] {
        let collector = start();
        collector.set_all(mood.clone());
        let read =
            |state: &testkit::collector::State| state.requests().iter().any(|request| request.records == 1);
        tokio::select! {
            status = send(&collector, 1) => panic!("{mood:?} answered {status:?}"),
            come = collector.wait(read, DEADLINE) => come.unwrap(),
        }
        let gone = |state: &testkit::collector::State| state.requests()[0].outcome == Outcome::Unanswered;
        collector.wait(gone, DEADLINE).await.unwrap();
        assert_eq!(collector.read(|state| state.stored(Signal::Traces)), stored, "{mood:?}");
    }
}

#[tokio::test]
async fn a_slow_answer_still_comes() {
    let collector = start();
    collector.set_all(Mood::Slow(Duration::from_millis(20)));
    assert_eq!(send(&collector, 1).await, Some(200));
    let took = collector.read(|state| state.requests()[0].ended.unwrap() - state.requests()[0].arrived);
    assert!(took >= Duration::from_millis(20), "{took:?}");
}

#[tokio::test]
async fn bodies_are_saved_uncompressed_if_they_were_stored() {
    let directory = tempfile::tempdir().unwrap();
    let save = directory.path().join("bodies");
    let collector = Collector::start(Options { save: Some(save.clone()), ..Options::default() }).unwrap();
    let base = collector.http_url();
    let (pb, json) = (spans(2).encode_to_vec(), serde_json::to_vec(&logs(1)).unwrap());
    post(&format!("{base}/v1/traces"), PB, "gzip", &pb).await.unwrap();
    post(&format!("{base}/v1/logs"), JSON, "zstd", &json).await.unwrap();
    collector.set(
        Signal::Traces,
        Script::times(1, Mood::status(503))
            .then(1, Mood::PartialSuccess { rejected: 1, message: String::new() }),
    );
    post(&format!("{base}/v1/traces"), PB, "", &pb).await.unwrap();
    post(&format!("{base}/v1/traces"), PB, "", &pb).await.unwrap();
    let mut names: Vec<String> = std::fs::read_dir(&save)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["000000.traces.pb", "000001.logs.json", "000003.traces.part.pb"]);
    assert_eq!(std::fs::read(save.join("000000.traces.pb")).unwrap(), pb);
    assert_eq!(std::fs::read(save.join("000001.logs.json")).unwrap(), json);
}

#[tokio::test]
async fn less_can_be_kept() {
    for (keep, distinct, duplicates) in [(Keep::Rows, 3, 3), (Keep::Ids, 3, 3), (Keep::Nothing, 0, 0)] {
        let collector = Collector::start(Options { keep, ..Options::default() }).unwrap();
        send(&collector, 3).await.unwrap();
        send(&collector, 3).await.unwrap();
        collector.read(|state| {
            assert_eq!(state.spans().len(), if keep == Keep::Rows { 6 } else { 0 });
            assert_eq!(state.distinct(Signal::Traces), distinct, "{keep:?}");
            assert_eq!(state.duplicates(Signal::Traces), duplicates, "{keep:?}");
            assert!(state.requests()[1].bytes > 0);
        });
    }
}

#[test]
fn a_port_can_be_had_again() {
    let ports = { [start().http_addr().port(), 0] };
    let collector = Collector::start(Options { ports, ..Options::default() }).unwrap();
    assert_eq!(collector.http_addr().port(), ports[0]);
}
