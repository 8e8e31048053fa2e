//! Every way out: protocols, compressions, endpoints, headers, the environment, TLS, and the agent's own metrics.

use crate::harness::{Rig, sandbox, word};
use std::fs;
use std::path::PathBuf;
use testkit::collector::tls::{Authority, ServerTls, Validity};
use testkit::collector::{Collector, Options, Request, Signal, State, Transport, text};

const TRANSPORTS: [(&str, Transport, &str); 3] = [
    ("http/protobuf", Transport::HttpProtobuf, "application/x-protobuf"),
    ("http/json", Transport::HttpJson, "application/json"),
    ("grpc", Transport::Grpc, "application/grpc"),
];

/// Delivers three spans and lines, and stops: then the own metrics come too.
fn deliver(rig: &Rig) {
    rig.write_spans(1..4);
    rig.write_lines(1..4);
    let agent = rig.run();
    rig.wait_spans(1..4);
    rig.wait_lines(1..4);
    rig.stop(&agent);
    rig.assert_once(1..4, 1..4);
}

fn each_request(rig: &Rig, mut look: impl FnMut(&Request)) {
    rig.collector.read(|state| {
        assert!(Signal::ALL.iter().all(|signal| state.of(*signal).count() > 0), "{state}");
        state.requests().iter().for_each(&mut look);
    });
}

fn point_at(rig: &mut Rig, protocol: &str) {
    let url = if protocol == "grpc" { rig.collector.grpc_url() } else { rig.collector.http_url() };
    rig.sandbox.set_text("export.protocol", protocol).set_text("export.endpoint", &url);
}

#[test]
fn each_protocol_with_each_compression() {
    for (protocol, transport, content_type) in TRANSPORTS {
        for (compression, encoding) in [("gzip", "gzip"), ("zstd", "zstd"), ("none", "")] {
            let mut rig = Rig::new();
            point_at(&mut rig, protocol);
            rig.sandbox.set_text("export.compression", compression);
            deliver(&rig);
            each_request(&rig, |request| {
                assert_eq!(
                    (request.transport, request.encoding.as_str()),
                    (transport, encoding),
                    "{request:?}"
                );
                assert!(request.content_type.starts_with(content_type), "{request:?}");
            });
        }
    }
}

#[test]
fn each_signal_may_have_its_own_endpoint() {
    let mut rig = Rig::new();
    let loki = Collector::start(Options::default()).unwrap();
    let url = format!("{}/otlp/v1/logs", loki.http_url());
    let grpc = rig.collector.grpc_url();
    rig.sandbox.unset("export.endpoint").set_text("export.traces.protocol", "grpc");
    rig.sandbox.set_text("export.traces.endpoint", &grpc).set_text("export.logs.endpoint", &url);
    rig.sandbox.set_text("export.logs.compression", "none");
    rig.write_spans(1..4);
    rig.write_lines(1..4);
    let agent = rig.run();
    rig.wait_spans(1..4);
    loki.wait_for(|state| state.stored(Signal::Logs) == 3, crate::harness::DEADLINE).unwrap();
    assert_eq!(word(&rig.status(), "/signals/logs/endpoint"), url);
    rig.stop(&agent);
    rig.assert_once(1..4, 0..0);
    loki.read(|state| {
        let paths: Vec<(&str, &str)> = state
            .requests()
            .iter()
            .map(|request| (request.path.as_str(), request.encoding.as_str()))
            .collect();
        assert!(!paths.is_empty() && paths.iter().all(|path| *path == ("/otlp/v1/logs", "")), "{paths:?}");
    });
    let metrics = |state: &State| state.of(Signal::Metrics).count();
    assert_eq!((rig.collector.read(metrics), loki.read(metrics)), (0, 0), "own metrics have nowhere to go");
}

#[test]
fn a_signal_that_is_left_out_is_not_sent() {
    let mut rig = Rig::new();
    rig.sandbox.set("export.traces.enabled", "false").set("telemetry.export", "false");
    rig.write_spans(1..4);
    rig.write_lines(1..4);
    let agent = rig.run();
    rig.wait_lines(1..4);
    rig.stop(&agent);
    rig.assert_once(0..0, 1..4);
    let others = rig.collector.read(|state| state.requests().len() - state.of(Signal::Logs).count());
    assert_eq!(others, 0);
}

#[test]
fn headers_come_from_a_file_and_are_renewed_with_it() {
    for protocol in ["http/protobuf", "grpc"] {
        let mut rig = Rig::new();
        point_at(&mut rig, protocol);
        let token = rig.sandbox.root().join("token");
        fs::write(&token, "Bearer one\n").unwrap();
        let headers = format!("{{ authorization = \"file:{}\", X-Scope-OrgID = \"dom0\" }}", token.display());
        rig.sandbox.set("export.headers", headers);
        let agent = rig.run();
        rig.write_lines(1..3);
        rig.wait_lines(1..3);
        fs::write(&token, "Bearer two\n").unwrap();
        rig.write_lines(3..5);
        rig.wait_lines(3..5);
        rig.stop(&agent);
        rig.assert_once(0..0, 1..5);
        rig.collector.read(|state| {
            let sent: Vec<_> =
                state.of(Signal::Logs).map(|request| request.header("authorization")).collect();
            assert_eq!((sent.first(), sent.last()), (Some(&Some("Bearer one")), Some(&Some("Bearer two"))));
            assert!(state.requests().iter().all(|request| request.header("x-scope-orgid") == Some("dom0")));
        });
    }
}

