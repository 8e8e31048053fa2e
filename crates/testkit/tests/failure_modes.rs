//! `docs/failure-modes.md` is held to the sources: each test it names exists, each row has one, each metric it names is
//! described in `docs/telemetry.md`.
//!
//! `UPDATE_DOCS=1 cargo test -p testkit --test failure_modes` writes the lists of tests anew: all that are called
//! `row_NN_…`, by row.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const ROWS: [&str; 35] = [
    "1", "2", "3", "4", "5", "6", "6a", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18",
    "19", "20", "21", "22", "22a", "23", "23a", "24", "25", "26", "27", "28", "29", "30", "31", "32",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn page() -> PathBuf {
    root().join("docs/failure-modes.md")
}

fn rust_files(directory: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// `crates/watcher/src/store/tests.rs` is `watcher::store::tests`, `tests/end_to_end/disk.rs` is `end_to_end::disk`.
fn module(path: &Path) -> String {
    let below = path.strip_prefix(root()).unwrap().with_extension("");
    let parts = below.iter().map(|part| part.to_str().unwrap());
    let parts = parts.filter(|part| !matches!(*part, "crates" | "src" | "tests" | "mod" | "lib" | "main"));
    let mut parts: Vec<&str> = parts.collect();
    if path.ends_with("tests.rs") {
        parts.push("tests");
    }
    parts.join("::")
}

/// All test functions by their full paths.
fn tests() -> BTreeSet<String> {
    let mut files = Vec::new();
    ["crates", "tests"].iter().for_each(|directory| rust_files(&root().join(directory), &mut files));
    files.iter().flat_map(|path| tests_in(path)).collect()
}

fn tests_in(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let (mut module, mut marked, mut found) = (module(path), false, Vec::new());
    for line in text.lines().map(str::trim) {
        if line.starts_with("mod tests {") {
            module.push_str("::tests");
        }
        let name =
            line.trim_start_matches("async ").strip_prefix("fn ").and_then(|rest| rest.split_once('('));
        if let Some((name, _)) = name.filter(|_| marked) {
            found.push(format!("{module}::{name}"));
        }
        marked =
            line.starts_with("#[test]") || line.starts_with("#[tokio::test") || (marked && name.is_none());
    }
    found
}

/// The row that a test is named after: `6a` of `…::row_06a_…`.
fn row(test: &str) -> Option<String> {
    let name = test.rsplit("::").next()?.strip_prefix("row_")?;
    Some(name.split('_').next()?.trim_start_matches('0').to_owned())
}

/// A test's path without the row in its name: a test that is given its row is still the one that the page names.
fn without_row(test: &str) -> String {
    let (module, name) = test.rsplit_once("::").unwrap();
    let short =
        name.strip_prefix("row_").and_then(|rest| rest.split_once('_')).map_or(name, |(_, rest)| rest);
    format!("{module}::{short}")
}

/// The page's sections by row.
fn sections(text: &str) -> BTreeMap<String, String> {
    let sections = text.split("\n### ").skip(1);
    sections.map(|section| (section.split_once('.').unwrap().0.to_owned(), section.to_owned())).collect()
}

/// What stands in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The section with its list of tests written anew; what it names by other names stays.
fn with_tests(section: &str, tests: &BTreeSet<String>) -> String {
    let (number, _) = section.split_once('.').unwrap();
    let (body, listed) = section.split_once("\nTests:\n").unwrap();
    // A heading of a group of rows may follow.
    let group = listed.find("\n## ").map_or("", |at| &listed[at..]);
    let others =
        quoted(listed).filter(|test| tests.contains(*test) && row(test).is_none()).map(str::to_owned);
    let own = tests.iter().filter(|test| row(test).as_deref() == Some(number)).cloned();
    let all: BTreeSet<String> = others.chain(own).collect();
    let list: String = all.iter().map(|test| format!("- `{test}`\n")).collect();
    format!("{body}\nTests:\n{list}{group}")
}

#[test]
fn each_test_that_the_page_names_exists_and_each_row_has_one() {
    let tests = tests();
    let mut text = fs::read_to_string(page()).unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let mut parts = text.split("\n### ");
        let head = parts.next().unwrap().to_owned();
        text = parts.fold(head, |text, part| format!("{text}\n### {}", with_tests(part, &tests)));
        fs::write(page(), &text).unwrap();
    }
    let short: BTreeSet<String> = tests.iter().map(|test| without_row(test)).collect();
    let sections = sections(&text);
    let rows: BTreeSet<&str> = ROWS.into_iter().collect();
    assert_eq!(sections.keys().map(String::as_str).collect::<BTreeSet<_>>(), rows);
    for (number, section) in &sections {
        let named: Vec<&str> = quoted(section.split_once("\nTests:\n").unwrap().1).collect();
        assert!(!named.is_empty(), "row {number} has no test");
        for test in named {
            assert!(tests.contains(test) || short.contains(test), "row {number}: there is no test {test}");
        }
    }
}

#[test]
fn each_metric_and_reason_that_the_page_names_is_described() {
    let telemetry = fs::read_to_string(root().join("docs/telemetry.md")).unwrap();
    let text = fs::read_to_string(page()).unwrap();
    let known: BTreeSet<&str> =
        quoted(&telemetry).map(|name| name.trim_start_matches("xapi_observer.")).collect();
    let mut seen = 0;
    for section in sections(&text).values() {
        let shown = section.split_once("\n**Seen as**").unwrap().1.split("\n**").next().unwrap();
        for name in quoted(shown).filter(|name| is_metric(name)) {
            assert!(known.contains(name), "{name} is not in docs/telemetry.md");
            seen += 1;
        }
    }
    assert!(seen > 20, "only {seen} metrics and reasons were found");
}

/// Names of metrics have dots, reasons underscores or nothing; messages, keys and words of `status` are told apart by
/// what stands around them.
fn is_metric(name: &str) -> bool {
    let metric = ["read.", "records.", "lost.", "passed_over.", "lag.", "requests.", "correlation."];
    metric.iter().any(|start| name.starts_with(start))
}

#[test]
fn modules_are_named_as_cargo_does() {
    for (path, expected) in [
        ("crates/watcher/src/store/tests.rs", "watcher::store::tests"),
        ("crates/watcher/tests/rotation.rs", "watcher::rotation"),
        ("tests/end_to_end/dom0/hand_over.rs", "end_to_end::dom0::hand_over"),
        ("crates/exporter/src/delivery/mod.rs", "exporter::delivery"),
    ] {
        assert_eq!(module(&root().join(path)), expected);
    }
    assert_eq!(row("end_to_end::outage::row_06a_x_y").as_deref(), Some("6a"));
    assert_eq!(row("end_to_end::outage::row_x"), Some("x".to_owned()));
}
