//! Where lines come from: the host, its pool, and what the configuration adds.

use super::parts::Parts;
use super::{context, escape, keys};
use model::{KeyValue, Resource, Uuid};
use std::borrow::Cow;

/// What is known of the host that wrote a log.
///
/// Name-label and pool are learned from spans in time; lines never wait for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostContext {
    uuid: Option<(Uuid, String)>,
    pool: Option<String>,
    /// The host's name-label in XAPI.
    pub name_label: Option<String>,
    /// The host's name, for lines that say none; empty where it is unknown.
    pub host_name: String,
    /// Attributes to add to the resource; a key that the line itself gives is passed over.
    pub extra: Vec<(String, String)>,
}

impl HostContext {
    /// A host of this uuid, if it is known, and this name.
    #[must_use]
    pub fn new(uuid: Option<Uuid>, host_name: impl Into<String>) -> Self {
        let uuid = uuid.map(|uuid| (uuid, uuid.to_string()));
        Self { uuid, host_name: host_name.into(), ..Self::default() }
    }

    /// The host's uuid.
    #[must_use]
    pub fn uuid(&self) -> Option<Uuid> {
        self.uuid.as_ref().map(|(uuid, _)| *uuid)
    }

    /// Sets the pool's uuid.
    pub fn set_pool(&mut self, pool: Option<Uuid>) {
        self.pool = pool.map(|uuid| uuid.to_string());
    }

    /// The resource of the lines of this origin.
    #[must_use]
    pub fn resource<'a>(&'a self, origin: &Origin<'a>) -> Resource<'a> {
        let mut attributes = Vec::with_capacity(7 + self.extra.len());
        attributes.push(KeyValue::str(keys::SERVICE_NAME, origin.service));
        let mut push = |key: &'a str, value: Cow<'a, str>| {
            if !value.is_empty() {
                attributes.push(KeyValue::str(key, value));
            }
        };
        push(keys::HOST_NAME, origin.host_name.clone().unwrap_or_else(|| self.host_name.as_str().into()));
        if let Some((_, uuid)) = &self.uuid {
            for key in [keys::HOST_ID, keys::SERVICE_INSTANCE_ID, keys::XS_HOST_UUID] {
                push(key, uuid.into());
            }
        }
        push(keys::XS_HOST_NAME, self.name_label.as_deref().unwrap_or_default().into());
        push(keys::XS_POOL_UUID, self.pool.as_deref().unwrap_or_default().into());
        for (key, value) in &self.extra {
            if !attributes.iter().any(|known: &KeyValue<'_>| known.key == *key) {
                attributes.push(KeyValue::str(key, value));
            }
        }
        Resource { attributes }
    }
}

/// Where a line comes from, as far as the line says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin<'a> {
    /// Its service.
    pub service: &'a str,
    /// Its host's name.
    pub host_name: Option<Cow<'a, str>>,
}

impl<'a> Origin<'a> {
    pub(crate) fn of(service: &'a str, parts: &Parts<'a>) -> Self {
        Self { service, host_name: host_name(parts) }
    }
}

/// The host's name as the line says it: in the header, or in the bracket of old versions, which knows better where
/// syslog was started before the host had its name.
fn host_name<'a>(parts: &Parts<'a>) -> Option<Cow<'a, str>> {
    let header = parts.host;
    let unnamed = header.is_empty() || header == b"localhost";
    match (unnamed, parts.f2) {
        (true, f2) if !f2.is_empty() && context::parse(f2).is_none() => Some(escape::lossy(f2)),
        _ => (!header.is_empty()).then(|| escape::lossy(header)),
    }
}
