//! What holds for a whole file, and the one place where a span's resource is put together.

use super::draft::Draft;
use super::map::Built;
use model::{KeyValue, Uuid, Value};
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
        let mut list = Rewriting::of(&mut built.span.resource.attributes);
        let mut put = |key: &'static str, value: Option<Cow<'a, str>>| {
            value.into_iter().for_each(|value| list.put(KeyValue::str(key, value)));
        };
        put("service.name", Some(built.service.clone()));
        put("service.instance.id", host_text.clone());
        put("host.id", host_text.clone());
        put("host.name", (!self.host_name.is_empty()).then_some(Cow::Borrowed(&*self.host_name)));
        put("xs.host.uuid", host_text);
        put("xs.host.name", draft.tags.host_name.take());
        put("xs.pool.uuid", draft.tags.pool_uuid.take());
        draft.tags.sdk.drain().for_each(|kv| list.put(kv));
        for (key, value) in &self.attributes {
            if list.written().iter().all(|kv| kv.key != *key) {
                list.put(KeyValue::str(key.as_str(), value.as_str()));
            }
        }
        built.new_origin |= list.end();
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

/// A list that is written over what was there before: most spans have the resource of the one before them.
struct Rewriting<'l, 'a> {
    list: &'l mut Vec<KeyValue<'a>>,
    at: usize,
    changed: bool,
    /// Two texts, by place and length, that were found equal: the host's id is in a resource three times.
    equal: Option<[(*const u8, usize); 2]>,
}

impl<'l, 'a> Rewriting<'l, 'a> {
    fn of(list: &'l mut Vec<KeyValue<'a>>) -> Self {
        Self { list, at: 0, changed: false, equal: None }
    }

    fn put(&mut self, next: KeyValue<'a>) {
        if !self.has_it(&next) {
            self.list.truncate(self.at);
            self.list.push(next);
            self.changed = true;
        }
        self.at += 1;
    }

    /// Whether the attribute stands here already.
    fn has_it(&mut self, next: &KeyValue<'a>) -> bool {
        let Some(old) = self.list.get(self.at) else { return false };
        let (Value::Str(old_value), Value::Str(value)) = (&old.value, &next.value) else {
            return *old == *next;
        };
        if !is_same(&old.key, &next.key) {
            return false;
        }
        // Borrowed texts are what they are as long as this lasts.
        let pair = match (old_value, value) {
            (Cow::Borrowed(old), Cow::Borrowed(new)) => {
                Some([*old, *new].map(|text| (text.as_ptr(), text.len())))
            }
            _ => None,
        };
        if pair.is_some() && pair == self.equal {
            return true;
        }
        let same = is_same(old_value, value);
        if same && old_value.as_ptr() != value.as_ptr() {
            self.equal = pair;
        }
        same
    }

    fn written(&self) -> &[KeyValue<'a>] {
        self.list.get(..self.at).unwrap_or_default()
    }

    /// Whether the list is another one than before.
    fn end(self) -> bool {
        let longer = self.list.len() > self.at;
        self.list.truncate(self.at);
        self.changed || longer
    }
}

/// Whether two texts are equal. Most are at one place: names of ours, and what was configured.
#[inline]
fn is_same(one: &str, other: &str) -> bool {
    one.len() == other.len() && (one.as_ptr() == other.as_ptr() || one == other)
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
