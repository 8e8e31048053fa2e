//! OTLP over HTTP.

use std::io::Read;
use std::time::Duration;

use exporter::classify::{Answer, Http, Partial, Reply, RetryAfter};
use exporter::transport::{Compression, Protocol, SettingsError, Signal, Transport, USER_AGENT};
use prost::Message;

use crate::server::{response, serve};
use crate::{body, settings, transport};

fn http(status: u16, retry_after: Option<RetryAfter>, message: &str) -> Answer {
    Answer::Http(Http { status, retry_after, reply: Reply::Empty, message: message.to_owned() })
}

fn ok(reply: Reply) -> Answer {
    Answer::Http(Http { status: 200, retry_after: None, reply, message: String::new() })
}

fn otlp(rejected: u64, message: &str) -> Reply {
    Reply::Otlp(Partial { rejected, message: message.to_owned() })
}

#[tokio::test]
async fn a_request_is_what_the_specification_says() {
    let server = serve(|_| response(200, &[], "")).await;
    let mut settings = settings(server.url("/v1/traces"), Protocol::HttpProtobuf);
    settings.headers = vec![("X-Scope-OrgID".to_owned(), "dom0".to_owned())];
    assert_eq!(transport(&settings).send(body()).await, ok(Reply::Empty));
    let seen = server.only();
    assert_eq!((seen.method.as_str(), seen.uri.to_string().as_str()), ("POST", "/v1/traces"));
    assert_eq!(seen.header("content-type"), Some("application/x-protobuf"));
    assert_eq!(seen.header("content-encoding"), None);
    assert_eq!(seen.header("content-length"), Some(body().len().to_string().as_str()));
    assert_eq!(seen.header("user-agent"), Some(USER_AGENT));
    assert_eq!(seen.header("x-scope-orgid"), Some("dom0"));
    assert_eq!(seen.header("host"), Some(server.address.to_string().as_str()));
    assert_eq!(seen.body, body());
}

#[tokio::test]
async fn a_compressed_request_says_so() {
    let server = serve(|_| response(200, &[], "")).await;
    let mut settings = settings(server.url("/v1/traces"), Protocol::HttpProtobuf);
    settings.compression = Compression::Gzip;
    transport(&settings).send(body()).await;
    settings.compression = Compression::Zstd;
    transport(&settings).send(body()).await;
    let [gzip, zstd] = server.seen().try_into().unwrap();
    assert_eq!(gzip.header("content-encoding"), Some("gzip"));
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(gzip.body.as_ref()).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, body());
    assert_eq!(zstd.header("content-encoding"), Some("zstd"));
    assert_eq!(zstd::bulk::decompress(&zstd.body, 1 << 20).unwrap(), body());
}

