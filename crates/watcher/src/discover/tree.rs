//! What is known of a directory, and what a new listing changes.

use crate::fs::{Entry, Kind, Meta};
use crate::saved::Hints;
use crate::{StreamId, Trouble};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};

/// A directory changed less than this before it was listed may have changed again within one tick of the
/// kernel's clock, unseen in its times.
const TICK_NS: u64 = 1_000_000_000;

/// One name.
#[derive(Default)]
pub(crate) struct Node {
    /// The inode number that the listing gave: of the link, if it is one.
    pub(crate) listed_ino: u64,
    /// The state of a file that is no stream's, when it was last looked at; `None`: it must be looked at.
    pub(crate) seen: Option<Box<Hints>>,
    /// The stream it is a file of, once that is decided.
    pub(crate) stream: Option<StreamId>,
    /// What is wrong with it, as last told.
    pub(crate) trouble: Option<Trouble>,
}

impl Node {
    /// Whether it was never looked at, or there was nothing behind it.
    pub(crate) fn is_new(&self) -> bool {
        self.stream.is_none() && self.seen.is_none() && self.trouble.is_none()
    }
}

/// One directory.
#[derive(Default)]
pub(crate) struct Directory {
    /// Its own state when it was last listed.
    stamp: Option<Stamp>,
    /// The names in it that matter.
    pub(crate) names: BTreeMap<Box<OsStr>, Node>,
    /// The directories in it.
    pub(crate) below: BTreeSet<OsString>,
    /// What is wrong with it, as last told.
    pub(crate) trouble: Option<Trouble>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    dev: u64,
    ino: u64,
    mtime_ns: i64,
    ctime_ns: i64,
    /// It was changed so shortly before that the times don't prove anything.
    fresh: bool,
}

/// What a listing changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Names that are new, or stand for another inode than before.
    pub(crate) look: Vec<OsString>,
    /// Names that are gone.
    pub(crate) gone: Vec<OsString>,
    /// Directories that are gone.
    pub(crate) gone_below: Vec<OsString>,
}

impl Directory {
    /// Whether a listing now would show what the last one did.
    pub(crate) fn is_unchanged(&self, meta: &Meta) -> bool {
        self.stamp.is_some_and(|stamp| !stamp.fresh && stamp == Stamp::of(meta, false))
    }

    /// The next look lists it, whatever its times say.
    pub(crate) fn distrust(&mut self) {
        self.stamp = None;
    }

    /// Takes in a listing; `meta` is the directory's state from before it was listed.
    pub(crate) fn update(
        &mut self,
        meta: &Meta,
        now_unix_nano: u64,
        entries: Vec<Entry>,
        wanted: impl Fn(&OsStr) -> bool,
    ) -> Difference {
        let changed = u64::try_from(meta.mtime_ns.max(meta.ctime_ns)).unwrap_or_default();
        self.stamp = Some(Stamp::of(meta, changed.saturating_add(TICK_NS) > now_unix_nano));
        let below: BTreeSet<_> = entries
            .iter()
            .filter(|entry| entry.kind == Kind::Directory)
            .map(|entry| entry.name.clone())
            .collect();
        let gone_below = self.below.difference(&below).cloned().collect();
        self.below = below;
        let mut files: BTreeMap<OsString, u64> = entries
            .into_iter()
            .filter(|entry| wanted(&entry.name))
            .map(|entry| (entry.name, entry.ino))
            .collect();
        let gone = self.names.keys().filter(|name| !files.contains_key(&***name));
        let gone: Vec<_> = gone.map(|name| name.as_ref().to_owned()).collect();
        files.retain(|name, ino| self.names.get(&**name).is_none_or(|node| node.listed_ino != *ino));
        let before = self.names.len();
        for (name, ino) in &files {
            self.names.entry(name.as_os_str().into()).or_default().listed_ino = *ino;
        }
        if self.names.len() >= 2 * before {
            // One by one and in order they leave half of each node free.
            self.names = std::mem::take(&mut self.names).into_iter().collect();
        }
        Difference { look: files.into_keys().collect(), gone, gone_below }
    }
}

impl Stamp {
    fn of(meta: &Meta, fresh: bool) -> Self {
        Self { dev: meta.dev, ino: meta.ino, mtime_ns: meta.mtime_ns, ctime_ns: meta.ctime_ns, fresh }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(mtime_ns: i64) -> Meta {
        Meta { dev: 1, ino: 2, size: 0, mtime_ns, ctime_ns: mtime_ns, nlink: 2, kind: Kind::Directory }
    }

    fn entries(names: &[(&str, u64)]) -> Vec<Entry> {
        let entry = |&(name, ino): &(&str, u64)| Entry { name: name.into(), ino, kind: Kind::File };
        names.iter().map(entry).collect()
    }

    #[test]
    fn a_listing_tells_what_is_new_replaced_and_gone() {
        let mut dir = Directory::default();
        let mut update = |names: &[(&str, u64)]| {
            let difference = dir.update(&meta(0), u64::MAX, entries(names), |name| name != "other");
            dir.names.retain(|name, _| !difference.gone.iter().any(|gone| *gone == **name));
            let text = |names: Vec<OsString>| {
                names.into_iter().map(|n| n.into_string().unwrap()).collect::<Vec<_>>()
            };
            (text(difference.look), text(difference.gone))
        };
        assert_eq!(update(&[("a", 1), ("b", 2), ("other", 3)]), (vec!["a".into(), "b".into()], vec![]));
        assert_eq!(update(&[("a", 1), ("b", 2)]), (vec![], vec![]));
        assert_eq!(update(&[("a", 9), ("c", 2)]), (vec!["a".into(), "c".into()], vec!["b".into()]));
    }

    #[test]
    fn times_prove_nothing_within_a_tick() {
        let mut dir = Directory::default();
        assert!(!dir.is_unchanged(&meta(5)));
        dir.update(&meta(5), 6, Vec::new(), |_| true);
        assert!(!dir.is_unchanged(&meta(5)), "listed right after the change");
        dir.update(&meta(5), 10 * TICK_NS, Vec::new(), |_| true);
        assert!(dir.is_unchanged(&meta(5)) && !dir.is_unchanged(&meta(6)));
        dir.distrust();
        assert!(!dir.is_unchanged(&meta(5)));
    }
}
