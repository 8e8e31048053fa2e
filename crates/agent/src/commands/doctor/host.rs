//! Which host this is: its inventory, its part in the pool, and whether its XAPI can trace at all.
//!
//! Sources: xenserver/host-installer `backend.py` (inventory); xen-api `ocaml/xapi-aux/pool_role.ml` (`pool.conf`:
//! `master`, `slave:<address>` or `broken`). Observers came with XAPI 23.14; XCP-ng and Citrix Hypervisor up to 8.2 have
//! XAPI 1.249 and no tracing, XCP-ng 8.3 and XenServer 8.4 have it.

use super::finding::Finding;
use super::root::Root;
use crate::host::host_name;
use model::Uuid;
use std::io;
use std::path::{Path, PathBuf};

/// What is known of the host.
#[derive(Debug)]
pub(super) struct Facts {
    inventory: PathBuf,
    text: Result<String, io::ErrorKind>,
    pool: Result<String, io::ErrorKind>,
    name: String,
}

/// Whether XAPI can trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tracing {
    /// Not in this product.
    Without(String),
    Able,
    /// Nothing says what runs here.
    Unknown,
}

impl Facts {
    pub(super) fn gather(root: &Root, inventory: &Path) -> Self {
        let read = |path: &Path| {
            let text = std::fs::read(path).map_err(|error| error.kind())?;
            Ok(String::from_utf8_lossy(&text).into_owned())
        };
        Self {
            inventory: inventory.to_path_buf(),
            text: read(inventory),
            pool: read(&root.at("/etc/xensource/pool.conf")),
            name: host_name(),
        }
    }

    fn value(&self, key: &str) -> Option<String> {
        archive::inventory_value(self.text.as_deref().ok()?, key).filter(|value| !value.is_empty())
    }

    /// Product and version, as the inventory has them.
    fn product(&self) -> Option<String> {
        let brand = self.value("PRODUCT_BRAND")?;
        Some(format!("{brand} {}", self.value("PRODUCT_VERSION").unwrap_or_default()).trim().to_owned())
    }

    /// Whether XAPI can trace.
    pub(super) fn tracing(&self) -> Tracing {
        let version = self.value("PRODUCT_VERSION").unwrap_or_default();
        let mut parts = version.split('.').map(str::parse::<u32>);
        let (Some(Ok(major)), Some(Ok(minor))) = (parts.next(), parts.next()) else {
            return Tracing::Unknown;
        };
        match (major, minor) < (8, 3) {
            true => Tracing::Without(self.product().unwrap_or(version)),
            false => Tracing::Able,
        }
    }
}

pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    vec![identity(facts), pool(facts), xapi(facts)]
}

fn identity(facts: &Facts) -> Finding {
    let path = facts.inventory.display();
    let learn = "the host uuid is learned from the names of trace files";
    let uuid = facts.value("INSTALLATION_UUID");
    let finding = match (&facts.text, uuid) {
        (Err(io::ErrorKind::NotFound), _) => {
            Finding::warn("host.identity", format!("is not there: no dom0 of XenServer or XCP-ng? {learn}"))
                .mend("host.inventory = \"/path\", if it lies elsewhere")
        }
        (Err(kind), _) => Finding::warn("host.identity", format!("can't be read ({kind}); {learn}"))
            .mend("sudo xapi-observer doctor"),
        (Ok(_), Some(uuid)) if Uuid::parse(&uuid).is_some() => {
            Finding::ok("host.identity", format!("host {} has the uuid {uuid}", facts.name))
        }
        (Ok(_), _) => Finding::warn("host.identity", format!("has no INSTALLATION_UUID; {learn}"))
            .mend(format!("grep INSTALLATION_UUID {path}")),
    };
    finding.of(path)
}

