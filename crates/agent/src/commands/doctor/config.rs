//! The configuration: where it comes from, and what in it is unwise. (What is wrong in it ends every command.)

use super::finding::Finding;
use super::root::{From, Loaded};
use crate::config;
use std::path::PathBuf;

/// What is known of it.
#[derive(Debug)]
pub(super) struct Facts {
    path: PathBuf,
    from: From,
    warnings: Vec<String>,
}

impl Facts {
    pub(super) fn gather(loaded: &Loaded) -> Self {
        let warnings = config::warnings(&loaded.path, &loaded.settings);
        Self { path: loaded.path.clone(), from: loaded.from, warnings }
    }
}

pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    let path = facts.path.display();
    let file = match facts.from {
        From::File => Finding::ok("config.file", "has no mistakes"),
        From::NotAllowed => {
            Finding::warn("config.file", "can't be read by this user; what follows is about the defaults")
                .mend("sudo xapi-observer doctor")
        }
        From::Defaults => Finding::ok("config.file", "is not there; the defaults hold")
            .mend(format!("xapi-observer check --sample > {path}")),
    };
    let warnings = facts.warnings.iter().map(|warning| match warning.split_once("; run: ") {
        Some((text, command)) => Finding::warn("config.warning", text).mend(command),
        None => Finding::warn("config.warning", warning),
    });
    std::iter::once(file.of(path)).chain(warnings).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::finding::Level;

    #[test]
    fn warnings_are_findings_with_their_command() {
        let warnings = vec!["/x can be read; run: chmod 600 /x".to_owned(), "nothing is sent".to_owned()];
        let found = judge(&Facts { path: "/x".into(), from: From::File, warnings });
        let levels: Vec<Level> = found.iter().map(|finding| finding.level).collect();
        assert_eq!(levels, [Level::Ok, Level::Warn, Level::Warn]);
        assert_eq!((found[1].text.as_str(), found[1].mend[0].as_str()), ("/x can be read", "chmod 600 /x"));
        let none = judge(&Facts { path: "/x".into(), from: From::Defaults, warnings: Vec::new() });
        let roots = judge(&Facts { path: "/x".into(), from: From::NotAllowed, warnings: Vec::new() });
        assert_eq!((none[0].level, roots[0].level), (Level::Ok, Level::Warn));
        assert_eq!(none[0].mend, ["xapi-observer check --sample > /x"]);
    }
}
