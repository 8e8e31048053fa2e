//! Spans that are sent over HTTP, as XAPI, curl and Python's exporter send them.

use crate::harness::{Rig, span, stop, until};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use testkit::collector::{Mood, Signal};

/// As in the documentation of Zipkin's API: short ids, a year long gone.
const CURL: &str = r#"[{"id":"1234","traceId":"0123456789abcde0","timestamp":1608239395286533,"duration":100000,"name":"span from bash!","tags":{"http.method":"GET","http.path":"/api"},"localEndpoint":{"serviceName":"shell script"}}]"#;

/// As opentelemetry-exporter-zipkin-json for Python writes it: blanks, a null kind, `debug`.
const PYTHON: &str = r#"[{"traceId": "7e9a2f1bd5a94c3c8e9d6d7a0c4f1b2a", "id": "53995c3f42cd8ad8", "name": "VDI.attach", "timestamp": 1772400000000000, "duration": 5000, "localEndpoint": {"serviceName": "smapi"}, "kind": null, "tags": {"otel.library.name": "sm", "otel.status_code": "OK"}, "annotations": null, "debug": true, "parentId": "e457b5a2e4d86bd1"}]"#;

struct Server {
    rig: Rig,
    address: String,
}

impl Server {
    fn new() -> Self {
        let mut rig = Rig::new();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        rig.sandbox.set_text("zipkin.listen", &address);
        Self { rig, address }
    }

    /// The status and the rest of the answer.
    fn send(&self, head: &str, body: &[u8]) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let length = body.len();
        write!(stream, "{head} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n").unwrap();
        // Who refuses does not read to the end.
        let _ = stream.write_all(body);
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        (status, answer)
    }

    fn post(&self, body: &str) -> u16 {
        self.send("POST /api/v2/spans", body.as_bytes()).0
    }

    /// Waits until the port is open.
    fn wait_open(&self) {
        assert!(until(|| TcpStream::connect(&self.address).is_ok()), "the port is not opened");
    }

    fn spooled(&self) -> usize {
        std::fs::read_dir(self.rig.sandbox.state().join("zipkin")).map_or(0, Iterator::count)
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.rig.collector.read(|state| state.spans().iter().map(|span| span.name.clone()).collect());
        names.sort();
        names
    }
}

#[test]
fn what_curl_and_python_send_arrives_and_its_files_go() {
    let server = Server::new();
    let agent = server.rig.run();
    server.wait_open();
    assert_eq!(server.post(CURL), 202);
    assert_eq!(server.send("POST /", PYTHON.as_bytes()).0, 202);
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(format!("[\n{},\n{}\n]", span(1), span(2)).as_bytes()).unwrap();
    let head = "POST /api/v2/spans HTTP/1.1\r\nContent-Encoding: gzip\r\nX:";
    assert_eq!(server.send(head, &packed.finish().unwrap()).0, 202);
    assert_eq!(server.post("[]"), 202);
    server.rig.wait_spans(1..3);
    server.rig.wait(|state| state.spans().len() == 4);
    server.rig.collector.read(|state| {
        let short = state.spans().iter().find(|span| span.name == "span from bash!").unwrap();
        assert_eq!(short.trace_id, "00000000000000000123456789abcde0");
        assert_eq!(short.span_id, "0000000000001234");
        assert_eq!(short.service(), "shell script");
        let python = state.spans().iter().find(|span| span.name == "VDI.attach").unwrap();
        assert_eq!((python.service(), python.parent_id.as_str()), ("smapi", "e457b5a2e4d86bd1"));
    });
    assert!(until(|| server.spooled() == 0), "delivered, but kept");
    stop(&agent);
    assert!(TcpStream::connect(&server.address).is_err());
}

#[test]
fn one_bad_span_does_not_cost_the_others() {
    let server = Server::new();
    let agent = server.rig.run();
    server.wait_open();
    let body = format!("[{},{{\"id\":\"x\"}},{}]", span(1), span(2));
    assert_eq!(server.post(&body), 202);
    server.rig.wait_spans(1..3);
    for (head, body, status, part) in [
        ("POST /api/v2/spans", "[{\"id\":", 400, "no JSON"),
        ("POST /api/v2/spans", "7", 400, "no array"),
        ("POST /api/v1/spans", "[]", 404, "/api/v2/spans"),
        ("GET /api/v2/spans", "", 405, "POST"),
        ("POST /api/v2/spans HTTP/1.1\r\nContent-Type: application/x-protobuf\r\nX:", "[]", 415, "json"),
        ("POST /api/v2/spans HTTP/1.1\r\nContent-Encoding: br\r\nX:", "[]", 415, "gzip"),
    ] {
        let (code, answer) = server.send(head, body.as_bytes());
        assert_eq!(code, status, "{head}: {answer}");
        assert!(answer.contains(part), "{head}: {answer}");
    }
    assert_eq!(server.send("POST /", &vec![b' '; 17 << 20]).0, 413);
    let status = server.rig.status();
    let set_aside = status.pointer("/signals/traces/tally/set_aside").and_then(serde_json::Value::as_object);
    let set_aside: u64 = set_aside.into_iter().flatten().filter_map(|(_, number)| number.as_u64()).sum();
    assert_eq!(set_aside, 1, "{status:#}");
    stop(&agent);
}

#[test]
fn what_was_answered_survives_a_kill() {
    let server = Server::new();
    server.rig.collector.set(Signal::Traces, Mood::CloseBeforeReading);
    let agent = server.rig.run();
    server.wait_open();
    for n in 1..21 {
        assert_eq!(server.post(&format!("[{}]", span(n))), 202);
    }
    agent.kill();
    assert_eq!(server.names(), Vec::<String>::new());
    server.rig.collector.set(Signal::Traces, Mood::Accept);
    let agent = server.rig.run();
    server.rig.wait_spans(1..21);
    server.rig.assert_once(1..21, 0..0);
    stop(&agent);
}
