//! Hosts and services as small numbers.

use model::Uuid;
use std::collections::HashMap;

/// As many different names as are told apart; a pool has at most 64 hosts, a host a handful of services.
const MAX_NAMES: usize = 4096;
const MAX_NAME_BYTES: usize = 256;
/// As many are found without a hash.
const FIRST: usize = 8;
/// Stands for every name beyond that, and equals nothing.
const BEYOND: u16 = u16::MAX;

/// A host; 0 is the unknown one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct HostNo(pub(super) u16);

impl HostNo {
    pub(super) const UNKNOWN: Self = Self(0);
    const BEYOND: Self = Self(BEYOND);

    /// Whether the two can be one host: an unknown host may be any.
    pub(super) fn may_be(self, other: Self) -> bool {
        let unknown = self == Self::UNKNOWN || other == Self::UNKNOWN;
        unknown || (self == other && self != Self::BEYOND)
    }
}

/// A service or program; 0 is the unknown one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ServiceNo(pub(super) u16);

impl ServiceNo {
    const UNKNOWN: Self = Self(0);
    const BEYOND: Self = Self(BEYOND);

    /// Whether the two are known to be the same.
    pub(super) fn is(self, other: Self) -> bool {
        self == other && self != Self::UNKNOWN && self != Self::BEYOND
    }
}

/// The numbers given so far. They are kept for the correlator's life.
#[derive(Debug)]
pub(super) struct Origins {
    hosts: HashMap<Uuid, u16>,
    services: HashMap<Box<str>, u16>,
    last_host: (Option<Uuid>, HostNo),
    /// The first few services, which are nearly all there are: comparing beats hashing.
    first_services: Vec<(Box<str>, ServiceNo)>,
}

impl Origins {
    pub(super) fn new() -> Self {
        Self {
            hosts: HashMap::new(),
            services: HashMap::new(),
            last_host: (None, HostNo::UNKNOWN),
            first_services: Vec::new(),
        }
    }

    pub(super) fn host(&mut self, uuid: Option<Uuid>) -> HostNo {
        if self.last_host.0 != uuid {
            self.last_host = (uuid, uuid.map_or(HostNo::UNKNOWN, |uuid| self.number_host(uuid)));
        }
        self.last_host.1
    }

    pub(super) fn service(&mut self, name: &str) -> ServiceNo {
        match self.first_services.iter().find(|(known, _)| **known == *name) {
            Some((_, number)) => *number,
            None => self.number_service(name),
        }
    }

    /// The host's number, if it has one already.
    pub(super) fn find_host(&self, uuid: Option<Uuid>) -> HostNo {
        let find = |uuid| self.hosts.get(&uuid).map_or(HostNo::BEYOND, |number| HostNo(*number));
        uuid.map_or(HostNo::UNKNOWN, find)
    }

    /// The service's number, if it has one already.
    pub(super) fn find_service(&self, name: &str) -> ServiceNo {
        self.services.get(name).map_or(ServiceNo::UNKNOWN, |number| ServiceNo(*number))
    }

    fn number_host(&mut self, uuid: Uuid) -> HostNo {
        if let Some(number) = self.hosts.get(&uuid) {
            return HostNo(*number);
        }
        let Some(number) = next_number(self.hosts.len()) else { return HostNo::BEYOND };
        self.hosts.insert(uuid, number);
        HostNo(number)
    }

    fn number_service(&mut self, name: &str) -> ServiceNo {
        if name.is_empty() {
            return ServiceNo::UNKNOWN;
        }
        if let Some(number) = self.services.get(name) {
            return ServiceNo(*number);
        }
        let number = next_number(self.services.len()).filter(|_| name.len() <= MAX_NAME_BYTES);
        let Some(number) = number else { return ServiceNo::BEYOND };
        self.services.insert(name.into(), number);
        if self.first_services.len() < FIRST {
            self.first_services.push((name.into(), ServiceNo(number)));
        }
        ServiceNo(number)
    }
}

fn next_number(given: usize) -> Option<u16> {
    u16::try_from(given + 1).ok().filter(|_| given < MAX_NAMES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_number_each() {
        let mut origins = Origins::new();
        let (a, b) = (Some(Uuid::from_bytes([1; 16])), Some(Uuid::from_bytes([2; 16])));
        let numbers = [origins.host(a), origins.host(b), origins.host(a), origins.host(None)];
        assert_eq!(numbers, [HostNo(1), HostNo(2), HostNo(1), HostNo::UNKNOWN]);
        assert!(
            !numbers[0].may_be(numbers[1]) && numbers[0].may_be(numbers[2]) && numbers[1].may_be(numbers[3])
        );
        assert!(origins.service("xapi").is(origins.service("xapi")));
        assert!(!origins.service("xapi").is(origins.service("xenopsd")));
        assert!(!origins.service("").is(origins.service("")));
    }

    #[test]
    fn names_beyond_the_bound_equal_nothing() {
        let mut origins = Origins::new();
        let long = "x".repeat(MAX_NAME_BYTES + 1);
        assert!(!origins.service(&long).is(origins.service(&long)));
        (0..MAX_NAMES).for_each(|n| assert_ne!(origins.service(&format!("s{n}")), ServiceNo::BEYOND));
        assert!(!origins.service("one more").is(origins.service("one more")));
    }
}
