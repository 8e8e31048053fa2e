//! Spans that two observers both wrote are shipped once.
//!
//! XAPI writes every span once for each enabled observer, into the same file (xen-api `ocaml/libs/tracing/tracing.ml`,
//! `flush_spans` and the endpoints of all observers), and a file may be seen plain and compressed.

use crate::evidence::SpanFacts;
use model::{SpanKind, Uuid};
use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use xxhash_rust::xxh3::xxh3_64;

/// How many spans of one service of one host are remembered.
const WINDOW: usize = 65_536;
/// How many services of hosts are remembered; that which was asked for longest ago goes first.
const MAX_SOURCES: usize = 8;

/// What was seen: the last 65,536 spans of each of the last 8 services of hosts.
///
/// Grows as spans come, to about 1.7 MiB for a full window. A host has three or four services that write spans.
#[derive(Debug, Default)]
pub struct Folded {
    /// The one asked for last stands last.
    sources: Vec<Source>,
}

#[derive(Debug)]
struct Source {
    host: Option<Uuid>,
    service: Box<str>,
    window: Window,
}

impl Folded {
    /// Notes a span; whether it is the first with its (traceId, id, kind) in its service's window.
    pub fn first_seen(&mut self, facts: &SpanFacts<'_>, kind: SpanKind) -> bool {
        self.window(facts.host, facts.service).is_some_and(|window| window.insert(key(facts, kind)))
    }

    /// About how many bytes of memory this holds.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.sources.iter().map(|source| source.window.memory_bytes()).sum()
    }

    fn window(&mut self, host: Option<Uuid>, service: &str) -> Option<&mut Window> {
        let is_it = |source: &Source| source.host == host && &*source.service == service;
        match self.sources.iter().rposition(is_it) {
            Some(place) if place + 1 == self.sources.len() => {}
            Some(place) => {
                let source = self.sources.remove(place);
                self.sources.push(source);
            }
            None => self.add(host, service),
        }
        self.sources.last_mut().map(|source| &mut source.window)
    }

    fn add(&mut self, host: Option<Uuid>, service: &str) {
        if self.sources.len() == MAX_SOURCES {
            self.sources.remove(0);
        }
        self.sources.push(Source { host, service: service.into(), window: Window::default() });
    }
}

/// 64 bits: two of the 65,536 spans of a window share them by chance once in 10⁹ full windows.
fn key(facts: &SpanFacts<'_>, kind: SpanKind) -> u64 {
    let mut bytes = [0; 25];
    let parts = facts.trace_id.bytes().iter().chain(facts.span_id.bytes());
    bytes.iter_mut().zip(parts.copied().chain([kind as u8])).for_each(|(to, from)| *to = from);
    xxh3_64(&bytes)
}

#[derive(Debug, Default)]
struct Window {
    order: VecDeque<u64>,
    keys: HashSet<u64, BuildHasherDefault<AsItIs>>,
}

impl Window {
    /// Whether the key is new.
    fn insert(&mut self, key: u64) -> bool {
        if !self.keys.insert(key) {
            return false;
        }
        if self.order.len() == WINDOW
            && let Some(oldest) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
        }
        self.order.push_back(key);
        true
    }

    fn memory_bytes(&self) -> usize {
        // The set keeps 8 bytes and a control byte for each place, and an eighth of its places free.
        self.order.capacity() * 8 + self.keys.capacity() * 8 / 7 * 9
    }
}

/// The keys are hashes already.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64(bytes);
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{SpanId, TraceId};

    fn facts(service: &str, n: u64) -> SpanFacts<'_> {
        SpanFacts {
            host: None,
            service,
            trace_id: TraceId::from_bytes([1; 16]).unwrap(),
            span_id: SpanId::from_bytes((n + 1).to_be_bytes()).unwrap(),
            parent_id: None,
            start_unix_micros: 0,
            end_unix_micros: 0,
            task: None,
            names_task: false,
        }
    }

    #[test]
    fn a_copy_is_seen_by_id_kind_and_source() {
        let mut folded = Folded::default();
        let other_host = SpanFacts { host: Some(Uuid::from_bytes([7; 16])), ..facts("xapi", 1) };
        let steps = [
            (facts("xapi", 1), SpanKind::Server, true),
            (facts("xapi", 1), SpanKind::Server, false),
            (facts("xapi", 1), SpanKind::Client, true),
            (facts("xenopsd", 1), SpanKind::Server, true),
            (other_host, SpanKind::Server, true),
            (facts("xapi", 2), SpanKind::Server, true),
            (facts("xapi", 1), SpanKind::Server, false),
            (other_host, SpanKind::Server, false),
        ];
        for (step, (facts, kind, first)) in steps.into_iter().enumerate() {
            assert_eq!(folded.first_seen(&facts, kind), first, "step {step}");
        }
    }

    #[test]
    fn the_window_is_exact_and_small() {
        let mut folded = Folded::default();
        let window = WINDOW as u64;
        for n in 0..2 * window {
            assert!(folded.first_seen(&facts("xapi", n), SpanKind::Internal));
        }
        assert!(!folded.first_seen(&facts("xapi", window), SpanKind::Internal), "the oldest in the window");
        assert!(folded.first_seen(&facts("xapi", window - 1), SpanKind::Internal), "the last before it");
        assert!(folded.memory_bytes() <= 2 << 20, "{}", folded.memory_bytes());
    }

    #[test]
    fn sources_are_bounded() {
        let mut folded = Folded::default();
        for n in 0..=MAX_SOURCES {
            assert!(folded.first_seen(&facts(&format!("s{n}"), 1), SpanKind::Internal));
        }
        assert_eq!(folded.sources.len(), MAX_SOURCES);
        assert!(folded.first_seen(&facts("s0", 1), SpanKind::Internal), "forgotten");
        assert!(!folded.first_seen(&facts("s2", 1), SpanKind::Internal), "remembered");
    }
}
