//! Where each file lies on its host's disk.

use super::disk::HostFile;
use super::gather::{Gathered, Unit};
use archive::{Kind, Modified};
use parser::log::Zone;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::Xxh3;

/// Where a host keeps its logs, and below it its traces.
pub(super) const LOGS: &str = "/var/log";
pub(super) const TRACES: &str = "/var/log/dt";
/// A number for the host's disk: another one's `xensource.log.2.gz` is another file, though it has the same path, and so is
/// that of another report of the same host.
pub(super) fn device(unit: &Unit, host: &archive::Host) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(&unit.hash.to_le_bytes());
    // The first of the chain is where the archive lies now.
    for part in host.root.chain.iter().skip(1).chain([&host.root.prefix]) {
        hash.update(part.as_bytes());
        hash.update(&[0]);
    }
    hash.digest().max(1)
}

/// Each file at its path on the host. Of two trace files of one name the second gets a folder of its own, of two logs the
/// later one in the archive is the log, as with tar itself.
pub(super) fn laid_out<'f>(files: impl Iterator<Item = &'f Gathered>) -> BTreeMap<PathBuf, &'f Gathered> {
    let mut laid = BTreeMap::new();
    for file in files {
        match &file.kind {
            Kind::Trace { below } => {
                let name = packed_name(strip(below), file.packing);
                let mut path = Path::new(TRACES).join(&name);
                let mut again = 1;
                while laid.contains_key(&path) {
                    again += 1;
                    path = Path::new(TRACES).join(format!("again-{again}")).join(&name);
                }
                laid.insert(path, file);
            }
            Kind::Log(log) => {
                laid.insert(Path::new(LOGS).join(packed_name(&log.plain(), file.packing)), file);
            }
            Kind::Inventory | Kind::PoolConf => {}
        }
    }
    laid
}

fn strip(name: &str) -> &str {
    [".zst", ".gz", ".bz2", ".xz"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
}

/// The watcher goes by names, so they say what the bytes are.
fn packed_name(name: &str, packing: watcher::Packing) -> String {
    match packing {
        watcher::Packing::Plain => name.to_owned(),
        watcher::Packing::Zstd => format!("{name}.zst"),
        watcher::Packing::Gzip => format!("{name}.gz"),
    }
}

/// A file as its archive dates it.
pub(super) fn raw_file(file: &Gathered, zone: Option<Zone>) -> HostFile {
    let modified_unix = match file.modified {
        Some(Modified::Utc(seconds)) => seconds,
        Some(Modified::Local(seconds)) => zone.map_or(seconds, |zone| zone.first_second(seconds)),
        None => 0,
    };
    HostFile { content: file.content.clone(), modified_unix }
}

pub(super) fn has_log(files: &BTreeMap<PathBuf, &Gathered>, path: &Path) -> bool {
    let name = path.file_name().and_then(std::ffi::OsStr::to_str);
    files.values().any(|file| matches!(&file.kind, Kind::Log(log) if Some(log.log.as_str()) == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_the_bytes_are() {
        for (name, packing, expected) in [
            ("x.ndjson.zst", watcher::Packing::Zstd, "x.ndjson.zst"),
            ("x.ndjson.gz", watcher::Packing::Plain, "x.ndjson"),
            ("x.ndjson", watcher::Packing::Zstd, "x.ndjson.zst"),
            ("xensource.log.2", watcher::Packing::Gzip, "xensource.log.2.gz"),
        ] {
            assert_eq!(packed_name(strip(name), packing), expected, "{name}");
        }
    }
}
