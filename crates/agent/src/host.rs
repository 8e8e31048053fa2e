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

fn value_of(inventory: &str, key: &str) -> Option<String> {
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
}
