//! What was asked: a line, or a place in a file.

use std::path::{Path, PathBuf};

/// What is to be explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// This line, wherever it stands.
    Line(Vec<u8>),
    /// The line with this byte of the uncompressed file.
    Place { path: PathBuf, offset: u64 },
}

/// Reads `LINE` or `FILE:OFFSET`. What ends in a colon and digits is a place if there is such a file, or if what stands
/// before has no blank in it, as no log line has none.
///
/// # Errors
/// What is wrong, in words for the user.
pub(super) fn parse(text: &str, is_file: &dyn Fn(&Path) -> bool) -> Result<Subject, String> {
    let text = text.trim_end_matches(['\n', '\r']);
    if text.trim().is_empty() {
        return Err("explain what? Give a log line in quotes, or FILE:OFFSET".to_owned());
    }
    if let Some(place) = place(text, is_file) {
        return place;
    }
    if is_file(Path::new(text)) {
        return Err(format!("{text} is a file: say which byte of it, as {text}:OFFSET"));
    }
    if text.contains('\n') {
        return Err("one line at a time, please".to_owned());
    }
    Ok(Subject::Line(text.as_bytes().to_vec()))
}

fn place(text: &str, is_file: &dyn Fn(&Path) -> bool) -> Option<Result<Subject, String>> {
    let (file, digits) = text.rsplit_once(':')?;
    let numeric = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let path = Path::new(file);
    if !numeric || file.is_empty() || (file.contains(' ') && !is_file(path)) {
        return None;
    }
    let offset = digits.parse().map_err(|_| format!("{digits} is no offset: no file is so large"));
    Some(offset.map(|offset| Subject::Place { path: path.to_path_buf(), offset }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<Subject, &str>) {
        let is_file = |path: &Path| path == Path::new("/var/log/x.log") || path == Path::new("/a b/x.log");
        match (parse(text, &is_file), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{text}"),
            (Err(found), Err(part)) => assert!(found.contains(part), "{text}: {found}"),
            (found, expected) => panic!("{text}: {found:?}, expected {expected:?}"),
        }
    }

    fn at(path: &str, offset: u64) -> Result<Subject, &'static str> {
        Ok(Subject::Place { path: path.into(), offset })
    }

    #[test]
    fn lines_and_places() {
        let line = "Jun 10 13:32:30 h xapi: [debug||1 |x R:c9be3e35c13c|m] port:80";
        check(line, Ok(Subject::Line(line.into())));
        check(&format!("{line}\n"), Ok(Subject::Line(line.into())));
        check("plain", Ok(Subject::Line("plain".into())));
        check("/var/log/x.log:0", at("/var/log/x.log", 0));
        check("/a b/x.log:12", at("/a b/x.log", 12));
        check("missing.log:12", at("missing.log", 12));
        check("/var/log/x.log", Err("/var/log/x.log:OFFSET"));
        check("/var/log/x.log:99999999999999999999", Err("no offset"));
        check("one\ntwo", Err("one line"));
        check(" \n", Err("explain what"));
    }
}
