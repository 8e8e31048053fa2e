//! `doctor` by the real binary: a host below a directory of the test, and collectors that answer in every way.

use crate::harness::{DEADLINE, Rig, sandbox, span, stop};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use testkit::collector::{Mood, Signal};
use testkit::driver::Exit;

const UUID: &str = "cb043a21-9c51-4418-a1e8-e7079ac6dc1a";

/// A host that has just been installed, or not even that.
struct Host {
    rig: Rig,
}

impl Host {
    fn new() -> Self {
        let host = Self { rig: Rig::new() };
        let product = "PRODUCT_BRAND='XCP-ng'\nPRODUCT_VERSION='8.3.0'\n";
        host.write("etc/xensource-inventory", &format!("{product}INSTALLATION_UUID='{UUID}'\n"));
        host.write("etc/xensource/pool.conf", "master");
        host.write("var/log/xensource.log", "");
        host.write("proc/sys/fs/inotify/max_user_watches", "8192\n");
        let uuid_and_time = format!("{UUID}-2026-02-19T20:46:15.393923-00:00");
        host.write(
            &format!("var/log/dt/zipkinv2/json/xapi-{uuid_and_time}.ndjson"),
            &format!("[{}]\n", span(1)),
        );
        host.configure("");
        host
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.rig.sandbox.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn configure(&self, extra: &str) {
        let endpoint = self.rig.collector.http_url();
        self.write(
            "etc/xapi-observer/xapi-observer.toml",
            &format!("[export]\nendpoint = \"{endpoint}\"\n{extra}"),
        );
        let path = self.rig.sandbox.root().join("etc/xapi-observer/xapi-observer.toml");
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn doctor(&self, arguments: &[&str]) -> Exit {
        let root = self.rig.sandbox.root().to_str().unwrap().to_owned();
        let all = [&["doctor", "--root", &root], arguments].concat();
        self.rig.sandbox.finish(&all, DEADLINE).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> (i32, Value) {
        let exit = self.doctor(&[&["--json"], arguments].concat());
        assert_eq!(exit.stderr, "");
        (exit.status.code().unwrap(), serde_json::from_str(&exit.stdout).unwrap())
    }
}

/// The worst level of a finding; empty if there is none.
fn level<'v>(report: &'v Value, id: &str) -> &'v str {
    let all = report["findings"].as_array().unwrap();
    let levels: Vec<&str> = all
        .iter()
        .filter(|finding| finding["id"] == id)
        .map(|finding| finding["level"].as_str().unwrap())
        .collect();
    ["fail", "warn", "ok"].into_iter().find(|level| levels.contains(level)).unwrap_or_default()
}

fn levels<'v>(report: &'v Value, ids: &[&str]) -> Vec<&'v str> {
    ids.iter().map(|id| level(report, id)).collect()
}

#[test]
fn a_good_host_has_nothing_that_fails() {
    let host = Host::new();
    let (code, report) = host.json(&[]);
    assert_eq!(code, 0, "{report:#}");
    let good = [
        "config.file",
        "host.identity",
        "host.pool",
        "host.xapi",
        "traces.directory",
        "traces.files",
        "traces.growing",
        "traces.twice",
        "traces.smapi",
        "logs.file",
        "logs.growing",
        "inotify",
        "state.directory",
        "net.dns",
        "net.tcp",
        "net.clock",
        "otlp.traces",
        "otlp.logs",
        "otlp.metrics",
    ];
    assert_eq!(levels(&report, &good), ["ok"; 19], "{report:#}");
    assert_eq!(level(&report, "agent.running"), "warn");
    assert_eq!(report["test"], Value::Null);
    let people = host.doctor(&[]);
    assert_eq!((people.status.code(), people.stderr.as_str()), (Some(0), ""));
    assert!(people.stdout.contains("ok    host.identity     "), "{}", people.stdout);
    assert!(people.stdout.contains("→ systemctl enable --now xapi-observer"), "{}", people.stdout);
    assert!(!people.stdout.contains('\u{1b}'), "{}", people.stdout);
}

