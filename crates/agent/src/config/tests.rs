//! The configuration against the mistakes people make.

mod files;
mod mistakes;
mod mutated;
mod unwise;

use super::*;
use std::time::Duration;

fn none(_: &str) -> Option<String> {
    None
}

fn good(text: &str) -> Settings {
    parse(Path::new("t.toml"), text, &none).unwrap_or_else(|problems| panic!("{problems}"))
}

fn bad(text: &str) -> String {
    match parse(Path::new("t.toml"), text, &none) {
        Ok(_) => String::new(),
        Err(problems) => problems.to_string(),
    }
}

#[test]
fn an_empty_file_is_the_defaults() {
    let settings = good("");
    assert_eq!(settings.logs.len(), 1);
    assert_eq!(settings.wait, Duration::from_secs(75));
    assert_eq!(settings.export.traces.unwrap().transport.url, "http://127.0.0.1:4318/v1/traces");
    assert_eq!(settings.limits.memory_bytes, 32 << 20);
}

#[test]
fn the_sample_reads_back_as_the_defaults() {
    let (sampled, empty) = (good(&sample()), good(""));
    assert_eq!(sampled.logs.len(), empty.logs.len());
    assert_eq!(sampled.wait, empty.wait);
    assert_eq!(sampled.export.logs.map(|to| to.transport.url), empty.export.logs.map(|to| to.transport.url));
    assert_eq!(format!("{:?}", sampled.limits), format!("{:?}", empty.limits));
}

#[test]
fn every_default_fits_its_kind() {
    for key in keys::KEYS.iter().filter(|key| key.default.is_ok()) {
        assert!(written::default_of(key.path).is_some(), "{}", key.path);
    }
}