fn pool(facts: &Facts) -> Finding {
    let role = facts.pool.as_deref().map(str::trim);
    match role {
        Ok("master") => Finding::ok("host.pool", "this host is its pool's coordinator"),
        Ok("broken") => Finding::warn(
            "host.pool",
            "this host has lost its pool's coordinator; XAPI does little until it is back",
        )
        .mend("xe pool-emergency-transition-to-master, or xe host-emergency-… as the product's guide says"),
        Ok(role) => match role.strip_prefix("slave:") {
            Some(master) => {
                Finding::ok("host.pool", format!("member of a pool; its coordinator is {master}"))
            }
            None => Finding::warn("host.pool", "pool.conf says neither master nor slave")
                .mend("cat /etc/xensource/pool.conf"),
        },
        Err(io::ErrorKind::PermissionDenied) => {
            Finding::warn("host.pool", "pool.conf can't be read").mend("sudo xapi-observer doctor")
        }
        Err(_) => Finding::warn("host.pool", "there is no pool.conf: no XAPI was ever started here")
            .mend("systemctl status xapi"),
    }
}

fn xapi(facts: &Facts) -> Finding {
    let product = facts.product();
    match (facts.tracing(), product) {
        (Tracing::Without(product), _) => {
            Finding::ok("host.xapi", format!("{product} has no tracing (XAPI has it since 23.14); logs only"))
        }
        (Tracing::Able, product) => {
            Finding::ok("host.xapi", format!("{} can trace", product.unwrap_or_else(|| "XAPI".to_owned())))
        }
        (Tracing::Unknown, _) => {
            Finding::warn("host.xapi", "nothing says which version of XAPI this is; it can trace since 23.14")
                .mend("rpm -q xapi-core")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::finding::Level;

    const UUID: &str = "cb043a21-9c51-4418-a1e8-e7079ac6dc1a";

    fn facts(text: Result<&str, io::ErrorKind>, pool: Result<&str, io::ErrorKind>) -> Facts {
        Facts {
            inventory: "/i".into(),
            text: text.map(str::to_owned),
            pool: pool.map(str::to_owned),
            name: "lab1".to_owned(),
        }
    }

    #[test]
    fn identity_pool_and_version_are_told() {
        let missing = Err(io::ErrorKind::NotFound);
        let denied = Err(io::ErrorKind::PermissionDenied);
        let new = format!("PRODUCT_BRAND='XCP-ng'\nPRODUCT_VERSION='8.3.0'\nINSTALLATION_UUID='{UUID}'\n");
        let old = "PRODUCT_BRAND='XCP-ng'\nPRODUCT_VERSION='8.2.1'\nINSTALLATION_UUID='no'\n";
        use Level::{Ok as Good, Warn};
        let cases = [
            (facts(Ok(&new), Ok("master\n")), [Good, Good, Good], "can trace"),
            (facts(Ok(&new), Ok("slave:fe80::1")), [Good, Good, Good], "coordinator is fe80::1"),
            (facts(Ok(&new), Ok("broken")), [Good, Warn, Good], "lost"),
            (facts(Ok(&new), Ok("?")), [Good, Warn, Good], "neither"),
            (facts(Ok(old), Ok("master")), [Warn, Good, Good], "XCP-ng 8.2.1 has no tracing"),
            (facts(Ok(""), missing), [Warn, Warn, Warn], "no pool.conf"),
            (facts(missing, missing), [Warn, Warn, Warn], "no dom0"),
            (facts(denied, denied), [Warn, Warn, Warn], "can't be read"),
        ];
        for (facts, expected, said) in cases {
            let found = judge(&facts);
            let levels: Vec<Level> = found.iter().map(|finding| finding.level).collect();
            assert_eq!(levels, expected, "{found:#?}");
            assert!(found.iter().any(|finding| finding.text.contains(said)), "{said}: {found:#?}");
            let without = found.iter().find(|finding| finding.level == Warn && finding.mend.is_empty());
            assert_eq!(without, None);
        }
    }

    #[test]
    fn versions_with_tracing() {
        for (version, expected) in [
            ("8.2.1", Tracing::Without("X 8.2.1".to_owned())),
            ("7.6.0", Tracing::Without("X 7.6.0".to_owned())),
            ("8.3.0", Tracing::Able),
            ("8.4.0", Tracing::Able),
            ("9.0", Tracing::Able),
            ("9", Tracing::Unknown),
            ("", Tracing::Unknown),
        ] {
            let text = format!("PRODUCT_BRAND='X'\nPRODUCT_VERSION='{version}'\n");
            assert_eq!(facts(Ok(&text), Ok("")).tracing(), expected, "{version}");
        }
    }
}