#[test]
fn what_a_newcomer_lacks_is_said_with_what_mends_it() {
    let host = Host::new();
    let root = host.rig.sandbox.root();
    std::fs::remove_dir_all(root.join("var/log/dt")).unwrap();
    std::fs::remove_file(root.join("var/log/xensource.log")).unwrap();
    std::fs::remove_file(root.join("etc/xensource-inventory")).unwrap();
    host.write("proc/sys/fs/inotify/max_user_watches", "0\n");
    host.write("var/lib/xapi-observer/rejected/1", "x");
    let (code, report) = host.json(&[]);
    assert_eq!(code, 0, "{report:#}");
    let lacking = [
        "host.identity",
        "host.xapi",
        "traces.directory",
        "logs.file",
        "inotify",
        "state.rejected",
        "agent.running",
    ];
    assert_eq!(levels(&report, &lacking), ["warn"; 7], "{report:#}");
    let people = host.doctor(&[]).stdout;
    let [list, create] = ["xe observer-list", "xe observer-create"].map(|text| people.find(text).unwrap());
    assert!(list < create, "{people}");
    assert!(people.contains("once per pool"), "{people}");
}

#[test]
fn two_observers_and_an_old_product_are_told() {
    let host = Host::new();
    let name = format!("var/log/dt/xenopsd-{UUID}-2026-02-19T20:46:15.393923-00:00.ndjson");
    host.write(&name, &format!("[{0},{0}]\n", span(7)));
    assert_eq!(level(&host.json(&[]).1, "traces.twice"), "warn");
    host.write("etc/xensource-inventory", "PRODUCT_BRAND='XCP-ng'\nPRODUCT_VERSION='8.2.1'\n");
    std::fs::remove_dir_all(host.rig.sandbox.root().join("var/log/dt")).unwrap();
    let (_, report) = host.json(&[]);
    assert_eq!(levels(&report, &["host.xapi", "traces.directory"]), ["ok"; 2], "{report:#}");
    assert_eq!(level(&report, "traces.smapi"), "", "{report:#}");
}

#[test]
fn an_answer_that_refuses_is_explained_and_no_secret_shown() {
    let host = Host::new();
    host.configure("headers = { Authorization = \"Bearer sesame-open-1234\" }\n");
    let refuse =
        |status, body: &str| Mood::Status { status, headers: Vec::new(), body: body.as_bytes().to_vec() };
    for (mood, expected) in [
        (refuse(422, "at least one valid stream is required"), "ok"),
        (refuse(400, "what is this"), "warn"),
        (refuse(503, "later"), "warn"),
        (refuse(404, "page not found"), "fail"),
        (refuse(405, "no POST"), "fail"),
        (refuse(401, "who is Bearer sesame-open-1234?"), "fail"),
    ] {
        host.rig.collector.set(Signal::Logs, mood);
        let exit = host.doctor(&["--json"]);
        let report: Value = serde_json::from_str(&exit.stdout).unwrap();
        assert_eq!(level(&report, "otlp.logs"), expected, "{report:#}");
        assert_eq!(exit.status.code(), Some(i32::from(expected == "fail")));
        assert!(!exit.stdout.contains("sesame"), "{}", exit.stdout);
    }
}

#[test]
fn a_clock_that_is_off_is_told() {
    let host = Host::new();
    let headers = vec![("date".to_owned(), "Sun, 06 Nov 1994 08:49:37 GMT".to_owned())];
    host.rig.collector.set(Signal::Traces, Mood::Status { status: 200, headers, body: Vec::new() });
    let (code, report) = host.json(&[]);
    assert_eq!((code, level(&report, "net.clock")), (1, "fail"), "{report:#}");
}

