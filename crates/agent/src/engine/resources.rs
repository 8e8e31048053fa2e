//! The groups of lines: made once for each service and host's name that stand in lines, then found by these.
//!
//! Promises: a group's resource is redacted; what is learned of the host is in the groups that are asked for afterwards;
//! memory is bounded. Leaves to others: lines of odd origins, and what else is in a line.

use exporter::batch::{Group, Groups};
use model::Scope;
use parser::log::{HostContext, Origin};
use parser::redact::Redactor;
use std::sync::Arc;

/// As many are kept: a host has a few dozen services. Beyond that they are forgotten, and made again.
const MOST: usize = 64;
/// Longer names come from damaged lines.
const LONGEST: usize = 256;

/// What is known of one host's lines.
#[derive(Default)]
pub(super) struct Resources {
    /// What is known of the host itself, as it is in the groups.
    host: HostContext,
    known: Vec<Known>,
    groups: Groups,
}

struct Known {
    service: Box<str>,
    host_name: Option<Box<str>>,
    group: Arc<Group>,
    /// The secrets that were taken out of it.
    redacted: u64,
}

impl Resources {
    /// To be called before lines are read: what is known of the host may have changed.
    pub(super) fn renew(&mut self, host: &HostContext) {
        if self.host != *host {
            self.known.clear();
            self.host = host.clone();
        }
    }

    /// The group of lines of this origin, and how many secrets were taken out of its resource; `None` if the line is to be
    /// read with a resource of its own.
    pub(super) fn find(&mut self, origin: &Origin<'_>, redactor: &Redactor) -> Option<(Arc<Group>, u64)> {
        if let Some(at) = self.known.iter().position(|known| known.is(origin)) {
            // The services that are talking stand in front.
            let ahead = at / 2;
            self.known.swap(ahead, at);
            return self.known.get(ahead).map(|known| (Arc::clone(&known.group), known.redacted));
        }
        let long = |text: &str| text.len() > LONGEST;
        if long(origin.service) || origin.host_name.as_deref().is_some_and(long) {
            return None;
        }
        Some(self.learn(origin, redactor))
    }

    /// The groups by their content.
    pub(super) fn groups(&mut self) -> &mut Groups {
        &mut self.groups
    }

    fn learn(&mut self, origin: &Origin<'_>, redactor: &Redactor) -> (Arc<Group>, u64) {
        let mut resource = self.host.resource(origin);
        let redacted = redactor.resource(&mut resource);
        let group = self.groups.get(&resource, &Scope::default());
        if self.known.len() >= MOST {
            self.known.clear();
        }
        let (service, host_name) = (origin.service.into(), origin.host_name.as_deref().map(Into::into));
        self.known.push(Known { service, host_name, group: Arc::clone(&group), redacted });
        (group, redacted)
    }
}

impl Known {
    fn is(&self, origin: &Origin<'_>) -> bool {
        *self.service == *origin.service && self.host_name.as_deref() == origin.host_name.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::KeyValue;

    fn origin<'a>(service: &'a str, host_name: &'a str) -> Origin<'a> {
        Origin { service, host_name: Some(host_name.into()) }
    }

    fn values(group: &Group) -> Vec<String> {
        let value = |kv: &KeyValue<'_>| format!("{}={:?}", kv.key, kv.value);
        group.resource().attributes.iter().map(value).collect()
    }

    #[test]
    fn each_origin_has_the_group_of_its_resource() {
        let (mut resources, redactor) = (Resources::default(), Redactor::new(true, &[]));
        let mut host = HostContext::new(None, "configured");
        resources.renew(&host);
        let origins = [("xapi", "h"), ("xapi", "g"), ("xenopsd", "h"), ("xapi", "h")];
        for (service, name) in origins.into_iter().cycle().take(40) {
            let (found, _) = resources.find(&origin(service, name), &redactor).unwrap();
            assert_eq!(*found.resource(), host.resource(&origin(service, name)));
        }
        host.name_label = Some("label".to_owned());
        resources.renew(&host);
        let (found, _) = resources.find(&origin("xapi", "h"), &redactor).unwrap();
        assert!(values(&found).iter().any(|value| value.contains("label")), "{:?}", values(&found));
    }

    #[test]
    fn secrets_are_in_no_group() {
        let mut host = HostContext::new(None, "configured");
        host.extra = vec![("api.token".to_owned(), "hunter2".to_owned())];
        let mut resources = Resources::default();
        resources.renew(&host);
        let (found, redacted) = resources.find(&origin("xapi", "h"), &Redactor::new(true, &[])).unwrap();
        assert_eq!(redacted, 1);
        assert!(!values(&found).iter().any(|value| value.contains("hunter2")), "{:?}", values(&found));
    }

    #[test]
    fn any_number_of_names_takes_bounded_memory() {
        let (mut resources, redactor) = (Resources::default(), Redactor::new(true, &[]));
        for number in 0..1_000 {
            assert!(resources.find(&origin(&number.to_string(), "h"), &redactor).is_some());
            assert!(resources.known.len() <= MOST);
        }
        assert!(resources.find(&origin(&"x".repeat(LONGEST + 1), "h"), &redactor).is_none());
    }
}
