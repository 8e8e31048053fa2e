//! What is known of a directory, and what a new listing changes.

use super::kept::{Name, Names};
use crate::fs::{Entry, Kind, Meta};
use crate::saved::Hints;
use crate::{StreamId, Trouble};
use std::collections::BTreeSet;
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
    pub(crate) names: Names,
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
    pub(crate) look: Vec<Name>,
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
        let files = entries.into_iter().filter(|entry| wanted(&entry.name));
        let mut files: Vec<(Name, u64)> =
            files.map(|entry| (self.names.take(&entry.name), entry.ino)).collect();
        files.sort_unstable();
        files.dedup_by(|later, first| later.0 == first.0);
        let is_listed = |name: &Name| files.binary_search_by(|(listed, _)| listed.cmp(name)).is_ok();
        let gone = self.names.iter().filter(|(name, _)| !is_listed(name));
        let gone = gone.map(|(name, _)| self.names.text(name)).collect();
        files.retain(|(name, ino)| self.names.known(name).is_none_or(|node| node.listed_ino != *ino));
        self.names.list(&files);
        Difference { look: files.into_iter().map(|(name, _)| name).collect(), gone, gone_below }
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
            difference.gone.iter().for_each(|gone| drop(dir.names.remove(gone)));
            let text = |names: Vec<OsString>| {
                names.into_iter().map(|n| n.into_string().unwrap()).collect::<Vec<_>>()
            };
            let look = difference.look.iter().map(|name| dir.names.text(name)).collect();
            (text(look), text(difference.gone))
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
