//! What people get wrong, and whether they are told in words that help.

use super::super::*;
use super::{bad, good, none};

fn check(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let said = bad(text);
        assert!(said.contains(expected), "{text}: {said:?}");
    }
}

#[test]
fn sections_that_are_not_there() {
    check(&[
        ("[log]\npath = \"/a\"\n", "t.toml:1: log: there is no such section; did you mean [[logs]]?"),
        ("[[log]]\npath = \"/a\"\n", "t.toml:1: log: there is no such section; did you mean [[logs]]?"),
        ("[logs]\npath = \"/a\"\n", "t.toml:1: logs: is a table here; it is a section: write [[logs]]"),
        ("logs = [\"/a\"]\n", "t.toml:1: logs: a string is no log; write [[logs]] and its keys"),
        (
            "[[export]]\ntimeout = \"3s\"\n",
            "t.toml:1: export: is an array here; it is a section: write [export]",
        ),
        ("[exports]\n", "did you mean [export]?"),
        ("[export.log]\nendpoint = \"http://h\"\n", "did you mean [export.logs]?"),
        ("[export.header]\na = \"b\"\n", "did you mean [export.headers]?"),
        ("[export.tls.ca_file]\n", "a table value is not allowed here; expected an absolute path"),
        ("export.traces = true\n", "is a boolean here; it is a section: write [export.traces]"),
        ("[nonsense]\n", "nonsense: there is no such section"),
    ]);
    assert!(!bad("[nonsense]\n").contains("did you mean"));
}

#[test]
fn keys_that_are_not_there() {
    check(&[
        ("endpoint = \"http://h\"\n", "endpoint: there is no such key; did you mean export.endpoint?"),
        ("[export]\nmax-delay = \"1s\"\n", "did you mean export.max_delay?"),
        (
            "[[logs]]\nservice = \"a\"\npaht = \"/a\"\n",
            "t.toml:3: logs[].paht: there is no such key; did you mean logs[].path?",
        ),
    ]);
}

#[test]
fn values_of_the_wrong_kind() {
    check(&[
        ("[limits]\nmemory = 64\n", "t.toml:2: limits.memory: 64 has no unit; expected a size from 8MiB"),
        ("[limits]\nmemory = \"67108864\"\n", "67108864 has no unit; expected a size"),
        ("[limits]\nmemory = \"64M\"\n", "\"64M\" is not allowed here; expected a size"),
        ("[limits]\nmemory = \"64 TB\"\n", "\"64 TB\" is not allowed here"),
        (
            "[limits]\nmemory = \"1 KiB\"\n",
            "\"1 KiB\" is not allowed here; expected a size from 8MiB to 4GiB",
        ),
        ("[limits]\nopen_files = \"256\"\n", "expected a number from 16 to 65536, without quotes"),
        ("[limits]\nopen_files = -1\n", "-1 is not allowed here; expected a number from 16"),
        ("[limits]\nopen_files = 2.5\n", "a float value is not allowed here"),
        ("[correlation]\nwait = 75\n", "75 has no unit; expected a duration from 0s to 1h"),
        ("[correlation]\nwait = \"1.5m\"\n", "\"1.5m\" is not allowed here; expected a duration"),
        (
            "[traces]\nenabled = \"yes\"\n",
            "\"yes\" is not allowed here; expected true or false, without quotes",
        ),
        ("[traces]\ndrop = \"Tracing.*\"\n", "expected a list of globs, such as [\"Tracing.*\"]"),
        ("[traces]\ndrop = [1]\n", "a list with something else than texts"),
        ("[traces]\ndirectory = \"dt\"\n", "\"dt\" is not allowed here; expected an absolute path"),
        ("[export]\nheaders = \"a=b\"\n", "expected a table of texts"),
        ("[export]\nheaders = { a = 1 }\n", "a table with something else than texts"),
        (
            "[telemetry]\nsocket = \"/run/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0.sock\"\n",
            "is longer than 107 bytes",
        ),
    ]);
    assert_eq!(good("[limits]\nmemory = \"32 MB\"\nopen_files = 0x1_00\n").limits.memory_bytes, 32_000_000);
    assert_eq!(good("[limits]\nopen_files = 0x1_00\n").limits.open_files, 256);
}

