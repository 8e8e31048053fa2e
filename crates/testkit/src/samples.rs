//! Archives of a stand-in's pool, as those who collect them make them.
//!
//! - A status report: `bug-report-<time>/` with the host's files below it, written by Python's `tarfile` or `zipfile`
//!   (xenserver/status-report, `xen-bugtool`); one for each host, or one zip of them all.
//! - XO's `logs.tgz`: `tar czf - /var/log` of one host, without a top directory or an inventory (xen-api,
//!   `scripts/logs-download`).
//! - A plain `.tar.gz` of what somebody copied.
//!
//! Promises: members are in the order of their names and have their files' times, so that the same files give the same
//! archive.

use crate::standin::{Host, Options, Rotation, SECOND, SimTime, StandIn, Zone, write_all};
use bzip2::write::BzEncoder;
use flate2::write::GzEncoder;
use std::fs::File;
use std::io::{self, BufWriter, Cursor, Seek, Write};
use std::path::{Path, PathBuf};
use zip::write::SimpleFileOptions;

/// Calls in [`pool`], and of these the failed ones.
pub const CALLS: (u64, u64) = (60, 4);
/// How far [`pool`]'s log lines are ahead of UTC, in seconds.
pub const ZONE: i32 = 3600;

/// The options of [`pool`].
#[must_use]
pub fn options() -> Options {
    // 22:00 on New Year's Eve where the hosts are: some lines are of one year, some of the next.
    let start = SimTime::from_seconds(1_767_214_800);
    Options {
        seed: 7,
        hosts: 3,
        start,
        end: start.plus(24 * 3600 * SECOND),
        calls: Some(CALLS),
        rate: 0.005,
        long_share: 0.0,
        zone: Zone::Fixed(ZONE),
        audit: true,
        rotation: Rotation::Size(64 << 10),
        file_size: 96 << 10,
        set_times: true,
        ..Options::default()
    }
}

/// Three hosts over a New Year, with 60 calls of which 4 fail, below `root`: `<root>/<hostname>/` is a host's `/`. Logs have
/// rotated siblings, plain and `.gz`; full trace files are `.zst`.
///
/// # Errors
/// Those of the file system.
pub fn pool(root: &Path) -> io::Result<StandIn> {
    write_all(options(), root)
}

/// How a status report is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pack {
    /// Not at all.
    Tar,
    /// The default of `xen-bugtool`.
    TarBz2,
    /// `--output=zip`: with local times.
    Zip,
}

impl Pack {
    fn suffix(self) -> &'static str {
        match self {
            Self::Tar => "tar",
            Self::TarBz2 => "tar.bz2",
            Self::Zip => "zip",
        }
    }
}

/// Writes a host's status report into `folder`; gives its path.
///
/// # Errors
/// Those of the file system.
pub fn status_report(host: &Host, pack: Pack, folder: &Path) -> io::Result<PathBuf> {
    let top = format!("bug-report-20260101060000-{}", host.hostname);
    let path = folder.join(format!("{top}.{}", pack.suffix()));
    let out = BufWriter::new(File::create(&path)?);
    let names = files(&host.root)?;
    match pack {
        Pack::Tar => tar(out, &host.root, &names, &top)?.flush()?,
        Pack::TarBz2 => {
            let packed = BzEncoder::new(out, bzip2::Compression::fast());
            tar(packed, &host.root, &names, &top)?.finish()?.flush()?;
        }
        Pack::Zip => zip(out, &host.root, &names, &top)?.flush()?,
    }
    Ok(path)
}

/// Writes one zip with the status reports of all these hosts, as the servers' own user interface gives it.
///
/// # Errors
/// Those of the file system.
pub fn zip_of_reports(hosts: &[Host], to: &Path) -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    for host in hosts {
        status_report(host, Pack::TarBz2, folder.path())?;
    }
    zip(BufWriter::new(File::create(to)?), folder.path(), &files(folder.path())?, "")?.flush()
}

/// Writes what XO gives as a host's logs.
///
/// # Errors
/// Those of the file system.
pub fn xo_logs(host: &Host, to: &Path) -> io::Result<()> {
    let names: Vec<PathBuf> =
        files(&host.root)?.into_iter().filter(|name| name.starts_with("var/log")).collect();
    tar_gz(&host.root, &names, to)
}

/// Writes a `.tar.gz` of everything below `root`.
///
/// # Errors
/// Those of the file system.
pub fn folder_tar_gz(root: &Path, to: &Path) -> io::Result<()> {
    tar_gz(root, &files(root)?, to)
}

fn tar_gz(root: &Path, names: &[PathBuf], to: &Path) -> io::Result<()> {
    let packed = GzEncoder::new(BufWriter::new(File::create(to)?), flate2::Compression::fast());
    tar(packed, root, names, "")?.finish()?.flush()
}

fn tar<W: Write>(to: W, root: &Path, names: &[PathBuf], top: &str) -> io::Result<W> {
    let mut archive = tar::Builder::new(to);
    for name in names {
        archive.append_path_with_name(root.join(name), Path::new(top).join(name))?;
    }
    archive.into_inner()
}

fn zip<W: Write>(mut to: W, root: &Path, names: &[PathBuf], top: &str) -> io::Result<W> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for name in names {
        let path = root.join(name);
        let time = SimTime::from(std::fs::metadata(&path)?.modified()?);
        let options = SimpleFileOptions::default().last_modified_time(dos_time(time)?);
        archive.start_file(Path::new(top).join(name).to_string_lossy(), options)?;
        io::copy(&mut File::open(path)?, &mut archive)?;
    }
    let mut bytes = archive.finish()?;
    bytes.rewind()?;
    io::copy(&mut bytes, &mut to)?;
    Ok(to)
}

/// Local time of the host, as Python's `zipfile` writes it.
fn dos_time(time: SimTime) -> io::Result<zip::DateTime> {
    use chrono::{DateTime, Datelike, Timelike};
    let local = i64::try_from(time.second()).unwrap_or(0) + i64::from(ZONE);
    let local = DateTime::from_timestamp(local, 0).unwrap_or_default();
    let year = u16::try_from(local.year()).unwrap_or(1980);
    let [month, day, hour, minute, second] =
        [local.month(), local.day(), local.hour(), local.minute(), local.second()]
            .map(|part| u8::try_from(part).unwrap_or(0));
    let time = zip::DateTime::from_date_and_time(year, month, day, hour, minute, second);
    time.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error.to_string()))
}

/// The regular files below `root`, by name, relative to it.
fn files(root: &Path) -> io::Result<Vec<PathBuf>> {
    let (mut found, mut folders) = (Vec::new(), vec![root.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            match entry.file_type()? {
                kind if kind.is_dir() => folders.push(entry.path()),
                kind if kind.is_file() => found.push(entry.path()),
                _ => {}
            }
        }
    }
    found.sort();
    Ok(found.iter().filter_map(|path| path.strip_prefix(root).ok()).map(Path::to_path_buf).collect())
}
