use super::*;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Where a subscriber of the form writes.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What `say` leaves on stderr.
fn said(journal: bool, say: impl FnOnce()) -> String {
    let sink = Sink::default();
    let writer = sink.clone();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(move || writer.clone())
        .event_format(Form { journal, colour: false });
    tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), say);
    String::from_utf8(sink.0.lock().unwrap().clone()).unwrap()
}

#[test]
fn secrets_and_floods_do_not_get_through() {
    let text = said(false, || {
        tracing::warn!(id = "XO1", why = "GET / Authorization: Bearer hunter2", token = "hunter2", "x");
        tracing::warn!(target: "a_library", url = "http://me:hunter2@h/", "login(password='hunter2')");
        tracing::warn!(id = "XO1", why = "y".repeat(1 << 20), "x");
    });
    assert!(!text.contains("hunter2") && text.matches("[redacted]").count() == 4, "{}", &text[..300]);
    assert!(text.len() < 10_000, "{} bytes", text.len());
}

#[test]
fn the_journal_gets_priorities_and_all_get_ids() {
    let say = || {
        tracing::error!(id = "XO1", why = "no\nway", "it broke");
        tracing::warn!(target: "hyper::proto", "odd");
        tracing::info!(id = "XO2", n = 3, "fine");
        tracing::debug!(id = "XO3", path = "", "small");
    };
    let journal = "<3>XO1 it broke why=no\\nway\n<4>XO1901 hyper::proto: odd\n<6>XO2 fine n=3\n<7>XO3 small path=\"\"\n";
    assert_eq!(said(true, say), journal);
    let terminal = "error: XO1 it broke why=no\\nway\nwarning: XO1901 hyper::proto: odd\ninfo: XO2 fine n=3\n\
        debug: XO3 small path=\"\"\n";
    assert_eq!(said(false, say), terminal);
}

#[test]
fn the_journal_is_known_by_device_and_inode() {
    for (text, expected) in [
        ("8:42", true),
        ("8:43", false),
        ("9:42", false),
        ("", false),
        ("8", false),
        ("8:42:1", false),
        ("a:b", false),
    ] {
        assert_eq!(names(text, 8, 42), expected, "{text}");
    }
}

#[test]
fn a_failure_has_priority_and_id_on_each_line_of_the_journal() {
    assert_eq!(failure_to(true, "XO1", "a\nb"), "<3>XO1 a\n<3>XO1 b\n");
    assert_eq!(failure_to(false, "XO1", "a\nb"), "a\nb\n");
}

#[test]
fn a_level_is_taken_up() {
    for level in ["error", "warn", "info", "debug", "trace"] {
        assert!(filter(level).to_string().contains(&format!("xapi_observer={level}")), "{level}");
    }
}

/// Every message of the product's sources that goes to the own log: where it stands, and what follows the bracket.
fn messages() -> Vec<(String, String)> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files: Vec<PathBuf> = Vec::new();
    for name in ["agent", "exporter", "model", "parser", "watcher"] {
        sources(&crates.join(name).join("src"), &mut files);
    }
    let mut found = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for level in ["error!(", "warn!(", "info!(", "debug!(", "trace!("] {
            let call = format!("tracing::{level}");
            for (at, _) in text.match_indices(&call) {
                let rest = text[at + call.len()..].trim_start().chars().take(200).collect();
                found.push((format!("{}: {call}", file.display()), rest));
            }
        }
    }
    found
}

/// Sources without tests.
fn sources(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            // Whole rooms of tests, which never run in the product.
            if !entry.ends_with("tests") && !entry.ends_with("simulation") {
                sources(&entry, files);
            }
        } else if entry.extension().is_some_and(|ending| ending == "rs") && !entry.ends_with("tests.rs") {
            files.push(entry);
        }
    }
}

#[test]
fn each_message_has_an_id_of_its_own_and_a_section() {
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    for (place, call) in messages() {
        let id = call.strip_prefix("id = \"").and_then(|rest| rest.split('"').next());
        let id = id.unwrap_or_else(|| panic!("{place} has no id as its first field: {call}"));
        if let Some(other) = ids.insert(id.to_owned(), place.clone()) {
            panic!("{id} is both in {other} and {place}");
        }
    }
    assert!(ids.len() > 20, "{ids:?}");
    let others = [LIBRARY, "XO1011", "XO1012"].map(str::to_owned);
    let said: BTreeSet<String> = ids.into_keys().chain(others).collect();
    let page = include_str!("../../../../../docs/messages.md");
    let sections: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .filter_map(|head| head.split(' ').next())
        .collect();
    let described: BTreeSet<String> = sections.iter().map(|id| (*id).to_owned()).collect();
    assert_eq!(described.len(), sections.len(), "a section twice");
    assert_eq!(described, said, "left: docs/messages.md; right: the sources");
}