#[test]
fn endpoints_that_lead_nowhere() {
    check(&[
        (
            "[export]\nendpoint = \"localhost:4317\"\n",
            "t.toml:2: export.endpoint: \"localhost:4317\" does not begin with http:// or https://; did you mean \"http://localhost:4317\"?",
        ),
        ("[export]\nendpoint = \"http://h:4318/v1/traces\"\n", "ends in /v1/traces, which is appended"),
        ("[export]\nendpoint = \"http://h:4318/v1/logs/\"\n", "ends in /v1/logs, which is appended"),
        ("[export]\nendpoint = \"http://h:4318/?a=b\"\n", "has a query"),
        ("[export]\nproxy = \"socks5://p:1080\"\n", "export.proxy: \"socks5://p:1080\" is no proxy"),
        (
            "[export.logs]\nheaders = { \"Content-Type\" = \"a\" }\n",
            "export.logs.headers: Content-Type is set by the protocol itself",
        ),
        (
            "[export]\nheaders = { a = \"file:token\" }\n",
            "of a: token is no file; expected file: and an absolute path",
        ),
        ("[export.logs.tls]\ncert_file = \"/dev/null\"\n", "export.logs.tls.cert_file: /dev/null is no file"),
    ]);
    let grpc = "[export]\nprotocol = \"grpc\"\nendpoint = \"http://h/v1/traces\"\n";
    assert_eq!(bad(grpc), "");
}

#[test]
fn files_that_hold_something_else() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    std::fs::write(&file, "not PEM").unwrap();
    let text =
        format!("[export]\nendpoint = \"https://h\"\n[export.tls]\nca_file = \"{}\"\n", file.display());
    let said = bad(&text);
    assert!(said.starts_with("t.toml:4: export.tls.ca_file: "), "{said}");
    assert!(said.contains("no such PEM section"), "{said}");
}

#[test]
fn logs_that_are_none() {
    check(&[
        (
            "[[logs]]\nformat = \"smlog\"\n",
            "t.toml:1: logs[].path: is needed: the default, /var/log/xensource.log, is not in format \"smlog\"",
        ),
        ("[[logs]]\npath = \"/var/log/*.log\"\n", "has a wildcard in it; write a [[logs]] for each file"),
        ("[[logs]]\npath = \"/var/log/\"\n", "is a directory"),
        (
            "[[logs]]\npath = \"/a\"\n[[logs]]\npath = \"/a-20260219\"\n",
            "t.toml:3: logs[].path: /a-20260219 is read already as /a",
        ),
        ("[[logs]]\ndrop = [\"\"]\n", "an empty expression matches every line"),
        ("[redact]\npatterns = ['x*']\n", "would be found everywhere"),
        (
            "[[logs]]\npath = \"/a\"\nformat = \"regex\"\npattern = 'x'\n",
            "t.toml:4: logs[].pattern: has no named group",
        ),
    ]);
    let neighbours = "[[logs]]\npath = \"/a\"\n[[logs]]\npath = \"/a.log\"\n[[logs]]\npath = \"/a-b\"\n";
    assert_eq!(good(neighbours).logs.len(), 3);
    assert_eq!(good("[[logs]]\nmin_severity = \"info\"\n").logs[0].path, Path::new("/var/log/xensource.log"));
    assert!(good("logs = []\n").logs.is_empty());
}

#[test]
fn resource_attributes_that_backends_refuse() {
    check(&[
        (
            "[resource]\nattributes = { \"service.name\" = \"x\" }\n",
            "\"service.name\": each span and line says its own",
        ),
        ("[resource.attributes]\ntrace_id = \"x\"\n", "\"trace_id\": would hide the record's own"),
        ("[resource.attributes]\n\"..\" = \"x\"\n", "\"..\": is no name of an attribute"),
        ("[resource.attributes]\n\"\" = \"x\"\n", "\"\": is no name of an attribute"),
    ]);
}

#[test]
fn text_that_is_no_toml() {
    check(&[
        ("[export]\ntimeout = \"3s\"\n[export]\n", "t.toml:3: not TOML: duplicate key"),
        ("[export]\ntimeout = \"3s\"\ntimeout = \"4s\"\n", "t.toml:3: not TOML: duplicate key"),
        ("[export]\nendpoint = http://h\n", "t.toml:2: not TOML: "),
        ("[redact]\npatterns = [\"\\d\"]\n", "t.toml:2: not TOML: "),
        ("export: {}\n", "t.toml:1: not TOML: "),
    ]);
}

#[test]
fn carriage_returns_do_no_harm() {
    let text = "[correlation]\r\nwait = \"3s\"\r\n\r\n[limits]\r\nlnie = 1\r\n";
    assert!(bad(text).starts_with("t.toml:5: limits.lnie: "), "{}", bad(text));
    assert_eq!(good("[correlation]\r\nwait = \"3s\"\r\n").wait.as_secs(), 3);
}

fn with_environment(pairs: &[(&str, &str)], text: &str) -> Result<Settings, String> {
    let env = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    parse(Path::new("t.toml"), text, &env).map_err(|problems| problems.to_string())
}

