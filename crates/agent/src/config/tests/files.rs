//! The files made from the table of keys, and the examples, are as they should be.

use super::super::packaged::packaged;
use super::super::reference::reference;
use super::{bad, good};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Compares the file with what it should be; under `UPDATE_DOCS=1` it is written first.
fn check_generated(name: &str, expected: &str) {
    let path = root().join(name);
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        std::fs::write(&path, expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = found.lines().zip(expected.lines()).find(|(found, expected)| found != expected);
    assert!(
        found == expected,
        "{name} is out of date: {differs:?}; run UPDATE_DOCS=1 cargo test -p xapi-observer config"
    );
}

#[test]
fn the_reference_is_up_to_date() {
    check_generated("docs/configuration.md", &reference());
}

#[test]
fn the_packaged_file_is_up_to_date() {
    check_generated("packaging/xapi-observer.toml", &packaged());
}

#[test]
fn the_packaged_file_means_the_defaults_and_smlog() {
    let (mut packaged, defaults) = (good(&packaged()), good(""));
    let smlog = packaged.logs.pop().unwrap();
    assert_eq!((smlog.path.to_str(), smlog.format.as_str()), (Some("/var/log/SMlog"), "smlog"));
    // That it names its logs says so to an import, which else takes all it knows.
    assert!(std::mem::take(&mut packaged.logs_given) && !defaults.logs_given);
    assert_eq!(format!("{packaged:?}"), format!("{defaults:?}"));
}

#[test]
fn the_commented_logs_of_the_packaged_file_can_be_taken_in() {
    let mut text = packaged();
    for (path, format) in [("/var/log/audit.log", "audit"), ("/var/log/daemon.log", "syslog")] {
        let entry = format!("[[logs]]\n# path = \"{path}\"\n# format = \"{format}\"\n");
        let commented = format!("# {entry}");
        assert!(text.contains(&commented), "{commented}");
        text = text.replace(&commented, &entry.replace("# ", ""));
    }
    let formats: Vec<String> = good(&text).logs.into_iter().map(|log| log.format).collect();
    assert_eq!(formats, ["xensource", "smlog", "audit", "syslog"]);
}

/// The examples name files under `/etc/xapi-observer`; here stand others in their place.
fn example(name: &str, directory: &Path) -> String {
    let certified = rcgen::generate_simple_self_signed(vec!["example".to_owned()]).unwrap();
    let (certificate, key) = (certified.cert.pem(), certified.signing_key.serialize_pem());
    let files = [("ca.pem", &certificate), ("client.pem", &certificate), ("client.key", &key)];
    for (file, content) in files.into_iter().chain([("token", &"Bearer secret".to_owned())]) {
        std::fs::write(directory.join(file), content).unwrap();
    }
    let text = std::fs::read_to_string(root().join("examples").join(name)).unwrap();
    text.replace("/etc/xapi-observer/", &format!("{}/", directory.display()))
}

#[test]
fn the_examples_are_good() {
    let directory = tempfile::tempdir().unwrap();
    let mut count = 0;
    for entry in std::fs::read_dir(root().join("examples")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".toml") {
            let said = bad(&example(&name, directory.path()));
            assert_eq!(said, "", "{name}");
            count += 1;
        }
    }
    assert!(count >= 2, "{count} examples");
}

#[test]
fn the_examples_say_what_they_are_for() {
    let directory = tempfile::tempdir().unwrap();
    let direct = good(&example("tempo-loki.toml", directory.path())).export;
    let (traces, logs) = (direct.traces.unwrap().transport, direct.logs.unwrap().transport);
    assert!(traces.url.ends_with("/v1/traces") && logs.url.ends_with("/otlp/v1/logs"), "{traces:?} {logs:?}");
    let tenant = ("X-Scope-OrgID".to_owned(), "dom0".to_owned());
    assert!(traces.headers.contains(&tenant) && logs.headers.contains(&tenant));
    assert!(logs.headers.iter().any(|(_, value)| value.starts_with("file:")));
    assert!(direct.metrics.is_none());
    let pool = good(&example("pool.toml", directory.path())).export;
    for to in [pool.traces.unwrap(), pool.logs.unwrap(), pool.metrics.unwrap()] {
        assert!(to.transport.url.starts_with("https://"), "{:?}", to.transport);
        assert!(to.transport.tls.ca_file.is_some() && to.transport.tls.cert_file.is_some());
    }
}
