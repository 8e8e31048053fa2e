//! Bytes of files that could not be read, read again: a reader of another version may know them, or somebody has
//! mended them.
//!
//! What is readable now becomes a file of the name that it came from, in a unit of an import, and goes that way; the name
//! says whose it is where the spans do not.

use super::sent::{Sent, hash};
use crate::import::gather::{Gathered, Unit};
use crate::import::spool::Spool;
use crate::shell::rejected::Entry;
use archive::{Filed, Hosts, Kind, Layout, Modified, Place};
use parser::zipkin::{self, Context, DropRules, Item};
use std::collections::BTreeMap;
use std::io;
use xxhash_rust::xxh3::Xxh3;

/// What is readable now, by the file that it came from.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    files: BTreeMap<String, File>,
    hashes: Vec<u128>,
}

#[derive(Debug)]
struct File {
    filed: Filed,
    bytes: Vec<u8>,
    /// When the last of it was set aside.
    time_unix: i64,
}

impl Sources {
    /// Takes an entry, unless it is still no span.
    ///
    /// # Errors
    /// Why it is left, in words.
    pub(super) fn add(&mut self, entry: Entry, layout: &Layout) -> Result<(), String> {
        let filed =
            filed(&entry, layout).ok_or_else(|| format!("{:?} is no trace file or log", entry.path))?;
        if matches!(filed.kind, Kind::Trace { .. }) {
            readable(&entry.bytes)
                .map_err(|reason| format!("still not a span that can be read ({reason})"))?;
        }
        self.hashes.push(hash(&entry));
        let time_unix = i64::try_from(entry.time_unix).unwrap_or(i64::MAX);
        let file =
            self.files.entry(entry.path).or_insert_with(|| File { filed, bytes: Vec::new(), time_unix });
        file.time_unix = file.time_unix.max(time_unix);
        file.bytes.extend_from_slice(&entry.bytes);
        file.bytes.push(b'\n');
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Their files, as a unit of an import.
    ///
    /// # Errors
    /// Those of the temporary file.
    pub(crate) fn unit(&self, name: String, spool: &mut Spool) -> io::Result<Unit> {
        let (mut hosts, mut files, mut hash) = (Hosts::default(), Vec::new(), Xxh3::new());
        self.hashes.iter().for_each(|one| hash.update(&one.to_le_bytes()));
        for file in self.files.values() {
            hosts.add(&file.filed);
            let Filed { root, kind, name } = file.filed.clone();
            let (packing, modified) = (watcher::Packing::Plain, Some(Modified::Utc(file.time_unix)));
            let content = spool.hold(&file.bytes)?;
            files.push(Gathered { root, kind, name, content, packing, modified });
        }
        Ok(Unit { name, hash: hash.digest128(), hosts: hosts.resolve(), files })
    }

    /// All of it has arrived.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn note(&self, sent: &mut Sent) -> io::Result<()> {
        self.hashes.iter().try_for_each(|hash| sent.note_hash(*hash))
    }
}

/// The file that an entry came from, without the ending of its packing: the bytes are unpacked.
fn filed(entry: &Entry, layout: &Layout) -> Option<Filed> {
    let path = entry.path.trim_start_matches('/');
    let plain = [".zst", ".gz"].iter().find_map(|end| path.strip_suffix(end)).unwrap_or(path);
    let filed = layout.classify(&Place { chain: vec!["rejected".to_owned()], path: plain.to_owned() })?;
    let fits = match filed.kind {
        Kind::Trace { .. } => entry.signal == "traces",
        Kind::Log(_) => entry.signal == "logs",
        Kind::Inventory | Kind::PoolConf => false,
    };
    fits.then_some(filed)
}

/// Whether there is a span in the bytes; else why not.
fn readable(bytes: &[u8]) -> Result<(), &'static str> {
    let (mut spans, mut why) = (0, "nothing");
    let context = Context::new(String::new());
    zipkin::read(bytes, &context, &DropRules::new(std::iter::empty()), |item| match item {
        Item::Span { .. } | Item::Dropped { .. } => spans += 1,
        Item::Bad { reason, .. } => why = reason.as_str(),
    });
    if spans > 0 { Ok(()) } else { Err(why) }
}