#[test]
fn mistakes_in_the_environment_name_the_variable() {
    let cases = [
        (
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
            "environment variable OTEL_EXPORTER_OTLP_TIMEOUT: export.timeout: \"10s\" is no number of milliseconds",
        ),
        (
            ("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "thrift"),
            "environment variable OTEL_EXPORTER_OTLP_LOGS_PROTOCOL: export.logs.protocol: \"thrift\" is not allowed here",
        ),
        (
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/no/such"),
            "environment variable OTEL_EXPORTER_OTLP_CERTIFICATE: export.tls.ca_file: /no/such is no file",
        ),
        (
            ("OTEL_EXPORTER_OTLP_HEADERS", "secret"),
            "environment variable OTEL_EXPORTER_OTLP_HEADERS: export.headers: a part has no \"=\"",
        ),
        (("OTEL_EXPORTER_OTLP_ENDPOINT", "h:4318"), "did you mean \"http://h:4318\"?"),
        (
            ("OTEL_RESOURCE_ATTRIBUTES", "span_id=1"),
            "environment variable OTEL_RESOURCE_ATTRIBUTES: resource.attributes: \"span_id\"",
        ),
        (
            ("HTTP_PROXY", "socks5://p"),
            "environment variable HTTPS_PROXY, HTTP_PROXY or ALL_PROXY: export.proxy: expected http://host:port",
        ),
    ];
    for (pair, expected) in cases {
        let said = with_environment(&[pair], "").err().unwrap_or_default();
        assert!(said.contains(expected), "{pair:?}: {said:?}");
        assert!(!said.contains("secret"), "{said}");
    }
}

#[test]
fn endpoints_of_the_environment_may_lack_a_scheme_for_grpc() {
    let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "GRPC");
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "h:4317");
    let logs_endpoint = ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "loki:4317");
    let insecure = ("OTEL_EXPORTER_OTLP_INSECURE", "True");
    let logs_insecure = ("OTEL_EXPORTER_OTLP_LOGS_INSECURE", "false");
    let cases = [
        (vec![grpc, endpoint], "https://h:4317", "https://h:4317"),
        (vec![grpc, endpoint, insecure], "http://h:4317", "http://h:4317"),
        (vec![grpc, endpoint, logs_endpoint, insecure], "http://h:4317", "http://loki:4317"),
        (vec![grpc, endpoint, logs_endpoint, insecure, logs_insecure], "http://h:4317", "https://loki:4317"),
    ];
    let ca = ca_file();
    for (pairs, traces, logs) in cases {
        let text = format!("[export.tls]\nca_file = \"{}\"\n", ca.1.display());
        let export = with_environment(&pairs, &text).unwrap().export;
        assert_eq!(export.traces.unwrap().transport.url, traces, "{pairs:?}");
        assert_eq!(export.logs.unwrap().transport.url, logs, "{pairs:?}");
    }
}

/// A certificate in a directory that lives as long as it is held.
fn ca_file() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.pem");
    let certified = rcgen::generate_simple_self_signed(vec!["h".to_owned()]).unwrap();
    std::fs::write(&path, certified.cert.pem()).unwrap();
    (directory, path)
}

#[test]
fn the_environment_is_read_as_the_specification_says() {
    let pairs = [
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", " None "),
        ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "2000"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "a=100%25,b=%+1"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=ours,site=lab"),
    ];
    let settings = with_environment(&pairs, "[export]\ntimeout = \"7s\"\n").unwrap();
    let traces = settings.export.traces.unwrap().transport;
    assert_eq!(traces.compression, exporter::transport::Compression::None);
    assert_eq!(traces.headers, [("a".to_owned(), "100%".to_owned()), ("b".to_owned(), "%+1".to_owned())]);
    assert_eq!(settings.export.logs.unwrap().transport.timeout.as_secs(), 7, "the file is nearer");
    assert_eq!(settings.resource, [("site".to_owned(), "lab".to_owned())]);
    assert!(!settings.secrets_in_file);
}

#[test]
fn passwords_are_not_repeated() {
    let texts = [
        "[export]\nendpoint = \"me:hunter2@h:4318\"\n",
        "[export]\nendpoint = \"ftp://me:hunter2@h\"\n",
        "[export]\nproxy = \"https://me:hunter2@p\"\n",
        "[export]\nheaders = { Authorization = \"hunter2\\u0007\" }\n",
        "[export]\nheaders = \"Authorization: hunter2\"\n",
        "[export]\nheaders = [\"hunter2\"]\n",
        "[export]\nheaders = { \"Authorization: hunter2\" = \"\" }\n",
        "[export]\nendpoint = \"http://h:4318/?token=hunter2\"\n",
        "[export]\nendpoint = \"http://h:4318/v1/logs?token=hunter2\"\n",
        "[export.logs]\nendpoint = \"h:4318?token=hunter2\"\n",
        "[export.logs]\nendpoint = \"http://h:0?token=hunter2\"\n",
    ];
    for text in texts {
        let said = bad(text);
        assert!(!said.is_empty() && !said.contains("hunter2"), "{text}: {said}");
    }
    assert!(parse(Path::new("t.toml"), "[export]\nproxy = \"http://me:hunter2@p:3128\"\n", &none).is_ok());
}
