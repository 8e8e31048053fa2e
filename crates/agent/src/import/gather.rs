//! What there is to import: each path walked once.
//!
//! A *unit* is what carries one namespace: an archive, a folder, or all the single files that were named. Archives are known
//! again by all their bytes; of folders and files, names, sizes and some bytes of each do.

use super::content::Content;
use super::spool::Spool;
use crate::order;
use archive::{Filed, Flow, Hosts, Kind, Layout, Member, Modified, Packing, Report, Resolved, Root, Walk};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::Xxh3;

/// An inventory is some hundred bytes long.
const TEXT: u64 = 64 << 10;

/// A trace file or log.
pub(crate) struct Gathered {
    pub(crate) root: Root,
    pub(crate) kind: Kind,
    /// Its own name.
    pub(crate) name: String,
    pub(crate) content: Content,
    /// How the content is packed: not at all, gzip or zstd.
    pub(crate) packing: watcher::Packing,
    pub(crate) modified: Option<Modified>,
}

/// What is imported under one name.
pub(crate) struct Unit {
    /// For people: the path that was given.
    pub(crate) name: String,
    pub(crate) hash: u128,
    pub(crate) hosts: Resolved,
    pub(crate) files: Vec<Gathered>,
}

/// Everything that was found.
#[derive(Default)]
pub(crate) struct Gathering {
    pub(crate) units: Vec<Unit>,
    pub(crate) reports: Vec<Report>,
    /// Paths at which there is nothing to import.
    pub(crate) empty: Vec<PathBuf>,
}

/// Why a path can't be walked at all.
#[derive(Debug)]
pub(crate) struct Unwalkable {
    pub(crate) path: PathBuf,
    pub(crate) error: io::Error,
}

/// Walks all paths.
///
/// # Errors
/// The first path at which nothing can be read.
pub(crate) fn gather(
    paths: &[PathBuf],
    layout: &Layout,
    walk: &Walk,
    spool: &mut Spool,
) -> Result<Gathering, Unwalkable> {
    let mut all = Gathering::default();
    let mut loose = Basket::default();
    for path in paths {
        let mut basket = Basket::default();
        let fails = |error| Unwalkable { path: path.clone(), error };
        let report = basket.fill(path, layout, walk, spool).map_err(fails)?;
        if basket.files.is_empty() {
            all.empty.push(path.clone());
        } else if report.archives == 0 && path.is_file() {
            loose.take(basket);
        } else {
            let hash = basket.hash(path).map_err(fails)?;
            all.units.push(basket.unit(path.display().to_string(), hash));
        }
        all.reports.push(report);
    }
    if !loose.files.is_empty() {
        let path = paths.first().cloned().unwrap_or_default();
        let hash = loose.sample().map_err(|error| Unwalkable { path, error })?;
        all.units.push(loose.unit("files".to_owned(), hash));
    }
    Ok(all)
}

/// What is found below one path.
#[derive(Default)]
struct Basket {
    hosts: Hosts,
    files: Vec<Gathered>,
}

impl Basket {
    fn fill(&mut self, path: &Path, layout: &Layout, walk: &Walk, spool: &mut Spool) -> io::Result<Report> {
        walk.walk(path, &mut |member| {
            if let Some(filed) = layout.classify(member.place()) {
                self.member(filed, member, spool)?;
            }
            Ok(Flow::Continue)
        })
    }

    fn member(&mut self, filed: Filed, member: &mut Member<'_>, spool: &mut Spool) -> io::Result<()> {
        match filed.kind {
            Kind::Inventory => self.hosts.inventory(&filed.root, &member.text(TEXT)?),
            Kind::PoolConf => self.hosts.pool_conf(&filed.root, &member.text(TEXT)?),
            Kind::Trace { .. } | Kind::Log(_) => return self.file(filed, member, spool),
        }
        Ok(())
    }

    /// What comes before a damaged place is imported, and the damage reported.
    fn file(&mut self, filed: Filed, member: &mut Member<'_>, spool: &mut Spool) -> io::Result<()> {
        let trace = matches!(filed.kind, Kind::Trace { .. });
        // What the watcher unpacks by itself stays as it is.
        let (packing, decoded) = match member.packing() {
            None => (watcher::Packing::Plain, false),
            Some(Packing::Zstd) => (watcher::Packing::Zstd, false),
            Some(Packing::Gzip) if !trace => (watcher::Packing::Gzip, false),
            Some(_) => (watcher::Packing::Plain, true),
        };
        let modified = member.modified();
        let (content, outcome) = match member.slice().filter(|_| !decoded).cloned() {
            Some(slice) => (Content::Slice(slice), Ok(())),
            None => {
                let (spooled, outcome) = spool.put(member, decoded);
                (Content::Spooled(spooled), outcome)
            }
        };
        if content.len() > 0 {
            self.hosts.add(&filed);
            let Filed { root, kind, name } = filed;
            self.files.push(Gathered { root, kind, name, content, packing, modified });
        }
        outcome
    }

    fn take(&mut self, other: Self) {
        other.files.iter().for_each(|file| {
            let (root, kind, name) = (file.root.clone(), file.kind.clone(), file.name.clone());
            self.hosts.add(&Filed { root, kind, name });
        });
        self.files.extend(other.files);
    }

    fn hash(&self, path: &Path) -> io::Result<u128> {
        if path.is_file() { hash_of_file(path) } else { self.sample() }
    }

    fn sample(&self) -> io::Result<u128> {
        let mut hash = Xxh3::new();
        let mut files: Vec<&Gathered> = self.files.iter().collect();
        order::by_key(&mut files, |file| (&file.root.prefix, &file.name));
        for file in files {
            hash.update(file.name.as_bytes());
            file.content.sample(&mut hash)?;
        }
        Ok(hash.digest128())
    }

    fn unit(self, name: String, hash: u128) -> Unit {
        Unit { name, hash, hosts: self.hosts.resolve(), files: self.files }
    }
}

fn hash_of_file(path: &Path) -> io::Result<u128> {
    let mut file = std::fs::File::open(path)?;
    let (mut hash, mut buf) = (Xxh3::new(), vec![0; 256 << 10]);
    loop {
        match file.read(&mut buf)? {
            0 => return Ok(hash.digest128()),
            read => hash.update(buf.get(..read).unwrap_or_default()),
        }
    }
}
