//! `show`, on the sample status report of three hosts: 60 operations, of which 4 failed.

use crate::harness::DEADLINE;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use testkit::samples;

/// The report, beside it what is written.
struct Sample {
    folder: tempfile::TempDir,
}

impl Sample {
    fn new() -> Self {
        let sample = Self { folder: tempfile::tempdir().unwrap() };
        let output = sample.run(&["demo", "--report", sample.report().to_str().unwrap()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        sample
    }

    fn report(&self) -> PathBuf {
        self.folder.path().join("report.zip")
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xapi-observer"));
        command.args(arguments).env("COLUMNS", "200").env_remove("RUST_LOG").output().unwrap()
    }

    /// What `show` says of the report.
    fn show(&self, arguments: &[&str]) -> String {
        let report = self.report();
        let output = self.run(&[&["show", report.to_str().unwrap()], arguments].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let value: Value = serde_json::from_str(&self.show(&[arguments, &["--json"]].concat())).unwrap();
        value["traces"].as_array().unwrap().clone()
    }
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap()
}

#[test]
fn failures_are_named_with_their_error_lines() {
    let sample = Sample::new();
    let failed = sample.json(&["--errors"]);
    assert_eq!(failed.len() as u64, samples::CALLS.1);
    let shown = sample.show(&["--errors"]);
    for trace in &failed {
        let row = shown.lines().find(|row| row.contains(&text(trace, "trace_id")[..16])).unwrap();
        assert!(row.ends_with(text(trace, "name")), "{row}");
    }
    let failures = shown.lines().filter(|row| row.contains('✗')).count();
    let spans = failed.iter().map(|trace| trace["errors"].as_u64().unwrap()).sum::<u64>();
    assert_eq!(failures as u64, spans);
    assert!(shown.matches("failed with exception").count() >= 4, "{shown}");
}

#[test]
fn filters_and_drawings_agree() {
    let sample = Sample::new();
    let all = sample.json(&[]);
    assert!(all.len() >= 60, "{}", all.len());
    let lines: usize = all.iter().map(|trace| trace["lines"].as_array().unwrap().len()).sum();
    assert!(lines > 3_000, "{lines}");
    let slowest = sample.json(&["--slowest", "3"]);
    let longest = all.iter().map(|trace| trace["duration_nano"].as_u64().unwrap()).max();
    assert_eq!(slowest.len(), 3);
    assert_eq!(slowest[0]["duration_nano"].as_u64(), longest);
    let id = text(&slowest[0], "trace_id");
    let drawn = sample.show(&["--trace", &id[..12]]);
    assert!(drawn.contains(id) && drawn.contains('█'), "{drawn}");
    let task = slowest[0]["tasks"][0].as_str().unwrap();
    assert!(sample.json(&["--task", task]).iter().any(|trace| text(trace, "trace_id") == id));
    for trace in sample.json(&["--name", "vm.pool_MIGRATE"]) {
        let named = trace["spans"]
            .as_array()
            .unwrap()
            .iter()
            .any(|span| text(span, "name").to_lowercase().contains("vm.pool_migrate"));
        assert!(named, "{trace:#}");
    }
    let late = sample.json(&["--since", "2026-01-01"]);
    assert!(!late.is_empty() && late.len() < all.len(), "years are right");
}

#[test]
fn a_secret_is_not_shown() {
    let sample = Sample::new();
    let shown = sample.show(&["--json"]);
    assert!(shown.contains("[redacted]"));
    assert!(!shown.contains("password=root"), "a password");
}

#[test]
fn what_is_no_archive_or_not_there_is_said() {
    let sample = Sample::new();
    let file = sample.folder.path().join("notes.txt");
    std::fs::write(&file, "nothing of XAPI").unwrap();
    for (arguments, code, part) in [
        (vec!["show", "/no/such/report.zip"], 2, "/no/such/report.zip"),
        (vec!["show", file.to_str().unwrap()], 1, "nothing to show"),
        (vec!["show"], 2, "PATH"),
        (vec!["show", "x", "--since", "soon"], 2, "expected a time"),
    ] {
        let output = sample.run(&arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(part), "{arguments:?}: {said}");
    }
    let report = sample.report();
    let output = sample.run(&["show", report.to_str().unwrap(), "--name", "no such operation"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("nothing fits"));
}

/// The page as a browser has it, after its script has run.
fn browse(page: &Path, hash: &str, profile: &Path) -> String {
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--virtual-time-budget=5000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("--timeout={}", DEADLINE.as_millis()))
        .arg(format!("file://{}#{hash}", page.display()))
        .output()
        .unwrap_or_else(|error| panic!("chromium: {error}; tests/setup.sh installs it"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_page_opens_in_a_browser_and_finds_a_vm() {
    let sample = Sample::new();
    let page = sample.folder.path().join("report.html");
    assert_eq!(sample.show(&["--html", page.to_str().unwrap()]), "");
    let html = std::fs::read_to_string(&page).unwrap();
    let all = sample.json(&[]);
    let profile = sample.folder.path().join("profile");
    // Tasks without spans are listed with the traces.
    let tasks: Value = serde_json::from_str(&sample.show(&["--json"])).unwrap();
    let total = all.len() + tasks["tasks"].as_array().unwrap().len();
    let dom = browse(&page, "", &profile);
    assert!(dom.contains(&format!(">{total} of {total}<")), "everything is listed");
    let failed = browse(&page, "failed=1", &profile);
    assert!(failed.contains(&format!(">4 of {total}<")));
    // A machine that one operation alone has to do with.
    let uuid = regex::Regex::new("vm=([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})").unwrap();
    let mentions = |trace: &Value, vm: &str| trace.to_string().contains(vm);
    let machines = uuid.captures_iter(&html).map(|found| found[1].to_owned());
    let mut machines = machines.filter(|vm| all.iter().filter(|trace| mentions(trace, vm)).count() == 1);
    let vm = machines.next().unwrap();
    let trace = all.iter().find(|trace| mentions(trace, &vm)).unwrap();
    let dom = browse(&page, &format!("q={vm}"), &profile);
    assert!(dom.contains(&format!(">1 of {total}<")), "{vm}");
    assert!(dom.contains(text(trace, "trace_id")) && dom.contains("class=\"row"), "it is drawn");
    assert!(dom.contains(&format!("<mark>{vm}</mark>")), "and marked");
}