#[tokio::test]
async fn json_is_sent_and_answered_as_json() {
    let partial = r#"{"partialSuccess":{"rejectedSpans":"1","errorMessage":"one"}}"#;
    let server = serve(move |_| response(200, &[("content-type", "application/json")], partial)).await;
    let settings = settings(server.url("/v1/traces"), Protocol::HttpJson);
    assert_eq!(transport(&settings).send(body()).await, ok(otlp(1, "one")));
    let seen = server.only();
    assert_eq!(seen.header("content-type"), Some("application/json"));
    let sent: serde_json::Value = serde_json::from_slice(&seen.body).unwrap();
    let span = &sent["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    assert_eq!(span["traceId"], "01010101010101010101010101010101");
    assert_eq!(span["name"], "VM.start");
}

#[tokio::test]
async fn what_is_no_otlp_request_is_bad_data_and_not_sent() {
    let server = serve(|_| response(200, &[], "")).await;
    let mut settings = settings(server.url("/v1/logs"), Protocol::HttpJson);
    settings.signal = Signal::Logs;
    let answer = transport(&settings).send("\u{ff}\u{ff}".into()).await;
    crate::check_failed(answer, exporter::classify::Failure::Encoding, false);
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn answers_are_read_as_they_are() {
    let proto = ("content-type", "application/x-protobuf");
    let status = tonic_types::Status { code: 3, message: "bad id".to_owned(), details: Vec::new() };
    let partial = b"\x0a\x09\x08\x03\x12\x05three".to_vec();
    let foreign = |content_type: &str| ok(Reply::Foreign { content_type: content_type.to_owned() });
    let after = |seconds| Some(RetryAfter::In(Duration::from_secs(seconds)));
    let cases = vec![
        (response(204, &[], ""), http(204, None, "")),
        (response(200, &[proto], ""), ok(Reply::Empty)),
        (response(200, &[proto], partial), ok(otlp(3, "three"))),
        (response(200, &[("content-type", "text/html")], "<html>"), foreign("text/html")),
        (response(200, &[proto], vec![0_u8; 1 << 20]), foreign("application/x-protobuf")),
        (response(400, &[proto], status.encode_to_vec()), http(400, None, "bad id")),
        (
            response(404, &[("content-type", "text/plain")], "404 page not found\n"),
            http(404, None, "404 page not found"),
        ),
        (response(429, &[("retry-after", "3")], ""), http(429, after(3), "")),
        (
            response(503, &[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")], ""),
            http(503, Some(RetryAfter::At(784_111_777)), ""),
        ),
        (response(503, &[("retry-after", "soon")], "full"), http(503, None, "full")),
        (response(413, &[], ""), http(413, None, "")),
    ];
    for (answer, expected) in cases {
        let answer = std::sync::Mutex::new(Some(answer));
        let server = serve(move |_| answer.lock().unwrap().take().unwrap()).await;
        let settings = settings(server.url("/"), Protocol::HttpProtobuf);
        assert_eq!(transport(&settings).send(body()).await, expected);
    }
}

#[tokio::test]
async fn a_long_error_page_is_kept_in_part() {
    let server = serve(|_| response(500, &[("content-type", "text/html")], "x".repeat(1 << 20))).await;
    let settings = settings(server.url("/"), Protocol::HttpProtobuf);
    let Answer::Http(answer) = transport(&settings).send(body()).await else { panic!("no answer") };
    assert_eq!(answer.status, 500);
    assert!(answer.message.len() <= 8 * 1024);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let other = serve(|_| response(200, &[], "")).await;
    let elsewhere = other.url("/v1/traces");
    for status in [301, 302, 303, 307, 308] {
        let location = elsewhere.clone();
        let server =
            serve(move |_| response(status, &[("location", &format!("{location}?token=hidden"))], "")).await;
        let settings = settings(server.url("/"), Protocol::HttpProtobuf);
        let target = format!("to {elsewhere}");
        assert_eq!(transport(&settings).send(body()).await, http(status, None, &target));
    }
    assert!(other.seen().is_empty());
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let server = serve(|_| response(200, &[], "")).await;
    let transport = transport(&settings(server.url("/"), Protocol::HttpProtobuf));
    for _ in 0..5 {
        assert_eq!(transport.send(body()).await, ok(Reply::Empty));
    }
    assert_eq!((server.seen().len(), server.connections()), (5, 1));
}

#[tokio::test]
async fn a_header_in_a_file_is_renewed_without_a_restart() {
    let server = serve(|_| response(200, &[], "")).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    std::fs::write(&file, "Bearer one\n").unwrap();
    let mut settings = settings(server.url("/"), Protocol::HttpProtobuf);
    settings.headers = vec![("Authorization".to_owned(), format!("file:{}", file.display()))];
    let transport = transport(&settings);
    transport.send(body()).await;
    std::fs::write(&file, "Bearer two, which is longer\n").unwrap();
    transport.send(body()).await;
    std::fs::remove_file(&file).unwrap();
    transport.send(body()).await;
    let problem = transport.renewal_problem().expect("the file is gone");
    assert!(
        matches!(&*problem, SettingsError::File { key: "headers", path, .. } if *path == file),
        "{problem}"
    );
    std::fs::write(&file, "Bearer three").unwrap();
    transport.send(body()).await;
    assert!(transport.renewal_problem().is_none());
    let seen: Vec<_> =
        server.seen().iter().map(|seen| seen.header("authorization").unwrap().to_owned()).collect();
    let two = "Bearer two, which is longer";
    assert_eq!(seen, ["Bearer one", two, two, "Bearer three"]);
}

#[test]
fn settings_that_can_not_work_are_refused_by_key() {
    let url = "http://127.0.0.1:4318/v1/traces";
    let with_headers = |name: &str, value: &str| {
        let mut settings = settings(url.to_owned(), Protocol::HttpProtobuf);
        settings.headers = vec![(name.to_owned(), value.to_owned())];
        settings
    };
    let at = |url: &str| settings(url.to_owned(), Protocol::HttpProtobuf);
    let cases = [
        (at("127.0.0.1:4318"), "endpoint: expected http://host:port or https://host:port"),
        (at("ftp://127.0.0.1"), "endpoint: expected http://host:port or https://host:port"),
        (at("http://"), "endpoint: expected http://host:port or https://host:port"),
        (
            at("http://user:secret@host/"),
            "endpoint: a user or password belongs into headers, as Authorization",
        ),
        (with_headers("a b", "x"), "headers: \"a b\" is no name of a header"),
        (with_headers("Content-Type", "x"), "headers: Content-Type is set by the protocol itself"),
        (with_headers("grpc-timeout", "x"), "headers: grpc-timeout is set by the protocol itself"),
        (
            with_headers("x-key", "secret\nsecret"),
            "headers: the value of x-key has characters no header can have",
        ),
        (
            with_headers("x-key", "file:/nowhere/token"),
            "headers: /nowhere/token: No such file or directory (os error 2)",
        ),
    ];
    for (settings, expected) in cases {
        let error = Transport::new(&settings).expect_err(expected);
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn secrets_are_not_shown() {
    let mut settings = settings("http://user:hidden@host/path?key=hidden".to_owned(), Protocol::HttpProtobuf);
    settings.headers = vec![("authorization".to_owned(), "hidden".to_owned())];
    settings.proxy = exporter::transport::Proxy::Url("http://user:hidden@proxy:3128".to_owned());
    let shown = format!("{settings:?}");
    assert!(
        !shown.contains("hidden") && shown.contains("authorization") && shown.contains("proxy:3128"),
        "{shown}"
    );
    settings.url = "http://host/path".to_owned();
    let shown = format!("{:?}", transport(&settings));
    assert!(!shown.contains("hidden"), "{shown}");
}