#[test]
fn a_collector_that_is_not_there_fails() {
    let host = Host::new();
    host.write("etc/xapi-observer/xapi-observer.toml", "[export]\nendpoint = \"http://127.0.0.1:1\"\n");
    let (code, report) = host.json(&[]);
    assert_eq!(code, 1);
    assert_eq!(levels(&report, &["net.dns", "net.tcp", "otlp.traces"]), ["ok", "fail", "fail"], "{report:#}");
    host.write(
        "etc/xapi-observer/xapi-observer.toml",
        "[export]\nendpoint = \"http://collector.invalid:4318\"\n",
    );
    let (code, report) = host.json(&[]);
    assert_eq!((code, level(&report, "net.dns"), level(&report, "net.tcp")), (1, "fail", ""), "{report:#}");
    host.write(
        "etc/xapi-observer/xapi-observer.toml",
        &format!("[export]\nendpoint = {:?}\n", host.rig.collector.http_url().replace("http:", "https:")),
    );
    let (code, report) = host.json(&[]);
    assert_eq!((code, level(&report, "net.tcp"), level(&report, "net.tls")), (1, "ok", "fail"), "{report:#}");
}

#[test]
fn the_test_arrives_and_is_found_by_its_mark() {
    let host = Host::new();
    let (code, report) = host.json(&["--send-test"]);
    assert_eq!((code, levels(&report, &["test.traces", "test.logs"])), (0, vec!["ok"; 2]), "{report:#}");
    let test = &report["test"];
    let [id, trace] = ["id", "trace_id"].map(|key| test[key].as_str().unwrap());
    host.rig.collector.read(|state| {
        let (spans, logs) = (state.spans(), state.logs());
        assert_eq!((spans.len(), logs.len()), (1, 1));
        assert_eq!((spans[0].trace_id.as_str(), logs[0].trace_id.as_str()), (trace, trace));
        assert_eq!(spans[0].span_id, logs[0].span_id);
        assert!(logs[0].body.contains(id), "{}", logs[0].body);
    });
    let people = host.doctor(&["--send-test"]).stdout;
    for text in
        ["TraceQL: { span.xapi_observer.test.id = ", "LogQL:   {service_name=\"xapi-observer\"}", "curl -s"]
    {
        assert!(people.contains(text), "no {text} in {people}");
    }
}

#[test]
fn a_running_agent_is_asked() {
    let rig = Rig::new();
    let agent = rig.run();
    let ask = || -> Value { serde_json::from_str(&rig.command(&["doctor", "--json"]).stdout).unwrap() };
    rig.write_lines(1..3);
    rig.wait_lines(1..3);
    let all = ["agent.running", "agent.version", "agent.degraded", "agent.endpoint", "agent.losses"];
    assert_eq!(levels(&ask(), &all), ["ok"; 5]);
    rig.collector.set(Signal::Logs, Mood::status(401));
    rig.write_lines(3..5);
    rig.wait_status(|status| status["signals"]["logs"]["state"] == "blocked");
    assert_eq!(level(&ask(), "agent.endpoint"), "fail");
    stop(&agent);
}

#[test]
fn wrong_usage_and_a_bad_configuration_end_with_2() {
    let sandbox = sandbox();
    std::fs::write(sandbox.root().join("bad.toml"), "[export]\ntimeuot = 1\n").unwrap();
    for (arguments, said) in [
        (&["doctor", "--root", "/no/such/root"][..], "/no/such/root"),
        (&["doctor", "--config", "bad.toml"], "export.timeuot"),
        (&["doctor", "--config", "/no/such/file"], "/no/such/file"),
        (&["doctor", "--colour"], "--colour"),
    ] {
        let exit = sandbox.finish(arguments, DEADLINE).unwrap();
        assert_eq!((exit.status.code(), exit.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(exit.stderr.contains(said), "{}", exit.stderr);
    }
    assert!(!Path::new("/no/such/root").exists());
}
