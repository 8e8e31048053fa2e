//! Holds the dependencies against `deny.toml` (licences and bans, from `cargo metadata`), and that those the agent is built on
//! are in use.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panic")]

use serde_json::Value;
use std::process::Command;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The packages that are built for dom0's platform.
fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked", "--all-features"])
        .args(["--filter-platform=x86_64-unknown-linux-gnu", "--manifest-path"])
        .arg(format!("{ROOT}/Cargo.toml"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

fn policy() -> toml::Table {
    std::fs::read_to_string(format!("{ROOT}/deny.toml")).unwrap().parse().unwrap()
}

/// The texts of an array, or of the key `name` of its tables.
fn texts(list: &toml::Value, name: &str) -> Vec<String> {
    let text = |one: &toml::Value| one.as_str().or_else(|| one.get(name)?.as_str()).unwrap().to_owned();
    list.as_array().unwrap().iter().map(text).collect()
}

/// Whether an SPDX expression can be met by the licences allowed: some part of each OR, each part of an AND.
fn is_met(expression: &str, allowed: &[String]) -> bool {
    let expression = expression.replace('/', " OR ");
    let expression = expression.trim();
    if let Some((left, right)) = split(expression, " OR ") {
        return is_met(left, allowed) || is_met(right, allowed);
    }
    if let Some((left, right)) = split(expression, " AND ") {
        return is_met(left, allowed) && is_met(right, allowed);
    }
    match expression.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        Some(inner) => is_met(inner, allowed),
        None => allowed.iter().any(|one| one == expression),
    }
}

/// Splits at the first operator that stands outside of parentheses.
fn split<'a>(expression: &'a str, operator: &str) -> Option<(&'a str, &'a str)> {
    expression.match_indices(operator).map(|(at, _)| expression.split_at(at)).find_map(|(left, right)| {
        let open = left.matches('(').count() == left.matches(')').count();
        open.then(|| (left, right.trim_start_matches(operator)))
    })
}

#[test]
fn every_licence_is_allowed() {
    let allowed = texts(&policy()["licenses"]["allow"], "");
    let refused: Vec<String> = packages()
        .iter()
        .filter(|package| !is_met(package["license"].as_str().unwrap_or_default(), &allowed))
        .map(|package| format!("{} {}: {}", package["name"], package["version"], package["license"]))
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn nothing_banned_comes_in() {
    let banned = texts(&policy()["bans"]["deny"], "name");
    let packages = packages();
    let found: Vec<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    assert!(found.contains(&"rustls"), "the list is not the whole");
    assert_eq!(found.iter().find(|name| banned.iter().any(|ban| ban == *name)), None);
}

#[test]
fn expressions_are_read_as_spdx_says() {
    let allowed = ["MIT".to_owned(), "Apache-2.0 WITH LLVM-exception".to_owned(), "ISC".to_owned()];
    for (expression, met) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("", false),
        ("MIT OR GPL-3.0", true),
        ("GPL-3.0/MIT", true),
        ("MIT AND GPL-3.0", false),
        ("MIT AND ISC", true),
        ("(GPL-3.0 OR MIT) AND ISC", true),
        ("(GPL-3.0 OR MIT) AND Zlib", false),
        ("Apache-2.0 WITH LLVM-exception OR GPL-3.0", true),
    ] {
        assert_eq!(is_met(expression, &allowed), met, "{expression}");
    }
}

/// The packages that the agent is built on: each is a direct dependency of one of its crates, and used there.
#[test]
fn what_it_is_built_on_is_in_use() {
    const WANTED: [&str; 9] = [
        "notify",
        "tokio",
        "serde_json",
        "regex",
        "opentelemetry",
        "opentelemetry-otlp",
        "opentelemetry_sdk",
        "chrono",
        "sled",
    ];
    let crates = ["agent", "exporter", "parser", "watcher"];
    for package in WANTED {
        let name = format!("{}::", package.replace('-', "_"));
        let used = crates.iter().any(|one| {
            let directory = format!("{ROOT}/crates/{one}");
            let manifest: toml::Table =
                std::fs::read_to_string(format!("{directory}/Cargo.toml")).unwrap().parse().unwrap();
            manifest["dependencies"].get(package).is_some()
                && any_source_has(&format!("{directory}/src"), &name)
        });
        assert!(used, "{package} is not used by any of {crates:?}");
    }
}

fn any_source_has(directory: &str, text: &str) -> bool {
    std::fs::read_dir(directory).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return any_source_has(path.to_str().unwrap(), text);
        }
        std::fs::read_to_string(&path).is_ok_and(|source| source.contains(text))
    })
}
