//! What holds for a whole file, and the one place where a span's resource is put together.

use super::draft::Draft;
use super::map::Built;
use model::{KeyValue, Uuid};
use std::borrow::Cow;

/// What a trace file's spans take from outside their tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    host_name: String,
    service: String,
    host: Option<Uuid>,
    host_text: String,
    attributes: Vec<(String, String)>,
}

impl Context {
    /// Spans written on the host whose hostname this is: resource `host.name`, left out if empty.
    #[must_use]
    pub fn new(host_name: impl Into<String>) -> Self {
        Self { host_name: host_name.into(), ..Self::default() }
    }

    /// Service and host for spans that don't name theirs: those of the file's name.
    #[must_use]
    pub fn fallback(mut self, service: impl Into<String>, host: Option<Uuid>) -> Self {
        self.service = service.into();
        self.host = host;
        self.host_text = host.map(|uuid| uuid.to_string()).unwrap_or_default();
        self
    }

    /// Attributes for every span's resource, such as `service.namespace`; what the file or the host says wins.
    #[must_use]
    pub fn attributes(mut self, attributes: Vec<(String, String)>) -> Self {
        self.attributes = attributes;
        self.attributes.retain(|(key, _)| !key.is_empty());
        self
    }
}

impl<'a> Context {
    /// Fills in a span's origin: service, host, and its resource. The order of the attributes is the same for all
    /// spans: service, host ids, host name, XAPI's names, the SDK, then what was configured.
    pub(super) fn originate(&'a self, draft: &mut Draft<'a>, built: &mut Built<'a>) {
        built.service = self.service_of(draft);
        let host_text = draft.tags.host_uuid.take().filter(|text| !text.is_empty());
        built.host = match &host_text {
            Some(text) => draft.host.parse(text),
            None => self.host,
        };
        let host_text = host_text.or((!self.host_text.is_empty()).then_some(Cow::Borrowed(&*self.host_text)));
        let list = &mut built.span.resource.attributes;
        list.clear();
        let mut put = |key: &'static str, value: Option<Cow<'a, str>>| {
            value.into_iter().for_each(|value| list.push(KeyValue::str(key, value)));
        };
        put("service.name", Some(built.service.clone()));
        put("service.instance.id", host_text.clone());
        put("host.id", host_text.clone());
        put("host.name", (!self.host_name.is_empty()).then_some(Cow::Borrowed(&*self.host_name)));
        put("xs.host.uuid", host_text);
        put("xs.host.name", draft.tags.host_name.take());
        put("xs.pool.uuid", draft.tags.pool_uuid.take());
        list.extend(draft.tags.sdk.drain());
        for (key, value) in &self.attributes {
            if list.iter().all(|kv| kv.key != *key) {
                list.push(KeyValue::str(key.as_str(), value.as_str()));
            }
        }
    }

    /// The exporter's own word first, then the tag, then the file's name.
    fn service_of(&'a self, draft: &mut Draft<'a>) -> Cow<'a, str> {
        let named =
            draft.local.service.take().or_else(|| draft.tags.service.take()).filter(|name| !name.is_empty());
        match named {
            Some(name) => name,
            None if self.service.is_empty() => Cow::Borrowed("unknown"),
            None => Cow::Borrowed(&*self.service),
        }
    }
}

/// Parses a host's uuid once for all the spans in a row that have the same.
#[derive(Debug, Default)]
pub(super) struct HostCache {
    text: String,
    host: Option<Uuid>,
}

impl HostCache {
    fn parse(&mut self, text: &str) -> Option<Uuid> {
        if self.text != text {
            text.clone_into(&mut self.text);
            self.host = Uuid::parse(text);
        }
        self.host
    }
}
