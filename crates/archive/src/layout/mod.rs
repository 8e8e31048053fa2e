//! Which files are whose: traces, logs and what says who the host is, by the names under which a host keeps them.
//!
//! Layouts: a status report has `bug-report-…/var/log/…` and `…/etc/xensource-inventory` (xenserver/status-report,
//! `xen-bugtool`); XO's `logs.tgz` has `var/log/…` without a top directory or inventory (xen-api, `scripts/logs-download`); a
//! copied `/`, `/var/log` or single file is whatever it is. So: what stands before `var/log` is the host's *root*; without
//! `var/log`, the folder is.
//!
//! Promises: pure functions over names and texts. Leaves to others: reading, and what the bytes say.

mod hosts;
mod names;

pub use hosts::{Host, HostId, Hosts, Resolved, Source, installation_uuid, inventory_value};
pub use names::{LogName, Rotation, trace_host};

use crate::member::Place;
use std::fmt;

/// The logs that are looked for without being told.
const LOGS: [&str; 4] = ["xensource.log", "SMlog", "audit.log", "daemon.log"];

/// Where one host's files begin: the archive (or folder) and the directory in it that is `/` to the host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Root {
    /// As in [`Place::chain`]; empty for files that were given themselves.
    pub chain: Vec<String>,
    /// The directory; empty: the top of the archive.
    pub prefix: String,
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = Some(&self.prefix).filter(|prefix| !prefix.is_empty());
        let parts: Vec<&str> = self.chain.iter().chain(own).map(String::as_str).collect();
        f.write_str(if parts.is_empty() { "." } else { "" })?;
        f.write_str(&parts.join(" → "))
    }
}

/// What a file is to XAPI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A trace file, packed or not.
    Trace {
        /// Its path below the trace directory (`zipkinv2/json/….ndjson.zst`), or below the root where there is none.
        below: String,
    },
    /// A log or one of its rotated siblings.
    Log(LogName),
    /// `/etc/xensource-inventory`.
    Inventory,
    /// `/etc/xensource/pool.conf`: `master` or `slave:<address>`.
    PoolConf,
}

/// A file that matters, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filed {
    /// The host's root.
    pub root: Root,
    /// What it is.
    pub kind: Kind,
    /// Its own name.
    pub name: String,
}

/// Which names are looked for.
#[derive(Clone, Debug)]
pub struct Layout {
    logs: Vec<String>,
}

impl Default for Layout {
    /// With `xensource.log`, `SMlog`, `audit.log` and `daemon.log`.
    fn default() -> Self {
        Self::new(LOGS)
    }
}

impl Layout {
    /// With these logs, by the names of their live files, and all traces.
    pub fn new(logs: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { logs: logs.into_iter().map(Into::into).collect() }
    }

    /// What the file there is; `None`: nothing that matters.
    #[must_use]
    pub fn classify(&self, place: &Place) -> Option<Filed> {
        let itself = place.path.is_empty();
        let path = if itself { place.chain.last()? } else { &place.path };
        let chain = if itself { &[] } else { place.chain.as_slice() };
        let parts: Vec<&str> = path.split('/').collect();
        let (prefix, kind) = self.in_host(&parts).or_else(|| self.in_folder(&parts))?;
        let root = Root { chain: chain.to_vec(), prefix };
        Some(Filed { root, kind, name: parts.last()?.to_string() })
    }

    /// Below a directory that is laid out as a host's `/`.
    fn in_host(&self, parts: &[&str]) -> Option<(String, Kind)> {
        if let [before @ .., "etc", "xensource-inventory"] = parts {
            return Some((before.join("/"), Kind::Inventory));
        }
        if let [before @ .., "etc", "xensource", "pool.conf"] = parts {
            return Some((before.join("/"), Kind::PoolConf));
        }
        let at = parts.windows(2).rposition(|pair| pair == ["var", "log"])?;
        let (before, rest) = (parts.get(..at)?, parts.get(at + 2..)?);
        let kind = match rest {
            ["dt", below @ .., name] if names::is_trace(name) => trace(below, name),
            [name] => Kind::Log(names::log(&self.logs, name)?),
            _ => return None,
        };
        Some((before.join("/"), kind))
    }

