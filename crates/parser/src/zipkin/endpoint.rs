//! `localEndpoint` and `remoteEndpoint`.

use super::scalar::{Scalar, TakeObject, With};
use serde::de::{IgnoredAny, MapAccess};
use std::borrow::Cow;

/// An endpoint's known fields; what is empty or of another type is absent.
#[derive(Debug, Default)]
pub(super) struct Endpoint<'a> {
    pub(super) service: Option<Cow<'a, str>>,
    pub(super) ipv4: Option<Cow<'a, str>>,
    pub(super) ipv6: Option<Cow<'a, str>>,
    pub(super) port: Option<i64>,
    /// It was neither an object nor null.
    pub(super) bad: bool,
}

impl<'a> Endpoint<'a> {
    /// Takes a field.
    pub(super) fn set(&mut self, key: &str, value: Scalar<'a>) {
        match key {
            "serviceName" => self.service = text(value),
            "ipv4" => self.ipv4 = text(value),
            "ipv6" => self.ipv6 = text(value),
            "port" => self.port = port(&value),
            _ => {}
        }
    }

    /// The address: IPv4 where it has both.
    pub(super) fn address(&mut self) -> Option<Cow<'a, str>> {
        self.ipv4.take().or_else(|| self.ipv6.take())
    }
}

impl<'de> TakeObject<'de> for Endpoint<'de> {
    fn entry<A: MapAccess<'de>>(&mut self, key: Cow<'de, str>, map: &mut A) -> Result<(), A::Error> {
        match &*key {
            "serviceName" | "ipv4" | "ipv6" | "port" => {
                map.next_value_seed(With(|value: Scalar<'de>| self.set(&key, value)))?;
            }
            _ => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }

    fn no_object(&mut self, null: bool) {
        self.bad = !null;
    }
}

fn text(value: Scalar<'_>) -> Option<Cow<'_, str>> {
    value.into_text().ok().flatten().filter(|text| !text.is_empty())
}

/// A port; 0 means that none is known.
fn port(value: &Scalar<'_>) -> Option<i64> {
    let port = match value {
        Scalar::Unsigned(port) => u16::try_from(*port).ok(),
        Scalar::Text(port) => port.parse().ok(),
        _ => None,
    };
    port.filter(|port| *port != 0).map(i64::from)
}
