//! From a program's name to its service's.

/// A program, as the line names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Program<'a> {
    /// The name its spans have, or would have: without path and without domain.
    pub(crate) service: &'a str,
    /// The domain it serves.
    pub(crate) domain: Option<u32>,
}

/// No domain has this number or a larger one (xen `xen/include/public/xen.h`, `DOMID_FIRST_RESERVED`).
const DOMAINS: u32 = 0x7ff0;

impl<'a> Program<'a> {
    /// Reads a program's name.
    ///
    /// xenopsd names what it starts for a domain `<name>-<domain>` (xen-api `ocaml/xenopsd/xc/service.ml`,
    /// `syslog_key`), the emulators of a migration `<name>-<domain>-<part>`: one service, however many domains.
    pub(crate) fn parse(name: &'a str) -> Self {
        // Nearly all names are plain.
        if !name.bytes().any(|byte| matches!(byte, b'/' | b'-')) {
            return Self { service: known(name).unwrap_or(name), domain: None };
        }
        let name = name.rsplit('/').find(|part| !part.is_empty()).unwrap_or(name);
        if let Some(service) = known(name) {
            return Self { service, domain: None };
        }
        let base = name.trim_end_matches(|c: char| c.is_ascii_lowercase()).strip_suffix('-');
        let split = split_domain(name).or_else(|| base.and_then(split_domain));
        split.map_or(Self { service: name, domain: None }, |(service, domain)| Self {
            service,
            domain: Some(domain),
        })
    }
}

/// Programs whose spans have another name (`Tracing_export.set_service_name` in `ocaml/xenopsd/lib/xenopsd.ml`;
/// storage plugins trace as `smapi`, `python3/packages/observer.py`).
fn known(name: &str) -> Option<&'static str> {
    match name {
        "xenopsd-xc" | "xenopsd-simulator" => Some("xenopsd"),
        "SM" | "SMAPIv3" => Some("smapi"),
        _ => None,
    }
}

fn split_domain(name: &str) -> Option<(&str, u32)> {
    let (service, digits) = name.rsplit_once('-')?;
    let plain = !service.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let domain = digits.parse().ok().filter(|domain| *domain < DOMAINS)?;
    plain.then_some((service, domain))
}

#[cfg(test)]
mod tests {
    use super::Program;

    #[test]
    fn services_and_domains() {
        let cases = [
            ("xapi", "xapi", None),
            ("xenopsd-xc", "xenopsd", None),
            ("xenopsd", "xenopsd", None),
            ("xcp-rrdd", "xcp-rrdd", None),
            ("SM", "smapi", None),
            ("qemu-dm-17", "qemu-dm", Some(17)),
            ("qemu-dm-99999", "qemu-dm-99999", None),
            ("qemu-dm-+7", "qemu-dm-+7", None),
            ("varstored-3", "varstored", Some(3)),
            ("xenguest-2-emp", "xenguest", Some(2)),
            ("/usr/lib64/xen/bin/emu-manager", "emu-manager", None),
            ("/opt/qemu-dm-4", "qemu-dm", Some(4)),
            ("trailing/", "trailing", None),
            ("/", "/", None),
            ("-3", "-3", None),
            ("17", "17", None),
        ];
        for (name, service, domain) in cases {
            assert_eq!(Program::parse(name), Program { service, domain }, "{name}");
        }
    }
}
