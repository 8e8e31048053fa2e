//! What logrotate does with XAPI's rules: rename, create, compress, delaycompress.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// `x` becomes `x.1`, `x.1` becomes `x.2.gz`, `x.N.gz` becomes `x.N+1.gz`; what is beyond `keep` goes.
pub(super) fn rotate(path: &Path, keep: u32) -> io::Result<()> {
    for number in (2..=keep).rev() {
        let to = sibling(path, &format!("{}.gz", number + 1));
        rename_if_there(&sibling(path, &format!("{number}.gz")), &to)?;
        if number == keep && to.exists() {
            fs::remove_file(to)?;
        }
    }
    let first = sibling(path, "1");
    if first.exists() {
        compress(&first, &sibling(path, "2.gz"))?;
    }
    rename_if_there(path, &first)
}

fn sibling(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

fn rename_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// gzip keeps the mtime of what it compresses.
fn compress(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = File::open(from)?;
    let mut encoder = GzEncoder::new(File::create(to)?, Compression::fast());
    io::copy(&mut source, &mut encoder)?;
    encoder.finish()?.set_modified(source.metadata()?.modified()?)?;
    fs::remove_file(from)
}

#[cfg(test)]
mod tests {
    use super::rotate;
    use std::fs;

    #[test]
    fn siblings_move_up_and_the_oldest_goes() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("x.log");
        for round in 1..=5 {
            fs::write(&log, format!("round {round}")).unwrap();
            rotate(&log, 3).unwrap();
        }
        let mut names: Vec<_> = fs::read_dir(directory.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["x.log.1", "x.log.2.gz", "x.log.3.gz"]);
        assert_eq!(fs::read_to_string(directory.path().join("x.log.1")).unwrap(), "round 5");
    }
}