    /// In a folder of any form.
    fn in_folder(&self, parts: &[&str]) -> Option<(String, Kind)> {
        if parts.windows(2).any(|pair| pair == ["var", "log"]) {
            return None;
        }
        let (name, before) = parts.split_last()?;
        if names::is_trace(name) {
            let at =
                before.iter().position(|part| matches!(*part, "dt" | "zipkinv2")).unwrap_or(before.len());
            let below = before.get(at..).unwrap_or_default();
            let below = below.strip_prefix(&["dt"]).unwrap_or(below);
            return Some((before.get(..at)?.join("/"), trace(below, name)));
        }
        let kind = match *name {
            "xensource-inventory" => Kind::Inventory,
            "pool.conf" => Kind::PoolConf,
            name => Kind::Log(names::log(&self.logs, name)?),
        };
        Some((before.join("/"), kind))
    }
}

fn trace(below: &[&str], name: &str) -> Kind {
    let parts: Vec<&str> = below.iter().copied().chain([name]).collect();
    Kind::Trace { below: parts.join("/") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "xapi-6e7e2f49-3168-465e-a22c-93f68f1c31ab-2026-02-19T20:46:15.393923-00:00.ndjson";

    fn shown(chain: &[&str], path: &str) -> Option<String> {
        let chain = chain.iter().map(|part| part.replace("TRACE", TRACE)).collect();
        let filed = Layout::default().classify(&Place { chain, path: path.to_owned() })?;
        let kind = match filed.kind {
            Kind::Trace { below } => format!("trace {below}"),
            Kind::Log(log) => format!("log {} {:?}", log.log, log.rotation),
            other => format!("{other:?}"),
        };
        Some(format!("{} | {kind}", filed.root))
    }

    fn check(chain: &[&str], path: &str, expected: Option<&str>) {
        let expected = expected.map(|text| text.replace("TRACE", TRACE));
        assert_eq!(shown(chain, &path.replace("TRACE", TRACE)), expected, "{chain:?} {path}");
    }

    #[test]
    fn a_status_report() {
        let at = |path: &str, expected| check(&["r.tar.bz2"], &format!("bug-report-2026/{path}"), expected);
        at(
            "var/log/dt/zipkinv2/json/TRACE.zst",
            Some("r.tar.bz2 → bug-report-2026 | trace zipkinv2/json/TRACE.zst"),
        );
        at("var/log/xensource.log", Some("r.tar.bz2 → bug-report-2026 | log xensource.log Live"));
        at("var/log/SMlog.12.gz", Some("r.tar.bz2 → bug-report-2026 | log SMlog Numbered(Reverse(12))"));
        at("etc/xensource-inventory", Some("r.tar.bz2 → bug-report-2026 | Inventory"));
        at("etc/xensource/pool.conf", Some("r.tar.bz2 → bug-report-2026 | PoolConf"));
        for nothing in
            ["var/log/yum.log", "var/log/old/xensource.log", "xapi-db.xml", "var/log/dt/x.txt", "a.out"]
        {
            at(nothing, None);
        }
    }

    #[test]
    fn other_layouts() {
        check(
            &["logs.tgz"],
            "var/log/xensource.log.1",
            Some("logs.tgz | log xensource.log Numbered(Reverse(1))"),
        );
        check(&["r.zip", "h1.tar"], "b/var/log/SMlog", Some("r.zip → h1.tar → b | log SMlog Live"));
        check(&["/var/log"], "xensource.log", Some("/var/log | log xensource.log Live"));
        check(&["/var/log"], "dt/zipkinv2/json/TRACE", Some("/var/log | trace zipkinv2/json/TRACE"));
        check(&["/tmp/x"], "h1/TRACE", Some("/tmp/x → h1 | trace TRACE"));
        check(&["/tmp/x/xensource.log"], "", Some("/tmp/x | log xensource.log Live"));
        check(&["/m/var/log/copy/var/log/SMlog"], "", Some("/m/var/log/copy | log SMlog Live"));
        check(&["TRACE.zst"], "", Some(". | trace TRACE.zst"));
        check(&["/tmp/x"], "config.json", None);
        check(&["/tmp/x"], "spans.ndjson", Some("/tmp/x | trace spans.ndjson"));
    }
}
