//! The file as text.

use super::problem::{Place, Problems};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// More is no configuration, but a path that was mistyped.
const MAX_BYTES: u64 = 1 << 20;

/// The text of the file at `path`, without a byte order mark; empty where there is none and none is needed.
///
/// # Errors
/// Why it can't be read, or is no text.
pub(super) fn read(path: &Path, needed: bool) -> Result<String, Problems> {
    match bytes(path) {
        Ok(bytes) if bytes.len() as u64 > MAX_BYTES => {
            Err(Problems::of_file(path, "is larger than 1MiB; that is no configuration"))
        }
        Ok(bytes) => text(path, bytes),
        Err(error) if !needed && error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(Problems::of_file(path, &format!("can't be read: {error}"))),
    }
}

fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn text(path: &Path, bytes: Vec<u8>) -> Result<String, Problems> {
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)),
        Err(error) => {
            let good = error.utf8_error().valid_up_to();
            let before = error.as_bytes().get(..good).unwrap_or_default();
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            let mut problems = Problems::new(path);
            problems.add(&Place::Line(line), "", "is not UTF-8 text; save the file as UTF-8");
            Err(problems)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_bytes(bytes: &[u8]) -> Result<String, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("t.toml");
        std::fs::write(&path, bytes).unwrap();
        let shown = format!("{}", directory.path().display());
        read(&path, true).map_err(|problems| problems.to_string().replace(&shown, ""))
    }

    #[test]
    fn files_are_text() {
        assert_eq!(read_bytes(b"\xef\xbb\xbf[traces]\r\n").as_deref(), Ok("[traces]\r\n"));
        let latin = read_bytes(b"[host]\n# caf\xe9\n").unwrap_err();
        assert_eq!(latin, "/t.toml:2: is not UTF-8 text; save the file as UTF-8");
        let large = read_bytes(&vec![b'\n'; MAX_BYTES as usize + 1]).unwrap_err();
        assert!(large.contains("larger than 1MiB"), "{large}");
    }

    #[test]
    fn what_is_no_file_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let said = read(directory.path(), true).unwrap_err().to_string();
        assert!(said.contains("can't be read: Is a directory"), "{said}");
        let absent = directory.path().join("absent.toml");
        assert_eq!(read(&absent, false).unwrap(), "");
        let said = read(&absent, true).unwrap_err().to_string();
        assert!(said.contains("can't be read: No such file"), "{said}");
    }
}
