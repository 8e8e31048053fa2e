//! What is allowed, but warned of.

use super::super::*;
use super::good;
use std::os::unix::fs::PermissionsExt;

/// The warnings about a file with this text and mode.
fn warned(text: &str, mode: u32) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.toml");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    warnings(&path, &good(text)).join("\n").replace(&format!("{}", directory.path().display()), "")
}

#[test]
fn defaults_are_wise() {
    assert_eq!(warned("", 0o644), "");
    assert_eq!(warned("[export]\nheaders = { a = \"b\" }\n", 0o600), "");
}

#[test]
fn secrets_that_others_can_read() {
    let said = warned("[export]\nheaders = { a = \"b\" }\n", 0o644);
    assert_eq!(said, "/t.toml holds secrets and others can read it (mode 644); run: chmod 600 /t.toml");
    assert!(warned("[export]\nproxy = \"http://a:b@p:3128\"\n", 0o640).contains("(mode 640)"));
    let directory = tempfile::tempdir().unwrap();
    let token = directory.path().join("token");
    std::fs::write(&token, "Bearer x").unwrap();
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o604)).unwrap();
    let text = format!("[export]\nheaders = {{ Authorization = \"file:{}\" }}\n", token.display());
    let said = warned(&text, 0o644);
    assert!(said.contains("/token holds secrets") && !said.contains("t.toml"), "{said}");
}

#[test]
fn ways_that_hardly_lead_anywhere() {
    let cases = [
        ("[export]\nendpoint = \"http://h:4317\"\n", "port 4317 usually speaks grpc"),
        (
            "[export]\nendpoint = \"http://h:4318\"\nprotocol = \"grpc\"\n",
            "port 4318 usually speaks http/protobuf",
        ),
        ("[export.logs]\nendpoint = \"http://loki:3100\"\n", "did you mean http://loki:3100/v1/logs?"),
        ("[export]\nendpoint = \"http://h\"\nheaders = { a = \"b\" }\n", "headers go to h over http://"),
        ("[export.tls]\nserver_name = \"h\"\n", "the keys of tls have no effect"),
        ("[export.traces]\nenabled = false\n[export.logs]\nenabled = false\n", "nothing is sent"),
        ("logs = []\n[traces]\nenabled = false\n", "nothing is read"),
        ("[[logs]]\npath = \"/var/log/SMlog\"\n", "is usually in format \"smlog\""),
        ("[[logs]]\npath = \"/tmp\"\n", "/tmp is a directory; expected a file"),
        ("[traces]\ndirectory = \"/etc/passwd\"\n", "/etc/passwd is a file"),
    ];
    for (text, expected) in cases {
        let said = warned(text, 0o600);
        assert!(said.contains(expected), "{text}: {said:?}");
    }
}

#[test]
fn own_metrics_follow_the_signals_that_are_sent() {
    let alone =
        "[export.traces]\nendpoint = \"http://tempo:4318/v1/traces\"\n[export.logs]\nenabled = false\n";
    assert!(good(alone).export.metrics.is_none());
    let general = "[export.traces]\nendpoint = \"http://tempo:4318/v1/traces\"\n";
    assert!(good(general).export.metrics.is_some(), "logs go to the general endpoint");
}

#[test]
fn metrics_that_anybody_can_ask_for() {
    let said = warned("[zipkin]\nlisten = \"0.0.0.0:9411\"\n", 0o600);
    assert!(said.contains("zipkin.listen: 0.0.0.0:9411 is open to the network"), "{said}");
    for (address, warns) in [("127.0.0.1:9464", false), ("[::1]:9464", false), ("0.0.0.0:9464", true)] {
        let said = warned(&format!("[telemetry]\nprometheus = \"{address}\"\n"), 0o600);
        assert_eq!(said.contains("is open to the network"), warns, "{said}");
    }
}
