//! Which hosts there are, and who they are.

use super::{Filed, Kind, Root, trace_host};
use model::Uuid;
use std::collections::BTreeMap;

/// The host uuid in an inventory file: `INSTALLATION_UUID='…'`.
#[must_use]
pub fn installation_uuid(inventory: &str) -> Option<Uuid> {
    Uuid::parse(&inventory_value(inventory, "INSTALLATION_UUID")?)
}

/// The value of a key in an inventory's text: lines of `KEY='value'` (xenserver/host-installer `backend.py` writes them,
/// xen-api `ocaml/xapi-inventory/lib/inventory.ml` reads them).
#[must_use]
pub fn inventory_value(inventory: &str, key: &str) -> Option<String> {
    let value = |line: &str| {
        let (name, value) = line.split_once('=')?;
        (name.trim() == key).then(|| value.trim().trim_matches(['\'', '"']).to_owned())
    };
    inventory.lines().find_map(value)
}

/// Names a host of a [`Resolved`]: its index in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostId(pub usize);

/// What says who a host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Its inventory.
    Inventory,
    /// The names of its trace files.
    TraceNames,
    /// Nothing does.
    Nothing,
}

/// One host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Where its files are; where several roots are one host's, the one with the logs.
    pub root: Root,
    /// Its uuid.
    pub uuid: Option<Uuid>,
    /// What says so.
    pub source: Source,
    /// What its `pool.conf` says: `master`, `slave:10.0.0.11` …
    pub role: Option<String>,
    /// Other hosts' uuids in the names of its trace files: somebody has put them together.
    pub others: Vec<Uuid>,
}

#[derive(Clone, Debug, Default)]
struct Seen {
    inventory: Option<Uuid>,
    role: Option<String>,
    names: BTreeMap<Uuid, u64>,
    traces: u64,
    logs: u64,
}

/// Gathers what a walk, or several, come across.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    roots: BTreeMap<Root, Seen>,
}

impl Hosts {
    /// A file was found.
    pub fn add(&mut self, filed: &Filed) {
        let seen = self.roots.entry(filed.root.clone()).or_default();
        match &filed.kind {
            Kind::Trace { .. } => {
                seen.traces += 1;
                if let Some(host) = trace_host(&filed.name) {
                    *seen.names.entry(host).or_default() += 1;
                }
            }
            Kind::Log(_) => seen.logs += 1,
            Kind::Inventory | Kind::PoolConf => {}
        }
    }

    /// What an inventory says.
    pub fn inventory(&mut self, root: &Root, text: &str) {
        let seen = self.roots.entry(root.clone()).or_default();
        seen.inventory = installation_uuid(text).or(seen.inventory);
    }

    /// What a `pool.conf` says.
    pub fn pool_conf(&mut self, root: &Root, text: &str) {
        self.roots.entry(root.clone()).or_default().role = Some(text.trim().to_owned());
    }

    /// Which hosts there are. Roots of one uuid are one host, unless several have logs: those are of different times. Logs
    /// alone and traces alone, one root of each, belong together.
    #[must_use]
    pub fn resolve(self) -> Resolved {
        let mut resolved = Resolved::default();
        let wanted = |seen: &Seen| seen.traces + seen.logs > 0;
        let (with_logs, without): (Vec<_>, Vec<_>) =
            self.roots.into_iter().filter(|(_, seen)| wanted(seen)).partition(|(_, seen)| seen.logs > 0);
        for (root, seen) in with_logs {
            resolved.begin(root, seen);
        }
        for (root, seen) in without {
            match resolved.owner_of(&seen) {
                Some(HostId(at)) => resolved.join(at, root, seen),
                None => resolved.begin(root, seen),
            }
        }
        resolved
    }
}

impl Seen {
    fn uuid(&self) -> (Option<Uuid>, Source) {
        let most = || self.names.iter().max_by_key(|(_, count)| **count).map(|(uuid, _)| *uuid);
        match (self.inventory, most()) {
            (Some(uuid), _) => (Some(uuid), Source::Inventory),
            (None, Some(uuid)) => (Some(uuid), Source::TraceNames),
            (None, None) => (None, Source::Nothing),
        }
    }

    fn host(&self, root: Root) -> Host {
        let (uuid, source) = self.uuid();
        let others = self.names.keys().copied().filter(|name| Some(*name) != uuid).collect();
        Host { root, uuid, source, role: self.role.clone(), others }
    }
}

/// The hosts that were found.
#[derive(Clone, Debug, Default)]
pub struct Resolved {
    hosts: Vec<Host>,
    seen: Vec<Seen>,
    of: BTreeMap<Root, HostId>,
}

impl Resolved {
    /// All of them; a [`HostId`] is an index into this list.
    #[must_use]
    pub fn list(&self) -> &[Host] {
        &self.hosts
    }

    /// Whose the files below this root are.
    #[must_use]
    pub fn of(&self, root: &Root) -> Option<HostId> {
        self.of.get(root).copied()
    }

