//! This host's identity, without a XAPI login.
//!
//! Source of the inventory's form: xenserver/host-installer `backend.py` (`KEY='value'` lines), xen-api
//! `ocaml/xapi-inventory/lib/inventory.ml`.

use model::Uuid;
use std::path::Path;

/// The host uuid in the inventory file; `None` where there is no file or no uuid in it.
pub(crate) fn installation_uuid(inventory: &Path) -> Option<Uuid> {
    let text = std::fs::read(inventory).ok()?;
    value_of(&String::from_utf8_lossy(&text), "INSTALLATION_UUID").and_then(|text| Uuid::parse(&text))
}

/// The value of a key in an inventory's text.
pub(crate) fn value_of(inventory: &str, key: &str) -> Option<String> {
    let value = |line: &str| {
        let (name, value) = line.split_once('=')?;
        (name.trim() == key).then(|| value.trim().trim_matches(['\'', '"']).to_owned())
    };
    inventory.lines().find_map(value)
}

/// This machine's host name, as gethostname gives it.
pub(crate) fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// What tells this host apart in its own telemetry, by the names that its spans and lines have. Without it, the same
/// metric of two hosts would be one series.
pub(crate) fn resource(inventory: &Path) -> Vec<(&'static str, String)> {
    let uuid = installation_uuid(inventory).map(|uuid| uuid.to_string());
    let by_uuid = ["host.id", "service.instance.id", "xs.host.uuid"];
    let uuids = uuid.iter().flat_map(|uuid| by_uuid.map(|key| (key, uuid.clone())));
    let mut resource = vec![("host.name", host_name())];
    resource.extend(uuids);
    if uuid.is_none() {
        resource.push(("service.instance.id", host_name()));
    }
    resource
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inventory_is_read_in_either_quoting() {
        let uuid = "cb043a21-9c51-4418-a1e8-e7079ac6dc1a";
        for line in [format!("INSTALLATION_UUID='{uuid}'"), format!(" INSTALLATION_UUID = \"{uuid}\"")] {
            let text = format!("PRODUCT_BRAND='XCP-ng'\n{line}\n");
            assert_eq!(value_of(&text, "INSTALLATION_UUID").as_deref(), Some(uuid));
        }
        assert_eq!(value_of("PRODUCT_BRAND='XCP-ng'", "INSTALLATION_UUID"), None);
    }

    #[test]
    fn hosts_are_told_apart_with_and_without_an_inventory() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("xensource-inventory");
        let instance =
            |path| resource(path).into_iter().find(|(key, _)| *key == "service.instance.id").unwrap().1;
        assert_eq!(instance(&path), host_name());
        std::fs::write(&path, "INSTALLATION_UUID='cb043a21-9c51-4418-a1e8-e7079ac6dc1a'\n").unwrap();
        assert_eq!(instance(&path), "cb043a21-9c51-4418-a1e8-e7079ac6dc1a");
        assert_eq!(resource(&path).len(), 4);
    }
}
