//! What the agent set aside, read back from its directory.

use super::Rig;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// One entry: its head, and the exact bytes.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) head: Value,
    pub(crate) bytes: Vec<u8>,
}

impl Entry {
    pub(crate) fn reason(&self) -> &str {
        self.head["reason"].as_str().unwrap()
    }

    /// The bytes stand where the head says.
    pub(crate) fn is_exact(&self) -> bool {
        let source = std::fs::read(self.head["path"].as_str().unwrap()).unwrap();
        let offset = usize::try_from(self.head["offset"].as_u64().unwrap()).unwrap();
        source[offset..].starts_with(&self.bytes)
    }
}

impl Rig {
    pub(crate) fn rejected_directory(&self) -> PathBuf {
        self.sandbox.state().join("rejected")
    }

    /// The entries of the newest file, in order.
    pub(crate) fn rejected(&self) -> Vec<Entry> {
        entries(&self.rejected_directory().join("rejected.0"))
    }
}

fn entries(path: &Path) -> Vec<Entry> {
    let mut rest = std::fs::read(path).unwrap();
    let mut found = Vec::new();
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let head: Value = serde_json::from_slice(&rest[..end]).unwrap();
        let length = usize::try_from(head["length"].as_u64().unwrap()).unwrap();
        let bytes = rest[end + 1..end + 1 + length].to_vec();
        assert_eq!(rest[end + 1 + length], b'\n', "{head}");
        rest.drain(..end + 2 + length);
        found.push(Entry { head, bytes });
    }
    found
}