    fn begin(&mut self, root: Root, seen: Seen) {
        self.of.insert(root.clone(), HostId(self.hosts.len()));
        self.hosts.push(seen.host(root));
        self.seen.push(seen);
    }

    /// Of traces without logs: the one host that they can be of.
    fn owner_of(&self, traces: &Seen) -> Option<HostId> {
        let (uuid, _) = traces.uuid();
        let only = |fits: &dyn Fn(&Host) -> bool| {
            let mut all =
                self.hosts.iter().enumerate().filter(|(_, host)| fits(host)).map(|(at, _)| HostId(at));
            all.next().filter(|_| all.next().is_none())
        };
        let alone = self.hosts.len() == 1;
        only(&|host| uuid.is_some() && host.uuid == uuid)
            .or_else(|| only(&|host| alone && host.uuid.is_none()))
    }

    fn join(&mut self, at: usize, root: Root, more: Seen) {
        let (Some(host), Some(seen)) = (self.hosts.get_mut(at), self.seen.get_mut(at)) else { return };
        seen.inventory = seen.inventory.or(more.inventory);
        seen.role = seen.role.take().or(more.role);
        more.names.into_iter().for_each(|(uuid, count)| *seen.names.entry(uuid).or_default() += count);
        *host = seen.host(host.root.clone());
        self.of.insert(root, HostId(at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::LogName;
    use crate::layout::names::Rotation;

    const A: &str = "6e7e2f49-3168-465e-a22c-93f68f1c31ab";
    const B: &str = "cb043a21-9c51-4418-a1e8-e7079ac6dc1a";

    fn root(prefix: &str) -> Root {
        Root { chain: vec!["x".to_owned()], prefix: prefix.to_owned() }
    }

    fn trace(prefix: &str, uuid: &str) -> Filed {
        let name = format!("xapi-{uuid}-2026-02-19T20:46:15.393923-00:00.ndjson");
        Filed { root: root(prefix), kind: Kind::Trace { below: name.clone() }, name }
    }

    fn log(prefix: &str) -> Filed {
        let kind = Kind::Log(LogName { log: "xensource.log".into(), rotation: Rotation::Live });
        Filed { root: root(prefix), kind, name: "xensource.log".into() }
    }

    fn check(files: &[Filed], inventories: &[(&str, &str)], expected: &[(&str, Option<&str>, Source)]) {
        let mut hosts = Hosts::default();
        files.iter().for_each(|file| hosts.add(file));
        for (prefix, uuid) in inventories {
            hosts.inventory(&root(prefix), &format!("A='b'\n INSTALLATION_UUID = \"{uuid}\"\n"));
        }
        let resolved = hosts.resolve();
        let found: Vec<_> =
            resolved.list().iter().map(|host| (host.root.prefix.as_str(), host.uuid, host.source)).collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(root, uuid, source)| (*root, uuid.and_then(Uuid::parse), *source))
            .collect();
        assert_eq!(found, expected);
        assert!(files.iter().all(|file| resolved.of(&file.root).is_some()));
    }

    #[test]
    fn the_inventory_is_read_in_either_quoting() {
        let uuid = "cb043a21-9c51-4418-a1e8-e7079ac6dc1a";
        for line in [format!("INSTALLATION_UUID='{uuid}'"), format!(" INSTALLATION_UUID = \"{uuid}\"")] {
            let text = format!("PRODUCT_BRAND='XCP-ng'\n{line}\n");
            assert_eq!(inventory_value(&text, "INSTALLATION_UUID").as_deref(), Some(uuid));
        }
        assert_eq!(inventory_value("PRODUCT_BRAND='XCP-ng'", "INSTALLATION_UUID"), None);
    }

    #[test]
    fn the_inventory_goes_before_the_names() {
        check(&[log("h"), trace("h", A)], &[("h", B)], &[("h", Some(B), Source::Inventory)]);
        check(&[log("h"), trace("h", A)], &[], &[("h", Some(A), Source::TraceNames)]);
        check(&[log("h")], &[("other", B)], &[("h", None, Source::Nothing)]);
        check(&[trace("h", A), trace("h", B), trace("h", B)], &[], &[("h", Some(B), Source::TraceNames)]);
    }

    #[test]
    fn roots_of_one_host_are_joined() {
        check(&[trace("dt", A), log("l")], &[], &[("l", Some(A), Source::TraceNames)]);
        check(&[trace("dt", A), trace("dt2", A)], &[], &[("dt", Some(A), Source::TraceNames)]);
        check(
            &[log("1"), trace("1", A), log("2"), trace("2", A)],
            &[],
            &[("1", Some(A), Source::TraceNames), ("2", Some(A), Source::TraceNames)],
        );
        check(
            &[trace("dt", A), log("1"), log("2")],
            &[],
            &[
                ("1", None, Source::Nothing),
                ("2", None, Source::Nothing),
                ("dt", Some(A), Source::TraceNames),
            ],
        );
    }
}
