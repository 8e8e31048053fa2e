//! The sample configuration: every key with its default and comment, made from the table of keys.

use super::keys::{KEYS, Key};
use super::kind::Kind;
use std::fmt::Write as _;

const HEAD: &str = "\
# xapi-observer: every key with its default. Remove what you don't change.
# Durations: \"500ms\" \"30s\" \"10m\"; sizes: \"64KiB\" \"16MiB\". `xapi-observer check` lists every mistake.
";

/// Sections that get an explanation of their own.
const NOTES: [(&str, &str); 2] = [
    (
        "export",
        "# A signal can have its own section, [export.traces], [export.logs] or [export.metrics], with the same keys, for it\n# alone: a full URL is used as it is; enabled = false leaves the signal out.\n",
    ),
    ("logs[]", "# Give your own list of [[logs]] to replace this one entry.\n"),
];

/// The whole sample as TOML; read back, it is the defaults.
#[must_use]
pub(crate) fn sample() -> String {
    all_keys(HEAD, "")
}

/// All keys behind `head`, with further entries of `[[logs]]` behind the default one.
pub(super) fn all_keys(head: &str, more_logs: &str) -> String {
    let mut text = head.to_owned();
    let mut section = "";
    for key in KEYS {
        let (own, name) = key.path.rsplit_once('.').unwrap_or(("", key.path));
        if own != section {
            if section == "logs[]" {
                text.push_str(more_logs);
            }
            open_section(&mut text, own);
            section = own;
        }
        line(&mut text, name, key);
    }
    text
}

fn open_section(text: &mut String, section: &str) {
    text.push('\n');
    if let Some((_, note)) = NOTES.iter().find(|(name, _)| *name == section) {
        text.push_str(note);
    }
    let _ = match section.strip_suffix("[]") {
        Some(array) => writeln!(text, "[[{array}]]"),
        None => writeln!(text, "[{section}]"),
    };
}

fn line(text: &mut String, name: &str, key: &Key) {
    let (value, off) = match key.default {
        Ok(default) => (default, ""),
        Err(example) => (example, "# "),
    };
    let _ = writeln!(text, "{:<39} # {}{}", format!("{off}{name} = {value}"), key.doc, choice(key.kind));
}

/// What there is to choose from.
fn choice(kind: Kind) -> String {
    match kind {
        Kind::OneOf(allowed) => {
            let quoted: Vec<String> = allowed.iter().map(|text| format!("{text:?}")).collect();
            format!(": {}", quoted.join(" | "))
        }
        _ => String::new(),
    }
}
