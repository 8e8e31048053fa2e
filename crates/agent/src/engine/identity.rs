//! Who the host is: what the machine says, and what the spans teach about it.

use model::{Span, Uuid};
use parser::log::HostContext;
use serde::{Deserialize, Serialize};

/// What is learned from spans and kept with the checkpoints, so that lines carry it from the first one on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Learned {
    /// The uuid in trace files' names, where no inventory gives it.
    pub(crate) uuid: Option<String>,
    /// The host's name-label in XAPI.
    pub(crate) name_label: Option<String>,
    pub(crate) pool: Option<String>,
}

/// The host whose logs are read.
#[derive(Debug)]
pub(crate) struct Identity {
    host: HostContext,
    learned: Learned,
    changed: bool,
}

impl Identity {
    /// A host with this uuid from its inventory, and what was learned before.
    pub(crate) fn new(
        uuid: Option<Uuid>,
        name: &str,
        extra: Vec<(String, String)>,
        learned: Learned,
    ) -> Self {
        let uuid = uuid.or_else(|| learned.uuid.as_deref().and_then(Uuid::parse));
        let mut identity = Self { host: HostContext::new(uuid, name), learned, changed: false };
        identity.host.extra = extra;
        identity.apply();
        identity
    }

    pub(crate) fn host(&self) -> &HostContext {
        &self.host
    }

    pub(crate) fn learned(&self) -> &Learned {
        &self.learned
    }

    /// What was learned since the last call, if anything was.
    pub(crate) fn take_changed(&mut self) -> Option<&Learned> {
        std::mem::take(&mut self.changed).then_some(&self.learned)
    }

    pub(crate) fn is_changed(&self) -> bool {
        self.changed
    }

    /// Without an inventory, the uuid in the names of the trace files is the host's.
    pub(crate) fn trace_file(&mut self, host: Option<Uuid>) {
        if self.host.uuid().is_some() || host.is_none() {
            return;
        }
        let old = std::mem::take(&mut self.host);
        self.host = HostContext::new(host, old.host_name);
        self.host.extra = old.extra;
        self.learned.uuid = host.map(|uuid| uuid.to_string());
        self.changed = true;
        self.apply();
    }

    /// A span of this host names its name-label and pool.
    pub(crate) fn span(&mut self, span: &Span<'_>, host: Option<Uuid>) {
        if host.is_none() || host != self.host.uuid() {
            return;
        }
        let (name, pool) = (span.resource.get("xs.host.name"), span.resource.get("xs.pool.uuid"));
        let news = |known: &Option<String>, said: Option<&str>| said.is_some() && known.as_deref() != said;
        if !news(&self.learned.name_label, name) && !news(&self.learned.pool, pool) {
            return;
        }
        self.learned.name_label = name.map(str::to_owned).or(self.learned.name_label.take());
        self.learned.pool = pool.map(str::to_owned).or(self.learned.pool.take());
        self.changed = true;
        self.apply();
    }

    fn apply(&mut self) {
        self.host.name_label.clone_from(&self.learned.name_label);
        self.host.set_pool(self.learned.pool.as_deref().and_then(Uuid::parse));
    }
}