#[test]
fn all_mistakes_are_listed_with_line_and_key() {
    let text = "[export]\ntimeuot = \"3s\"\nprotocol = \"grcp\"\n[limits]\nmemory = \"12 apples\"\n[correlation]\nwait = 75\n";
    let said = bad(text);
    let expected = [
        "t.toml:2: export.timeuot: there is no such key; did you mean export.timeout?",
        "t.toml:3: export.protocol: \"grcp\" is not allowed here; expected \"http/protobuf\" or \"http/json\" or \"grpc\"",
        "t.toml:5: limits.memory: \"12 apples\" is not allowed here; expected a size from 8MiB to 4GiB, such as \"64KiB\", \"16MiB\"",
        "t.toml:7: correlation.wait: 75 has no unit; expected a duration from 0s to 1h, such as \"500ms\", \"30s\", \"10m\"",
    ];
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn mistakes_between_keys() {
    let cases = [
        ("[[logs]]\npath = \"/a\"\n[[logs]]\npath = \"/a.1\"\n", "is read already as /a"),
        ("[[logs]]\npath = \"/a\"\nformat = \"regex\"\n", "is needed by format"),
        ("[[logs]]\npath = \"/a\"\npattern = \"x\"\n", "is for format \"regex\" alone"),
        ("[[logs]]\npath = \"/var/log/dt/x.log\"\n", "lies in traces.directory"),
        ("[export.tls]\nca_file = \"/no/such/file\"\n", "/no/such/file is no file"),
        ("[export]\nheaders = { \"a b\" = \"c\" }\n", "is no name of a header"),
        ("[export]\nendpoint = \"collector:4318\"\n", "did you mean \"http://collector:4318\"?"),
        ("[export]\nendpoint = \"http://me:pw@collector\"\n", "belongs into headers"),
        ("[metrics]\nenabled = true\n[traces]\nenabled = false\n", "needs traces.enabled"),
        ("[metrics]\nenabled = true\n[export.traces]\nenabled = false\n", "needs traces.enabled"),
        ("[metrics]\nenabled = true\n[export.metrics]\nenabled = false\n", "no endpoint for metrics"),
        ("[traces]\nattach_logs = \"all\"\n[export.traces]\nenabled = false\n", "needs traces.enabled"),
        ("[traces]\nattach_logs = \"errors\"\nenabled = false\n", "needs traces.enabled"),
        ("[traces]\nattach_logs = \"all\"\n[correlation]\nwait = \"0s\"\n", "no line waits"),
        ("[traces]\nattach_logs = \"none\"\n", "is not allowed here"),
        ("[redact]\npatterns = [\"(\"]\n", "is no regular expression"),
        ("traces = 1\n", "it is a section: write [traces]"),
        ("[traces\n", "not TOML"),
        ("[nonsense]\na = 1\n", "there is no such section"),
    ];
    for (text, expected) in cases {
        let said = bad(text);
        assert!(said.contains(expected), "{text}: {said}");
    }
}

#[test]
fn signals_lay_their_section_over_the_general_one() {
    let settings = good(
        "[export]\nprotocol = \"grpc\"\nendpoint = \"http://tempo\"\n[export.logs]\nprotocol = \"http/protobuf\"\nendpoint = \"http://loki:3100/otlp/v1/logs\"\n[export.metrics]\nenabled = false\n",
    );
    assert_eq!(settings.export.traces.unwrap().transport.url, "http://tempo:4317");
    assert_eq!(settings.export.logs.unwrap().transport.url, "http://loki:3100/otlp/v1/logs");
    assert!(settings.export.metrics.is_none());
}

#[test]
fn own_metrics_are_off_where_only_traces_and_logs_have_a_way_out() {
    let both = "[export.traces]\nendpoint = \"http://tempo:4318/v1/traces\"\n[export.logs]\nendpoint = \"http://loki/v1/logs\"\n";
    assert!(good(both).export.metrics.is_none());
    assert!(good("").export.metrics.is_some());
    assert!(good("[telemetry]\nexport = false\n").export.metrics.is_none());
}

#[test]
fn the_environment_fills_what_the_file_leaves_unset() {
    let env = |name: &str| {
        let pairs = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://general:4318"),
            ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://loki/otlp/v1/logs"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-a=1,x-b=two%20words"),
            ("OTEL_RESOURCE_ATTRIBUTES", "site=lab,rack=7"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", ""),
        ];
        pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    };
    let text = "[resource]\nattributes = { rack = \"8\" }\n";
    let settings = parse(Path::new("t.toml"), text, &env).unwrap_or_else(|problems| panic!("{problems}"));
    let logs = settings.export.logs.unwrap();
    assert_eq!(settings.export.traces.unwrap().transport.url, "http://general:4318/v1/traces");
    assert_eq!(logs.transport.url, "http://loki/otlp/v1/logs");
    assert_eq!(logs.transport.timeout, Duration::from_millis(2500));
    assert_eq!(
        logs.transport.headers,
        [("x-a".to_owned(), "1".to_owned()), ("x-b".to_owned(), "two words".to_owned())]
    );
    assert_eq!(
        settings.resource,
        [("rack".to_owned(), "8".to_owned()), ("site".to_owned(), "lab".to_owned())]
    );
    let file = "[export]\nendpoint = \"http://file:4318\"\n";
    let settings = parse(Path::new("t.toml"), file, &env).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(settings.export.logs.unwrap().transport.url, "http://file:4318/v1/logs");
}

#[test]
fn own_telemetry_says_who_it_is_of() {
    let settings = good("[resource]\nattributes = { site = \"lab\", \"service.version\" = \"7\" }\n");
    let own = |name: Option<&str>| {
        let resource = settings.own_resource(name.map(str::to_owned), vec![("host.name", "lab".to_owned())]);
        resource.into_iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>()
    };
    let version = format!("service.version={}", env!("CARGO_PKG_VERSION"));
    assert_eq!(own(None), ["service.name=xapi-observer", &version, "host.name=lab", "site=lab"]);
    assert_eq!(own(Some("mine")).first().map(String::as_str), Some("service.name=mine"));
}
