//! Spans that two observers both wrote are shipped once.
//!
//! XAPI writes every span once for each enabled observer, into the same file (xen-api `ocaml/libs/tracing/tracing.ml`,
//! `flush_spans` and the endpoints of all observers), and a file may be seen plain and compressed.

use crate::evidence::SpanFacts;
use hashbrown::HashTable;
use model::{SpanKind, Uuid};
use xxhash_rust::xxh3::xxh3_64;

/// How many services of hosts are remembered; that which was asked for longest ago goes first.
const MAX_SOURCES: usize = 8;

/// What was seen: the last spans of each of the last 8 services of hosts, 65,536 by default.
///
/// Grows as spans come, to about 0.9 MiB for a full window of that size. A host has three or four services that write
/// spans.
#[derive(Debug)]
pub struct Folded {
    /// The one asked for last stands last.
    sources: Vec<Source>,
    /// Spans of each.
    window: usize,
}

impl Default for Folded {
    fn default() -> Self {
        Self::remembering(WINDOW_MAX)
    }
}

#[derive(Debug)]
struct Source {
    host: Option<Uuid>,
    service: Box<str>,
    window: Window,
}

impl Folded {
    /// Remembers so many spans of each service, 65,536 at most.
    #[must_use]
    pub fn remembering(spans: usize) -> Self {
        Self { sources: Vec::new(), window: spans.clamp(1, WINDOW_MAX) }
    }

    /// Notes a span; whether it is the first with its (traceId, id, kind) in its service's window.
    pub fn first_seen(&mut self, facts: &SpanFacts<'_>, kind: SpanKind) -> bool {
        let max = self.window;
        self.window(facts.host, facts.service).is_some_and(|window| window.insert(key(facts, kind), max))
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
    let (trace_id, rest) = bytes.split_at_mut(16);
    trace_id.copy_from_slice(facts.trace_id.bytes());
    rest.iter_mut().zip(facts.span_id.bytes().iter().chain(&[kind as u8])).for_each(|(to, from)| *to = *from);
    xxh3_64(&bytes)
}

/// A key's index in the window. As many spans of one service of one host can be remembered as it can tell apart.
type Place = u16;

/// See [`Place`].
const WINDOW_MAX: usize = 1 << Place::BITS;

#[derive(Debug, Default)]
struct Window {
    /// In the order in which they came; once there are enough, the oldest is replaced.
    keys: Vec<u64>,
    /// The oldest, once there are enough.
    oldest: Place,
    /// By key. The keys are hashes already.
    places: HashTable<Place>,
}

impl Window {
    /// Whether the key is new among the last `max`.
    fn insert(&mut self, key: u64, max: usize) -> bool {
        let Self { keys, oldest, places } = self;
        if places.find(key, |place| keys.get(usize::from(*place)) == Some(&key)).is_some() {
            return false;
        }
        let free = Place::try_from(keys.len()).ok().filter(|_| keys.len() < max);
        let place = match free {
            Some(place) => {
                keys.push(key);
                place
            }
            None => {
                let place = *oldest;
                let next = usize::from(place) + 1;
                *oldest = Place::try_from(next).ok().filter(|_| next < keys.len()).unwrap_or(0);
                if let Some(forgotten) = keys.get_mut(usize::from(place)) {
                    let forgotten = std::mem::replace(forgotten, key);
                    let entry = places.find_entry(forgotten, |known| *known == place);
                    drop(entry.map(hashbrown::hash_table::OccupiedEntry::remove));
                }
                place
            }
        };
        places.insert_unique(key, place, |place| keys.get(usize::from(*place)).copied().unwrap_or_default());
        true
    }

    fn memory_bytes(&self) -> usize {
        self.keys.capacity() * size_of::<u64>() + self.places.allocation_size()
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
        for window in [1, 1_000, 1 << 14, WINDOW_MAX] {
            let mut folded = Folded::remembering(window);
            let last = 3 * window as u64;
            for n in 0..last {
                assert!(folded.first_seen(&facts("xapi", n), SpanKind::Internal));
            }
            let oldest = last - window as u64;
            assert!(
                !folded.first_seen(&facts("xapi", oldest), SpanKind::Internal),
                "the oldest in the window"
            );
            assert!(folded.first_seen(&facts("xapi", oldest - 1), SpanKind::Internal), "the last before it");
            assert!(folded.memory_bytes() <= 16 * window.max(64), "{}", folded.memory_bytes());
        }
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
