//! This host's identity, without a XAPI login. Leaves to others: the form of an inventory (`archive`).

use model::Uuid;
use std::path::Path;

/// The host uuid in the inventory file; `None` where there is no file or no uuid in it.
pub(crate) fn installation_uuid(inventory: &Path) -> Option<Uuid> {
    let text = std::fs::read(inventory).ok()?;
    archive::installation_uuid(&String::from_utf8_lossy(&text))
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
