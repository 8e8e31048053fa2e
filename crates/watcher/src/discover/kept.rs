//! The names of a directory and what is known of each, in little memory.
//!
//! Promises: each name is found again, whatever bytes it has; the order is the same each time. Leaves to others: what a name
//! means.

use super::stamped::Stamps;
use super::tree::Node;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::ops::Bound;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// A name, to be understood by the [`Names`] that gave it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Name {
    /// Its number (`stamped`).
    Stamped(u64),
    /// One that has none.
    Other(Box<OsStr>),
}

/// See the module.
#[derive(Default)]
pub(crate) struct Names {
    stamps: Stamps,
    nodes: BTreeMap<Name, Node>,
}

impl Names {
    /// The name as it is kept here.
    pub(crate) fn take(&mut self, name: &OsStr) -> Name {
        self.stamps.number(name.as_bytes()).map_or_else(|| Name::Other(name.into()), Name::Stamped)
    }

    fn find(&self, name: &OsStr) -> Name {
        self.stamps.find(name.as_bytes()).map_or_else(|| Name::Other(name.into()), Name::Stamped)
    }

    /// The name as it is written.
    pub(crate) fn text(&self, name: &Name) -> OsString {
        match name {
            Name::Stamped(number) => OsString::from_vec(self.stamps.name(*number)),
            Name::Other(name) => name.as_ref().to_owned(),
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is such a name.
    pub(crate) fn contains(&self, name: &OsStr) -> bool {
        self.get(name).is_some()
    }

    /// What is known of a name.
    pub(crate) fn get(&self, name: &OsStr) -> Option<&Node> {
        self.known(&self.find(name))
    }

    /// The same of one that was taken.
    pub(crate) fn known(&self, name: &Name) -> Option<&Node> {
        self.nodes.get(name)
    }

    /// What is known of a name, to be changed.
    pub(crate) fn get_mut(&mut self, name: &OsStr) -> Option<&mut Node> {
        let name = self.find(name);
        self.nodes.get_mut(&name)
    }

    /// The same; it is there from now on.
    pub(crate) fn entry(&mut self, name: &OsStr) -> &mut Node {
        let name = self.take(name);
        self.nodes.entry(name).or_default()
    }

    /// Forgets a name.
    pub(crate) fn remove(&mut self, name: &OsStr) -> Option<Node> {
        let name = self.find(name);
        self.nodes.remove(&name)
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Name, &Node)> {
        self.nodes.iter()
    }

    /// As they are written.
    pub(crate) fn texts(&self) -> impl Iterator<Item = OsString> {
        self.nodes.keys().map(|name| self.text(name))
    }

    /// Those behind this one, which need not be there; all, if there is none.
    pub(crate) fn texts_after(&self, name: Option<&OsStr>) -> impl Iterator<Item = OsString> {
        let after = name.map_or(Bound::Unbounded, |name| Bound::Excluded(self.find(name)));
        self.nodes.range((after, Bound::Unbounded)).map(|(name, _)| self.text(name))
    }

    /// These names stand for these inodes now; sorted.
    pub(crate) fn list(&mut self, listed: &[(Name, u64)]) {
        if self.nodes.is_empty() {
            // So the tree is as dense as can be.
            let node = |ino: &u64| Node { listed_ino: *ino, ..Node::default() };
            self.nodes = listed.iter().map(|(name, ino)| (name.clone(), node(ino))).collect();
            return;
        }
        let before = self.nodes.len();
        for (name, ino) in listed {
            self.nodes.entry(name.clone()).or_default().listed_ino = *ino;
        }
        if self.nodes.len() >= 2 * before {
            // One by one and in order they leave half of it free.
            self.nodes = std::mem::take(&mut self.nodes).into_iter().collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_kind_are_found_again() {
        let names = [
            "SMlog",
            "xapi-2026-02-19T20:46:15.393923-00:00.ndjson",
            "xapi-2026-02-19T20:46:15.393923-00:00.ndjson.zst",
            "xapi-2026-02-19T20:46:16.000000-00:00.ndjson",
            "é",
            "",
        ];
        let mut kept = Names::default();
        for (ino, name) in names.iter().enumerate() {
            assert!(!kept.contains(OsStr::new(name)));
            kept.entry(OsStr::new(name)).listed_ino = ino as u64;
        }
        for (ino, name) in names.iter().enumerate() {
            assert_eq!(kept.get(OsStr::new(name)).map(|node| node.listed_ino), Some(ino as u64), "{name}");
            let taken = kept.take(OsStr::new(name));
            assert_eq!(kept.text(&taken), OsStr::new(name));
        }
        assert_eq!(kept.len(), names.len());
        assert!(kept.remove(OsStr::new("SMlog")).is_some() && kept.remove(OsStr::new("SMlog")).is_none());
        assert_eq!(size_of::<Name>(), 16);
    }

    #[test]
    fn from_each_name_on_the_rest_follows() {
        let mut kept = Names::default();
        let names = ["b", "a-2026-02-19T20:46:15.393923.json", "a", "a-2026-02-19T20:46:14.393923.json"];
        names.iter().for_each(|name| drop(std::mem::take(kept.entry(OsStr::new(name)))));
        let all: Vec<OsString> = kept.texts().collect();
        for (at, name) in all.iter().enumerate() {
            assert_eq!(kept.texts_after(Some(name)).collect::<Vec<_>>(), all[at + 1..]);
        }
        assert_eq!(kept.texts_after(None).collect::<Vec<_>>(), all);
    }
}