#[test]
fn the_environment_fills_what_the_file_leaves_unset() {
    let mut rig = Rig::new();
    let url = rig.collector.grpc_url();
    rig.sandbox.unset("export.endpoint").set("resource.attributes", "{ rack = \"8\" }");
    for (name, value) in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-a=1,x-b=two%20words"),
        ("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "x-a=logs"),
        ("OTEL_RESOURCE_ATTRIBUTES", "site=lab,rack=7"),
        ("OTEL_SERVICE_NAME", "my-agent"),
    ] {
        rig.sandbox.env(name, value);
    }
    deliver(&rig);
    each_request(&rig, |request| {
        let a = if request.signal == Signal::Logs { "logs" } else { "1" };
        assert_eq!((request.transport, request.encoding.as_str()), (Transport::Grpc, "zstd"), "{request:?}");
        assert_eq!(request.header("x-a"), Some(a), "{request:?}");
    });
    rig.collector.read(|state| {
        let resources = state.spans().iter().map(|span| &span.resource);
        let resources = resources.chain(state.logs().iter().map(|log| &log.resource));
        for resource in resources.chain(state.metrics().iter().map(|metric| &metric.resource)) {
            assert_eq!((text(resource, "site"), text(resource, "rack")), ("lab", "8"), "{resource:?}");
        }
        assert!(state.metrics().iter().all(|metric| metric.service() == "my-agent"));
        assert!(state.logs().iter().all(|log| log.service() == "xapi"));
    });
}

#[test]
fn own_metrics_say_what_was_done() {
    let rig = Rig::new();
    deliver(&rig);
    rig.collector.read(|state| {
        let metrics = state.metrics();
        assert!(metrics.iter().all(|metric| metric.service() == "xapi-observer"), "{metrics:#?}");
        let delivered =
            metrics.iter().find(|metric| metric.name == "xapi_observer.records.delivered").unwrap();
        let of =
            |signal| delivered.points.iter().find(|(attributes, _)| text(attributes, "signal") == signal);
        assert_eq!((of("traces").unwrap().1, of("logs").unwrap().1), (3.0, 3.0), "{delivered:#?}");
    });
}

/// An authority, a collector that shows its certificate for these names, and a rig that sends to it.
struct Secure {
    authority: Authority,
    rig: Rig,
}

impl Secure {
    fn new(names: &[&str], validity: Validity, ask_for_client: bool) -> Self {
        let authority = Authority::new("the test's").unwrap();
        let identity = authority.server(names, validity).unwrap();
        let client_ca = ask_for_client.then(|| authority.certificate());
        let tls = Some(ServerTls { identity, client_ca });
        let mut rig = Rig::with(Options { tls, ..Options::default() });
        let ca = write(&rig, "ca.pem", &authority.certificate());
        rig.sandbox.set_text("export.tls.ca_file", ca.to_str().unwrap());
        Self { authority, rig }
    }
}

fn write(rig: &Rig, name: &str, text: &str) -> PathBuf {
    let path = rig.sandbox.root().join(name);
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn tls_with_an_authority_of_ones_own() {
    for (protocol, _, _) in TRANSPORTS {
        let mut secure = Secure::new(&["localhost"], Validity::Now, false);
        point_at(&mut secure.rig, protocol);
        deliver(&secure.rig);
    }
}

#[test]
fn row_26_a_certificate_of_the_agents_own_and_another_server_name() {
    for protocol in ["http/protobuf", "grpc"] {
        let mut secure = Secure::new(&["collector.example"], Validity::Now, true);
        point_at(&mut secure.rig, protocol);
        let client = secure.authority.client("agent", Validity::Now).unwrap();
        let (cert, key) =
            (write(&secure.rig, "cert.pem", &client.certificate), write(&secure.rig, "key.pem", &client.key));
        let sandbox = &mut secure.rig.sandbox;
        sandbox.set_text("export.tls.cert_file", cert.to_str().unwrap());
        sandbox.set_text("export.tls.key_file", key.to_str().unwrap());
        sandbox.set_text("export.tls.server_name", "collector.example");
        deliver(&secure.rig);
    }
}

#[test]
fn row_26_a_certificate_that_is_not_good_sends_nothing_and_is_named() {
    for (names, validity, own_authority, cause) in [
        (["localhost"], Validity::Expired, false, "expired"),
        (["elsewhere"], Validity::Now, false, "elsewhere"),
        (["localhost"], Validity::Now, true, "ca.pem"),
    ] {
        for protocol in ["http/protobuf", "grpc"] {
            let mut secure = Secure::new(&names, validity, false);
            point_at(&mut secure.rig, protocol);
            if own_authority {
                write(&secure.rig, "ca.pem", &Authority::new("another").unwrap().certificate());
            }
            let rig = &secure.rig;
            rig.write_lines(1..4);
            let agent = rig.run();
            let status = rig.wait_status(|status| word(status, "/signals/logs/state") == "blocked");
            let why = word(&status, "/signals/logs/why");
            assert!(why.contains(cause), "{protocol}: {cause} is not in {why}");
            assert_eq!(rig.collector.read(|state| state.requests().len()), 0);
            write(rig, "ca.pem", &secure.authority.certificate());
            if own_authority {
                rig.wait_lines(1..4);
            }
            rig.stop(&agent);
        }
    }
}

#[test]
fn row_26_a_missing_authority_file_is_a_mistake_in_the_configuration() {
    let mut sandbox = sandbox();
    sandbox.set_text("export.tls.ca_file", "/no/such/ca.pem").write_config().unwrap();
    let config = sandbox.config_file();
    let exit =
        sandbox.finish(&["run", "--config", config.to_str().unwrap()], crate::harness::DEADLINE).unwrap();
    assert_eq!(exit.status.code(), Some(2), "{}", exit.stderr);
    assert!(exit.stderr.contains("export.tls.ca_file: /no/such/ca.pem is no file"), "{}", exit.stderr);
}
